"""The grammar of the command line. Completions and the reference are made from it."""

from __future__ import annotations

import argparse
import os
import sys

from cli_tuner.cli import grammar, operating, publishing, releasing
from cli_tuner.errors import Exit

_EPILOG = """\
exit status: 0 answered or safe, 1 failed, 2 usage, 3 not set up, 4 the model gave nothing usable,
5 backend unreachable, 10 review, 11 blocked, 12 invalid rule or policy, 75 paused: the same command
goes on, 130 cancelled"""

SHELLS = ("bash", "zsh", "fish")

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    _Commands = argparse._SubParsersAction["Parser"]


class Formatter(argparse.HelpFormatter):
    """argparse makes one for every argument, and would import shutil (3 ms) to ask how wide."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns() - 2)


class _AsWritten(Formatter, argparse.RawDescriptionHelpFormatter):
    """The same, with the line breaks of the description and the epilog."""


def _columns() -> int:
    said = os.environ.get("COLUMNS", "")
    if said.isdecimal() and int(said) > 0:
        return int(said)
    try:
        return os.get_terminal_size(1).columns or 80
    except OSError:
        return 80


class Parser(argparse.ArgumentParser):
    """argparse with one-line errors that say where help is."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"formatter_class": Formatter, **options})

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the usage and leave with status 2."""
        from cli_tuner.boundaries.terminal import visible

        sys.stderr.write(f"cli-tuner: {visible(message)}; see: {self.prog} --help\n")
        sys.exit(Exit.USAGE)


def build_parser(wanted: str | None = None) -> Parser:
    """The grammar: all of it, or with `wanted` only that command, which is 6 ms faster."""
    parser = Parser(
        prog="cli-tuner",
        description="Turns a sentence into one bash command, and judges commands before they run.",
        epilog=_EPILOG,
        formatter_class=_AsWritten,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="store_true", help="version and all digests")
    commands = parser.add_subparsers(dest="command", metavar="command", parser_class=Parser)
    builders = {
        "generate": _add_generate,
        "check": _add_check,
        "rules": _add_rules,
        "setup": _add_setup,
        "models": _add_models,
        "doctor": _add_doctor,
        "stop": _add_stop,
        "run": _add_run,
        "config": _add_config,
        "completions": _add_completions,
        **grammar.BUILDERS,
        **operating.BUILDERS,
        **releasing.BUILDERS,
        **publishing.BUILDERS,
    }
    for name, add in builders.items():
        if wanted not in builders or name == wanted:
            add(commands)
    return parser


def _add_common(parser: argparse.ArgumentParser, *, settings: bool = True) -> None:
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    grammar.add_color(parser)
    if settings:
        parser.add_argument("--safety", choices=("strict", "moderate"), help="strict: only safe")
        parser.add_argument(
            "--strict", dest="safety", action="store_const", const="strict", help=argparse.SUPPRESS
        )


def _add_generate(commands: _Commands) -> None:
    parser = commands.add_parser(
        "generate",
        help="one bash command for a sentence",
        description="Prints one bash command on stdout and its verdict on stderr.",
        allow_abbrev=False,
    )
    parser.add_argument("query", nargs="*", help="the sentence; read from stdin if missing")
    parser.add_argument(
        "-n",
        dest="candidates",
        type=int,
        choices=range(1, 9),
        default=1,
        metavar="N",
        help="up to 8 alternatives",
    )
    parser.add_argument("--explain", action="store_true", help="show the effects")
    parser.add_argument("--run", action="store_true", help="run it after asking on the terminal")
    parser.add_argument("--edit", action="store_true", help="change it first; it is judged again")
    parser.add_argument("--copy", action="store_true", help="also put it on the clipboard")
    parser.add_argument("-q", "--quiet", action="store_true", help="nothing but the command")
    _add_common(parser)
    parser.add_argument("--model", metavar="REF", help="fast, balanced, large or a GGUF file")
    parser.add_argument("--backend", metavar="URL", help="local, or an OpenAI-compatible endpoint")
    parser.add_argument(
        "--no-daemon", action="store_true", help="load the model into this process, this once"
    )
    report = parser.add_argument_group("say what was wrong with an answer")
    report.add_argument(
        "--report-issue", nargs="?", const="", metavar="ID", help="the last answer, or that one"
    )
    report.add_argument("--kind", choices=("wrong", "unsafe", "blocked_wrongly", "other"))
    report.add_argument("--comment", metavar="TEXT")
    report.add_argument("--correction", metavar="COMMAND", help="what it should have been")


def _add_check(commands: _Commands) -> None:
    parser = commands.add_parser(
        "check",
        help="the guard alone: a verdict on a command",
        description="Judges one bash command without running it. '-' reads it from stdin.",
        allow_abbrev=False,
    )
    parser.add_argument("text", metavar="command", nargs="?", default="-")
    parser.add_argument("--jsonl", action="store_true", help='lines {"id", "command"} in and out')
    parser.add_argument("--sarif", action="store_true", help="one SARIF 2.1.0 document on stdout")
    parser.add_argument("--explain", action="store_true", help="show the effects as a tree")
    parser.add_argument(
        "--files",
        nargs="+",
        metavar="PATH",
        help="scripts, Dockerfiles, makefiles, GitHub workflows; or folders with such",
    )
    parser.add_argument(
        "--fail-on",
        choices=("review", "dangerous"),
        default="dangerous",
        help="--files: from which level on the status is not 0",
    )
    _add_common(parser)


def _add_rules(commands: _Commands) -> None:
    parser = commands.add_parser("rules", help="list, show or test the guard's rules")
    parser.add_argument("action", choices=("list", "show", "test"), nargs="?", default="list")
    parser.add_argument("rule", nargs="?", help="a rule's id")
    _add_common(parser, settings=False)


def _add_setup(commands: _Commands) -> None:
    parser = commands.add_parser("setup", help="fetch and verify the model")
    parser.add_argument("--model", metavar="REF", help="fast, balanced or large")
    parser.add_argument("--file", metavar="PATH", help="take the model from this file")
    _add_common(parser, settings=False)


def _add_models(commands: _Commands) -> None:
    parser = commands.add_parser("models", help="list, pull, use or verify models")
    parser.add_argument(
        "action", choices=("list", "pull", "use", "verify"), nargs="?", default="list"
    )
    parser.add_argument("model", metavar="REF", nargs="?", help="fast, balanced, large, a file")
    parser.add_argument("--file", metavar="PATH", help="take the model from this file")
    _add_common(parser, settings=False)


def _add_doctor(commands: _Commands) -> None:
    parser = commands.add_parser("doctor", help="check every part; say what is missing")
    _add_common(parser, settings=False)


def _add_stop(commands: _Commands) -> None:
    parser = commands.add_parser("stop", help="stop the resident engine")
    _add_common(parser, settings=False)


def _add_run(commands: _Commands) -> None:
    parser = commands.add_parser(
        "run",
        help="make a data set, train a model, measure one: one stage, one configuration",
        description="Runs a stage and prints the folder of what it made. `compare` takes the"
        " folders of two evaluations.",
        allow_abbrev=False,
    )
    parser.add_argument("stage", choices=("data", "train", "evaluate", "quantize", "compare"))
    parser.add_argument("config", metavar="config.yaml", nargs="+")
    parser.add_argument(
        "--set",
        dest="changes",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change one value, as in sources.0.path=FILE",
    )
    parser.add_argument("--out", metavar="DIR", help="the folder that gets the result's folder")
    parser.add_argument(
        "--engine", choices=("torch", "axolotl"), help="train: instead of the configuration's"
    )
    parser.add_argument("--model", metavar="REF", help="evaluate: instead of the configuration's")
    parser.add_argument("--backend", metavar="URL", help="evaluate: an OpenAI-compatible endpoint")
    _add_common(parser, settings=False)


def _add_config(commands: _Commands) -> None:
    parser = commands.add_parser("config", help="show or change settings")
    parser.add_argument(
        "action", choices=("list", "get", "set", "unset", "path"), nargs="?", default="list"
    )
    parser.add_argument("key", nargs="?")
    parser.add_argument("value", nargs="?")
    _add_common(parser, settings=False)


def _add_completions(commands: _Commands) -> None:
    parser = commands.add_parser("completions", help="completion script for a shell")
    parser.add_argument("shell", choices=SHELLS)
