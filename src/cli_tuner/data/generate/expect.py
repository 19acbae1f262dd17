"""Whether a run did what its intent expects. The notation is in docs/GENERATOR.md.

Expressions are Python over the tree as it was before the command: they come with the package, as
its code does, and see nothing but the names below.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from cli_tuner.data.generate.render import Rendered
from cli_tuner.errors import IntentError
from cli_tuner.sandbox import Change, Node, Run
from cli_tuner.sandbox.tree import absolute

CHANGES = ("created", "deleted", "modified", "mode", "link", "touched")
KEYS = ("out lines has hasnt match count value paths names under by same status stderr changes "
        "content then " + " ".join(CHANGES)).split()  # fmt: skip
OF_A_PATH = (
    "path name stem ext rel depth parent kind size mode perm age days minutes mtime target linked "
    "text lines md5"
).split()
SAFE = {
    each.__name__: each
    for each in (
        *(abs, all, any, bool, chr, dict, divmod, enumerate, filter, float, int, isinstance, len),
        *(list, map, max, min, next, ord, range, repr, reversed, round, set, sorted, str, sum),
        *(tuple, zip),
    )
}


class Seen:
    """One path of the tree before the command, as expressions see it."""

    def __init__(self, node: Node, top: str, now: float) -> None:
        self.path = node.path
        self.name = node.path.rsplit("/", 1)[-1]
        self.stem, dot, self.ext = self.name.rpartition(".")
        if not dot or not self.stem:
            self.stem, self.ext = self.name, ""
        self.rel = node.path.removeprefix(top).lstrip("/")
        self.depth = self.rel.count("/") + 1 if self.rel else 0
        self.parent = node.path.rpartition("/")[0]
        self.kind = {"file": "f", "dir": "d", "link": "l", "hard": "f"}[node.kind]
        self.size, self.mode, self.target = node.size, node.mode, node.target
        self.perm = f"{node.mode:o}"
        self.mtime = node.mtime
        self.age = now - node.mtime
        self.days = int(self.age // 86400)
        self.minutes = self.age / 60
        self.linked = node.linked
        self.node = node

    @property
    def text(self) -> str:
        """The content."""
        return self.node.content.decode(errors="replace")

    @property
    def lines(self) -> list[str]:
        """The content, by lines."""
        return self.text.splitlines()

    @property
    def md5(self) -> str:
        """MD5 of the content, as md5sum prints it."""
        return hashlib.md5(self.node.content, usedforsecurity=False).hexdigest()

    @property
    def sha256(self) -> str:
        """SHA-256 of the content, as sha256sum prints it."""
        return hashlib.sha256(self.node.content).hexdigest()


class Checker:
    """One run against one expectation."""

    def __init__(self, made: Rendered, run: Run, before: Mapping[str, Node], now: float) -> None:
        self.made, self.run, self.now = made, run, now
        self.expect = made.intent.expect
        self.out = run.stdout.decode(errors="replace")
        given = self.expect.get("under")
        if given is None:
            given = "{dir.raw}" if "dir" in made.values else "."
        self.top = absolute(made.fill(str(given)))
        inside = self.top.rstrip("/") + "/"
        self.nodes = [
            Seen(node, self.top, now)
            for path, node in sorted(before.items())
            if path == self.top or path.startswith(inside)
        ]
        self.before = before

    def problems(self) -> Iterator[str]:
        """One sentence for everything that is not as expected."""
        if not self.run.changes_known:
            yield f"it was ended by {self.run.stopped or 'its own kill'}"
            return
        status = int(self.expect.get("status", 0))
        if self.run.status != status:
            yield f"status {self.run.status}, not {status}; {self._stderr()}"
        elif self.run.stderr and self.expect.get("stderr") != "any" and not status:
            yield f"standard error: {self._stderr()}"
        for key, judge in _JUDGES.items():
            if key in self.expect:
                yield from judge(self, self.expect[key])
        yield from self._changes()

    def _stderr(self) -> str:
        return self.run.stderr.decode(errors="replace").strip()[:200]

    def value(self, expression: str, node: Seen | None = None) -> Any:
        """A Python expression, with the slots of the request written into it first."""
        names: dict[str, Any] = {
            "__builtins__": SAFE,
            "re": re,
            "nodes": self.nodes,
            "files": [each for each in self.nodes if each.kind == "f"],
            "dirs": [each for each in self.nodes if each.kind == "d"],
            "text": lambda path: self._file(path).text,
            "lines": lambda path: self._file(path).lines,
            "file": self._file,
            "out": self.out,
            "slot": self.made.slot,
            "today": lambda form: time.strftime(form, time.gmtime(self.now)),
        }
        if node is not None:
            names |= {name: getattr(node, name) for name in OF_A_PATH}
        text = self.made.fill(expression)
        try:
            return eval(text, names)  # noqa: S307 - the package's own data
        except Exception as error:  # noqa: BLE001 - whatever it raises, it is the intent that is wrong
            raise IntentError(f"expression {text}: {type(error).__name__}: {error}") from None

    def _file(self, path: str) -> Seen:
        return Seen(self.before[absolute(path)], self.top, self.now)

    def _that(self, expression: str) -> list[Seen]:
        """The paths below the directory for which the expression holds."""
        return [node for node in self.nodes if self.value(expression, node)]

    def _chosen(self, expression: str) -> tuple[list[Seen], list[str]]:
        """The same in order, and why the tree could not tell a wrong command from a right one."""
        chosen = self._that(expression)
        weak = []
        if not chosen:
            weak.append(f"the tree is too weak: nothing is {self.made.fill(expression)}")
        if len(chosen) == len(self.nodes):
            weak.append(f"the tree is too weak: everything is {self.made.fill(expression)}")
        if by := self.expect.get("by"):
            chosen.sort(key=lambda node: self.value(by, node))
        return chosen, weak

    def _lines(self) -> list[str]:
        """Standard output by lines."""
        return self.out.splitlines()

    def _paths(self, expression: str) -> Iterator[str]:
        chosen, weak = self._chosen(expression)
        yield from weak
        found = [absolute(line) for line in self._lines()]
        yield from self._compared(found, [node.path for node in chosen])

    def _names(self, expression: str) -> Iterator[str]:
        chosen, weak = self._chosen(expression)
        yield from weak
        found = [line.rstrip("/").rsplit("/", 1)[-1] for line in self._lines()]
        yield from self._compared(found, [node.name for node in chosen])

    def _compared(self, found: list[str], wanted: list[str]) -> Iterator[str]:
        if "by" not in self.expect:
            found, wanted = sorted(found), sorted(wanted)
        if found != wanted:
            yield f"printed {found}, expected {wanted}"

    def _changes(self) -> Iterator[str]:
        if self.expect.get("changes") == "any":
            return
        for what in CHANGES:
            changed = [each for each in self.run.changes if each.what == what]
            if what in self.expect:
                yield from self._declared(what, changed)
            elif what not in {"touched", "link"} and changed:
                yield f"{what} {[each.path for each in changed]}, which is not expected"

    def _declared(self, what: str, changed: list[Change]) -> Iterator[str]:
        given = self.expect[what]
        paths = [each.path for each in changed]
        wanted = [absolute(path) for path in self._named(given)]
        if not wanted and given != []:
            yield f"the tree is too weak: nothing is to be {what}"
        for path in wanted:
            if path not in paths:
                yield f"{path} is not {what}"
        for path in paths:
            above = any(path.startswith(each + "/") for each in wanted)
            if path not in wanted and not (above and not isinstance(given, str)):
                yield f"{path} is {what}, which is not expected"
        if isinstance(given, Mapping):
            yield from self._details(what, given, changed)

    def _named(self, given: Any) -> list[str]:
        if isinstance(given, str):
            if given.startswith("="):
                return list(self.value(given[1:]))
            return [node.path for node in self._that(given)]
        return [self.made.fill(str(path)) for path in given]

    def _details(self, what: str, given: Mapping[str, Any], changed: list[Change]) -> Iterator[str]:
        found = {each.path: each for each in changed}
        for name, wanted in given.items():
            path = absolute(self.made.fill(str(name)))
            if wanted is None or path not in found:
                continue
            if what == "mode":
                mode = f"{found[path].mode:o}"
                if mode != self.made.fill(str(wanted)):
                    yield f"{path} has mode {mode}, not {self.made.fill(str(wanted))}"
            else:
                yield from self._holds(path, wanted)

    def _content(self, given: Mapping[str, Any]) -> Iterator[str]:
        for name, wanted in given.items():
            yield from self._holds(absolute(self.made.fill(str(name))), wanted)

    def _holds(self, path: str, wanted: Any) -> Iterator[str]:
        node = self.run.after.get(path)
        if node is None:
            yield f"{path} is not there"
            return
        if node.kind == "link":
            found = f"-> {node.target}"
        else:
            found = node.content.decode(errors="replace")
        right = self._text(wanted)
        if found.rstrip("\n") != right.rstrip("\n"):
            yield f"{path} holds {found[:300]!r}, not {right[:300]!r}"

    def _text(self, wanted: Any) -> str:
        """A text as it is given, or after `=` the value of an expression; lists are lines."""
        text = str(wanted)
        value = self.value(text[1:]) if text.startswith("=") else self.made.fill(text)
        if isinstance(value, (list, tuple)):
            return "\n".join(str(each) for each in value)
        return str(value)

    def _out_is(self, wanted: Any) -> Iterator[str]:
        right = self._text(wanted)
        if self.out.rstrip("\n") != right.rstrip("\n"):
            yield f"printed {self.out[:300]!r}, expected {right[:300]!r}"

    def _value_is(self, expression: str) -> Iterator[str]:
        yield from self._out_is(f"={expression}")

    def _lines_are(self, wanted: Any) -> Iterator[str]:
        given = self._text(wanted).split("\n") if isinstance(wanted, str) else [
            self.made.fill(str(each)) for each in wanted]  # fmt: skip
        if sorted(self._lines()) != sorted(given):
            yield f"printed the lines {sorted(self._lines())}, expected {sorted(given)}"

    def _has(self, wanted: Any) -> Iterator[str]:
        for each in [wanted] if isinstance(wanted, str) else wanted:
            if self._text(each) not in self.out:
                yield f"{self._text(each)!r} is not in {self.out[:300]!r}"

    def _hasnt(self, wanted: Any) -> Iterator[str]:
        for each in [wanted] if isinstance(wanted, str) else wanted:
            if self._text(each) in self.out:
                yield f"{self._text(each)!r} is in {self.out[:300]!r}"

    def _match(self, pattern: str) -> Iterator[str]:
        if not re.search(self.made.fill(pattern), self.out, re.MULTILINE):
            yield f"{self.made.fill(pattern)} does not match {self.out[:300]!r}"

    def _count(self, wanted: Any) -> Iterator[str]:
        right = int(self.value(str(wanted)))
        if len(self._lines()) != right:
            yield f"printed {len(self._lines())} lines, expected {right}: {self.out[:200]!r}"

    def _then(self, given: Any) -> Iterator[str]:
        """After the run: a command that must succeed, or commands with what they print."""
        if self.run.probe_status:
            yield f"afterwards {given} fails: {self.run.probe.decode(errors='replace')[:200]}"
        elif isinstance(given, Mapping):
            found = self.run.probe.decode(errors="replace").split(MARK)
            for (command, wanted), said in zip(given.items(), found, strict=False):
                if said.strip() != self._text(wanted).strip():
                    yield f"afterwards {command} prints {said.strip()!r}, not {wanted!r}"


MARK = "\n\x1e"

_JUDGES: Mapping[str, Callable[[Checker, Any], Iterator[str]]] = {
    "out": Checker._out_is,
    "value": Checker._value_is,
    "lines": Checker._lines_are,
    "has": Checker._has,
    "hasnt": Checker._hasnt,
    "match": Checker._match,
    "count": Checker._count,
    "paths": Checker._paths,
    "names": Checker._names,
    "content": Checker._content,
    "then": Checker._then,
}


def probe(made: Rendered) -> str:
    """What to run after the command, for `then`."""
    given = made.intent.expect.get("then", "")
    if isinstance(given, str):
        return made.fill(given)
    return "\n".join(f"{made.fill(str(each))}\nprintf '{MARK}'" for each in given) + "\ntrue"


__all__ = ["KEYS", "Checker", "probe"]
