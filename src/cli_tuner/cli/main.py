"""The program's entry: parse, run one command, turn what goes wrong into a line and a status.

Only the chosen command's module is imported: `--help` loads nothing but argparse, and what an
agent runs before each of its commands not even that.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from importlib import import_module

from cli_tuner.errors import CliTunerError, Exit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def program() -> None:
    """The console script: run, and leave.

    Taking the interpreter apart costs 6 ms, which everybody who asks for a command would wait
    for; those commands leave at once when everything is written and no thread is left.
    """
    status = main()
    threading = sys.modules.get("threading")
    alone = threading is None or threading.active_count() == 1
    if alone and sys.argv[1:2] in (["generate"], ["check"], ["hook"]):
        if "atexit" in sys.modules:
            sys.modules["atexit"]._run_exitfuncs()
        with suppress(OSError, ValueError):  # said already, or nobody listens any more
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)
    sys.exit(status)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; its exit status. No traceback reaches the user."""
    _open_closed_streams()
    try:
        try:
            return _run(argv)
        finally:  # here, where a reader who left or a full disk can still be answered
            sys.stdout.flush()
    except CliTunerError as error:
        return _fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        return _fail("cancelled", Exit.CANCELLED)
    except BrokenPipeError:
        _abandon_stdout()
        return Exit.FAILED
    except OSError as error:
        _abandon_stdout()
        where = f"{error.filename}: " if error.filename else ""
        return _fail(f"{where}{error.strerror or error}", Exit.FAILED)
    except Exception as error:
        if os.environ.get("CLI_TUNER_DEBUG"):
            raise
        return _fail(
            f"unexpected {type(error).__name__}: {error};"
            " this is a bug: CLI_TUNER_DEBUG=1 shows where",
            Exit.FAILED,
        )


def _open_closed_streams() -> None:
    """Give a stream that was closed by the caller (`>&-`) a place where nothing is kept."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123


def _abandon_stdout() -> None:
    """Whoever read our output left, or the disk is full; Python would complain again at the end."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _run(argv: Sequence[str] | None) -> int:
    arguments = sys.argv[1:] if argv is None else list(argv)
    if _is_plain_hook(arguments):
        from cli_tuner.cli.hook import answer

        return answer(*arguments[2:])
    from cli_tuner.cli.parser import build_parser

    parser = build_parser(arguments[0] if arguments else None)
    given = parser.parse_args(arguments)
    if given.version:
        given.command = "version"
    if given.command is None:
        parser.print_help(sys.stderr)
        return Exit.USAGE
    module = import_module(f"cli_tuner.cli.{given.command}")
    return int(module.run(given))


def _is_plain_hook(arguments: Sequence[str]) -> bool:
    """Whether this is `hook run [AGENT]` and nothing that would have to be parsed."""
    head, rest = list(arguments[:2]), arguments[2:]
    return head == ["hook", "run"] and len(rest) < 2 and not any(one[:1] == "-" for one in rest)


def _fail(message: str, status: Exit) -> int:
    from cli_tuner.boundaries.terminal import Screen, visible

    screen = Screen(os.environ.get("CLI_TUNER_COLOR", "auto"))
    screen.line(f"{screen.paint('error', 'cli-tuner')}: {visible(message)}")
    return status
