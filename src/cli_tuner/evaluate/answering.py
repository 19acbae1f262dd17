"""Who answers: a model behind the product's own boundaries, in this process or at an endpoint.

What is asked here is asked as the command line asks it: the same six boundaries, the same prompt,
the same engine. What differs is what surrounds them: nothing is kept in the user's journal, no
rate limit slows it, and no policy of this machine decides what is handed over.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cli_tuner import __version__
from cli_tuner.artifacts.artifact import sha256_of_file
from cli_tuner.backends.protocol import Backend, Sampling, never
from cli_tuner.boundaries.assemble import embedded
from cli_tuner.boundaries.extract import NoCommand, command_in
from cli_tuner.boundaries.generate import generate
from cli_tuner.boundaries.parts import Options, Parts
from cli_tuner.boundaries.rate import RateLimiter
from cli_tuner.errors import UsageError
from cli_tuner.evaluate.config import EvaluateConfig, Model
from cli_tuner.evaluate.rows import Row
from cli_tuner.evaluate.suite import Item
from cli_tuner.guard import check
from cli_tuner.models import ResolvedModel, load_catalogue, resolve
from cli_tuner.models.reference import is_path
from cli_tuner.records import (
    Finish,
    ModelIdentity,
    NormalizedRequest,
    PerformanceRecord,
    ProvenanceRecord,
    RawModelOutput,
    Safety,
    ValidationErrorRecord,
)
from cli_tuner.settings import LOCAL, Paths, api_key

_NOBODY = "0" * 64


def open_backend(config: EvaluateConfig, paths: Paths) -> Backend:
    """The backend that the configuration names; a local model is loaded into this process.

    Raises UsageError, ModelMissing, ModelCorrupt or BackendError.
    """
    model, sitting = config.model, config.sitting
    if model.backend != LOCAL:
        from cli_tuner.backends.http import HttpBackend

        if model.adapter is not None:
            raise UsageError("an endpoint has its own adapters", hint="name the model it serves")
        shipped = model.reference in load_catalogue(paths).bases
        return HttpBackend(
            model.backend,
            model=None if shipped else model.reference,
            api_key=api_key(),
            timeout_s=sitting.timeout_s,
        )
    return embedded(local_model(model, paths), paths, sitting.threads)


def local_model(model: Model, paths: Paths) -> ResolvedModel:
    """The files of base and adapter. Raises as `resolve`, and UsageError for a wrong adapter."""
    if model.adapter is None:
        return resolve(model.reference, paths)
    bare = is_path(model.reference) or "+" in model.reference
    base = resolve(model.reference if bare else f"{model.reference}+none", paths)
    if base.adapter is not None:
        raise UsageError("two adapters are named", hint="leave model.adapter out")
    adapter = Path(model.adapter).expanduser()
    if not adapter.is_file():
        raise UsageError(f"there is no adapter {adapter}")
    _check_base(adapter, base)
    return replace(
        base,
        adapter=adapter.stem,
        adapter_path=adapter.absolute(),
        adapter_sha256=sha256_of_file(adapter),
    )


def _check_base(adapter: Path, base: ResolvedModel) -> None:
    """An adapter on other weights is noise; its record, if it is there, says which are its own."""
    record = record_beside(adapter)
    if record is None:
        return
    serves = record.get("serves") or record.get("base") or {}
    if serves.get("sha256") not in (None, base.sha256):
        raise UsageError(f"{adapter} belongs to another base than {base.name}")


def record_beside(file: Path) -> dict[str, Any] | None:
    """What the training stage wrote about an adapter, or None."""
    try:
        record = json.loads((file.parent / "provenance.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) else None


class _Unkept:
    """A journal that keeps nothing: a measurement is not a use."""

    def user_hmac(self) -> str:
        return _NOBODY

    def query_hmac(self, text: str) -> str:
        return _NOBODY

    def record(
        self,
        provenance: ProvenanceRecord,
        performance: PerformanceRecord,
        validation_error: ValidationErrorRecord | None = None,
    ) -> None:
        pass


class _Overheard:
    """A backend whose answers are remembered: a response does not hold the model's own text."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.output: RawModelOutput | None = None

    @property
    def identity(self) -> ModelIdentity:
        return self._backend.identity

    def complete(
        self,
        request: NormalizedRequest,
        sampling: Sampling,
        cancelled: Callable[[], bool] = never,
    ) -> RawModelOutput:
        self.output = self._backend.complete(request, sampling, cancelled)
        return self.output

    def sample(
        self,
        request: NormalizedRequest,
        sampling: Sampling,
        count: int,
        cancelled: Callable[[], bool] = never,
    ) -> tuple[RawModelOutput, ...]:
        return self._backend.sample(request, sampling, count, cancelled)

    def close(self) -> None:
        pass


