"""The Python interface to the boundaries: `cli_tuner.generate`."""

from __future__ import annotations

import threading
from functools import lru_cache

from cli_tuner.backends.protocol import Sampling
from cli_tuner.boundaries.assemble import backend_for, parts_for
from cli_tuner.boundaries.generate import generate as cross
from cli_tuner.boundaries.parts import Options, Parts
from cli_tuner.guard import load_policy
from cli_tuner.records import Caller, CommandResponse, Safety
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
    settings = load_settings({"safety": safety, "model": model, "backend": backend})
    paths = Paths.of()
    options = options_for(settings, caller=Caller.API, candidates=candidates)
    options = options.under(load_policy(paths, current_folder()))
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
