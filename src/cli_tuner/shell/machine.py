"""The state of one abstract run: where we are, what is known, and what has happened so far.

`effects.Interpreter` moves it; programs reach it through their `Call`.
"""

from __future__ import annotations

import re
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cli_tuner.records.verdict import Certainty, Effect, EffectKind, Span
from cli_tuner.shell.labels import HOST_VIEWS, SERIOUS, labels_of
from cli_tuner.shell.nodes import Function, Node, ProcessSub, Range
from cli_tuner.shell.paths import PROJECT, place_of, resolved, wildness
from cli_tuner.shell.scope import Scope
from cli_tuner.shell.values import EMPTY, HOLE, QUERY, STAR, UNKNOWN, Value, concatenated, shown
from cli_tuner.shell.words import Field

if TYPE_CHECKING:
    from collections.abc import Iterator

EFFECTS_MAX = 120
TIME_MAX_S = 0.5
NOTHING_AT_ALL = Value(("",), frozenset({"void"}), "/dev/null")
_CARRIED = frozenset({"secret", "sensitive", "dump", "endless", "downloaded", "noise"})
SHELLS = frozenset({"sh", "bash", "zsh", "dash", "ksh", "ash", "fish"})


_OTHERS = re.compile(
    f"/root/|/(?:home|Users)/[{STAR}{QUERY}]|/proc/[\\d{STAR}{QUERY}]"
)  # homes that are not one's own


# A file whose name another program will take for an option that runs something.
OPTION_AS_NAME = re.compile(r"(?:^|/)--?(?:checkpoint-action=|to-command=|rsh=|use-compress|e sh )")


class OutOfBudget(Exception):
    """More steps, effects or time than a single command deserves."""


