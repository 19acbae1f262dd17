"""Rule files that a policy adds are as untrusted as the policy itself."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from cli_tuner.errors import PolicyError, RuleError
from cli_tuner.guard import rules
from cli_tuner.guard.policy_load import RULE_FILE_MAX, RULE_FILES_MAX

RULES = 'rules = ["rules/*.yaml"]\n'


def refused(machine) -> str:
    began = time.perf_counter()
    with pytest.raises(PolicyError) as error:
        machine.load()
    assert time.perf_counter() - began < 2
    return str(error.value)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ([("CT-USR-001", "CT-DEL-001")], '"CT-DEL-001" is already a rule'),
        ([("read-ledger", "delete-system-path")], '"delete-system-path" is already a rule'),
        ([("severity:", "severty:")], 'did you mean "severity"'),
        ([("level: review", "level: safe")], "level is dangerous or review"),
        ([("[T1005]", "5")], "attack is a list of texts"),
        ([("[T1005]", "[[[T1005]]]")], "attack is a list of texts"),
        ([("effect: read,", "effect: red,")], "red"),
        ([("effect: read,", "effect: {a: b},")], "ledger.yaml: "),
        ([('["*.ledger"]', "[" + "a," * 40 + "]")], "more than 32 targets"),
        ([("[T1005]", "&a [T1005]")], "anchors and aliases"),
        ([("examples:", "examples: 3 #")], "ledger.yaml: "),
        ([("[T1005]", "[" * 50 + "]" * 50)], "nested too deeply"),
        ([("[T1005]", "[")], "ledger.yaml: "),
        ([("[T1005]", "!!python/object/apply:os.system [id]")], "ledger.yaml: "),
    ],
)
@pytest.mark.parametrize("kind", ["user", "project"])
def test_a_wrong_rule_stops_everything(machine, rule, kind, changes, says):
    machine.write(kind, RULES, ledger=rule(*changes))
    said = refused(machine)
    assert "/rules/ledger.yaml: " in said
    assert says in said


def test_two_added_rules_cannot_have_one_id(machine, rule):
    machine.write("system", RULES, a=rule())
    machine.write("project", RULES, b=rule(("read-ledger", "read-other")))
    assert 'b.yaml: "CT-USR-001" is already a rule' in refused(machine)


def test_a_project_cannot_make_an_allow_valid(machine, rule):
    allow = '[[allow]]\nrule = "CT-USR-001"\npath = "/srv/x"\nwhy = "mine"\n'
    machine.write("user", allow)
    machine.write("project", RULES, ledger=rule())
    assert 'there is no rule "CT-USR-001"' in refused(machine)


def test_added_rules_come_after_the_shipped_ones(machine, rule):
    machine.write("user", RULES, ledger=rule())
    policy = machine.load()
    assert policy.rules[:-1] == rules()
    assert policy.rules[-1].family == "user"


class TestAHostileProject:
    @pytest.mark.parametrize("where", ["/etc/passwd", "/dev/zero", "/nowhere"])
    def test_has_no_links_among_its_rules(self, machine, where):
        machine.write("project", RULES)
        (machine.folders["project"] / "rules" / "a.yaml").symlink_to(where)
        assert "a.yaml: is a symbolic link" in refused(machine)

    def test_has_no_link_as_folder_of_its_rules(self, machine, tmp_path, rule):
        machine.write("project", RULES)
        (machine.folders["project"] / "rules").rmdir()
        (tmp_path / "else").mkdir()
        (tmp_path / "else" / "a.yaml").write_text(rule())
        (machine.folders["project"] / "rules").symlink_to(tmp_path / "else")
        assert "rules: is a symbolic link" in refused(machine)

    def test_has_no_folder_or_pipe_as_a_rule(self, machine):
        machine.write("project", RULES)
        odd = machine.folders["project"] / "rules" / "a.yaml"
        odd.mkdir()
        assert "is not a plain file" in refused(machine)
        odd.rmdir()
        os.mkfifo(odd)
        assert "is not a plain file" in refused(machine)

    def test_has_no_long_rule_and_not_many(self, machine, rule):
        machine.write("project", RULES, long=rule() + "#" * RULE_FILE_MAX)
        assert f"is longer than {RULE_FILE_MAX} bytes" in refused(machine)
        many = {f"r{number}": rule() for number in range(RULE_FILES_MAX + 1)}
        machine.write("project", RULES, **many)
        assert f"more than {RULE_FILES_MAX} files" in refused(machine)

    def test_has_no_endless_folder(self, machine):
        machine.write("project", RULES)
        for number in range(2_001):
            (machine.folders["project"] / "rules" / f"{number}.txt").touch()
        assert "more than 2000 entries" in refused(machine)

    @pytest.mark.parametrize(
        "text",
        [
            "a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\n",
            "[" * 16_000,
            "{a: " * 4_000,
            "? " * 8_000,
            "- " * 8_000,
            "\x00",
            "id: \ud7ff\x01",
        ],
        ids=range(7),
    )  # fmt: skip
    def test_has_no_yaml_that_grows(self, machine, text):
        machine.write("project", RULES, bomb=text)
        assert "bomb.yaml: " in refused(machine)

    def test_has_no_names_that_are_not_utf8(self, machine, rule):
        machine.write("project", RULES)
        folder = os.fsencode(machine.folders["project"] / "rules")
        Path(os.fsdecode(folder + b"/\xff.yaml")).write_text(rule())
        assert len(machine.load().added) == 1


def test_a_rule_error_is_a_policy_error(machine, rule):
    machine.write("user", RULES, ledger=rule(("id: CT", "id: XX")))
    with pytest.raises(RuleError):
        machine.load()
