import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from tests.release.conftest import GATE, Answers, artifact, evaluation

from cli_tuner.artifacts.artifact import PROVENANCE
from cli_tuner.errors import BackendUnreachable, ReleaseError, SignatureError
from cli_tuner.guard import check
from cli_tuner.release.gates import SAFETY_SET, SMOKE_SET, percentile
from cli_tuner.release.log import check_log, events
from cli_tuner.release.manifest import Bounds
from cli_tuner.release.slots import active
from cli_tuner.release.switching import promote


def refused(gates, version="1.0.0"):
    """What is said when a release is not promoted; nothing is active then."""
    with pytest.raises(ReleaseError) as error:
        promote(version, gates)
    assert active(gates.paths) is None
    last = list(events(gates.paths))[-1]
    assert last.event == "refused"
    assert [one.gate for one in last.outcomes if not one.passed]
    return str(error.value)


def rows(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_all_gates_are_passed_and_recorded(built, gates):
    built("1.0.0")
    done = promote("1.0.0", gates)
    names = ["signature", "inputs", "evaluation", "safety", "smoke", "latency"]
    assert [one.gate for one in done.outcomes] == names
    log = list(events(gates.paths))
    assert [one.event for one in log] == ["gated", "promoted"]
    assert [one.gate for one in log[0].outcomes] == names
    assert check_log(gates.paths).is_whole


def test_a_changed_release_is_not_loaded(built, gates):
    folder = built("1.0.0")
    (folder / "bom.json").write_text("{}")
    never = replace(gates, backend=lambda *_: pytest.fail("it was loaded"))
    with pytest.raises(SignatureError):
        promote("1.0.0", never)
    assert "bom.json was changed" in refused(gates)


def test_a_release_under_another_name_is_refused(built, gates, paths):
    folder = built("1.0.0")
    shutil.copytree(folder, folder.with_name("2.0.0"))
    assert "holds release 1.0.0" in refused(gates, "2.0.0")


@pytest.mark.parametrize("name", ["../1.0.0", "/etc", ".lock", "slots/blue"])
def test_a_version_is_no_path(gates, name):
    with pytest.raises(ReleaseError, match="is not a version"):
        promote(name, gates)


def test_the_evaluation_is_about_these_weights(built, gates, tmp_path, order):
    other = order("0.9.0")
    built("1.0.0", evaluation=other.evaluation)
    assert "about another weights" in refused(gates)


def test_the_evaluation_is_about_this_prompt_and_these_rules(built, gates, tmp_path, order):
    model = order("1.0.0").model
    identity = {"template_sha256": "0" * 64, "ruleset_sha256": "0" * 64}
    report = evaluation(tmp_path / "other", Path(model), run={"identity": identity})
    built("1.0.0", evaluation=report)
    assert "another prompt template and rules" in refused(gates)


def failing(measure, gate=GATE):
    return [{"gate": gate, "measure": measure, "verdict": "FAIL"}]


def test_a_failed_gate_is_accepted_by_name_or_not_at_all(built, gates, tmp_path, order):
    model = Path(order("1.0.0").model)
    report = evaluation(tmp_path / "bad", model, gates=failing("domain.exact_canonical"))
    built("1.0.0", evaluation=report)
    assert f"evaluation failed {GATE}" in refused(gates)
    built("1.0.1", content="1.0.0", evaluation=report, accepted=(GATE,))
    assert promote("1.0.1", gates).version == "1.0.1"


def test_nobody_accepts_a_failed_safety_gate(built, gates, tmp_path, order):
    model = Path(order("1.0.0").model)
    report = evaluation(tmp_path / "bad", model, gates=failing("safety.dangerous_caught"))
    built("1.0.0", evaluation=report, accepted=(GATE,))
    assert "nobody may accept it" in refused(gates)


@pytest.mark.parametrize("text", ["{}", '{"gates": [{}]}', '{"model": 1, "gates": []}'])
def test_a_report_of_another_shape_is_refused(built, gates, order, text):
    given = order("1.0.0")
    (given.evaluation / PROVENANCE).unlink()
    (given.evaluation / "results.json").write_text(text)
    artifact(given.evaluation, stage="evaluate", name="dev")
    built("1.0.0")
    assert "of another version" in refused(gates)


def test_another_policy_than_the_built_one_is_refused(built, gates, paths):
    built("1.0.0")
    (paths.config / "policy.toml").write_text('safety = "strict"\n')
    assert "another policy is in force" in refused(gates)


def test_an_allow_that_lets_danger_through_is_refused(built, gates, paths):
    (paths.config / "policy.toml").write_text(
        '[[allow]]\nrule = "CT-DEL-001"\npath = "/usr/**"\nwhy = "too wide"\n'
    )
    built("1.0.0")
    assert "judged wrongly" in refused(gates)


def test_a_tighter_policy_is_fine(built, gates, paths):
    (paths.config / "policy.toml").write_text('safety = "strict"\n')
    built("1.0.0")
    assert promote("1.0.0", gates).version == "1.0.0"


def test_a_model_that_gives_no_commands_is_refused(built, gates):
    built("1.0.0")
    said = refused(replace(gates, backend=Answers("I cannot help with that, sorry.")))
    assert "0 of 12 queries got a command, 75% must" in said


def test_a_model_that_only_destroys_is_refused(built, gates):
    built("1.0.0")
    assert "0 of 12" in refused(replace(gates, backend=Answers("rm -rf /")))


def test_a_model_that_does_not_answer_or_load_is_refused(built, gates):
    built("1.0.0")
    silent = Answers("ls", error=BackendUnreachable("nobody answers"))
    assert "the model does not answer: nobody" in refused(replace(gates, backend=silent))

    def broken(*_):
        raise BackendUnreachable("no such file")

    assert "the model does not load" in refused(replace(gates, backend=broken))


def test_a_slow_model_is_refused(built, gates):
    built("1.0.0", bounds=Bounds(latency_p95_ms=0.001))
    assert "latency: p95 is" in refused(gates)


def test_smoke_queries_leave_no_trace_in_the_journal(built, gates, paths):
    built("1.0.0")
    promote("1.0.0", gates)
    assert not (paths.state / "monitoring").exists()


def test_everything_that_is_wrong_is_said_at_once(built, gates, order):
    built("1.0.0", evaluation=order("0.9.0").evaluation, bounds=Bounds(latency_p95_ms=0.001))
    said = refused(replace(gates, backend=Answers("no")))
    assert all(gate in said for gate in ("evaluation:", "smoke:", "latency:"))


def test_the_safety_set_is_sixty_and_sixty_and_holds():
    found = rows(SAFETY_SET)
    for expect in ("dangerous", "safe"):
        assert sum(row["expect"] == expect for row in found) == 60
    assert len({row["command"] for row in found}) == len({row["id"] for row in found}) == 120
    assert [row for row in found if check(row["command"]).level.value != row["expect"]] == []


def test_the_smoke_set_asks_and_provokes():
    expected = [row["expect"] for row in rows(SMOKE_SET)]
    assert expected.count("command") == 12
    assert expected.count("refused") == 3


def test_percentiles_are_of_the_nearest_rank():
    assert percentile([3.0, 1.0, 2.0], 0.95) == 3.0
    assert percentile([float(n) for n in range(1, 101)], 0.95) == 95.0
    assert percentile([7.0], 0.5) == 7.0
