"""A week in numbers, as Markdown and as a page."""

import json
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from tests.watch.conftest import NOW

from cli_tuner.records import RefusalCode
from cli_tuner.watch.document import Heading, Paragraph, Table, to_html, to_markdown
from cli_tuner.watch.numbers import Rate, numbers, quantile
from cli_tuner.watch.report import blocks, document

WEEK = timedelta(days=7)
SOON = NOW + timedelta(hours=1)


@pytest.fixture
def week(journal, answered, reported):
    """Two weeks: three answers long ago, ten now, one of them refused."""
    for at in range(3):
        answered("ls", days_ago=8 + at, ms=900)
    for at in range(8):
        request_id = answered("ls -la", days_ago=at / 2, ms=100 * (at + 1))
    answered("sudo apt-get install jq", days_ago=1)
    answered("rm -rf /", days_ago=1)
    reported(request_id, "wrong")
    now = numbers(journal, SOON - WEEK, SOON)
    before = numbers(journal, SOON - 2 * WEEK, SOON - WEEK)
    return now, before


def test_every_answer_is_in_the_period_it_belongs_to(week):
    now, before = week
    assert (now.requests, before.requests) == (10, 3)
    assert now.passed == Rate(9, 10)
    assert now.levels == {"safe": 8, "review": 1, "dangerous": 1}
    assert now.refusals == {"dangerous": 1}
    assert now.rules["CT-DEL-001"] == 1
    assert now.feedback == {"wrong": 1}
    assert quantile(before.latencies_ms, 0.5) == pytest.approx(901.5)


def test_the_report_says_it_in_both_forms(week, journal):
    made = blocks(*week, journal.verify_all())
    text, page = to_markdown(made), to_html("week", made)
    for said in ("90.0% (9 of 10; ", "CT-DEL-001", "whole"):
        assert said in text
        assert said in page
    assert page.count("<svg") == 3
    assert "<script" not in page
    Closed(page)
    assert "rm -rf" not in text + page
    json.dumps(document(*week))


def test_a_week_without_requests_is_a_report_too(journal):
    empty = numbers(journal, SOON - WEEK, SOON)
    made = blocks(empty, empty, journal.verify_all())
    Closed(to_html("week", made))
    assert "| Requests | 0 | 0 |" in to_markdown(made)
    assert document(empty, empty)["period"]["passed"]["ci95"] is None


class Closed(HTMLParser):
    """Every element is closed where it should be."""

    def __init__(self, text):
        super().__init__()
        self.open = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        if tag not in ("meta",):
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_nothing_in_a_cell_is_markup():
    bad = "<b>|`*\n# x"
    made = [Heading(bad), Paragraph(bad), Table((bad, bad), ((bad, bad),))]
    assert "<b>" not in to_html(bad, made)
    lines = to_markdown(made).splitlines()
    assert lines[0].startswith("## \\<b\\>\\|\\`\\*")
    assert all(line.replace("\\|", "").count("|") in (0, 3) for line in lines)


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [(9, 10, 0.596, 0.982), (0, 20, 0.0, 0.161), (50, 100, 0.404, 0.596)],
)
def test_intervals_are_wilsons(count, of, low, high):
    """Reference values: scipy.stats.binomtest(...).proportion_ci(method="wilson")."""
    assert Rate(count, of).interval == pytest.approx((low, high), abs=6e-4)
    assert Rate(0, 0).interval is None
    assert str(Rate(0, 0)) == "none"


def test_a_refusal_without_a_command_counts_too(journal, answered):
    answered(None, refusal=RefusalCode.TEMPLATE_TOKEN)
    found = numbers(journal, SOON - WEEK, SOON)
    assert found.refusals == {"template_token": 1}
    assert found.levels == {}


def test_the_program_writes_both_files(paths, monkeypatch, capsys, tmp_path):
    from cli_tuner.cli.main import main

    monkeypatch.setenv("CLI_TUNER_HOME", str(paths.state.parent))
    assert main(["watch", "report", "--since", "7d", "--out", str(tmp_path / "out")]) == 0
    written = capsys.readouterr().out.split()
    assert [name.rpartition(".")[2] for name in written] == ["md", "html"]
    assert main(["watch", "report", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["period"]["requests"] == 0
    assert main(["watch", "report", "--since", "2999-01-01"]) == 2
