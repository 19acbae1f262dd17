"""The command inside a model's answer: out of fences, inline code, prompts and prose.

A tuned model answers with the command alone. A base model wraps it. What is wrapped is found by
its structure: a fenced block, else the whole text in backticks, else the one line that is no
remark, else the one piece of inline code in the remarks. Two candidates of the same kind are a
refusal, since half an answer is a different command.

Covers markdown, shell prompts, comments, continued lines and lines that end in `|`, `&&` or `||`.
Refused: here-documents, loops over several lines, two commands on two lines, JSON, sentences.
A sentence that none of this recognises goes on to the guard like any other text.
"""

from __future__ import annotations

import json
import re

from cli_tuner.records import RefusalCode

_FENCE = re.compile(r"[ \t]*(?:```|~~~)")
_OPENING = re.compile(r"[ \t]*(?:```|~~~)[ \t]*[\w+.-]*[ \t]*")
_FENCE_ON_ONE_LINE = re.compile(
    r"```(?:(?:bash|sh|shell|console|zsh)[ \t])?[ \t]*([^`\n]+?)[ \t]*```"
)
_INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_ALL_INLINE = re.compile(r"(`{1,2})([^`\n]+)\1\.?")
# Not ">": `> app.log` is a command that empties a file.
_SHELL_PROMPT = re.compile(r"(?:[$%]|\[?[\w.-]+@[\w.-]+[:~/\w .-]*\]?[$#])[ \t]+(?=\S)")

_MARKDOWN = re.compile(r"(?:\*\*|#{1,6} |[-*\u2022] |\d+[.)] )")
_LABEL = re.compile(r"[A-Z][a-z]+(?: [a-z]+){0,3}:(?:\s|$)")
_OPENS_A_SENTENCE = re.compile(
    r"(?:sorry|sure|certainly|unfortunately|here(?:'s|\u2019s| is| are)|there|this|that|these|the"
    r"|you|i['\u2019](?:m|ll|d)|it['\u2019]s|please|note that)(?:[ ,.:!]|$)",
    re.IGNORECASE,
)
_OPENS_A_SENTENCE_IN_CAPITALS = re.compile(
    r"(?:To|I|It|We|Note|As an?|Use|Using|Run|If|In|For|An?|My|Your|No|Yes|When|However)[ ,:]"
)
_ENDS_A_SENTENCE = re.compile(r"(?:[A-Za-z]{2}|[`\"')\]])[.!?:]$")
_JOINS_THE_NEXT = re.compile(r"(?:\||&&)$")
_CONTINUES = re.compile(r"(?<!\\)(?:\\\\)*\\$")


class NoCommand(Exception):
    """The answer holds no single command. `code` says in which way."""

    def __init__(self, code: RefusalCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def command_in(text: str) -> str:
    """The one command in an answer.

    Raises NoCommand if there is none, or more than one: half an answer is a different command.
    """
    body = text.replace("\r\n", "\n").strip()
    command = _unwrapped(body) if body else ""
    if not command:
        raise NoCommand(RefusalCode.EMPTY, "the model answered with nothing")
    if "```" in command or _MARKDOWN.match(command):
        raise _not_a_command("markdown")
    if _is_json(command):
        raise _not_a_command("JSON")
    if _is_prose(command):
        raise _not_a_command("prose")
    return command


def _not_a_command(what: str) -> NoCommand:
    return NoCommand(RefusalCode.NOT_A_COMMAND, f"the model answered with {what}")


def _unwrapped(body: str) -> str:
    blocks = _fenced(body)
    if not blocks and "\n" not in body:
        blocks = _FENCE_ON_ONE_LINE.findall(body)
    if blocks:
        return _only({_one_line(_commands(block)) for block in blocks}, "code blocks")
    whole = _ALL_INLINE.fullmatch(body)
    if whole:
        return _without_prompt(whole.group(2).strip())
    commands = [line for line in _commands(body) if not _is_remark(line)]
    if commands:
        return _one_line(commands)
    pieces = {_without_prompt(piece.strip()) for piece in _INLINE.findall(body)}
    return _only(pieces, "pieces of code") if pieces else " ".join(_commands(body)[:1])


def _fenced(body: str) -> list[str]:
    """The blocks between fences; the last one may be unclosed."""
    blocks: list[str] = []
    inside: list[str] | None = None
    for line in body.split("\n"):
        if inside is None:
            if _OPENING.fullmatch(line):
                inside = []
        elif _FENCE.match(line):
            blocks.append("\n".join(inside))
            inside = None
        else:
            inside.append(line)
    if inside is not None:
        blocks.append("\n".join(inside))
    return blocks


def _only(found: set[str], what: str) -> str:
    if len(found) > 1:
        raise _not_a_command(f"{len(found)} {what}, not one command")
    return found.pop()


def _commands(block: str) -> list[str]:
    """The lines of a block as bash would join them, without comments and empty lines."""
    lines: list[str] = []
    joining = ""
    for raw in block.split("\n"):
        if not joining and (not raw.strip() or raw.lstrip().startswith("#")):
            continue
        line = joining + _indented_once(raw, joining)
        joining = _continued(line)
        if not joining:
            lines.append(line.strip())
    return [*lines, joining.strip()] if joining.strip() else lines


def _indented_once(line: str, before: str) -> str:
    """The line with what indents it as one space, or as nothing if a space is before it."""
    bare = line.lstrip()
    return bare if bare == line or not before or before.endswith(" ") else f" {bare}"


def _continued(line: str) -> str:
    """The line as the beginning of the next one, or nothing if it ends here.

    Inside quotes or a comment a line end means something else, so there it is left alone; what
    then has two lines is refused.
    """
    if line.count("'") % 2 or line.count('"') % 2 or " #" in line:
        return ""
    if _CONTINUES.search(line):
        bare = line[:-1].rstrip()
        return bare if bare == line[:-1] else f"{bare} "
    bare = line.rstrip()
    return f"{bare} " if _JOINS_THE_NEXT.search(bare) else ""


def _one_line(commands: list[str]) -> str:
    if len(commands) > 1:
        raise _not_a_command(f"{len(commands)} lines, not one command")
    return _without_prompt(commands[0]) if commands else ""


def _without_prompt(line: str) -> str:
    prompt = _SHELL_PROMPT.match(line)
    return line[prompt.end() :] if prompt else line


def _is_remark(line: str) -> bool:
    """Whether a line beside a command is about it: a sentence, a list item, a heading."""
    return bool(_MARKDOWN.match(line)) or _is_prose(line)


def _is_prose(line: str) -> bool:
    """Whether a line reads as a sentence. `R CMD check` and `Xorg -configure` do not."""
    if _OPENS_A_SENTENCE.match(line) or _LABEL.match(line):
        return True
    words = len(line.split())
    if words >= 2 and _OPENS_A_SENTENCE_IN_CAPITALS.match(line):
        return True
    begins = line[0] == "`" or (
        line[0].isupper() and line.split(maxsplit=1)[0].strip(",'").isalpha()
    )
    return words >= 3 and begins and bool(_ENDS_A_SENTENCE.search(line))


def _is_json(text: str) -> bool:
    """Whether it is a JSON object, list or text of several words rather than a command."""
    if text[0] not in '{["':
        return False
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return not isinstance(value, str) or " " in value
