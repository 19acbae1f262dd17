"""`cli-tuner rules`: every rule can be read, and its own examples hold."""

from __future__ import annotations

import pytest

from cli_tuner.cli.rules import Tried
from cli_tuner.guard import rules, ruleset_digest


def test_every_rule_is_listed_with_its_level(cli):
    lines = cli("rules").out.splitlines()
    assert [line.split()[0] for line in lines] == [rule.id for rule in rules()]
    assert all(line.split()[1] in ("dangerous", "review") for line in lines)


def test_the_list_as_json_has_the_digest_of_what_is_in_force(cli):
    document = cli("rules", "list", "--json").document
    assert document["digest"] == ruleset_digest()
    assert len(document["rules"]) == len(rules())


@pytest.mark.parametrize("wanted", ["CT-DEL-001", "ct-del-001", "delete-system-path"])
def test_a_rule_is_shown_by_id_or_name(cli, wanted):
    ended = cli("rules", "show", wanted)
    assert ended.status == 0
    assert ended.out.startswith("CT-DEL-001 ")
    assert "rm -rf /" in ended.out
    assert cli("rules", "show", wanted, "--json").document["id"] == "CT-DEL-001"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["show", "CT-DEL-01"], "did you mean CT-DEL-0"),
        (["show", "zzz"], "see: cli-tuner rules"),
        (["show"], "needs an id"),
        (["test", "\x1b[2J"], "\\u{1b}"),
        (["explode"], "explode"),
    ],
)
def test_a_rule_that_is_none_is_a_usage_error(cli, arguments, said):
    ended = cli("rules", *arguments)
    assert (ended.status, ended.out) == (2, "")
    assert said in ended.err


def test_the_examples_of_the_shipped_rules_hold(cli):
    ended = cli("rules", "test")
    assert ended.status == 0, ended.out
    assert "0 wrong" in ended.out
    assert cli("rules", "test", "CT-DEL-001", "--json").document["failures"] == []


@pytest.mark.parametrize(
    ("tried", "holds"),
    [
        (Tried("CT-DEL-001", "rm -rf /", "dangerous", "dangerous", False), True),
        (Tried("CT-DEL-001", "rm -rf /", "dangerous", "review", False), False),
        (Tried("CT-DEL-001", "rm -rf /", "dangerous", "dangerous", True), False),
        (Tried("CT-DEL-001", "ls", "safe", "review", False), False),
    ],
)
def test_an_example_holds_by_its_level_and_by_its_own_rule(tried, holds):
    assert tried.holds is holds
