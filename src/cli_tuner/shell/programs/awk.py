"""awk: the commands it starts, the files it writes, and what it prints if that is constant.

Covered: `system(...)` and pipes of literals, of variables set with -v or in the program, and of
the lines that come in; `printf` of constants in BEGIN. Not covered: fields, arrays, functions.
"""

from __future__ import annotations

import re

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.call import Call, Handler
from cli_tuner.shell.facts import Facts
from cli_tuner.shell.given_code import content_of
from cli_tuner.shell.programs.exhaustion import endless_code, exhaustion
from cli_tuner.shell.programs.source import readable, without_comments
from cli_tuner.shell.scan import ansi_c
from cli_tuner.shell.values import EMPTY, HOLE, UNKNOWN, Value, known
from cli_tuner.shell.words import Field

_TEXT = r'"((?:[^"\\]|\\.)*)"'
_NAME = r"([A-Za-z_]\w*)"
_SYSTEM = re.compile(rf"\bsystem\s*\(\s*(?:{_TEXT}(\s*[^\s)])?|{_NAME}\s*\)|(\$0)\s*\))")
_PIPES = re.compile(
    rf"(?:{_TEXT}|\b{_NAME})\s*\|&?\s*getline|\|&?\s*(?:{_TEXT}|{_NAME}\s*(?=[;}}\n]|$))"
)
_PRINTS = re.compile(
    rf"\b(printf?)\b\s*\(?\s*((?:{_TEXT}|[\w.,\s$])*?)\)?\s*(?:(\|&?)\s*{_TEXT})?\s*(?=[;}}\n]|$)"
)
_ASSIGNED = re.compile(rf"\b{_NAME}\s*=\s*{_TEXT}")
_WRITE = re.compile(rf">>?\s*{_TEXT}")
_SHELL = re.compile(r"(?:/\S*/)?(?:ba|da|z|k)?sh(?:\s+-\w*)?\s*")
_SELECTS = re.compile(r"^\s*!?/|[~]|[=!]=|\$\d+\s*[<>]|\bif\b")
# What selects all of a list: dpkg's installed packages, every line after the heading.
_INSTALLED = re.compile(r"^\s*(?:/\^\[?[hi]?i\]?i?\s*/|NR\s*>=?\s*\d\b)\s*\{\s*print[^}]*\}\s*$")
_VALUES = frozenset({"-i", "-v", "-F", "-f", "--assign", "--field-separator", "--file"})


def _awk(call: Call) -> Value:
    """awk's program may start commands, write files and open connections."""
    parsed = call.parsed(Facts(values=_VALUES))
    operands = parsed.operands
    taints = call.stdin.taints
    printed: str | None = None
    given = parsed.argument("-f", "--file")
    if given is not None:
        written = content_of(call, given)
        if written is not None and written.known:
            _program(call, without_comments(readable(call, written.text), "awk"), {}, operands)
    elif operands:
        program = without_comments(readable(call, operands[0].text), "awk")
        names = dict(
            value.text.split("=", 1)
            for option, value in parsed.arguments
            if option in ("-v", "--assign") and "=" in value.text
        )
        operands = operands[1:]
        taints = _program(call, program, names, operands)
        printed = _constant_output(program) if call.stdin.texts == ("",) and not operands else None
        from_input = not any("=" not in operand.text for operand in operands)
        lines = call.stdin if from_input else UNKNOWN
        if printed is None and lines != EMPTY:
            printed = _of_each_line(program, lines)
    source = call.stdin.source
    for where in operands:
        if "=" not in where.text:
            content = call.reads(where)
            taints, source = taints | content.taints, source or content.source
    return Value((HOLE if printed is None else printed,), taints, source)


def _program(
    call: Call, program: str, names: dict[str, str], operands: list[Field]
) -> frozenset[str]:
    """Emit what the program does; the result is the taints of what it prints."""
    from cli_tuner.shell.programs.constants import with_constants
    from cli_tuner.shell.programs.folding import folded

    if "system" in program:
        program = folded(with_constants(program, "awk"), "awk")
    endless = endless_code(program)
    call.shell.endless += endless
    _commands(call, program, {**names, **dict(_ASSIGNED.findall(program))})
    call.shell.endless -= endless
    if "/inet/" in program:
        call.effect(EffectKind.REMOTE_SHELL, "/inet", "reverse")
    for match in _WRITE.finditer(program):
        where = Field(Value((match.group(1),)), call.shell.span, match.group(1))
        call.writes(where, UNKNOWN)
    exhaustion(call, program)
    if call.has("-i") and "inplace" in [arg.text for arg in call.args]:
        silent = not re.search(r"print|^\s*1\s*$|[\d}]\s*$", program) or program.strip() == "0"
        for item in operands:
            call.writes(item, EMPTY if silent else UNKNOWN, "edit")
    taints = call.stdin.taints
    if _SELECTS.search(program) and not _INSTALLED.search(program):
        taints = taints - {"everything"}
    return taints - {"endless"} if re.search(r"\bexit\b", program) else taints


