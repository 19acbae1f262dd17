"""docs/CLI.md: every command with all it takes, made from the grammar itself.

    python -m cli_tuner.cli.reference docs/CLI.md

writes the page; without a path it goes to stdout. The text depends on the grammar alone, not on the
terminal or the version of Python; a test says when the page is not current.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from cli_tuner.cli.man import arguments_of, commands_of, help_of, value_of
from cli_tuner.cli.parser import build_parser

_HEAD = """\
# Command line

<!-- Made by `make reference`; a test fails when it is not current. -->

The command goes to stdout and nothing else does; everything for people goes to stderr. The program
is also reachable as `cli_tuner` and `python -m cli_tuner`. Settings, their files and their
environment variables are shown by `cli-tuner config`."""

_MORE = {
    "check": ("AGENTS.md", "with coding agents and in CI"),
    "feedback": ("SERVICE.md", "over HTTP"),
    "fix": ("SHELL.md", "in the shell"),
    "hook": ("AGENTS.md", "with coding agents"),
    "init": ("SHELL.md", "in the shell"),
    "keys": ("DEPLOYMENT.md", "deployment"),
    "mcp": ("AGENTS.md", "with coding agents"),
    "publish": ("PUBLISHING.md", "publishing"),
    "release": ("operations/releases.md", "releases"),
    "serve": ("SERVICE.md", "over HTTP"),
    "watch": ("SERVICE.md", "over HTTP"),
}


def markdown() -> str:
    """The page, with one final newline."""
    parser = build_parser()
    return "\n\n".join(_sections(parser)) + "\n"


def _sections(parser: argparse.ArgumentParser) -> Iterator[str]:
    yield _HEAD
    commands = list(commands_of(parser))
    rows = [f"| [`{name}`](#{name}) | {_cell(help_of(parser, name))} |" for name, _ in commands]
    yield "\n".join(["| command | |", "|---|---|", *rows])
    yield "`cli-tuner --version` prints the version and all digests."
    for name, command in commands:
        yield f"## {name}"
        yield f"`{_usage(name, command)}`"
        yield _escaped(_sentence(str(command.description or help_of(parser, name))))
        if table := _table(command):
            yield table
        if name in _MORE:
            page, title = _MORE[name]
            yield f"More: [{title}]({page})."
    yield "## Exit status"
    yield _statuses(str(parser.epilog))


def _usage(name: str, command: argparse.ArgumentParser) -> str:
    """The command with its positional arguments; the options are in the table."""
    words = ["cli-tuner", name]
    taken = list(arguments_of(command))
    if any(action.option_strings for action in taken):
        words.append("[options]")
    for action in taken:
        if not action.option_strings:
            shown = value_of(action) if action.choices is None else str(action.dest)
            words.append({"?": f"[{shown}]", "*": f"[{shown} ...]"}.get(str(action.nargs), shown))
    return " ".join(words)


def _table(command: argparse.ArgumentParser) -> str:
    rows = [f"| {_names(action)} | {_cell(_meaning(action))} |" for action in arguments_of(command)]
    return "\n".join(["| argument | |", "|---|---|", *rows]) if rows else ""


def _names(action: argparse.Action) -> str:
    if not action.option_strings:
        shown = value_of(action) if action.choices is None else str(action.dest)
        return f"`{_cell(shown)}`"
    called = value_of(action)
    if action.metavar is None and action.choices is None:
        called = called.upper()
    value = "" if action.nargs == 0 else f" {_cell(called)}"
    value = f" [{value.strip()}]" if action.nargs == "?" else value
    return ", ".join(f"`{name}{value}`" for name in action.option_strings)


def _meaning(action: argparse.Action) -> str:
    said = [_escaped(_plain(action.help or ""))] if action.help else []
    if not action.option_strings and action.choices is not None:
        said.append(", ".join(f"`{choice}`" for choice in action.choices))
    if isinstance(action, argparse._AppendAction):
        said.append("may be repeated")
    if _has_default(action):
        said.append(f"default `{action.default}`")
    return "; ".join(said)


def _has_default(action: argparse.Action) -> bool:
    default: object = action.default
    shown = isinstance(default, (str, int)) and not isinstance(default, bool)
    return shown and default not in ("", argparse.SUPPRESS) and action.nargs != 0


def _statuses(epilog: str) -> str:
    text = _plain(epilog).removeprefix("exit status: ")
    rows = []
    for part in text.split(", "):
        number, _, meaning = part.partition(" ")
        if number.isdecimal():
            rows.append(f"| {number} | {meaning} |")
        else:
            rows[-1] = f"{rows[-1].removesuffix(' |')}, {part} |"
    return "\n".join(["| status | |", "|---|---|", *rows])


def _sentence(text: str) -> str:
    plain = _plain(text)
    plain = plain[:1].upper() + plain[1:]
    return plain if plain.endswith((".", "|", "source")) else f"{plain}."


def _plain(text: str) -> str:
    return " ".join(text.replace("%%", "%").split())


def _escaped(text: str) -> str:
    """Text in which Markdown reads no tag and no link; what is between backticks stays."""
    pieces = text.split("`")
    for number in range(0, len(pieces), 2):
        pieces[number] = pieces[number].replace("<", r"\<").replace("[", r"\[").replace("*", r"\*")
    return "`".join(pieces)


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


def main(arguments: list[str]) -> int:
    """Write the page to the path in `arguments`, or to stdout. Raises OSError if it cannot."""
    if arguments:
        Path(arguments[0]).write_text(markdown(), encoding="utf-8")
    else:
        sys.stdout.write(markdown())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
