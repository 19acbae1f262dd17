"""Do two commands do the same? Found out by running both.

Each command runs in a fresh sandbox on the same file tree, on several trees. Two commands are
`different` as soon as one tree tells them apart, and `equivalent` if none does and at least one
could have: there the reference printed or changed something. Everything else is `undecidable`,
with the reason: what the reference would need, that its own outcome is another each time, that it
does nothing on any tree, or that the candidate uses a program that is not here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from cli_tuner.errors import ConfigError
from cli_tuner.evaluate.execution.derive import worlds
from cli_tuner.evaluate.execution.needs import lacks_a_program, need_of, need_said
from cli_tuner.evaluate.execution.observed import Observed, View, needs_a_look, observe
from cli_tuner.evaluate.execution.text import order_counts, space_counts
from cli_tuner.sandbox import FileTree, Image, image
from cli_tuner.shell import syntax_error_in

Answer = Literal["equivalent", "different", "undecidable"]
_SUDO = re.compile(r"((?:^|[;&|(`]|\bxargs|\bdo|\bthen)\s*)(?:sudo|doas)(?:\s+-[EHnSki]+)*\s+(?!-)")


@dataclass(frozen=True)
class Judgement:
    """The answer with its reason, and the number of trees on which the two were compared."""

    answer: Answer
    reason: str
    trees: int = 0


@dataclass(frozen=True)
class _Pair:
    """Two commands and how their outcomes are looked at."""

    reference: str
    candidate: str
    view: View


def judge(
    reference: str, candidate: str, request: str = "", trees: tuple[FileTree, ...] = ()
) -> Judgement:
    """Whether the candidate does what the reference does, on these trees or on derived ones.

    A leading `sudo` is left out of both: nobody has privileges in the sandbox. The same text is
    judged as any other, so that what cannot be decided does not depend on how good an answer is.
    Raises SandboxMissing where nothing can be isolated.
    """
    reference, candidate = without_sudo(reference), without_sudo(candidate)
    if need := need_of(reference):
        return Judgement("undecidable", f"the reference {need}")
    if problem := syntax_error_in(candidate):
        return Judgement("different", f"not valid bash: {problem}")
    view = View(
        ordered=order_counts(reference, request),
        exact=space_counts(reference),
        look=needs_a_look(reference, candidate),
    )
    pair = _Pair(reference, candidate, view)
    return _on_all(pair, trees or worlds(reference, candidate))


def without_sudo(command: str) -> str:
    """The command as its own user would run it."""
    return _SUDO.sub(r"\1", command)


def _on_all(pair: _Pair, trees: tuple[FileTree, ...]) -> Judgement:
    reasons: list[str] = []
    by_status: Judgement | None = None
    compared = telling = 0
    for tree in trees:
        try:
            found = _on_one(pair, image(tree))
        except ConfigError as error:
            reasons.append(f"a tree for it could not be made ({error.message[:60]})")
            continue
        if isinstance(found, str):
            reasons.append(found)
            continue
        compared += 1
        if found.answer == "equivalent":
            telling += found.trees
        elif found.trees:
            return replace(found, trees=compared)
        else:
            by_status = found
    if telling:
        return Judgement("equivalent", "the same outcome on every tree", compared)
    if by_status is not None:
        return replace(by_status, trees=compared)
    if compared:
        reasons.append("the reference does nothing that can be seen on any tree")
    return Judgement("undecidable", reasons[-1] if reasons else "there is no tree", compared)


def _on_one(pair: _Pair, start: Image) -> Judgement | str:
    """The judgement on one tree, or why this tree says nothing.

    `trees` is 0 where only the status could be compared, since the reference did nothing else.
    """
    wanted = observe(pair.reference, start, pair.view)
    if need := need_said(wanted):
        return f"the reference {need}"
    silent = not wanted.says_something
    if wanted.failed and silent and wanted.stderr:
        return f"the reference fails ({_first_line(wanted.stderr)})"
    if silent and pair.view.look:
        silent = observe("true", start, pair.view).looked == wanted.looked
    got = observe(pair.candidate, start, pair.view)
    if (difference := next(_differences(wanted, got), None)) is None:
        if silent and wanted.failed != got.failed:
            return Judgement("different", "fails" if got.failed else "does not fail", 0)
        return Judgement("equivalent", "", 0 if silent else 1)
    if any(_differences(wanted, observe(pair.reference, start, pair.view))):
        return "the reference's own outcome is another each time"
    need = need_said(got)
    if lacks_a_program(need):
        return Judgement("undecidable", f"the candidate {need}", 1)
    return Judgement("different", f"the candidate {need}" if need else difference, 1)


def _differences(wanted: Observed, got: Observed) -> Iterator[str]:
    """In words for a person; what is compared, in this order."""
    if got.stopped or not got.known:
        yield f"was stopped ({got.stopped or 'killed its own surroundings'})"
    if wanted.lines != got.lines:
        yield f"prints {_shown(got.lines)} and not {_shown(wanted.lines)}"
    if wanted.effects != got.effects:
        yield _changed_differently(wanted, got)
    if wanted.looked != got.looked:
        yield "archives, databases or repositories hold something else afterwards"


def _changed_differently(wanted: Observed, got: Observed) -> str:
    missing = sorted(f"{each.what} {each.path}" for each in wanted.effects - got.effects)
    added = sorted(f"{each.what} {each.path}" for each in got.effects - wanted.effects)
    said = [f"lacks: {missing[0]}"] if missing else []
    said += [f"has too much: {added[0]}"] if added else []
    return "changes the files differently; " + ", ".join(said)


def _shown(lines: tuple[str, ...]) -> str:
    text = " / ".join(lines)
    return f'"{text[:60]}…"' if len(text) > 60 else f'"{text}"'


def _first_line(text: str) -> str:
    return next(iter(text.strip().splitlines()), "no message")[:80]
