"""Verdicts as SARIF 2.1.0, which code scanners and editors read.

One run. A rule's `dangerous` is a result of level error, `review` is a warning, and what a policy
allows is a note with a suppression that says why. Columns and offsets count Unicode characters
from the start of the command; of lines (`--jsonl`) the region's line is that of the input, and its
columns are those of the command in it, which JSON's escapes may have moved.

Specification: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from cli_tuner import __version__
from cli_tuner.guard import Policy, Rule
from cli_tuner.records import Level, Reason, Span, Verdict

if TYPE_CHECKING:
    from cli_tuner.lint import Finding

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_HOME = "https://github.com/cli-tuner/cli-tuner"
_LEVELS = {Level.DANGEROUS: "error", Level.REVIEW: "warning", Level.SAFE: "note"}
_SEVERITY = {"low": "3.0", "medium": "5.5", "high": "8.0", "critical": "9.5"}


class Sarif:
    """One document, being filled. `uri` is where the commands come from: stdin or argument.

    Without it they come from files, which `add_finding` names.
    """

    def __init__(self, policy: Policy, uri: str | None = None) -> None:
        self._rules = policy.rules
        self._index = {rule.id: number for number, rule in enumerate(self._rules)}
        self._uris = [] if uri is None else [uri]
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
            location = self._location(region_of(command, reason.span, line), 0)
            self._results.append(self._result(verdict, reason, location))

    def add_finding(self, finding: Finding) -> None:
        """One reason against a command of a file."""
        begin, stop = finding.position, finding.stop
        region = {
            "startLine": begin.line,
            "startColumn": begin.column,
            "endLine": stop.line,
            "endColumn": stop.column,
            "charOffset": finding.start,
            "charLength": finding.end - finding.start,
            "snippet": {"text": _unicode(finding.source[finding.start : finding.end])},
        }
        self._digests = {
            "policyDigest": finding.verdict.policy_digest,
            "rulesetDigest": finding.verdict.ruleset_digest,
        }
        location = self._location(region, self._artifact(finding.path))
        self._results.append(self._result(finding.verdict, finding.reason, location))

    def add_file(self, path: str) -> None:
        """A file that was looked into."""
        self._artifact(path)

    def fail(self, message: str, line: int = 1, path: str | None = None) -> None:
        """A line or a file that could not be judged."""
        number = 0 if path is None else self._artifact(path)
        self._notifications.append(
            {
                "level": "error",
                "message": {"text": _unicode(message)},
                "locations": [self._location({"startLine": line}, number)],
            }
        )

    def _artifact(self, path: str) -> int:
        """The number of a file in the document, by its address relative to here."""
        uri = quote(path.removeprefix("./").encode("utf-8", "surrogateescape"))
        if uri not in self._uris:
            self._uris.append(uri)
        return self._uris.index(uri)

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
            "artifacts": [{"location": {"uri": uri}} for uri in self._uris],
            "results": self._results,
            "properties": self._digests,
        }
        return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}

    def _result(self, verdict: Verdict, reason: Reason, location: dict[str, Any]) -> dict[str, Any]:
        instead = f" Instead: {reason.instead}" if reason.instead else ""
        key = f"{verdict.command_sha256}\0{reason.rule_id}\0{reason.message}"
        result = {
            "ruleId": reason.rule_id,
            "ruleIndex": self._index[reason.rule_id],
            "level": _LEVELS[reason.level],
            "message": {"text": _unicode(f"{reason.message}{instead}")},
            "locations": [location],
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

    def _location(self, region: dict[str, Any], number: int) -> dict[str, Any]:
        artifact = {"uri": self._uris[number], "index": number}
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
