"""`cli-tuner generate`: ask the resident process, hand the answer over."""

from __future__ import annotations

import argparse
import json
import sys

from cli_tuner.backends.engine import Engine
from cli_tuner.errors import ModelMissing, UsageError
from cli_tuner.settings import LOCAL, Paths, Settings, current_folder, load_settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cli_tuner.boundaries.answer import Answer

_QUERY_BYTES_MAX = 16_384
"""Bytes of a sentence that are looked at: far more than 500 characters can be."""


def run(given: argparse.Namespace) -> int:
    """Answer one sentence, or take a report on an answer."""
    settings = load_settings(
        {
            "safety": given.safety,
            "model": given.model,
            "backend": given.backend,
            "color": given.color,
        }
    )
    if given.report_issue is not None:
        from cli_tuner.cli.report import report

        return report(given, settings)
    if given.json and (given.run or given.edit or given.copy):
        raise UsageError("--json prints the answer alone; leave out --run, --edit and --copy")
    query = _query(given.query)
    try:
        document = _asked(query, given, settings)
    except ModelMissing as missing:
        from cli_tuner.cli.fetching import offer_to_fetch

        if not offer_to_fetch(settings, missing):
            raise
        document = _asked(query, given, settings)
    from cli_tuner.boundaries.answer import Answer
    from cli_tuner.boundaries.handoff import Handoff, hand_over
    from cli_tuner.boundaries.terminal import Screen

    answer = Answer.of(document)
    if given.json:
        sys.stdout.write(f"{json.dumps(document)}\n")
        return answer.exit
    parts = _parts if given.explain else None
    how = Handoff(given.run, given.edit, given.copy, given.quiet, given.explain, parts)
    return hand_over(answer, how, Screen(settings.color), _judged_anew)


def _parts(command: str) -> list[str]:
    """The lines that explain each part of a command."""
    from cli_tuner.cli.explain import lines_of
    from cli_tuner.explain import explanation

    return lines_of(explanation(command))


def _query(words: list[str]) -> str:
    """The sentence from the arguments, or from stdin if there are none."""
    if words and words != ["-"]:
        query = " ".join(words)
    elif sys.stdin is None or (not words and sys.stdin.isatty()):
        query = ""
    else:
        query = sys.stdin.buffer.read(_QUERY_BYTES_MAX + 1).decode("utf-8", "surrogateescape")
    if not query.strip():
        raise UsageError('say what you want, as in: cli-tuner generate "list the largest files"')
    if len(query.encode("utf-8", "surrogatepass")) > _QUERY_BYTES_MAX:
        raise UsageError("the query is far longer than 500 characters; say it in fewer")
    return query.strip()


def _asked(query: str, given: argparse.Namespace, settings: Settings) -> dict[str, Any]:
    if settings.backend == LOCAL and not given.no_daemon:
        return _asked_resident(query, given.candidates, settings)
    return _crossed_here(query, given, settings)


def _asked_resident(query: str, candidates: int, settings: Settings) -> dict[str, Any]:
    """The resident process crosses boundaries 1 to 5; it has everything loaded."""
    reply = Engine.of(settings, Paths.of()).ask(
        {
            "op": "generate",
            "query": query,
            "candidates": candidates,
            "safety": settings.safety,
            "caller": "cli",
            "cwd": current_folder(),
            "retain_query": settings.retain_queries,
            "max_new_tokens": settings.max_new_tokens,
        },
        meanwhile=_import_what_shows_it,
    )
    response: dict[str, Any] = reply["response"]
    return response


def _import_what_shows_it() -> None:
    """Loaded while the engine works, so that nobody waits for it."""
    import cli_tuner.boundaries.handoff  # noqa: F401


def _crossed_here(query: str, given: argparse.Namespace, settings: Settings) -> dict[str, Any]:
    """The same boundaries in this process, with an endpoint or a model loaded for this once."""
    from cli_tuner.boundaries.api import options_for
    from cli_tuner.boundaries.assemble import backend_for, parts_for
    from cli_tuner.boundaries.generate import generate
    from cli_tuner.guard import load_policy
    from cli_tuner.records import Caller

    paths = Paths.of()
    folder = current_folder()
    policy = load_policy(paths, folder)
    backend = backend_for(settings, paths, resident=False)
    try:
        options = options_for(settings, caller=Caller.CLI, candidates=given.candidates)
        response = generate(
            query, options.under(policy, folder), parts_for(settings, paths, backend)
        )
    finally:
        backend.close()
    return response.model_dump(mode="json")


def _judged_anew(command: str, answer: Answer) -> Answer:
    """The answer with an edited command, on which the guard has spoken again."""
    from cli_tuner.cli.judged import with_command

    return with_command(answer, command)
