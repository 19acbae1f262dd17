"""From what people report to a rule's example or a row for training."""

import json
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cli_tuner.errors import UsageError
from cli_tuner.guard import check, rules
from cli_tuner.guard.policy import SHIPPED
from cli_tuner.guard.rule import FOLDER, parse_rule
from cli_tuner.records import Level
from cli_tuner.watch.corrections import append_row, row_of
from cli_tuner.watch.period import since
from cli_tuner.watch.reports import CONFIRMED, Decisions, groups
from cli_tuner.watch.rule_patch import false_negative, false_positive, rule_named, with_example

EVER = datetime(2020, 1, 1, tzinfo=UTC)
ROOT = Path(__file__).parents[2]


def test_the_same_complaint_about_the_same_command_is_one_group(journal, answered, reported):
    for by in ("alice", "bob", "bob"):
        reported(answered("ls -la"), "wrong", by=by, correction="ls -lA")
    reported(answered("ls -la"), "unsafe")
    reported(answered("pwd"), "wrong")
    found = groups(journal, EVER)
    assert [(one.kind, one.command, len(one.reports), one.people) for one in found] == [
        ("unsafe", "ls -la", 1, 1),
        ("wrong", "ls -la", 3, 2),
        ("wrong", "pwd", 1, 1),
    ]
    assert found[1].corrections == {"ls -lA": 3}


def test_refusals_are_not_what_people_reported(journal, answered):
    answered("rm -rf /")
    assert groups(journal, EVER) == ()


def test_old_reports_are_left_out(journal, answered, reported):
    reported(answered("ls"), "wrong")
    assert groups(journal, datetime(2026, 3, 1, 13, tzinfo=UTC)) == ()


def test_a_decision_holds_until_somebody_reports_again(journal, paths, answered, reported):
    reported(answered("ls"), "wrong")
    decisions = Decisions(paths)
    (group,) = groups(journal, EVER, decisions.decided())
    decisions.add(group, CONFIRMED)
    assert groups(journal, EVER, decisions.decided()) == ()
    reported(answered("ls"), "wrong")
    (again,) = groups(journal, EVER, decisions.decided())
    assert (again.id, len(again.reports)) == (group.id, 1)


def test_a_line_cut_off_costs_one_decision(paths, journal, answered, reported):
    reported(answered("ls"), "wrong")
    decisions = Decisions(paths)
    decisions.add(groups(journal, EVER)[0], CONFIRMED)
    decisions.path.write_text(decisions.path.read_text() + '{"kind": "wr')
    assert len(decisions.decided()) == 1


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.id)
@pytest.mark.parametrize("kind", ["safe", "known_misses"])
def test_an_example_fits_into_every_shipped_rule(rule, kind):
    command = "echo \"it's\" \\ 'ü' # : - [x]"
    text = (FOLDER / rule.source).read_text("utf-8")
    before, after = (
        parse_rule(text, rule.source),
        parse_rule(with_example(text, kind, command), rule.source),
    )
    assert after[0] == before[0]
    assert getattr(after[1], kind) == (command, *getattr(before[1], kind))


@pytest.mark.skipif(shutil.which("patch") is None, reason="patch applies it")
def test_a_false_positive_becomes_a_patch_that_applies(tmp_path):
    rule = rule_named("delete-project", SHIPPED)
    patch = false_positive(rule, "rm -rf ./*", SHIPPED, Level.SAFE)
    assert patch.holds is (check("rm -rf ./*").level is Level.SAFE)
    target = tmp_path / "src/cli_tuner/guard/rules" / rule.source
    target.parent.mkdir(parents=True)
    target.write_text((FOLDER / rule.source).read_text("utf-8"))
    subprocess.run(["patch", "-p1", "--fuzz=0"], cwd=tmp_path, input=patch.text, text=True,
                   check=True, capture_output=True)  # fmt: skip
    assert "rm -rf ./*" in parse_rule(target.read_text(), rule.source)[1].safe


def test_a_false_negative_is_a_known_miss_until_the_guard_flags_it():
    rule = rule_named("CT-DEL-001", SHIPPED)
    assert false_negative(rule, "zap --everything /", SHIPPED).kind == "known_misses"
    assert false_negative(rule, "rm -rf /usr/../etc/..", SHIPPED).kind == "dangerous"


