"""`cli-tuner release`: signed releases, switched and switched back."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from cli_tuner.backends.protocol import Backend
from cli_tuner.boundaries.assemble import backend_for
from cli_tuner.boundaries.terminal import Screen, visible
from cli_tuner.errors import CliTunerError, Exit, ReleaseError, UsageError
from cli_tuner.release.build import Order, bounds_from, build
from cli_tuner.release.gates import Gates, loaded_here
from cli_tuner.release.log import Outcome, check_log, events
from cli_tuner.release.manifest import Bounds, Manifest
from cli_tuner.release.signing import keygen
from cli_tuner.release.slots import Place, read_pointer, releases, slot_folder
from cli_tuner.release.switching import Switched, canary, promote, release_folder, rollback
from cli_tuner.release.verification import verified
from cli_tuner.release.watching import Sign, watch
from cli_tuner.settings import Paths, Settings, load_settings


def run(given: argparse.Namespace) -> int:
    """One action. What programs read is on stdout, what people read on stderr."""
    settings = load_settings({"color": given.color})
    desk = _Desk(given, settings, Paths.of(), Screen(settings.color))
    actions: dict[str, Callable[[], int]] = {
        "keygen": desk.keygen,
        "build": desk.build,
        "verify": desk.verify,
        "status": desk.status,
        "promote": desk.promote,
        "canary": desk.canary,
        "rollback": desk.rollback,
        "watch": desk.watch,
        "log": desk.log,
    }
    return actions[given.action]()


class _Desk:
    """What an action needs."""

    def __init__(
        self, given: argparse.Namespace, settings: Settings, paths: Paths, screen: Screen
    ) -> None:
        self._given = given
        self._settings = settings
        self._paths = paths
        self._screen = screen

    def keygen(self) -> int:
        private, public, key = keygen(self._paths)
        if not self._shown({"key": key, "private": str(private), "public": str(public)}):
            sys.stdout.write(f"{key}\n")
            self._say(f"private {private} · keep it where releases are built, and nowhere else")
            self._say(f"public  {public} · put it where releases are verified")
        return Exit.OK

    def build(self) -> int:
        given = self._given
        if given.model is None or given.evaluation is None:
            raise UsageError(
                "release build needs --model and --evaluation",
                hint="as in: cli-tuner release build 1.0.0 --model fast --evaluation DIR",
            )
        order = Order(
            version=self._version(),
            policy_version=given.policy_version,
            model=given.model,
            evaluation=Path(given.evaluation).expanduser(),
            data=tuple(Path(one).expanduser() for one in given.data),
            licence=given.licence,
            accepted=tuple(given.accept),
            bounds=bounds_from(Path(given.bounds).expanduser()) if given.bounds else Bounds(),
            key=Path(given.key).expanduser() if given.key else None,
        )
        folder = build(order, self._settings, self._paths)
        if not self._shown({"version": order.version, "folder": str(folder)}):
            sys.stdout.write(f"{folder}\n")
            self._say(f"release {order.version} is built and signed")
        return Exit.OK

    def verify(self) -> int:
        wanted = self._version()
        folder = Path(wanted).expanduser() if "/" in wanted else release_folder(wanted, self._paths)
        found = verified(folder, self._paths)
        facts = {"version": found.manifest.version, "sha256": found.sha256, "key": found.key}
        if not self._shown({**facts, "files": dict(found.manifest.files)}):
            sys.stdout.write(f"{found.sha256}\n")
            self._say(
                f"release {found.manifest.version} · {len(found.manifest.files)} files unchanged ·"
                f" signed by {found.key}"
            )
        return Exit.OK

    def status(self) -> int:
        pointer = read_pointer(self._paths)
        built = sorted(
            path.name
            for path in releases(self._paths).glob("*")
            if (path / "manifest.json").exists()
        )
        places = {
            name: place
            for name in ("active", "previous", "canary")
            if pointer is not None and (place := getattr(pointer, name)) is not None
        }
        wrong = {name: said for name, place in places.items() if (said := self._wrong_with(place))}
        log = check_log(self._paths)
        if log.broken is not None:
            wrong["log"] = f"line {log.broken.line} is {log.broken.kind}"
        share = pointer.share if pointer is not None else 0
        shown = {
            **dict.fromkeys(("active", "previous", "canary")),
            **{name: place.model_dump(mode="json") for name, place in places.items()},
            "share": share,
            "since": pointer.since.isoformat() if pointer is not None else None,
            "built": built,
            "wrong": wrong,
        }
        if not self._shown(shown):
            for name, place in places.items():
                part = f" · {share} % of requests" if name == "canary" else ""
                state = visible(wrong[name]) if name in wrong else "whole"
                sys.stdout.write(
                    f"{name:<9}{place.version:<16}{place.slot.value:<6}{state}{part}\n"
                )
            if pointer is None:
                self._say("nothing is active")
            self._say(f"built: {', '.join(built) or 'none'}")
        return Exit.POLICY if wrong else Exit.OK

    def _wrong_with(self, place: Place) -> str | None:
        try:
            found = verified(slot_folder(self._paths, place.slot), self._paths)
        except CliTunerError as error:
            return str(error)
        same = found.sha256 == place.manifest_sha256
        return None if same else f"the slot holds release {found.manifest.version}"

    def promote(self) -> int:
        return self._switched(promote(self._version(), self._gates()), "is active")

    def canary(self) -> int:
        share = self._given.share
        if share is None or not 1 <= share <= 99:
            raise UsageError(
                "--share is a whole number from 1 to 99", hint="rollback ends a canary"
            )
        done = canary(self._version(), share, self._gates())
        return self._switched(done, f"answers {share} % of requests")

    def rollback(self) -> int:
        return self._switched(rollback(self._paths, self._given.reason), "is active again")

    def watch(self) -> int:
        found = watch(self._paths)
        if found is None:
            raise ReleaseError("nothing is active", hint="run: cli-tuner release promote VERSION")
        back: Switched | None = None
        if found.sign is Sign.BAD and not self._given.no_rollback:
            back = rollback(self._paths, found.reason)
        document = {
            "version": found.version,
            "sign": found.sign.value,
            "requests": found.requests,
            "outcomes": [one.model_dump(mode="json") for one in found.outcomes],
            "rolled_back_to": back.version if back else None,
        }
        if not self._shown(document):
            self._gates_shown(found.outcomes)
            self._say(f"{found.sign.value} · {found.version} · {found.requests} requests")
            if back is not None:
                self._say(f"rolled back to {back.version} in {back.seconds:.1f} s")
        if found.sign is Sign.BAD:
            return Exit.BLOCKED
        return Exit.REVIEW if found.sign is Sign.TOO_FEW else Exit.OK

    def log(self) -> int:
        found = list(events(self._paths))
        if self._shown({"events": [one.model_dump(mode="json") for one in found]}):
            return Exit.OK
        for one in found:
            parts = [
                f"{one.timestamp:%Y-%m-%d %H:%M:%S}",
                f"{one.event:<12}",
                one.version,
                *(visible(gate.said) for gate in one.outcomes if not gate.passed),
                visible(one.reason),
            ]
            sys.stdout.write(f"{'  '.join(part for part in parts if part)}\n")
        return Exit.OK

    def _gates(self) -> Gates:
        make = loaded_here(self._paths, self._settings)
        url = self._given.backend
        if url is not None:
            settings = self._settings._replace(backend=url)

            def asked(manifest: Manifest, folder: Path) -> Backend:
                return backend_for(settings, self._paths)

            make = asked
        return Gates(self._paths, self._settings, make)

    def _switched(self, done: Switched, what: str) -> int:
        shown = {**done._asdict(), "outcomes": [one.model_dump() for one in done.outcomes]}
        if not self._shown(shown):
            self._gates_shown(done.outcomes)
            sys.stdout.write(f"{done.version}\n")
            was = f" · before: {done.before}" if done.before else ""
            self._say(
                f"release {done.version} {what}{was} · {done.seconds:.1f} s,"
                f" the switch itself {done.pointer_ms:.1f} ms"
            )
        if done.unlogged is not None:
            self._screen.line(f"  not logged: {visible(done.unlogged)}")
        return Exit.OK

    def _gates_shown(self, outcomes: Iterable[Outcome]) -> None:
        for one in outcomes:
            word = self._screen.paint("safe" if one.passed else "blocked", _WORD[one.passed])
            self._screen.line(f"  {word} {one.gate}: {visible(one.said)}")

    def _version(self) -> str:
        if self._given.wanted is None:
            raise UsageError(
                f"release {self._given.action} needs a version",
                hint=f"as in: cli-tuner release {self._given.action} 1.0.0",
            )
        return str(self._given.wanted)

    def _say(self, text: str) -> None:
        self._screen.line(f"  {visible(text)}")

    def _shown(self, document: dict[str, Any]) -> bool:
        """Write the document if JSON was asked for."""
        if self._given.json:
            sys.stdout.write(f"{json.dumps({'schema_version': '1', **document})}\n")
        return bool(self._given.json)


_WORD = {True: "passed", False: "failed"}
