"""Promote, try on a share, and go back.

Each is a few steps of which one, a rename, is the switch. The gates take minutes and are run
before the lock is taken, so that a rollback never waits for them; what they looked at is verified
once more in its slot.
"""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NamedTuple

from cli_tuner.errors import JournalError, ReleaseError, SignatureError
from cli_tuner.release.gates import Gates
from cli_tuner.release.log import Outcome, PromotionRecord, keep
from cli_tuner.release.slots import (
    Place,
    Pointer,
    Slot,
    fill,
    read_pointer,
    releases,
    slot_folder,
    switching,
    write_pointer,
)
from cli_tuner.release.verification import Verified, verified
from cli_tuner.settings import Paths

_PATIENCE_S = 120.0
"""How long a rollback waits for a promotion that is filling its slot."""


class Switched(NamedTuple):
    """A switch that is done. `seconds` is all of it, `pointer_ms` the moment of the switch."""

    version: str
    before: str | None
    outcomes: tuple[Outcome, ...]
    seconds: float
    pointer_ms: float
    unlogged: str | None = None
    """Why the log could not be written, if it could not."""


def release_folder(version: str, paths: Paths) -> Path:
    """Where `release build` put a version. Raises ReleaseError if it is no such name."""
    if "/" in version or version.startswith("."):
        raise ReleaseError(f'"{version}" is not a version', hint="see: cli-tuner release status")
    return releases(paths) / version


def gated(version: str, gates: Gates) -> tuple[Verified, tuple[Outcome, ...]]:
    """A release that passed every gate. What was found is in the promotion log, either way.

    Raises ReleaseError, or SignatureError, with what was not passed.
    """
    paths = gates.paths
    began = time.perf_counter()
    folder = release_folder(version, paths)
    if not folder.is_dir():
        raise ReleaseError(f"there is no release {version}", hint="see: cli-tuner release status")
    release, found = gates.run(folder)
    if release is not None and release.manifest.version != version:
        said = f"the folder {version} holds release {release.manifest.version}"
        release, found = None, [Outcome(gate="signature", passed=False, said=said)]
    failed = [one for one in found if not one.passed]
    keep(
        paths,
        PromotionRecord(
            timestamp=datetime.now(UTC),
            event="refused" if failed else "gated",
            version=version,
            manifest_sha256=release.sha256 if release is not None else None,
            outcomes=tuple(found),
            seconds=round(time.perf_counter() - began, 3),
        ),
    )
    if release is None:
        raise SignatureError(f"release {version} is not promoted: {failed[0].said}")
    if failed:
        said = "; ".join(f"{one.gate}: {one.said}" for one in failed)
        raise ReleaseError(f"release {version} is not promoted: {said}")
    return release, tuple(found)


def promote(version: str, gates: Gates) -> Switched:
    """Make a release the active one, once it passed every gate.

    A canary that is this very release keeps its slot and becomes the active one. Raises what
    `gated` raises; what was active is active then.
    """
    began = time.perf_counter()
    release, outcomes = gated(version, gates)
    with _Switch(gates.paths, began) as switch:
        before = switch.before
        place = _settled(release, before, gates.paths)
        previous = None
        if before is not None:
            same = before.active.slot is place.slot
            previous = before.previous if same else before.active
        pointer = Pointer(active=place, previous=previous, since=datetime.now(UTC))
        return switch.to(pointer, "promoted", place, outcomes=outcomes)


def canary(version: str, share: int, gates: Gates) -> Switched:
    """Let a release answer `share` percent of requests. The same gates as for `promote`.

    It takes the slot of the release before the active one. Raises ReleaseError if nothing is active
    yet, or if this release is.
    """
    began = time.perf_counter()
    before = read_pointer(gates.paths)
    if before is None:
        raise ReleaseError("nothing is active yet", hint="promote a release first")
    if version == before.active.version:
        raise ReleaseError(f"release {version} is active", hint="give another version")
    release, outcomes = gated(version, gates)
    with _Switch(gates.paths, began) as switch:
        if switch.before is None or switch.before.active != before.active:
            raise ReleaseError("another release became active meanwhile", hint="try again")
        place = _settled(release, switch.before, gates.paths)
        pointer = Pointer(active=before.active, canary=place, share=share, since=datetime.now(UTC))
        return switch.to(pointer, "canary", place, outcomes=outcomes, share=share)


