"""Shells and languages: whether they run a text, a file or what comes in, and what that does."""

from __future__ import annotations

import re

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.call import Call, Handler, Parsed
from cli_tuner.shell.facts import facts_of
from cli_tuner.shell.paths import place_of, resolved
from cli_tuner.shell.programs.exhaustion import exhaustion
from cli_tuner.shell.programs.languages import banged
from cli_tuner.shell.programs.snippets import run_snippet
from cli_tuner.shell.scope import joined_by
from cli_tuner.shell.values import EMPTY, HOLE, HOME, UNKNOWN, Value, known, shown
from cli_tuner.shell.words import Field

_HONEST = frozenset("sudo su doas exec nohup bash sh zsh command runuser ssh".split())
_SHELL_VALUES = frozenset({"-o", "+o", "-O", "+O", "--rcfile", "--init-file"})


def _shell(call: Call) -> Value:
    """`sh [options] [-c text | file | -s]`."""
    args = list(call.args)
    takes_text = False
    _keeps_rights(call)
    _reads_first(call)
    while args and args[0].text[:1] in ("-", "+") and args[0].text not in ("-", "--"):
        option = args.pop(0).text
        if option in ("--help", "--version"):
            return UNKNOWN
        if option in _SHELL_VALUES and args:
            args.pop(0)
        elif option[:2] != "--":
            takes_text = takes_text or "c" in option
            if "s" in option and "c" not in option:
                return _piped(call)
            if "n" in option and "c" not in option:
                return EMPTY
    if args and args[0].text in ("-", "--"):
        args.pop(0)
    if takes_text:
        return _text(call, args) if args else EMPTY
    if args:
        return _script(call, args[0])
    return _piped(call)


def _reads_first(call: Call) -> None:
    """BASH_ENV names a file that every shell that is not interactive reads before its own text."""
    for name in ("BASH_ENV", "ENV"):
        where = call.shell.scope.lookup(name)
        content = call.shell.files.get(resolved(where.text, call.shell.cwd)) if where else None
        if content is not None:
            call.run_text(content)


def _text(call: Call, args: list[Field]) -> Value:
    """`sh -c text [name [argument ...]]`."""
    scope = call.shell.scope
    positional = scope.positional
    if len(args) > 1:
        scope.positional = tuple(arg.value for arg in args[2:])
        scope.variables["0"] = args[1].value
    same = [arg.value for arg in args if arg.raw == args[0].raw]
    try:
        if len(same) > 1:
            # One word that braces made several of; some callers pass it whole.
            return call.shell.run_text(joined_by(same, " "), call.name, EMPTY)
        return call.run_text(args[0].value)
    finally:
        scope.positional = positional
        scope.variables.pop("0", None)


def _keeps_rights(call: Call) -> None:
    """A shell gives up the rights of a setuid file unless it is told to keep them."""
    if call.args and call.args[0].text == "-p" and call.name != "fish":
        call.effect(EffectKind.PRIVILEGE, "the owner's rights", "setuid")


def _piped(call: Call) -> Value:
    stdin = call.stdin
    if "network" in stdin.taints or "pipe" in stdin.taints:
        call.effect(EffectKind.REMOTE_SHELL, stdin.source or None, "piped")
        return Value((HOLE,), frozenset({"shell"}), stdin.source)
    if stdin.texts == ("",) and not stdin.taints:
        if call.shell.as_root:
            through = set(call.shell.via) - _HONEST
            call.effect(EffectKind.PRIVILEGE, "root", "escape" if through else "interactive")
        return Value((HOLE,), frozenset({"shell"}), "a shell")
    own = stdin.taints & {"file"} and not stdin.taints & {"downloaded", "decoded"}
    if own and stdin.text == HOLE:
        call.effect(EffectKind.EXECUTE, stdin.source, "script")
        return UNKNOWN
    result = call.run_text(stdin, stdin=EMPTY)
    return Value(result.texts, result.taints | {"shell"}, stdin.source)


def _script(call: Call, where: Field) -> Value:
    path = resolved(where.text, call.shell.cwd)
    if where.value.taints & {"downloaded", "decoded"} and path not in call.shell.files:
        return call.run_text(where.value)
    if path in ("/dev/stdin", "/proc/self/fd/0", "/dev/fd/0"):
        return _piped(call)
    if "self" in where.value.taints and call.shell.processes and len(call.args) < 2:
        call.effect(EffectKind.RESOURCE, "a script that starts itself", "fork", "recursive")
    if path in call.shell.files:
        return call.run_text(call.shell.files[path])
    if where.text.strip() == HOLE and "unknown" in where.value.taints:
        call.effect(EffectKind.OPAQUE, where.value.source or where.raw, "script")
        return UNKNOWN
    if call.shell.unpacked:
        from cli_tuner.shell.given_code import run_unpacked

        run_unpacked(call, path)
    call.on_path(EffectKind.EXECUTE, where, "script")
    return UNKNOWN


