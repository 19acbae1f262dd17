"""`cli-tuner fix`: a corrected command after one that failed.

A misspelling is corrected without a model. Otherwise the model is asked, in one sentence with the
command, its status and, where the person agreed, the last lines that it said.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from cli_tuner.boundaries.terminal import Screen, visible
from cli_tuner.cli.check import EXITS, show_verdict
from cli_tuner.errors import Exit, UsageError
from cli_tuner.explain.correct import corrected
from cli_tuner.guard import check, load_policy
from cli_tuner.records.verdict import Safety
from cli_tuner.settings import Paths, Settings, current_folder, load_settings

ERRORS_MAX = 160
"""Characters of what the failed command said that the model is told."""
_QUERY_MAX = 480
_MEANINGS = {
    126: "it could not be run",
    127: "there is no such program",
    130: "it was interrupted",
    137: "it was killed",
    139: "it crashed",
}


def run(given: argparse.Namespace) -> int:
    """Propose a correction; the status is that of the proposal, as for `generate`."""
    settings = load_settings(
        {
            "safety": given.safety,
            "model": given.model,
            "backend": given.backend,
            "color": given.color,
        }
    )
    last = (given.last or "").strip()
    if not last:
        raise UsageError(
            "there is no last command",
            hint='evaluate "$(cli-tuner init bash)" in your shell, or say it with --last',
        )
    if given.status == 0:
        raise UsageError("the last command did not fail")
    by_rule = corrected(last, _exists, _installed())
    if by_rule is not None:
        return _propose(by_rule, settings, given.json)
    if given.no_model:
        raise UsageError("no misspelling is to be seen in it", hint="leave out --no-model")
    return _ask(last, given)


def sentence(last: str, status: int, errors: str) -> str:
    """What the model is asked, within the length of a query."""
    meaning = _MEANINGS.get(status, f"status {status}")
    said = " ".join(errors.split())[-ERRORS_MAX:]
    tail = f" ({meaning})" + (f", it said: {said}" if said else "")
    room = _QUERY_MAX - len(tail) - len("fix this command, which failed: ")
    return f"fix this command, which failed: {last[:room]}{tail}"


def _ask(last: str, given: argparse.Namespace) -> int:
    from cli_tuner.cli import generate

    errors = _errors(given)
    given.query = [_asked_for(sentence(last, given.status, errors))]
    given.candidates = 1
    for name in ("explain", "run", "edit", "copy", "quiet", "no_daemon"):
        setattr(given, name, False)
    given.report_issue = None
    return generate.run(given)


def _asked_for(text: str) -> str:
    """The sentence without what boundary 1 would refuse: line breaks and control characters."""
    return "".join(char if char.isprintable() else " " for char in text)


def _errors(given: argparse.Namespace) -> str:
    """What the failed command said, if the person gave it or agreed to share it."""
    if given.errors and given.errors != "-":
        try:
            return Path(given.errors).read_text("utf-8", "replace")[-4 * ERRORS_MAX :]
        except OSError as error:
            raise UsageError(f"cannot read {given.errors}: {error.strerror}") from error
    agreed = given.errors == "-" or os.environ.get("CLI_TUNER_SHARE_ERRORS") == "1"
    if not agreed or sys.stdin is None or sys.stdin.isatty():
        return ""
    return sys.stdin.read(4 * ERRORS_MAX)


def _propose(command: str, settings: Settings, as_json: bool) -> int:
    """Show a correction with its verdict: dangerous ones never, at strict only safe ones."""
    folder = current_folder()
    policy = load_policy(Paths.of(), folder)
    verdict = check(command, safety=Safety(settings.safety), policy=policy, folder=folder)
    permitted = verdict.policy.permits(verdict.level)
    screen = Screen(settings.color)
    if as_json:
        document = {
            "schema_version": "1",
            "command": command if permitted else None,
            "source": "spelling",
            "verdict": verdict.as_json(),
        }
        sys.stdout.write(f"{json.dumps(document)}\n")
    else:
        if permitted:
            sys.stdout.write(f"{visible(command)}\n")
            sys.stdout.flush()
        show_verdict(command, verdict, screen)
    return Exit.OK if permitted else EXITS[verdict.level]


def _exists(name: str) -> bool:
    import shutil

    return shutil.which(name) is not None or name in _BUILTINS


_BUILTINS = frozenset(
    "cd echo export alias unalias source read set unset type test printf pwd exit eval exec kill"
    " jobs bg fg wait history ulimit umask trap shift return local declare".split()
)


def _installed() -> tuple[str, ...]:
    """Names of the programs in the folders of PATH."""
    names: set[str] = set()
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        try:
            names.update(os.listdir(folder or "."))  # noqa: PTH208  names are all that is needed
        except OSError:
            continue
    return tuple(names)
