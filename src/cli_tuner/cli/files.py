"""`cli-tuner check --files`: the commands in files, each with its line, for people and for CI."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli_tuner.boundaries.answer import phrase
from cli_tuner.boundaries.terminal import Screen, visible
from cli_tuner.errors import DataError, Exit, UsageError
from cli_tuner.lint import Finding, files_below, findings_in
from cli_tuner.records.verdict import Level

if TYPE_CHECKING:
    from cli_tuner.cli.check import Judge


def check_files(given: argparse.Namespace, judge: Judge, screen: Screen) -> int:
    """Judge the commands in files. 11 if one is dangerous, 10 for review with --fail-on review.

    A file that cannot be looked into makes it 1, unless something was dangerous.
    """
    if given.jsonl or given.text != "-":
        raise UsageError("--files takes files; leave out the command and --jsonl")
    files = list(_files(given.files))
    findings: list[Finding] = []
    failed: list[tuple[Path, str]] = []
    for path in files:
        try:
            findings += findings_in(path, judge.verdict)
        except DataError as error:
            failed.append((path, error.message))
    if given.sarif:
        _write(_sarif(judge, files, findings, failed))
    elif given.json:
        _write(_document(files, findings, failed))
    else:
        _show(findings, failed, len(files), screen)
    return _status(findings, bool(failed), given.fail_on)


def _files(named: list[str]) -> Iterator[Path]:
    """The files that were named, and those with commands in folders that were named."""
    for name in named:
        path = Path(name)
        if path.is_dir():
            yield from files_below(path)
        else:
            yield path


def _status(findings: list[Finding], failed: bool, fail_on: str) -> int:
    levels = {finding.reason.level for finding in findings}
    if Level.DANGEROUS in levels:
        return Exit.BLOCKED
    if failed:
        return Exit.FAILED
    return Exit.REVIEW if fail_on == "review" and Level.REVIEW in levels else Exit.OK


def _sarif(
    judge: Judge, files: list[Path], findings: list[Finding], failed: list[tuple[Path, str]]
) -> dict[str, Any]:
    from cli_tuner.cli.sarif import Sarif

    sarif = Sarif(judge.policy)
    for path in files:
        sarif.add_file(str(path))
    for finding in findings:
        sarif.add_finding(finding)
    for path, message in failed:
        sarif.fail(message, path=str(path))
    return sarif.document()


def _document(
    files: list[Path], findings: list[Finding], failed: list[tuple[Path, str]]
) -> dict[str, Any]:
    return {
        "schema_version": "1",
        "files": [str(path) for path in files],
        "findings": [
            {
                "path": finding.path,
                "line": finding.position.line,
                "column": finding.position.column,
                "level": finding.reason.level.value,
                "rule": finding.reason.rule_id,
                "message": finding.reason.message,
                "instead": finding.reason.instead,
            }
            for finding in findings
        ],
        "failed": [{"path": str(path), "error": message} for path, message in failed],
    }


def _show(
    findings: list[Finding], failed: list[tuple[Path, str]], count: int, screen: Screen
) -> None:
    for finding in findings:
        reason, place = finding.reason, finding.position
        word = screen.paint(reason.level.value, reason.level.value)
        said = visible(f"{reason.rule_id} {phrase(reason.message)}")
        path = visible(finding.path)
        screen.line(f"{path}:{place.line}:{place.column}: {word} · {said}")
        if reason.instead:
            screen.line(f"    instead: {visible(reason.instead)}")
    for _, message in failed:
        screen.line(f"{screen.paint('error', 'error')} · {visible(message)}")
    if not findings and not failed:
        screen.line(f"{screen.paint('safe', 'safe')} · {count} file{'s' if count != 1 else ''}")


def _write(document: dict[str, Any]) -> None:
    sys.stdout.write(f"{json.dumps(document)}\n")