def _commands(call: Call, program: str, names: dict[str, str]) -> None:
    unknown = False
    for match in _SYSTEM.finditer(program):
        literal, more, name, line = match.groups()
        if line:
            call.run_text(call.stdin, stdin=EMPTY)
        elif literal is None and name not in names:
            unknown = True
        else:
            command = literal if literal is not None else names[name]
            _runs(call, command + (HOLE if more else ""))
    for match in _PIPES.finditer(program):
        literals, variables = match.groups()[::2], match.groups()[1::2]
        command = next((text for text in literals if text is not None), None)
        if command is None:
            command = next((names[n] for n in variables if n is not None and n in names), None)
        if command is not None:
            _runs(call, command)
    for match in _PRINTS.finditer(program):
        if match[4] and _SHELL.fullmatch(match[5] or ""):
            arguments = match[2].strip()
            text = _formatted(match[1], arguments)
            if arguments in ("", "$0"):
                call.run_text(call.stdin, stdin=EMPTY)
            elif text is not None:
                call.run_text(known(text), stdin=EMPTY)
    if unknown or re.search(
        r"system\s*\(\s*[^\"A-Za-z_$)\s]|system\s*\(\s*(?!\$0\s*\))\$", program
    ):
        call.effect(EffectKind.OPAQUE, "awk system()", "code")


def _runs(call: Call, command: str) -> None:
    call.run_text(Value((command.replace(r"\"", '"'),)), stdin=EMPTY)


def _constant_output(program: str) -> str | None:
    """What a program that is one BEGIN block of constant prints writes, if it is that."""
    block = re.fullmatch(r"\s*BEGIN\s*\{(.*)\}\s*", program, re.S)
    if block is None:
        return None
    out: list[str] = []
    for statement in re.split(r";(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)", block[1]):
        match = re.fullmatch(r"\s*(printf?)\b\s*\(?(.*?)\)?\s*", statement, re.S)
        text = _formatted(match[1], match[2]) if match is not None else None
        if text is None and statement.strip():
            return None
        out.append(text or "")
    return "".join(out)


_EACH_LINE = re.compile(rf"([^{{}}]*)\{{\s*print\b((?:{_TEXT}|[^{{}};|>\"])*);?\s*\}}\s*")
_PIECE = re.compile(rf"{_TEXT}|(,)|\$(\d)\b|[^\s,\"]+")


def _of_each_line(program: str, given: Value) -> str | None:
    """What `{print "text" $1}` makes of each line, with a hole for what is not known of it."""
    match = _EACH_LINE.fullmatch(program)
    if match is None or (match[1].strip() and given.known):
        return None
    printed = match[2].strip().removeprefix("(").removesuffix(")").strip() or "$0"
    if '"' not in printed and not given.known:
        return None
    lines = given.text.rstrip("\n").split("\n")[:64] if given.known else [HOLE]
    return "".join(_line(printed, line) + "\n" for line in lines)


def _line(printed: str, line: str) -> str:
    fields = line.split() if line != HOLE else []
    pieces: list[str] = []
    for piece in _PIECE.finditer(printed):
        column = piece[3]
        if piece[1] is not None:
            pieces.append(ansi_c(piece[1]))
        elif piece[2]:
            pieces.append(" ")
        elif column == "0":
            pieces.append(line)
        elif column and int(column) <= len(fields):
            pieces.append(fields[int(column) - 1])
        else:
            pieces.append(HOLE)
    return "".join(pieces)


def _formatted(how: str, arguments: str) -> str | None:
    """`print` and `printf` of constants."""
    values = re.findall(rf"{_TEXT}|(\d+)", arguments)
    if re.sub(rf"{_TEXT}|\d+|[\s,]", "", arguments) or not values:
        return None
    texts = [ansi_c(text) if text or not number else number for text, number in values]
    if how == "print":
        joined = " " if "," in arguments else ""
        return joined.join(texts) + "\n"
    rest = iter(texts[1:])

    def one(match: re.Match[str]) -> str:
        value = next(rest, "") if match[0] != "%%" else "%"
        return chr(int(value) % 0x110000) if match[1] == "c" and value.isdigit() else value

    return re.sub(r"%[-\d.]*([a-z%])", one, texts[0])


HANDLERS: dict[str, Handler] = dict.fromkeys(("awk", "gawk", "mawk", "nawk"), _awk)
