"""`cli-tuner check --sarif`: what SARIF 2.1.0 asks for, and places that are right."""

from __future__ import annotations

import json
import re

import pytest

from cli_tuner.cli.sarif import Sarif, region_of
from cli_tuner.guard import check, rules
from cli_tuner.guard.policy import SHIPPED
from cli_tuner.records import Span

LEVELS = {"none", "note", "warning", "error"}


def checked(document: dict) -> dict:
    """The run of a document that has what the schema requires."""
    assert set(document) == {"$schema", "version", "runs"}
    assert document["version"] == "2.1.0"
    assert document["$schema"].endswith("sarif-2.1.0.json")
    (run,) = document["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] == "cli-tuner"
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*", driver["semanticVersion"])
    ids = [rule["id"] for rule in driver["rules"]]
    assert len(set(ids)) == len(ids)
    for rule in driver["rules"]:
        assert rule["shortDescription"]["text"]
        assert rule["help"]["text"]
        assert rule["defaultConfiguration"]["level"] in LEVELS
        assert 0 <= float(rule["properties"]["security-severity"]) <= 10
    assert run["columnKind"] == "unicodeCodePoints"
    assert run["invocations"][0]["executionSuccessful"] in (True, False)
    for result in run["results"]:
        assert ids[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in LEVELS
        assert result["message"]["text"]
        assert all(
            re.fullmatch(r"[0-9a-f]{64}", digest)
            for digest in result["partialFingerprints"].values()
        )
        (location,) = result["locations"]
        place = location["physicalLocation"]
        artifact = run["artifacts"][place["artifactLocation"]["index"]]
        assert artifact["location"]["uri"] == place["artifactLocation"]["uri"]
        region = place["region"]
        assert region["startLine"] >= 1
        assert region["startColumn"] >= 1
        assert region["charOffset"] >= 0
        assert region["charLength"] >= 0
        assert (region["endLine"], region["endColumn"]) >= (
            region["startLine"],
            region["startColumn"],
        )
    return run


def region(result: dict) -> dict:
    return result["locations"][0]["physicalLocation"]["region"]


def test_a_dangerous_command_is_an_error_at_its_place(cli):
    command = "ls; sudo rm -rf /etc"
    ended = cli("check", "--sarif", command)
    run = checked(ended.document)
    assert ended.status == 11
    result = run["results"][0]
    assert (result["level"], result["ruleId"]) == ("error", "CT-DEL-001")
    place = region(result)
    assert (place["charOffset"], place["charLength"]) == (4, 16)
    assert (place["startLine"], place["startColumn"], place["endColumn"]) == (1, 5, 21)
    assert place["snippet"]["text"] == "sudo rm -rf /etc"
    assert run["artifacts"] == [{"location": {"uri": "argument"}}]
    assert len(run["tool"]["driver"]["rules"]) == len(rules())
    assert run["properties"]["policyDigest"] == check(command).policy_digest


def test_review_is_a_warning_and_safe_has_no_result(cli):
    ended = cli("check", "--sarif", "-", stdin=b"git push --force")
    run = checked(ended.document)
    assert ended.status == 10
    assert {result["level"] for result in run["results"]} == {"warning"}
    assert run["artifacts"][0]["location"]["uri"] == "stdin"
    assert checked(cli("check", "--sarif", "ls").document)["results"] == []


def test_lines_of_json_make_one_document_with_their_line_numbers(cli):
    commands = ["ls", "rm -rf /", "x\ny; rm -rf /"]
    lines = [json.dumps({"id": n, "command": text}).encode() for n, text in enumerate(commands)]
    ended = cli("check", "--sarif", "--jsonl", stdin=b"\n".join([*lines[:2], b"", b"no", lines[2]]))
    run = checked(ended.document)
    assert ended.status == 11
    assert {region(result)["startLine"] for result in run["results"]} == {2, 5}
    assert region(run["results"][-1])["startColumn"] == 6
    (problem,) = run["invocations"][0]["toolExecutionNotifications"]
    assert problem["message"]["text"] == "line 4: not JSON"
    assert run["invocations"][0]["executionSuccessful"] is False


@pytest.mark.parametrize(
    ("command", "span", "expected"),
    [
        ("rm x", (0, 4), (1, 1, 1, 5)),
        ("a\nrm x\nb", (2, 6), (2, 1, 2, 5)),
        ("a\nrm \\\nx", (2, 8), (2, 1, 3, 2)),
        ("é😀; rm x", (4, 8), (1, 5, 1, 9)),
        ("rm x", (2, 900), (1, 3, 1, 5)),
        ("", (0, 0), (1, 1, 1, 1)),
    ],
)
def test_lines_and_columns_begin_at_one(command, span, expected):
    place = region_of(command, Span(start=span[0], end=span[1]), None)
    names = ("startLine", "startColumn", "endLine", "endColumn")
    assert tuple(place[name] for name in names) == expected
    assert command[place["charOffset"] :][: place["charLength"]] == place["snippet"]["text"]


def test_a_fingerprint_is_the_same_for_the_same_finding_only():
    def prints(command: str) -> list[str]:
        sarif = Sarif(SHIPPED, "stdin")
        sarif.add(command, check(command))
        results = sarif.document()["runs"][0]["results"]
        return [result["partialFingerprints"]["commandAndReason/v1"] for result in results]

    assert prints("rm -rf /") == prints("rm -rf /")
    assert not set(prints("rm -rf /")) & set(prints("rm -rf / "))
    several = prints("rm -rf / /etc")
    assert len(set(several)) == len(several) > 1


def test_a_lone_surrogate_leaves_the_document_readable(cli):
    ended = cli("check", "--sarif", "--jsonl", stdin=b'{"command": "rm -rf / \\ud800"}')
    checked(ended.document)
    assert "\\ud8" not in ended.out


def test_what_a_policy_allows_is_suppressed_with_its_reason(cli, home):
    allow = '[[allow]]\nrule = "CT-DEL-008"\npath = "/srv/x/**"\nwhy = "built anew"\n'
    (home / "config").mkdir(parents=True)
    (home / "config" / "policy.toml").write_text(allow)
    ended = cli("check", "--sarif", "rm -rf /srv/x/a")
    (result,) = checked(ended.document)["results"]
    assert (ended.status, result["level"]) == (0, "note")
    assert result["suppressions"][0]["kind"] == "external"
    assert "built anew" in result["suppressions"][0]["justification"]


def test_two_formats_at_once_are_a_usage_error(cli):
    assert cli("check", "--sarif", "--json", "ls").status == 2