def _compiler(call: Call) -> Value:
    """A compiler writes a program; what the source does is looked at as far as it is known."""
    from cli_tuner.shell.facts import Facts

    parsed = call.parsed(
        Facts(values=frozenset("-x -I -L -D -include".split()), options={"-o": "write"})
    )
    sources = [call.stdin if f.text == "-" else call.reads(f) for f in parsed.operands]
    for source in sources:
        if source.texts != ("",) and source.text != HOLE:
            exhaustion(call, source.text)
    taints = frozenset().union(*(source.taints & _ORIGINS for source in sources))
    target = parsed.argument("-o") or Field(known(_output(call.name, parsed)), call.shell.span, "")
    if parsed.argument("-o") is not None:
        call.on_path(EffectKind.WRITE, target, "compiled", "truncate")
    if taints:
        path = resolved(target.text, call.shell.cwd)
        call.shell.files[path] = Value((HOLE,), taints, "what was compiled")
    return EMPTY


_ORIGINS = frozenset({"downloaded", "decoded"})


def _output(compiler: str, parsed: Parsed) -> str:
    if compiler == "rustc" and parsed.operands:
        return parsed.operands[0].text.removesuffix(".rs")
    return "a.out"


def _go(call: Call) -> Value:
    """go run FILE: a source that was fetched is run like a script that was."""
    words = [arg for arg in call.args if not arg.text.startswith("-")]
    if words and words[0].text == "run":
        for where in words[1:2]:
            if where.text in ("/dev/stdin", "/dev/fd/0"):
                _code(call, call.stdin)
            content = call.shell.files.get(resolved(where.text, call.shell.cwd))
            if content is not None and content.taints & _ORIGINS:
                _code(call, content)
    return UNKNOWN


_CODE_OPTIONS = {
    "python": ("-c",),
    "perl": ("-e", "-E"),
    "ruby": ("-e",),
    "node": ("-e", "--eval", "-p", "--print"),
    "php": ("-r",),
    "lua": ("-e",),
    "pypy": ("-c",),
    "deno": ("eval",),
    "bun": ("-e",),
    "osascript": ("-e",),
    **dict.fromkeys(("tclsh", "wish", "jshell", "runghc", "java", "runhaskell"), ()),
    "expect": ("-c",),
    **dict.fromkeys(
        "R Rscript clojure clj bb groovy scala kotlin ghc ocaml raku gnuplot "
        "swift janet luajit rakudo texlua".split(),
        ("-e",),
    ),
    **dict.fromkeys(("julia", "racket", "elixir"), ("-e", "-E", "--eval", "--print")),
    "guile": ("-c",),
    **dict.fromkeys(("sbcl", "octave", "clisp", "ecl"), ("--eval", "-eval", "-x")),
    "erl": ("-eval",),
    "swipl": ("-g", "-t", "--goal"),
    "crystal": ("eval",),
    "nim": ("e",),
    "zx": ("-e", "--eval"),
    "pwsh": ("-c", "-Command", "-command"),
    "powershell": ("-c", "-Command", "-command"),
}


def _language(call: Call) -> Value:
    """`python -c code | file | -`, and the same for other languages."""
    options = _CODE_OPTIONS[call.name]
    if call.name == "gnuplot":
        banged(call, "\n".join(arg.text for arg in call.args))
    codes: list[Field] = []
    for index, arg in enumerate(call.args[:-1]):
        short = len(arg.text) <= 6 and arg.text[:1] == "-" and arg.text[1:2] != "-"
        if arg.text in options or (short and any(arg.text.endswith(o[1:]) for o in options)):
            codes.append(call.args[index + 1])
    for arg in call.args:
        for option in options:
            if len(option) == 2 and arg.text.startswith(option) and len(arg.text) > 6:
                codes.append(_rest(arg, len(option)))
    if call.name == "ruby" and call.has("-run") and any(c.text == "httpd" for c in codes):
        rest = [a for a in call.args if a.text[:1] != "-" and a.text not in ("httpd",)]
        served(call, rest[0].text if rest and not rest[0].text.isdigit() else ".")
        return UNKNOWN
    if codes:
        for code in codes:
            _code(call, call.stdin if code.text == "-" else code.value)
        if call.name in ("perl", "ruby") and any(_IN_PLACE.match(a.text) for a in call.args):
            _edited(call, codes)
        return known(call.prints) if call.prints is not None and len(codes) == 1 else UNKNOWN
    return _language_script(call)


_IN_PLACE = re.compile(r"-[a-zA-Z0]*i")


def _edited(call: Call, codes: list[Field]) -> None:
    """`perl -i`: the files become what the code prints; with -n and no print that is nothing."""
    silent = not any(re.match(r"-\w*p", a.text) for a in call.args)
    silent = silent and not any(re.search(r"print|puts|say|write", c.text) for c in codes)
    for arg in call.args:
        if arg.text[:1] != "-" and all(arg is not code for code in codes):
            call.writes(arg, EMPTY if silent else UNKNOWN, "truncate" if silent else "edit")


