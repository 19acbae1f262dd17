"""Policies: who may allow, who may tighten, and that a project can only do the latter."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from cli_tuner.errors import PolicyError
from cli_tuner.guard import Policy, check, load_policy, ruleset_digest
from cli_tuner.guard.policy import SHIPPED, policy_digest
from cli_tuner.records import Level, Safety

WIPE = "rm -rf /srv/scratch/build/*"
ALLOW = '[[allow]]\nrule = "{}"\npath = "/srv/scratch/**"\nwhy = "made again by every build"\n'
ALLOWED = "".join(ALLOW.format(f"CT-DEL-{number:03}") for number in (3, 5, 8))
TIGHTEN = '[[tighten]]\nrule = "CT-DEL-008"\nlevel = "dangerous"\n'
LEDGER = 'rules = ["rules/*.yaml"]\n'


def test_without_files_the_shipped_rules_decide_alone(machine):
    assert machine.load() is SHIPPED
    assert check("ls").policy_digest == policy_digest(Safety.MODERATE)
    assert check("ls", policy=SHIPPED) == check("ls")


def test_an_allow_lowers_its_rule_below_its_path(machine):
    assert check(WIPE).level is not Level.SAFE
    machine.write("user", ALLOWED)
    policy = machine.load()
    verdict = check(WIPE, policy=policy)
    assert verdict.level is Level.SAFE
    assert {reason.level for reason in verdict.reasons} == {Level.SAFE}
    assert "made again by every build" in verdict.reasons[0].why
    assert all(reason.instead is None for reason in verdict.reasons)


def test_an_allow_lowers_no_other_rule_and_no_other_path(machine):
    machine.write("user", ALLOW.format("CT-DEL-008"))
    policy = machine.load()
    outside = check("rm -rf /srv/scratch/a /srv/other/b/c", policy=policy)
    assert outside.level is check("rm -rf /srv/other/b/c").level is not Level.SAFE
    assert check("chmod -R 777 /srv/scratch/a", policy=policy).level is Level.DANGEROUS
    assert check("rm -rf /", policy=policy).level is Level.DANGEROUS


def test_the_same_target_counts_if_one_way_to_it_is_not_allowed(machine):
    machine.write("user", ALLOW.format("CT-DEL-008"))
    text = "rm -rf /srv/scratch/a; ssh host rm -rf /srv/scratch/a"
    assert check(text, policy=machine.load()).level is not Level.SAFE


def test_what_nobody_may_allow_is_an_error_to_allow(machine):
    machine.write("system", 'never_allow = ["CT-DEL-008"]\n')
    assert machine.load().never_allow == ("CT-DEL-008",)
    machine.write("user", ALLOW.format("CT-DEL-008"))
    with pytest.raises(PolicyError, match=r"tuner/config/policy\.toml.*nobody allow CT-DEL-008"):
        machine.load()


@pytest.mark.parametrize("kind", ["system", "user", "project"])
def test_any_file_may_tighten(machine, kind):
    assert check("rm -rf /srv/a/b").level is Level.REVIEW
    machine.write(kind, TIGHTEN)
    assert check("rm -rf /srv/a/b", policy=machine.load()).level is Level.DANGEROUS


@pytest.mark.parametrize("kind", ["system", "project"])
def test_an_allow_yields_to_another_file_that_tightens(machine, kind):
    machine.write("user", ALLOWED)
    machine.write(kind, TIGHTEN)
    assert check(WIPE, policy=machine.load()).level is Level.DANGEROUS


def test_a_user_may_tighten_a_rule_everywhere_but_below_a_path(machine):
    machine.write("user", ALLOWED + TIGHTEN)
    assert check("rm -rf /srv/scratch/a", policy=machine.load()).level is Level.SAFE
    assert check("rm -rf /srv/else/a", policy=machine.load()).level is Level.DANGEROUS


@pytest.mark.parametrize("kind", ["system", "user", "project"])
def test_any_file_may_ask_for_strict(machine, kind):
    machine.write(kind, 'safety = "strict"\n')
    verdict = check("ls", policy=machine.load(), safety=Safety.MODERATE)
    assert verdict.policy is Safety.STRICT


def test_a_file_that_says_moderate_does_not_loosen(machine):
    machine.write("system", 'safety = "strict"\n')
    machine.write("user", 'safety = "moderate"\n')
    assert machine.load().safety is Safety.STRICT
    machine.write("system", "")
    assert check("ls", policy=machine.load(), safety=Safety.STRICT).policy is Safety.STRICT


@pytest.mark.parametrize("kind", ["system", "user", "project"])
def test_added_rules_judge_too(machine, kind, rule):
    machine.write(kind, LEDGER, ledger=rule())
    verdict = check("sort a.ledger", policy=machine.load())
    assert (verdict.level, verdict.reasons[0].rule_id) == (Level.REVIEW, "CT-USR-001")
    assert (verdict.reasons[0].instead is None) is (kind == "project")


def test_an_added_rule_can_be_tightened_and_allowed_by_name(machine, rule):
    allow = '[[allow]]\nrule = "read-ledger"\npath = "~/books/**"\nwhy = "mine"\n'
    machine.write("user", LEDGER + allow, ledger=rule())
    policy = machine.load()
    assert check("cat ~/books/a.ledger", policy=policy).level is Level.SAFE
    assert check("cat ~/b/a.ledger", policy=policy).level is Level.REVIEW


def test_every_digest_tells_what_is_in_force(machine, rule):
    seen = {(check("ls").policy_digest, check("ls").ruleset_digest)}
    for kind in ("system", "user", "project"):
        for text in ("# nothing\n", TIGHTEN):
            machine.write(kind, text)
            verdict = check("ls", policy=machine.load())
            assert verdict.ruleset_digest == ruleset_digest()
            seen.add((verdict.policy_digest, verdict.ruleset_digest))
    machine.write("user", LEDGER, ledger=rule())
    verdict = check("ls", policy=machine.load())
    assert verdict.ruleset_digest != ruleset_digest()
    machine.write("user", LEDGER, ledger=rule(("high", "low")))
    assert check("ls", policy=machine.load()).ruleset_digest != verdict.ruleset_digest
    assert len(seen) == 7


def test_a_changed_file_is_read_again_and_an_unchanged_one_is_not(machine, rule):
    machine.write("user", LEDGER, ledger=rule())
    first = machine.load()
    assert machine.load() is first
    machine.write("user", LEDGER, ledger=rule(("level: review", "level: dangerous")))
    assert machine.load().added[0].level is Level.DANGEROUS
    another = rule(("CT-USR-001", "CT-USR-002"), ("read-ledger", "read-other"))
    (machine.folders["user"] / "rules" / "other.yaml").write_text(another)
    assert len(machine.load().added) == 2
    (machine.folders["user"] / "rules" / "other.yaml").unlink()
    assert len(machine.load().added) == 1
    (machine.folders["user"] / "policy.toml").unlink()
    assert machine.load() is SHIPPED


class TestWhereAProjectIs:
    def test_it_reaches_down_to_every_folder_of_the_repository(self, machine):
        machine.write("project", TIGHTEN)
        below = machine.project / "a" / "b"
        below.mkdir(parents=True)
        assert machine.load(below).tightens

    def test_it_is_not_looked_for_above_the_repository(self, machine):
        (machine.project.parent / ".cli-tuner").mkdir()
        (machine.project.parent / ".cli-tuner" / "policy.toml").write_text("broken")
        assert machine.load() is SHIPPED

    def test_without_a_repository_it_is_looked_for_up_to_the_home_folder(self, machine):
        home = machine.project.parent
        (machine.project / ".git").rmdir()
        (home.parent / ".cli-tuner").mkdir()
        (home.parent / ".cli-tuner" / "policy.toml").write_text("broken")
        (home / ".cli-tuner").mkdir()
        (home / ".cli-tuner" / "policy.toml").write_text(TIGHTEN)
        assert machine.load().tightens

    def test_outside_of_both_only_the_folder_itself_is(self, machine, tmp_path):
        (tmp_path / "x" / "y").mkdir(parents=True)
        (tmp_path / ".cli-tuner").mkdir()
        (tmp_path / ".cli-tuner" / "policy.toml").write_text("broken")
        assert machine.load(tmp_path / "x" / "y") is SHIPPED
        with pytest.raises(PolicyError):
            machine.load(tmp_path)

    def test_an_inner_one_does_not_hide_an_outer_one(self, machine):
        machine.write("project", TIGHTEN)
        inner = machine.project / "vendored"
        (inner / ".cli-tuner").mkdir(parents=True)
        (inner / ".cli-tuner" / "policy.toml").write_text("")
        assert len(machine.load(inner).files) == 2
        assert machine.load(inner).tightens

    def test_a_folder_that_is_gone_has_none(self, machine):
        assert load_policy(machine.paths, None) is SHIPPED
        assert load_policy(machine.paths, "") is SHIPPED
        assert machine.load(machine.project / "gone") is SHIPPED


def test_a_policy_is_frozen():
    with pytest.raises(AttributeError):
        Policy().safety = Safety.STRICT  # type: ignore[misc]


def test_loading_without_files_imports_nothing_and_takes_no_time(machine):
    deep = machine.project.joinpath(*"abcdefgh")
    deep.mkdir(parents=True)
    code = (
        "import sys\nfrom cli_tuner.guard import load_policy\n"
        "from cli_tuner.settings import Paths\n"
        f"paths = Paths.of({{'CLI_TUNER_HOME': {str(machine.project)!r}}})\n"
        f"before = set(sys.modules); load_policy(paths, {str(deep)!r})\n"
        "print(set(sys.modules) - before, 'tomllib' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set() False"
    times = []
    for _ in range(50):
        began = time.perf_counter()
        machine.load(deep)
        times.append(time.perf_counter() - began)
    assert sorted(times)[25] < 0.0003
