"""`python -m cli_tuner.evaluate.tables evaluation/fast-all evaluation/fast-v3 --into FILE`

Prints the tables of these evaluations, or replaces what is between the two markers in a file. The
tables are made from the evaluations alone: the same folders give the same text.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from cli_tuner.errors import CliTunerError, EvaluationError
from cli_tuner.evaluate.tables.measured import read_all
from cli_tuner.evaluate.tables.sections import sections

BEGIN, END = MARKERS = "<!-- tables: begin -->", "<!-- tables: end -->"


def tables(folders: Sequence[Path]) -> str:
    """The Markdown of all tables. Raises EvaluationError."""
    return "\n".join(sections(read_all(folders))).strip() + "\n"


def put_into(path: Path, text: str, markers: tuple[str, str] = MARKERS) -> None:
    """Replace what is between the markers. Raises EvaluationError if they are not there once."""
    begin, end = markers
    try:
        before = path.read_text(encoding="utf-8")
    except OSError as error:
        raise EvaluationError(f"cannot read {path}: {error.strerror or error}") from error
    if before.count(begin) != 1 or before.count(end) != 1 or before.find(end) < before.find(begin):
        raise EvaluationError(
            f"{path} does not have one place for the tables", hint=f"write {begin} and {end} there"
        )
    head, _, rest = before.partition(begin)
    tail = rest.partition(end)[2]
    path.write_text(f"{head}{begin}\n\n{text}\n{end}{tail}", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line: 0, or the error's status."""
    parser = argparse.ArgumentParser(prog="python -m cli_tuner.evaluate.tables")
    parser.add_argument("folders", nargs="+", type=Path, metavar="DIR", help="what evaluate made")
    parser.add_argument("--into", type=Path, metavar="FILE", help="replace the tables there")
    given = parser.parse_args(arguments)
    try:
        text = tables(given.folders)
        if given.into is None:
            sys.stdout.write(text)
        else:
            put_into(given.into, text)
    except CliTunerError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