class _NeverSaid(Exception):
    """The model was not asked then."""


@dataclass(frozen=True)
class _Said:
    """A backend that says once more what a model said before."""

    identity: ModelIdentity
    item: Item

    def complete(
        self,
        request: NormalizedRequest,
        sampling: Sampling,
        cancelled: Callable[[], bool] = never,
    ) -> RawModelOutput:
        if not self.item.finish:
            raise _NeverSaid
        return RawModelOutput(
            request_id=request.request_id,
            text=self.item.raw,
            finish=Finish(self.item.finish),
            mean_logprob=self.item.mean_logprob,
            model=self.identity,
        )

    def sample(
        self,
        request: NormalizedRequest,
        sampling: Sampling,
        count: int,
        cancelled: Callable[[], bool] = never,
    ) -> tuple[RawModelOutput, ...]:
        return (self.complete(request, sampling, cancelled),) * count

    def close(self) -> None:
        pass


@dataclass(frozen=True)
class Asker:
    """Asks one backend. Thread-safe if the backend is."""

    backend: Backend
    safety: Safety
    max_new_tokens: int

    def item(self, row: Row, cancelled: Callable[[], bool] = never) -> Item:
        """The answer to one row. Raises BackendError, and Cancelled if told to stop."""
        return self._through(self.backend, row, cancelled)

    def again(self, before: Item, row: Row) -> Item | None:
        """What today's boundaries and rules make of the text that the model gave before.

        None if it gave none, since the request was stopped on its way, and would not be today.
        """
        try:
            found = self._through(_Said(self.backend.identity, before), row, never)
        except _NeverSaid:
            return None
        return replace(found, ms=before.ms)

    def _through(self, backend: Backend, row: Row, cancelled: Callable[[], bool]) -> Item:
        """The row across the boundaries."""
        heard = _Overheard(backend)
        parts = Parts(heard, check, _Unkept(), RateLimiter(0), __version__)
        options = Options(
            model="evaluated",
            spare=0,  # the model is measured by what it says first
            safety=self.safety,
            sampling=Sampling(max_new_tokens=self.max_new_tokens),
            cancelled=cancelled,
            folder=str(Path.home()),  # where a terminal starts, and the sandbox of `safety`
        )
        response = generate(row.query, options, parts)
        output = heard.output
        latency = response.latency
        return Item(
            set=row.set,
            id=row.id,
            query=row.query,
            references=row.references,
            stratum=row.stratum,
            raw=output.text if output else "",
            command=_command(output),
            level=response.provenance.level,
            refusal=response.refusal.code if response.refusal else None,
            finish=output.finish if output else "",
            mean_logprob=output.mean_logprob if output else None,
            ms=round(latency.total_ms, 1),
            row=row.source,
        )


def _command(output: RawModelOutput | None) -> str | None:
    """What boundary 4 takes out of an answer, whatever it thinks of it then."""
    if output is None:
        return None
    try:
        return command_in(output.text)
    except NoCommand:
        return None


def described(backend: Backend, config: EvaluateConfig) -> dict[str, Any]:
    """The model for the provenance, with what the training stage wrote about its adapter."""
    identity = backend.identity.model_dump(mode="json")
    record = (
        record_beside(Path(config.model.adapter).expanduser()) if config.model.adapter else None
    )
    if record is not None and record.get("adapter", {}).get("sha256") == identity["adapter_sha256"]:
        identity["training"] = record
    return {**identity, "reference": config.model.reference}
