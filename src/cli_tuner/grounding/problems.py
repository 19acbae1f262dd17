"""What would keep a command from working here, each in one sentence."""

from __future__ import annotations

from collections.abc import Iterator

from cli_tuner.grounding.installed import Installed, Kind
from cli_tuner.shell.canonical import Call, calls_in
from cli_tuner.shell.nodes import Function, Node
from cli_tuner.shell.options import options_of
from cli_tuner.shell.parse import parse

_BUILTINS = frozenset(
    ". : [ alias bg bind break builtin caller cd command compgen complete compopt continue declare"
    " dirs disown echo enable eval exec exit export false fc fg getopts hash help history jobs kill"
    " let local logout mapfile popd printf pushd pwd read readarray readonly return select set"
    " shift shopt source suspend test time times trap true type typeset ulimit umask unalias unset"
    " wait [[".split()
)
_GNU_ONLY = {
    "date": ("-d", "--date"),
    "stat": ("-c", "--format", "--printf"),
    "readlink": ("-e", "-m"),
    "xargs": ("-r", "-d"),
    "grep": ("-P",),
    "find": ("-printf", "-regextype", "-newermt"),
    "ls": ("--color", "--group-directories-first", "--time-style"),
    "du": ("--max-depth", "-b"),
    "sort": ("-R", "--parallel"),
    "head": ("--lines", "--bytes"),
    "tail": ("--lines", "--pid"),
    "cp": ("--parents", "-t", "--reflink"),
    "mv": ("-t",),
    "ps": ("--sort", "--forest"),
    "sed": ("-z", "-s"),
}
"""Options that GNU's form has and BSD's (macOS) and busybox's do not have, or mean otherwise."""


def problems_in(command: str, installed: Installed) -> tuple[str, ...]:
    """Why this command cannot work here; empty if nothing is known against it. Never raises."""
    try:
        own = _functions(parse(command))
        found = [p for call in calls_in(command) for p in _problems(call, installed, own)]
    except (RecursionError, ValueError, OSError):
        return ()
    return tuple(dict.fromkeys(found))


def _problems(call: Call, installed: Installed, own: set[str]) -> Iterator[str]:
    name = call.name
    if not _is_a_name(call.written) or name in own:
        return
    if name not in _BUILTINS and installed.where(name) is None:
        yield f"{name} is not installed here"
        return
    yield from _wrong_options(call, installed)


def _is_a_name(written: str) -> bool:
    """Whether this is a program's plain name, not a path or something known only when it runs."""
    return bool(written) and all(char.isalnum() or char in "-_.+[" for char in written)


def _wrong_options(call: Call, installed: Installed) -> Iterator[str]:
    table = options_of(call.path)
    if table is None:
        return
    program = " ".join(call.path)
    for option in call.options:
        if table.knows(option.name) is False and not _abbreviates(option.name, table.names):
            # A newer version may have it: then the program's own help says so.
            if option.name not in installed.options_in_help(call.name):
                yield f"{program} has no option {option.name}"
        elif _is_gnu_only(call.name, option.written) and not _gnu(installed):
            yield f"{program} {option.name} works with the GNU tools only, which are not here"


def _abbreviates(name: str, names: object) -> bool:
    """Whether a long option is cut short, as getopt allows."""
    if not name.startswith("--") or not isinstance(names, dict):
        return False
    return sum(1 for known in names if known.startswith(name)) == 1


def _is_gnu_only(program: str, written: str) -> bool:
    return written.partition("=")[0] in _GNU_ONLY.get(program, ())


def _gnu(installed: Installed) -> bool:
    return installed.kind() in (Kind.GNU, Kind.UNKNOWN)


def _functions(node: Node) -> set[str]:
    """The names of functions that the text defines."""
    found = {node.name} if isinstance(node, Function) else set()
    for name in ("items", "stages", "bodies"):
        for child in getattr(node, name, ()):
            found |= _functions(child)
    for name in ("body", "condition"):
        child = getattr(node, name, None)
        if child is not None:
            found |= _functions(child)
    return found