def _rest(arg: Field, start: int) -> Field:
    value = arg.value
    texts = tuple(text[start:] for text in value.texts)
    return Field(Value(texts, value.taints, value.source), arg.span, arg.raw)


_ADDRESS = re.compile(r"https?://")


def served(call: Call, folder: str) -> None:
    """A folder given to whoever asks: the project for a while, or one with keys."""
    path = resolved(HOME + folder[1:] if folder[:1] == "~" else folder, call.shell.cwd)
    own = any(re.match(r"(?:127\.|localhost\b|\[?::1\b)", arg.text) for arg in call.args)
    places = ("home-root", "root", "home-config", "system", "system-top")
    private = place_of(path) in places and not own
    more = ("server", "carries:sensitive") if private else ("project-server",)
    call.effect(EffectKind.NETWORK_OUT, path, *more)


def _language_script(call: Call) -> Value:
    if call.has("--version", "-V", "--help", "-h", "-v"):
        return UNKNOWN
    if any(arg.text.startswith("-m") for arg in call.args) and call.name in ("python", "pypy"):
        module = call.after("-m")
        if module is not None and module.text in ("pip", "cli_tuner"):
            index = next(i for i, a in enumerate(call.args) if a is module)
            program = Field(Value((module.text,)), module.span, module.text)
            return call.run([program, *call.args[index + 1 :]])
        if module is not None and module.text in ("http.server", "SimpleHTTPServer", "pyftpdlib"):
            folder = call.after("--directory", "-d")
            served(call, folder.text if folder is not None else ".")
        return UNKNOWN
    if call.name == "php" and call.after("-S") is not None:
        folder = call.after("-t")
        served(call, folder.text if folder is not None else ".")
        return UNKNOWN
    operands = [arg for arg in call.args if not arg.text.startswith("-")]
    if call.name in ("deno", "bun", "node") and any(_ADDRESS.match(o.text) for o in operands):
        call.effect(EffectKind.EXECUTE, operands[-1].text, "downloaded")
        return UNKNOWN
    tool = facts_of(operands[0].text.rpartition("/")[2]) if operands else None
    if tool is not None and any("attack-tool" in e.attributes for e in tool.effects):
        call.effect(EffectKind.SECRET, "credentials", "attack-tool")
    if not operands or (call.args and call.args[0].text == "-"):
        if call.stdin.texts != ("",) or call.stdin.taints:
            _code(call, call.stdin)
        return UNKNOWN
    path = resolved(operands[0].text, call.shell.cwd)
    if path in call.shell.files:
        _code(call, call.shell.files[path])
    elif operands[0].value.taints & {"downloaded", "decoded"}:
        _code(call, operands[0].value)
    else:
        call.on_path(EffectKind.EXECUTE, operands[0], "script")
    return UNKNOWN


def _code(call: Call, code: Value) -> None:
    """Code of another language."""
    hidden = tuple(sorted(code.taints & {"downloaded", "decoded"}))
    if hidden and (not code.known or "downloaded" in hidden):
        call.effect(EffectKind.EXECUTE, shown(code.source) or None, *hidden)
    elif code.text.strip() == HOLE:
        if "file" in code.taints and not code.source.lstrip('"').startswith("$"):
            call.effect(EffectKind.EXECUTE, shown(code.source), "script")
        else:
            call.effect(EffectKind.OPAQUE, shown(code.source) or None, "code")
    for text in code.texts:
        if text and text != HOLE:
            run_snippet(call, text)


def _typescript(call: Call) -> Value:
    """tsx, ts-node: node, for another dialect."""
    call.name = "node"
    return _language(call)


def _rake(call: Call) -> Value:
    """rake: tasks that a project defines; -e is Ruby, with its file tasks at hand."""
    if call.after("-e", "-E", "--execute", "--execute-continue", "-p") is None:
        return UNKNOWN
    call.name = "ruby"
    return _language(call)


def _ipython(call: Call) -> Value:
    """ipython: Python, and lines that start with ! for the shell."""
    code = call.after("-c")
    if code is not None:
        banged(call, code.text)
    call.name = "python"
    return _language(call)


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(
        "sh bash zsh dash ksh ash fish mksh rbash csh tcsh nu xonsh elvish osh".split(), _shell
    ),
    **dict.fromkeys(("tsx", "ts-node", "esno"), _typescript),
    **dict.fromkeys(("ipython", "ipython3", "sage"), _ipython),
    "rake": _rake,
    **dict.fromkeys(_CODE_OPTIONS, _language),
    **dict.fromkeys("gcc cc g++ clang clang++ tcc c++ ld as rustc".split(), _compiler),
    "go": _go,
}
