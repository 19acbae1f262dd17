"""Whether a command does what a task asks, by its outcome.

The task's references run on its tree; a candidate passes if it changes the same files as one of
them and prints the same, as far as the task looks at that (`see`). On a tree made for the task
every reference has an outcome, so a candidate that needs a network or a person there is wrong: only
a program that is not on this machine makes a task undecidable. A reference that prints nothing asks
for files only, and a candidate may report what it does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from cli_tuner.evaluate.execution.judge import Judgement, without_sudo
from cli_tuner.evaluate.execution.needs import lacks_a_program, need_said
from cli_tuner.evaluate.execution.observed import Observed, View, needs_a_look, observe
from cli_tuner.evaluate.execution.task import See, Task
from cli_tuner.evaluate.execution.text import order_counts, shown_lines
from cli_tuner.sandbox import HOME, image
from cli_tuner.shell import syntax_error_in

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def check(task: Task, candidate: str | None) -> Judgement:
    """Whether the candidate's outcome is one of the accepted ones: equivalent, or different.

    Raises SandboxMissing where nothing can be isolated, and ConfigError for a tree that cannot
    be made.
    """
    return Checker(task).check(candidate)


class Checker:
    """One task with its tree made; what its references do is found out once."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self._start = image(task.file_tree())
        self._wanted: dict[tuple[str, View], Observed] = {}
        top = f"{HOME}/"
        names = {path.rpartition("/")[2] for path in self._start.before if path.startswith(top)}
        self._names = tuple(sorted(names, key=lambda name: (-len(name), name)))

    def check(self, candidate: str | None) -> Judgement:
        """As the function of this name."""
        if candidate is None:
            return Judgement("different", "no command")
        if problem := syntax_error_in(candidate):
            return Judgement("different", f"not valid bash: {problem}")
        look = needs_a_look(candidate, *self._described())
        got: dict[bool, Observed] = {}
        absent = None
        for reference in self.task.references:
            view = View(ordered=order_counts(reference, self.task.query), look=look)
            wanted = self._reference(reference, view)
            if need := need_said(wanted):
                absent = f"the reference {need}"
                continue
            if view.ordered not in got:
                got[view.ordered] = self._observed(candidate, view)
            if self._same(wanted, got[view.ordered], ordered=view.ordered):
                return Judgement("equivalent", "the outcome that was asked for", 1)
        if not got:
            return Judgement("undecidable", absent or "there is no reference")
        return _failed(next(iter(got.values())))

    def _described(self) -> list[str]:
        task = self.task
        return [*task.references, *task.setup, *(line for line, _ in task.tree)]

    def _reference(self, reference: str, view: View) -> Observed:
        if (reference, view) not in self._wanted:
            self._wanted[reference, view] = self._observed(reference, view)
        return self._wanted[reference, view]

    def _observed(self, command: str, view: View) -> Observed:
        return observe(without_sudo(command), self._start, view)

    def _same(self, wanted: Observed, got: Observed, *, ordered: bool) -> bool:
        if got.stopped or not got.known:
            return False
        if wanted.effects != got.effects or wanted.looked != got.looked:
            return False
        if see := self.task.see:
            return see == "files" or self._seen(see, wanted) == self._seen(see, got)
        if not wanted.stdout.strip():
            return True
        see = "ordered" if ordered else "lines"
        return self._seen(see, wanted) == self._seen(see, got)

    def _seen(self, see: See, done: Observed) -> object:
        return SEEN[see](done.stdout, self._names)


def _failed(got: Observed) -> Judgement:
    need = need_said(got)
    if lacks_a_program(need):
        return Judgement("undecidable", f"the candidate {need}")
    if need:
        return Judgement("different", f"the candidate {need}", 1)
    if got.effects:
        changed = sorted(f"{each.what} {each.path}" for each in got.effects)
        return Judgement("different", f"another outcome: {', '.join(changed[:3])}", 1)
    shown = " / ".join(shown_lines(got.stdout))[:80]
    return Judgement("different", f"another outcome: prints {shown!r}", 1)


def _lines(raw: bytes, _names: tuple[str, ...]) -> object:
    return shown_lines(raw, ordered=False)


def _ordered(raw: bytes, _names: tuple[str, ...]) -> object:
    return shown_lines(raw)


def _words(raw: bytes, _names: tuple[str, ...]) -> object:
    return b" ".join(raw.split())


def _numbers(raw: bytes, names: tuple[str, ...]) -> object:
    text = raw.decode(errors="replace")
    for name in names:
        text = text.replace(name, " ")
    return [float(each) for each in _NUMBER.findall(text)]


def _named(raw: bytes, names: tuple[str, ...]) -> object:
    return sorted(set(_mentioned(raw, names)))


def _named_in_order(raw: bytes, names: tuple[str, ...]) -> object:
    return list(dict.fromkeys(_mentioned(raw, names)))


def _mentioned(raw: bytes, names: tuple[str, ...]) -> Iterator[str]:
    """The base names of the tree in an output, in order; the longest where one is in another."""
    pattern = "|".join(re.escape(name) for name in names) or "(?!)"
    for found in re.finditer(rf"(?<![\w.-])(?:{pattern})(?![\w-])", raw.decode(errors="replace")):
        yield found[0]


SEEN: dict[See, Callable[[bytes, tuple[str, ...]], object]] = {
    "lines": _lines,
    "ordered": _ordered,
    "words": _words,
    "numbers": _numbers,
    "names": _named,
    "names in order": _named_in_order,
}
"""How an output is looked at, by the task's `see`."""
