"""Verdicts as SARIF 2.1.0, which code scanners and editors read.

One run. A rule's `dangerous` is a result of level error, `review` is a warning, and what a policy
allows is a note with a suppression that says why. Columns and offsets count Unicode characters
from the start of the command; of lines (`--jsonl`) the region's line is that of the input, and its
columns are those of the command in it, which JSON's escapes may have moved.

Specification: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import hashlib
from typing import Any

from cli_tuner import __version__
from cli_tuner.guard import Policy, Rule
from cli_tuner.records import Level, Reason, Span, Verdict

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_HOME = "https://github.com/cli-tuner/cli-tuner"
_LEVELS = {Level.DANGEROUS: "error", Level.REVIEW: "warning", Level.SAFE: "note"}
_SEVERITY = {"low": "3.0", "medium": "5.5", "high": "8.0", "critical": "9.5"}


class Sarif:
    """One document, being filled. `uri` is where the commands come from: stdin or argument."""

    def __init__(self, policy: Policy, uri: str) -> None:
        self._rules = policy.rules
        self._index = {rule.id: number for number, rule in enumerate(self._rules)}
        self._uri = uri
        self._results: list[dict[str, Any]] = []
        self._notifications: list[dict[str, Any]] = []
        self._digests: dict[str, str] = {}

    def add(self, command: str, verdict: Verdict, line: int | None = None) -> None:
        """The reasons of one verdict; `line` is the command's line among lines of JSON."""
        self._digests = {
            "policyDigest": verdict.policy_digest,
            "rulesetDigest": verdict.ruleset_digest,
        }
        for reason in verdict.reasons:
            self._results.append(self._result(command, verdict, reason, line))

    def fail(self, message: str, line: int) -> None:
        """A line that could not be judged."""
        self._notifications.append(
            {
                "level": "error",
                "message": {"text": message},
                "locations": [self._location({"startLine": line})],
            }
        )

    def document(self) -> dict[str, Any]:
        """The whole document."""
        driver = {
            "name": "cli-tuner",
            "version": __version__,
            "semanticVersion": __version__,
            "informationUri": _HOME,
            "rules": [_descriptor(rule) for rule in self._rules],
        }
        invocation = {
            "executionSuccessful": not self._notifications,
            "toolExecutionNotifications": self._notifications,
        }
        run = {
            "tool": {"driver": driver},
            "columnKind": "unicodeCodePoints",
            "invocations": [invocation],
            "artifacts": [{"location": {"uri": self._uri}}],
            "results": self._results,
            "properties": self._digests,
        }
        return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}

    def _result(
        self, command: str, verdict: Verdict, reason: Reason, line: int | None
    ) -> dict[str, Any]:
        instead = f" Instead: {reason.instead}" if reason.instead else ""
        key = f"{verdict.command_sha256}\0{reason.rule_id}\0{reason.message}"
        result = {
            "ruleId": reason.rule_id,
            "ruleIndex": self._index[reason.rule_id],
            "level": _LEVELS[reason.level],
            "message": {"text": _unicode(f"{reason.message}{instead}")},
            "locations": [self._location(region_of(command, reason.span, line))],
            "partialFingerprints": {
                "commandAndReason/v1": hashlib.sha256(
                    key.encode("utf-8", "surrogatepass")
                ).hexdigest()
            },
        }
        if reason.level is Level.SAFE:
            suppression = {"kind": "external", "status": "accepted", "justification": reason.why}
            result["suppressions"] = [suppression]
        return result

    def _location(self, region: dict[str, Any]) -> dict[str, Any]:
        artifact = {"uri": self._uri, "index": 0}
        return {"physicalLocation": {"artifactLocation": artifact, "region": region}}


def region_of(command: str, span: Span, line: int | None) -> dict[str, Any]:
    """Where a span is: lines and columns from 1, the end's column behind the last character."""
    start = min(span.start, len(command))
    end = max(start, min(span.end, len(command)))
    rows = (1, 1) if line else (command.count("\n", 0, start) + 1, command.count("\n", 0, end) + 1)
    offset = line - 1 if line else 0
    return {
        "startLine": rows[0] + offset,
        "startColumn": start + 1 if line else start - command.rfind("\n", 0, start),
        "endLine": rows[1] + offset,
        "endColumn": end + 1 if line else end - command.rfind("\n", 0, end),
        "charOffset": start,
        "charLength": end - start,
        "snippet": {"text": _unicode(command[start:end])},
    }


def _descriptor(rule: Rule) -> dict[str, Any]:
    message = rule.message.replace("{target}", "the target")
    help_text = f"{rule.why or message} Instead: {rule.instead}" if rule.instead else rule.why
    return {
        "id": rule.id,
        "name": rule.name,
        "shortDescription": {"text": _unicode(message)},
        "fullDescription": {"text": _unicode(rule.why or message)},
        "help": {"text": _unicode(help_text or message)},
        "defaultConfiguration": {"level": _LEVELS[rule.level]},
        "properties": {
            "tags": ["security", rule.family, *(f"attack/{item}" for item in rule.attack)],
            "security-severity": _SEVERITY[rule.severity],
        },
    }


def _unicode(text: str) -> str:
    """The text without lone surrogates, which other readers of JSON refuse."""
    return text.encode("utf-8", "replace").decode("utf-8")
