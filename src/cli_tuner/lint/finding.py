"""One file, judged: each reason with its place in the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from cli_tuner.errors import DataError
from cli_tuner.lint import dockerfile, makefile, workflow
from cli_tuner.lint.kinds import Kind, kind_of
from cli_tuner.lint.snippet import Position, Snippet, position_of
from cli_tuner.records.verdict import Reason, Verdict

FILE_MAX = 2 << 20
"""Bytes of the longest file that is looked into."""

_OUTSIDE_AN_IMAGE = ("CT-NET", "CT-RSH", "CT-SSH", "CT-EXF", "CT-SEC", "CT-RES", "CT-OPQ")
"""Rules about more than the machine itself. What a RUN changes is the image that it is making."""

Judge = Callable[[str], Verdict]


class Finding(NamedTuple):
    """One reason against one command of a file: a half-open range of offsets in the file."""

    path: str
    source: str
    command: str
    verdict: Verdict
    reason: Reason
    start: int
    end: int

    @property
    def position(self) -> Position:
        """Where it begins."""
        return position_of(self.source, self.start)

    @property
    def stop(self) -> Position:
        """Where it ends, behind the last character."""
        return position_of(self.source, self.end)


def findings_in(path: Path, judge: Judge) -> Iterator[Finding]:
    """What the guard says against the commands of a file, in order.

    Raises DataError for a file that cannot be read or is of no known kind.
    """
    kind = kind_of(path)
    if kind is None:
        raise DataError(f"{path}: no kind of file with commands that is known")
    source = _read(path)
    try:
        snippets = list(_SNIPPETS[kind](source))
    except DataError as error:
        raise DataError(f"{path}: {error.message}") from error
    for snippet in snippets:
        verdict = judge(snippet.text)
        for reason in verdict.reasons:
            if kind is Kind.DOCKERFILE and not reason.rule_id.startswith(_OUTSIDE_AN_IMAGE):
                continue
            start = snippet.place(reason.span.start)
            end = max(start, snippet.place(reason.span.end, end=True))
            yield Finding(str(path), source, snippet.text, verdict, reason, start, end)


def _whole(source: str) -> Iterator[Snippet]:
    yield Snippet.cut(source, 0, len(source))


_SNIPPETS: dict[Kind, Callable[[str], Iterator[Snippet]]] = {
    Kind.SHELL: _whole,
    Kind.DOCKERFILE: dockerfile.snippets_of,
    Kind.MAKEFILE: makefile.snippets_of,
    Kind.WORKFLOW: workflow.snippets_of,
}


def _read(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    if len(data) > FILE_MAX:
        raise DataError(f"{path} has more than {FILE_MAX} bytes")
    return data.decode("utf-8", "surrogateescape")
