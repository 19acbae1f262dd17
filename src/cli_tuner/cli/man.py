"""`cli-tuner man`: the manual page, made from the grammar itself, so it is never out of date.

The functions that walk the grammar also make docs/CLI.md (`cli_tuner.cli.reference`).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from cli_tuner import __version__
from cli_tuner.cli.parser import build_parser

_FILES = (
    ("~/.config/cli-tuner/config.toml", "settings; see cli-tuner config"),
    ("~/.config/cli-tuner/policy.toml", "rules allowed, tightened or added"),
    (".cli-tuner/policy.toml", "the same for a project; it can only tighten"),
    ("~/.local/state/cli-tuner", "the journal"),
    ("~/.local/share/cli-tuner/models", "models"),
)
_ENVIRONMENT = (
    ("CLI_TUNER_HOME", "puts everything below one folder"),
    ("CLI_TUNER_<SETTING>", "sets any setting, as in CLI_TUNER_SAFETY=strict"),
    ("CLI_TUNER_API_KEY", "the key for a remote backend"),
    ("CLI_TUNER_SHARE_ERRORS", "1: fix may read the last lines on the screen, in tmux"),
    ("CLI_TUNER_DEBUG", "1: errors of the program itself are shown whole"),
    ("NO_COLOR", "no colours"),
)


def run(given: argparse.Namespace) -> int:
    """Print the page as troff."""
    del given  # it has no options
    sys.stdout.write("\n".join(page()) + "\n")
    return 0


def page() -> Iterator[str]:
    """The lines of the page."""
    parser = build_parser()
    yield f'.TH CLI-TUNER 1 "" "cli-tuner {__version__}" "User Commands"'
    yield ".SH NAME"
    yield r"cli-tuner \- turns a sentence into one bash command, and judges commands"
    yield ".SH SYNOPSIS"
    yield r".B cli-tuner"
    yield r"\fIcommand\fR [\fIoptions\fR]"
    yield ".SH DESCRIPTION"
    yield _text(str(parser.description))
    yield "Commands go to standard output, everything else to standard error."
    yield "Nothing runs by itself."
    yield ".SH COMMANDS"
    for name, command in commands_of(parser):
        yield f'.SS "cli-tuner {_text(name)}"'
        yield _text(str(command.description or help_of(parser, name)))
        yield from _arguments(command)
    yield ".SH EXIT STATUS"
    yield _text(str(parser.epilog).removeprefix("exit status: "))
    for title, rows in (("ENVIRONMENT", _ENVIRONMENT), ("FILES", _FILES)):
        yield f".SH {title}"
        for name, meaning in rows:
            yield from (".TP", rf"\fB{_text(name)}\fR", _text(meaning))


def commands_of(
    parser: argparse.ArgumentParser,
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Every command of the grammar, with its own parser, in the grammar's order."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.items()


def help_of(parser: argparse.ArgumentParser, name: str) -> str:
    """The line that `cli-tuner --help` has for a command."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for choice in action._choices_actions:
                if choice.dest == name:
                    return str(choice.help)
    return ""


def arguments_of(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """What a command takes, apart from --help and what is not shown."""
    for action in parser._actions:
        if action.help != argparse.SUPPRESS and not isinstance(action, argparse._HelpAction):
            yield action


def _arguments(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in arguments_of(parser):
        names = [rf"\fB{_text(name)}\fR" for name in action.option_strings]
        value = "" if action.nargs == 0 else _text(value_of(action))
        yield ".TP"
        if names:
            yield ", ".join(names) + (rf" \fI{value}\fR" if value else "")
        else:
            yield rf"\fI{value}\fR"
        yield _text(str(action.help or ""))


def value_of(action: argparse.Action) -> str:
    """How an argument's value is called: its choices, or a name in capitals."""
    if action.choices is not None and action.metavar is None:
        return "|".join(str(choice) for choice in action.choices)
    return str(action.metavar or action.dest)


def _text(text: str) -> str:
    """A text in which troff obeys nothing."""
    plain = " ".join(text.replace("%%", "%").split())
    safe = plain.replace("\\", r"\e").replace("-", r"\-")
    return rf"\&{safe}" if safe[:1] in (".", "'") else safe