def rollback(paths: Paths, reason: str = "") -> Switched:
    """Go back: end the canary if there is one, else to the release that was active before.

    Nothing of the active release is read, so it may be broken. What is gone back to is verified.
    There is no way back from a way back: going forward again is a promotion, with its gates.
    Raises ReleaseError if there is nothing to go back to, SignatureError if it was changed.
    """
    began = time.perf_counter()
    with _Switch(paths, began, wait_s=_PATIENCE_S) as switch:
        before = switch.before
        if before is None:
            raise ReleaseError("nothing is active", hint="run: cli-tuner release promote VERSION")
        if before.canary is not None:
            pointer = Pointer(active=before.active, since=datetime.now(UTC))
        elif before.previous is None:
            raise ReleaseError("there is no release to go back to", hint="promote one that is good")
        else:
            _check_place(before.previous, paths)
            pointer = Pointer(active=before.previous, since=datetime.now(UTC))
        return switch.to(pointer, "rolled_back", pointer.active, reason=reason)


class _Switch:
    """The lock, what was in force when it was taken, and the one step that changes it."""

    def __init__(self, paths: Paths, began: float, *, wait_s: float = 0.0) -> None:
        self._paths = paths
        self._began = began
        self._lock = switching(paths, wait_s)
        self.before: Pointer | None = None

    def __enter__(self) -> _Switch:
        self._lock.__enter__()
        try:
            self.before = read_pointer(self._paths)
        except BaseException:
            self._lock.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *ended: object) -> None:
        self._lock.__exit__(None, None, None)

    def to(
        self,
        pointer: Pointer,
        event: Literal["promoted", "canary", "rolled_back"],
        place: Place,
        *,
        outcomes: tuple[Outcome, ...] = (),
        **said: int | str,
    ) -> Switched:
        """Switch, and say so in the log; a log that cannot be written undoes nothing."""
        moment = time.perf_counter()
        write_pointer(self._paths, pointer)
        ended = time.perf_counter()
        was = self.before.active.version if self.before is not None else None
        record = PromotionRecord.model_validate(
            {
                "timestamp": datetime.now(UTC),
                "event": event,
                "version": place.version,
                "manifest_sha256": place.manifest_sha256,
                "before": was,
                "seconds": round(ended - self._began, 3),
                **said,
            }
        )
        try:
            keep(self._paths, record)
            unlogged = None
        except JournalError as error:
            unlogged = str(error)
        pointer_ms = round((ended - moment) * 1000, 3)
        return Switched(place.version, was, outcomes, record.seconds, pointer_ms, unlogged)


def _check_place(place: Place, paths: Paths) -> None:
    found = verified(slot_folder(paths, place.slot), paths)
    if found.sha256 != place.manifest_sha256:
        raise SignatureError(f"the slot {place.slot} holds another release than {place.version}")


def _settled(release: Verified, before: Pointer | None, paths: Paths) -> Place:
    """The release in the slot that is not active, verified there; the slot that it is in already.

    The pointer first forgets what the slot held: it never names a slot that is being written to.
    """
    for place in (before.active, before.canary) if before is not None else ():
        if place is not None and place.manifest_sha256 == release.sha256:
            with suppress(ReleaseError):  # what is broken there is put into the other slot anew
                _check_place(place, paths)
                return place
    slot = before.active.slot.other if before is not None else Slot.BLUE
    if before is not None and (before.previous, before.canary) != (None, None):
        write_pointer(paths, Pointer(active=before.active, since=before.since))
    fill(paths, slot, release.folder, release.names)
    place = Place(slot=slot, version=release.manifest.version, manifest_sha256=release.sha256)
    _check_place(place, paths)
    return place