def test_what_is_an_example_already_is_not_added_twice():
    rule = rule_named("CT-DEL-007", SHIPPED)
    with pytest.raises(UsageError, match="example of CT-DEL-007 already"):
        false_positive(rule, "rm -rf dist", SHIPPED, Level.SAFE)
    with pytest.raises(UsageError, match="milder"):
        false_positive(rule, "rm -rf dist", SHIPPED, Level.REVIEW)


@pytest.fixture
def group(journal, answered, reported):
    answer = answered("ls -la", query="list all files with sizes")
    reported(answer, "wrong", correction="ls -lah")
    return groups(journal, EVER)[0]


def row(group, **given):
    options = {"query": None, "correction": None, "license_": "unknown", "policy": SHIPPED}
    return row_of(group, **{**options, **given})


def test_a_correction_becomes_a_row_that_says_where_it_comes_from(group):
    made = row(group)
    assert (made["query"], made["command"]) == ("list all files with sizes", "ls -lah")
    assert made["provenance"]["was"] == "ls -la"
    assert made["provenance"]["request_ids"] == [group.reports[0].request_id]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"correction": "rm -rf /"}, "dangerous"),
        ({"correction": "ls ("}, "not valid bash"),
        ({"correction": "ls -la"}, "what the model answered"),
        ({"correction": "ls\npwd"}, "one line"),
        ({"query": "x"}, "characters"),
    ],
)
def test_what_should_not_be_learned_is_refused(group, given, said):
    with pytest.raises(UsageError, match=said):
        row(group, **given)


def test_without_the_question_there_is_no_row(journal, answered, reported):
    reported(answered("ls"), "wrong", correction="ls -a")
    (group,) = groups(journal, EVER)
    with pytest.raises(UsageError, match="was not kept"):
        row(group)
    assert row(group, query="list hidden files too")["command"] == "ls -a"


def test_a_row_is_written_once(group, tmp_path):
    path = tmp_path / "rows.jsonl"
    assert append_row(path, row(group))
    assert not append_row(path, row(group))
    assert len(path.read_text().splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "ago"),
    [("7d", timedelta(days=7)), ("12h", timedelta(hours=12)), ("2w", timedelta(weeks=2))],
)
def test_a_span_is_a_moment_so_long_ago(text, ago):
    now = datetime(2026, 3, 1, tzinfo=UTC)
    assert since(text, now) == now - ago
    assert since("2026-02-01", now) == datetime(2026, 2, 1, tzinfo=UTC)
    with pytest.raises(UsageError):
        since("soon")


def test_the_data_stage_reads_such_rows(group, tmp_path):
    from cli_tuner.data.config import FileSource
    from cli_tuner.data.sources import opened

    path = tmp_path / "rows.jsonl"
    append_row(path, row(group))
    (pair,) = opened(FileSource(name="feedback", path=str(path)), seed=1).rows()
    assert (pair.source, pair.command) == ("feedback", "ls -lah")


@pytest.fixture
def main(paths, monkeypatch):
    from cli_tuner.cli.main import main

    monkeypatch.setenv("CLI_TUNER_HOME", str(paths.state.parent))
    return main


def test_the_program_triages_confirms_and_dismisses(main, answered, reported, capsys, tmp_path):
    reported(answered("rm -rf *"), "blocked_wrongly", comment="I meant it")
    reported(answered("ls -la"), "wrong", correction="ls -lah")
    assert main(["feedback", "triage", "--since", "2020-01-01", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["groups"]
    assert [one["kind"] for one in listed] == ["blocked_wrongly", "wrong"]
    here = ["--since", "2020-01-01", "--out", str(tmp_path / "out")]
    assert main(["feedback", "confirm", listed[0]["id"], *here]) == 0
    shown = capsys.readouterr()
    assert "rules test" in shown.err
    assert "rm -rf *" in Path(shown.out.strip()).read_text()
    assert main(["feedback", "confirm", listed[1]["id"], *here]) == 2
    ask = ["--query", "list files with readable sizes"]
    assert main(["feedback", "confirm", listed[1]["id"], *ask, *here]) == 0
    written = (tmp_path / "out" / "corrections.jsonl").read_text()
    assert json.loads(written)["command"] == "ls -lah"
    reported(answered("pwd"), "other")
    assert main(["feedback", "triage", "--since", "2020-01-01", "--json"]) == 0
    (left,) = json.loads(capsys.readouterr().out.splitlines()[-1])["groups"]
    assert main(["feedback", "dismiss", left["id"], "--since", "2020-01-01"]) == 0
    assert main(["feedback", "triage", "--since", "2020-01-01"]) == 0
    assert "no open reports" in capsys.readouterr().err