class Machine:
    """Variables, functions, files, the current folder, and the effects so far."""

    def __init__(self, start: str = PROJECT) -> None:
        self.effects: list[Effect] = []
        self.scope = Scope(self.substitute, self.process_substitution)
        self.cwd = start
        self.functions: dict[str, Function] = {}
        self.called: set[str] = set()
        self.aliases: dict[str, Value] = {}
        self.traps: list[str] = []
        self.files: dict[str, Value] = {}
        self.volumes: dict[str, str] = {}  # a container volume's name -> the host's folder
        self.mounts: list[str] = []  # where this text mounted a disk
        self.views: tuple[tuple[str, str], ...] = ()  # in a container: where it sees which folder
        self.descriptors: dict[str, Field] = {}
        self.inputs: set[str] = set()  # files that this command, or what it is piped from, reads
        self.upstream: set[str] = set()
        self.copies: dict[str, str] = {}  # copies of programs, and links to them
        self.unpacked: dict[str, str] = {}  # folders with what was fetched, and how it came
        self.moved: dict[str, str] = {}  # where to, where from
        self.staged: list[str] = []  # secrets that the next push of a repository takes along
        self.span = Range(0, 0)
        self.as_root = False
        self.via: tuple[str, ...] = ()
        self.certainty = Certainty.CERTAIN
        self.processes = 0  # processes forked around the current command
        self.conditions = 0  # conditions around the current command
        self.stack: list[tuple[str, int, int]] = []  # function, processes and conditions at entry
        self.endless = 0  # endless loops around the current command
        self.numerous = 0  # loops around it that go round more often than there may be processes
        self.busy = 0  # commands so far that never end and never wait
        self.nested = 0
        self.fixed: Range | None = None
        self._steps = 0
        self._deadline = time.monotonic() + TIME_MAX_S
        self._seen: set[tuple[object, ...]] = set()

    def substitute(self, body: Node) -> Value:
        """What a command substitution prints; the interpreter knows."""
        raise NotImplementedError

    def process_substitution(self, part: ProcessSub) -> Value:
        """What a process substitution is as a word; the interpreter knows."""
        raise NotImplementedError

    def written(self, utility: str, path: str, where: Field, content: Value, appends: bool) -> None:
        """Called after a file was written; the interpreter looks at what will run later."""
        raise NotImplementedError

    # --- contexts

    @contextmanager
    def subshell(self) -> Iterator[None]:
        """Changes to variables and to the current folder end with the block."""
        scope, cwd = self.scope, self.cwd
        before = dict(scope.variables), dict(scope.arrays), dict(scope.references)
        try:
            yield
        finally:
            scope.variables, scope.arrays, scope.references = before
            self.cwd = cwd

    @contextmanager
    def opening(self) -> Iterator[None]:
        """The block is one command; its files are open with those of what it is piped from."""
        outer, upstream = self.inputs, self.upstream
        self.inputs = set(upstream)
        try:
            yield
        finally:
            self.inputs |= outer
            self.upstream = upstream

    @contextmanager
    def stage(self) -> Iterator[None]:
        """Another process runs the block, beside the stages of the pipeline before it."""
        self.upstream = self.inputs
        with self.forked(), self.subshell():
            yield

    @contextmanager
    def forked(self, really: bool = True) -> Iterator[None]:
        """Another process runs the block."""
        self.processes += really
        try:
            yield
        finally:
            self.processes -= really

    @contextmanager
    def conditional(self, really: bool = True) -> Iterator[None]:
        """The block may not run."""
        self.conditions += really
        try:
            yield
        finally:
            self.conditions -= really

    @contextmanager
    def certainly(self, certainty: Certainty) -> Iterator[None]:
        """Effects of the block are this certain at most."""
        before, self.certainty = self.certainty, certainty
        try:
            yield
        finally:
            self.certainty = before

    @contextmanager
    def rooted(self, really: bool = True) -> Iterator[None]:
        """The block runs as root."""
        before, self.as_root = self.as_root, self.as_root or really
        try:
            yield
        finally:
            self.as_root = before

    def at(self, span: Range) -> None:
        """What follows happens at this place in the text."""
        self.span = self.fixed or span

    # --- effects

    def behind(self, path: str) -> str:
        """The path on the disk that is seen there, if it is a file that matters; else itself."""
        for there, host in self.views:
            if path == there or path.startswith(there + "/"):
                return resolved(host + path[len(there) :])
        for folder in (*HOST_VIEWS, *self.mounts):
            if path.startswith(folder + "/"):
                real = path[len(folder) :]
                return real if labels_of(real) & SERIOUS else path
        return path

    def emit(
        self,
        kind: EffectKind,
        utility: str,
        target: str | None,
        attributes: tuple[str, ...],
        certainty: Certainty = Certainty.CERTAIN,
    ) -> None:
        """Record an effect at the current command."""
        key = (kind, utility, target, attributes, self.as_root, self.via)
        if key in self._seen:
            return
        self._seen.add(key)
        if len(self.effects) >= EFFECTS_MAX:
            raise OutOfBudget
        if certainty is Certainty.CERTAIN:
            certainty = self.certainty
        self.effects.append(
            Effect(
                kind=kind,
                utility=shown(utility, 60),
                target=None if target is None else shown(target),
                certainty=certainty,
                as_root=self.as_root,
                via=tuple(shown(name, 60) for name in self.via),
                attributes=tuple(dict.fromkeys(attributes)),
                span=Span(start=self.span.start, end=self.span.end),
            )
        )

    def emit_path(
        self, kind: EffectKind, utility: str, where: Field, attributes: tuple[str, ...]
    ) -> None:
        """Record an effect on each path that a field can be."""
        for text in where.value.texts:
            path = resolved(text, self.cwd)
            if not path.isascii() and not where.raw.isascii():
                self._imitated(utility, text)
            place = place_of(path)
            labels = sorted(labels_of(self.behind(path)))
            whole = kind is EffectKind.MOVE or (
                kind is EffectKind.DELETE and "recursive" in attributes
            )
            if whole and "essential" not in labels and "essential" in labels_of(path + "/x"):
                labels.append("essential")
            extra = sorted(where.value.taints & {"filtered", "junk", "asks", "live"})
            if text.startswith("/proc/1/root"):
                # The first process's root; from a container that is the host's.
                self.emit(EffectKind.CONTAINER, utility, "/proc/1/root", ("escape",))
            others = _OTHERS.match(path) or "process" in where.value.taints
            if others and {"history", "environment"} & set(labels):
                extra.append("others")
            if "many" in where.value.taints:
                extra.append("recursive")
            extra += wildness(path)
            sure = Certainty.UNKNOWN if place == "unknown" else Certainty.CERTAIN
            target = where.raw if path.startswith(HOLE) and where.raw else path
            found = (*attributes, "at:" + place, *("is:" + label for label in labels), *extra)
            self.emit(kind, utility, target, found, sure)
            if kind is EffectKind.DELETE and self.moved:
                self._gone(utility, path, attributes)

    def _gone(self, utility: str, path: str, attributes: tuple[str, ...]) -> None:
        """What was moved below a path is deleted with it, wherever it came from."""
        for now, before in list(self.moved.items()):
            if now == path or now.startswith(path.rstrip("/") + "/"):
                del self.moved[now]
                where = Field(Value((before,)), self.span, before)
                self.emit_path(EffectKind.DELETE, utility, where, attributes)

    def _imitated(self, utility: str, text: str) -> None:
        from cli_tuner.shell.confusables import imitates_system_path

        looks = imitates_system_path(text)
        if looks:
            self.emit(EffectKind.EXECUTE, utility, looks, ("imitated",))

    def read_file(self, utility: str, where: Field, attributes: tuple[str, ...] = ()) -> Value:
        """A file is read. Its content, if the text made it; else its taints."""
        self.emit_path(EffectKind.READ, utility, where, attributes)
        path = resolved(where.text, self.cwd)
        self.inputs.add(path)
        if path in self.files:
            return self.files[path]
        if path == "/dev/null":
            return NOTHING_AT_ALL
        if place_of(path) == "net":
            return Value((HOLE,), frozenset({"downloaded", "network"}), path)
        labels = labels_of(self.behind(path)) & {"secret", "sensitive"}
        taints = set(labels) | {"file"}
        if place_of(path) == "device":
            taints.add("disk")
        if place_of(path) == "device" or (
            place_of(path) in ("home-root", "root") and utility not in ("rsync", "scp", "find")
        ):
            taints.add("sensitive")
        if "secret-file" in where.value.taints:
            taints.add("secret")
            self.emit(EffectKind.SECRET, utility, where.raw, ("found",))
        if "history" in labels_of(path):
            taints.add("recorded")
        taints |= where.value.taints & {"sensitive"}
        if path in ("/dev/zero", "/dev/urandom", "/dev/random", "/dev/full"):
            taints |= {"endless", "noise"}
        if path == "/dev/stdin":
            return UNKNOWN
        return Value((HOLE,), frozenset(taints), where.raw)

    def write_file(
        self, utility: str, where: Field, content: Value, attributes: tuple[str, ...] = ()
    ) -> None:
        """A file gets content: an effect, and known to whoever reads it later in the text."""
        if "typed" in content.taints and place_of(resolved(where.text, self.cwd)) != "harmless":
            self.emit(EffectKind.SECRET, utility, "a typed password", ("kept",))
        if "dumped" in content.taints and place_of(resolved(where.text, self.cwd)) != "harmless":
            self.emit(EffectKind.SECRET, utility, content.source, ("dump",))
        carried = sorted(content.taints & _CARRIED)
        if not any(content.texts) and "append" not in attributes:
            attributes = (*attributes, "emptied")
        self.emit_path(
            EffectKind.WRITE, utility, where, (*attributes, *("carries:" + t for t in carried))
        )
        if self.endless and (HOLE in where.text or "raw" in attributes):
            # One more file each time round, and nothing that ends it.
            self.emit(EffectKind.RESOURCE, utility, where.raw or where.text, ("disk",))
        self.busy += "endless" in carried
        if OPTION_AS_NAME.search(where.text):
            self.emit(EffectKind.PRIVILEGE, utility, "whoever uses * here", ("escape",))
        for text in where.value.texts:
            path = resolved(text, self.cwd)
            if place_of(path) == "net":
                self.send(utility, path, content)
                continue
            before = self.files.get(path, EMPTY) if "append" in attributes else EMPTY
            self.files[path] = concatenated([before, content]) if before is not EMPTY else content
            self.written(utility, self.behind(path), where, content, "append" in attributes)

    def send(self, utility: str, where: str, content: Value) -> None:
        """Something goes to a network socket: a shell's conversation, or data."""
        carried = sorted(content.taints & {"secret", "sensitive"})
        if utility in SHELLS or "shell" in content.taints:
            self.emit(EffectKind.REMOTE_SHELL, utility, where, ("reverse",))
        elif carried:
            found = tuple("carries:" + taint for taint in carried)
            self.emit(EffectKind.NETWORK_OUT, utility, where, found)
