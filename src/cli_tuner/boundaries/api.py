"""The Python interface to the boundaries: `cli_tuner.generate`, and the same for asyncio."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from cli_tuner.backends.protocol import Sampling, never
from cli_tuner.boundaries.assemble import backend_for, parts_for
from cli_tuner.boundaries.generate import generate as cross
from cli_tuner.boundaries.parts import Options, Parts
from cli_tuner.guard import Policy, check, load_policy
from cli_tuner.records import Caller, CommandResponse, Safety, Verdict
from cli_tuner.settings import Paths, Settings, current_folder, load_settings

_making = threading.Lock()


def generate(
    query: str,
    *,
    candidates: int = 1,
    safety: str | None = None,
    model: str | None = None,
    backend: str | None = None,
) -> CommandResponse:
    """One bash command for a request in English, or a refusal with its reason.

    `candidates` 1 to 8; `safety` "strict" or "moderate" may only tighten what is configured;
    `model` as `--model`, `backend` "local" or the URL of an OpenAI-compatible endpoint. The engine
    is started on first use and stays for the next call. Look at `response.command`: it is None
    when `response.refusal` says why.

    Raises ConfigError for wrong settings, ModelMissing before `cli-tuner setup`, and
    BackendError when nobody answers, PolicyError for a policy file that is not valid. All of
    them are CliTunerErrors.
    """
    wanted = Wanted(candidates, safety, model, backend)
    return _generate(query, wanted, never)


async def agenerate(
    query: str,
    *,
    candidates: int = 1,
    safety: str | None = None,
    model: str | None = None,
    backend: str | None = None,
) -> CommandResponse:
    """`generate` for asyncio: the event loop goes on while the engine works.

    Cancelling the task cancels the work. Raises what `generate` raises.
    """
    import asyncio

    wanted = Wanted(candidates, safety, model, backend)
    gone = threading.Event()
    work = asyncio.to_thread(_generate, query, wanted, gone.is_set)
    try:
        return await work
    except asyncio.CancelledError:
        gone.set()  # the thread cannot be stopped; it looks at this ten times a second
        raise


async def acheck(
    command: str,
    *,
    safety: Safety = Safety.MODERATE,
    policy: Policy | None = None,
    folder: str = "",
) -> Verdict:
    """`check` for asyncio, for texts that take longer than an event loop should wait (1 s)."""
    import asyncio

    return await asyncio.to_thread(check, command, safety=safety, policy=policy, folder=folder)


class Wanted(NamedTuple):
    """What a caller said beside the query; None is what is configured."""

    candidates: int
    safety: str | None
    model: str | None
    backend: str | None


def _generate(query: str, wanted: Wanted, cancelled: Callable[[], bool]) -> CommandResponse:
    settings = load_settings(
        {"safety": wanted.safety, "model": wanted.model, "backend": wanted.backend}
    )
    paths = Paths.of()
    options = options_for(settings, caller=Caller.API, candidates=wanted.candidates)
    folder = current_folder()
    options = replace(options, cancelled=cancelled).under(load_policy(paths, folder), folder)
    with _making:
        parts = _parts(settings, paths)
    return cross(query, options, parts)


def options_for(settings: Settings, *, caller: Caller, candidates: int = 1) -> Options:
    """One request's options from the settings in force."""
    return Options(
        model=settings.model,
        safety=Safety(settings.safety),
        candidates=candidates,
        caller=caller,
        retain_query=settings.retain_queries,
        sampling=Sampling(max_new_tokens=settings.max_new_tokens),
    )


@lru_cache(maxsize=4)
def _parts(settings: Settings, paths: Paths) -> Parts:
    return parts_for(settings, paths, backend_for(settings, paths))
