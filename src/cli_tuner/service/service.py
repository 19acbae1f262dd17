"""What the routes have in common: the parts behind the boundaries, and one request across them."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal

from anyio import to_thread

from cli_tuner import __version__
from cli_tuner.boundaries.api import options_for
from cli_tuner.boundaries.generate import generate
from cli_tuner.boundaries.parts import Parts
from cli_tuner.errors import CliTunerError, PolicyError
from cli_tuner.guard import Policy, check, load_policy
from cli_tuner.journal import Journal
from cli_tuner.records import (
    Caller,
    CommandResponse,
    FeedbackRecord,
    Level,
    ModelIdentity,
    RefusalCode,
    Safety,
    Verdict,
)
from cli_tuner.service.access import Access, Visitor
from cli_tuner.service.config import ServiceConfig
from cli_tuner.service.desk import Desk
from cli_tuner.service.engine import Probe, Watch
from cli_tuner.service.history import History
from cli_tuner.service.keys import KeyStore
from cli_tuner.service.ledger import Ledger
from cli_tuner.service.metrics import Metrics
from cli_tuner.service.problem import Problem
from cli_tuner.service.tracing import Tracing
from cli_tuner.settings import Paths, Settings

Left = Callable[[], Awaitable[None]]
Kind = Literal["wrong", "unsafe", "blocked_wrongly", "other"]

_QUICK_MAX = 1_000
"""Characters of a command that is judged at once; a longer one may take a while, and a thread."""
_NO_FOLDER = ""
_FREE_BYTES_MIN = 16 * 1024 * 1024
_UNWORKABLE = (RefusalCode.BAD_REQUEST, RefusalCode.TEMPLATE_TOKEN, RefusalCode.INJECTION)


class Service:
    """One running service. Made once; used from one event loop."""

    def __init__(
        self,
        config: ServiceConfig,
        settings: Settings,
        paths: Paths,
        probe: Probe,
        tracing: Tracing | None = None,
    ) -> None:
        self.config = config
        self.tracing = tracing or Tracing()
        self.settings = settings
        self.paths = paths
        self.metrics = Metrics()
        self.access = Access(KeyStore(paths), settings.rate_limit)
        self.desk = Desk(config.workers, config.queue, config.request_timeout_s)
        self.watch = Watch(probe, self.metrics, config.probe_s)
        self.journal = Journal(paths)
        self.history = History()
        self._began = time.monotonic()
        # Not `parts_for`: what is installed on this machine says nothing about a caller's.
        self._parts = Parts(
            backend=probe.backend,
            check=check,
            journal=self._ledger("-"),
            limiter=self.access.rates,
            code_version=__version__,
            span=self.tracing.boundary,
        )
        self.metrics.runs(load_policy(paths, _NO_FOLDER).ruleset_digest())
        self.metrics.gauge("queue_length", "Requests waiting.", lambda: self.desk.waiting)
        self.metrics.gauge("in_flight", "Requests being worked on.", lambda: self.desk.working)
        self.metrics.gauge("engine_up", "Whether it answers.", lambda: self.watch.state.is_up)
        self.metrics.gauge("uptime_seconds", "Since the start.", lambda: self.uptime_s)

    @property
    def uptime_s(self) -> float:
        """Seconds since it was made."""
        return time.monotonic() - self._began

    @property
    def model_version(self) -> str:
        """Which weights answer: a name and the beginning of their digest, where it is known."""
        identity = self.watch.state.identity
        return self.settings.model if identity is None else version_of(identity)

    def _ledger(self, caller: str) -> Ledger:
        return Ledger(self.journal, self.metrics, self.tracing, caller)

    def _policy(self) -> Policy:
        """What is in force now: a rule added to a policy file counts with the next request."""
        return load_policy(self.paths, _NO_FOLDER)

    async def generate(
        self, query: str, visitor: Visitor, left: Left, *, safety: str | None, candidates: int
    ) -> CommandResponse:
        """One request across the six boundaries.

        Raises Problem for a query that is refused unworked (422, 429) or no room (429), and what
        the engine raises.
        """

        def work(stop: Callable[[], bool]) -> CommandResponse:
            options = options_for(self.settings, caller=Caller.HTTP, candidates=candidates)
            options = replace(
                options,
                safety=tightened(options.safety, safety),
                rate_key=visitor.name,
                cancelled=stop,
            )
            return generate(query, options.under(self._policy()), self._parts_of(visitor))

        try:
            response = await self.desk.run(work, left)
        except Problem as problem:
            self.metrics.turned_away.labels(problem.code).inc()
            raise
        except CliTunerError as error:
            self.history.add(None)
            if error.exit_code == 130:
                self.metrics.cancelled.inc()
            raise
        self.history.add(response)
        self._raise_unworkable(response, visitor)
        return response

    def _parts_of(self, visitor: Visitor) -> Parts:
        return replace(self._parts, journal=self._ledger(visitor.name))

    def _raise_unworkable(self, response: CommandResponse, visitor: Visitor) -> None:
        refusal = response.refusal
        if refusal is None:
            return
        said = f"{refusal.message}; {refusal.hint}" if refusal.hint else refusal.message
        if refusal.code is RefusalCode.RATE_LIMITED:
            self.metrics.turned_away.labels("rate_limited").inc()
            wait_s = max(1, -(-60 // visitor.rate)) if visitor.rate else 1
            raise Problem(429, said, code="rate_limited", retry_after_s=wait_s)
        if refusal.code in _UNWORKABLE:
            raise Problem(422, said, code=refusal.code.value, request_id=response.request_id)

    async def judge(self, command: str, safety: str | None) -> Verdict:
        """The guard's verdict. Raises PolicyError if a policy file is not valid."""
        wanted = tightened(Safety(self.settings.safety), safety)
        policy = self._policy()
        if len(command) <= _QUICK_MAX:
            verdict = check(command, safety=wanted, policy=policy)
        else:
            verdict = await to_thread.run_sync(lambda: check(command, safety=wanted, policy=policy))
        self.metrics.judged(verdict)
        self.tracing.judged(verdict)
        return verdict

    async def report(
        self, visitor: Visitor, request_id: str, kind: Kind, comment: str, correction: str | None
    ) -> FeedbackRecord:
        """Keep what somebody says about an answer. Raises Problem 404 if there is no such one."""

        def keep() -> FeedbackRecord:
            if self.journal.find(request_id) is None:
                raise Problem(404, "there is no answer with this id", code="unknown_answer")
            record = FeedbackRecord(
                request_id=request_id,
                timestamp=datetime.now(UTC),
                user_hmac=self.journal.caller_hmac(visitor.name),
                kind=kind,
                comment=comment,
                correction=correction,
            )
            self.journal.feedback(record)
            return record

        record = await to_thread.run_sync(keep)
        self.metrics.feedback.labels(kind).inc()
        return record

    def ready_parts(self) -> dict[str, bool]:
        """Each part, and whether it could work now."""
        return {
            "engine": self.watch.state.is_up,
            "guard": check("true").level is Level.SAFE,
            "policy": self._holds(self._policy),
            "journal": self._holds(lambda: self.journal.caller_hmac("-")) and self._has_room(),
            "keys": self._holds(self.access.keys.all),
            "queue": not self.desk.is_full,
        }

    @staticmethod
    def _holds(attempt: Callable[[], object]) -> bool:
        try:
            attempt()
        except CliTunerError:
            return False
        return True

    def _has_room(self) -> bool:
        try:
            free = shutil.disk_usage(self.paths.state).free
        except OSError:
            return False
        return free >= _FREE_BYTES_MIN and os.access(self.paths.state, os.W_OK)

    def start(self) -> None:
        """Begin to look after the engine. Raises PolicyError for a policy that is not valid."""
        if not self._holds(self._policy):
            raise PolicyError("a policy file is not valid", hint="see: cli-tuner doctor")
        self.watch.start()

    def close(self) -> None:
        """Finish what is being worked on, then let go of the engine."""
        self.desk.close()
        self.watch.close()
        self.tracing.close()


def tightened(ours: Safety, wanted: str | None) -> Safety:
    """The stricter of the service's own and the caller's."""
    return Safety.STRICT if Safety.STRICT in (ours, wanted) else Safety.MODERATE


def version_of(identity: ModelIdentity) -> str:
    """A name for weights: "fast@0123456789ab+style@ba9876543210"."""
    text = identity.name
    if identity.sha256:
        text += f"@{identity.sha256[:12]}"
    if identity.adapter:
        text += f"+{identity.adapter}"
        text += f"@{identity.adapter_sha256[:12]}" if identity.adapter_sha256 else ""
    return text
