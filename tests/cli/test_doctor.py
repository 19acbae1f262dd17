"""`cli-tuner doctor`: every part is looked at, and what is wrong is named."""

from __future__ import annotations

import pytest

PARTS = {
    *("program", "config", "data", "state", "cache", "runtime", "settings", "bash"),
    *("guard", "policy", "engine", "model", "resident", "journal"),
}


@pytest.fixture
def findings(cli):
    def look(**variables):
        ended = cli("doctor", "--json", **variables)
        return ended.status, {item["part"]: item for item in ended.document["findings"]}

    return look


def test_every_part_is_looked_at(findings):
    status, found = findings()
    assert set(found) == PARTS
    assert status == 3
    assert {part for part, item in found.items() if item["state"] == "fail"} == {"model"}


def test_what_is_missing_comes_with_how_to_get_it(cli):
    ended = cli("doctor")
    assert ended.status == 3
    assert "fail model" in ended.out
    assert "-> run: cli-tuner setup" in ended.out


def test_with_an_endpoint_that_answers_all_is_well(findings, endpoint):
    status, found = findings(CLI_TUNER_BACKEND=endpoint.url)
    assert status == 0
    assert "scripted" in found["engine"]["seen"]


def test_an_endpoint_that_is_not_there_is_found(findings):
    status, found = findings(CLI_TUNER_BACKEND="http://127.0.0.1:9")
    assert status == 1
    assert found["engine"]["state"] == "fail"


def test_a_broken_configuration_is_a_finding_and_the_rest_is_still_looked_at(findings, home):
    (home / "config").mkdir(parents=True)
    (home / "config" / "config.toml").write_text("saftey = 1")
    status, found = findings()
    assert status == 1
    assert found["settings"]["state"] == "fail"
    assert "safety" in found["settings"]["todo"]
    assert set(found) == PARTS


def test_a_folder_that_cannot_be_used_is_a_finding(findings, home):
    home.mkdir()
    (home / "state").write_text("a file where the folder should be")
    status, found = findings()
    assert status == 1
    assert any(item["state"] == "fail" and "state" in item["seen"] for item in found.values())


class TestTheJournal:
    @pytest.fixture
    def log(self, generate, home):
        for _ in range(3):
            generate("list files")
        return home / "state/monitoring/logs/provenance.jsonl"

    def test_is_whole_after_use(self, log, cli):
        assert "3 records, chain whole" in cli("doctor").out

    def test_that_was_edited_is_reported(self, log, cli):
        log.write_text(log.read_text().replace("ls -la", "ls -lA", 1))
        ended = cli("doctor")
        assert ended.status == 1
        assert "fail journal" in ended.out

    def test_that_lost_a_line_is_reported(self, log, cli):
        lines = log.read_text().splitlines(keepends=True)
        log.write_text("".join(lines[:1] + lines[2:]))
        assert cli("doctor").status == 1

    def test_that_was_cut_short_is_reported(self, log, cli):
        log.write_text("".join(log.read_text().splitlines(keepends=True)[:-1]))
        assert cli("doctor").status == 1
