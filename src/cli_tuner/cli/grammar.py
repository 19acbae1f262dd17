"""The grammar of the commands with which shells, agents and people work every day."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from cli_tuner.cli.parser import Parser

    _Commands = argparse._SubParsersAction[Parser]

HOOK_ACTIONS = ("run", "install", "uninstall", "status", "allow-once")


def add_hook(commands: _Commands) -> None:
    """`cli-tuner hook`."""
    parser = commands.add_parser(
        "hook",
        help="let coding agents ask before they run a command",
        description="Puts the guard before an agent's shell commands: claude, codex, gemini or"
        " cursor. `run` is what the agent calls; `allow-once` takes the code of a blocked command.",
        allow_abbrev=False,
    )
    parser.add_argument("action", choices=HOOK_ACTIONS)
    parser.add_argument("name", metavar="agent|code", nargs="?")
    parser.add_argument("--dry-run", action="store_true", help="show the change, make none")
    parser.add_argument("--project", metavar="DIR", help="the settings of this project")
    _add_output(parser)


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.add_argument("--color", choices=("auto", "always", "never"), help="colours on stderr")


def add_explain(commands: _Commands) -> None:
    """`cli-tuner explain`."""
    parser = commands.add_parser(
        "explain",
        help="what each part of a command does, and its effects",
        description="Explains one bash command without running it. '-' reads it from stdin.",
        allow_abbrev=False,
    )
    parser.add_argument("text", metavar="command", nargs="?", default="-")
    _add_output(parser)


BUILDERS = {"explain": add_explain, "hook": add_hook}
