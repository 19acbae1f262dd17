"""`cli-tuner explain` as a user runs it."""

from __future__ import annotations


def test_every_part_is_a_line_and_the_verdict_is_the_last(cli):
    ended = cli("explain", "grep -rn TODO src | wc -l")
    lines = ended.out.splitlines()
    assert ended.status == 0
    assert lines[0].split(maxsplit=1) == ["grep", "prints the lines that fit a pattern"]
    assert any(line.split(maxsplit=1) == ["TODO", "the pattern: TODO"] for line in lines)
    assert lines[-1] == "safe · reads files only"


def test_the_status_does_not_depend_on_the_verdict(cli):
    ended = cli("explain", "rm -rf /")
    assert ended.status == 0
    assert "dangerous · CT-DEL-001" in ended.out
    assert "delete / · in root" in ended.out


def test_json_and_stdin(cli):
    document = cli("explain", "--json", stdin=b"ls -la\n").document
    assert document["schema_version"] == "1"
    assert [part["text"] for part in document["parts"]] == ["ls", "-l", "a"]


def test_nothing_to_explain_is_a_usage_error(cli):
    assert cli("explain", " ").status == 2


def test_what_a_terminal_would_obey_is_written_out(cli):
    assert "\x1b" not in cli("explain", "echo '\x1b[2J'").out


def test_what_nobody_wrote_down_is_looked_up_in_this_machines_pages(cli, tmp_path):
    (tmp_path / "man1").mkdir()
    page = ".SH NAME\nzorb \\- packs letters\n.SH OPTIONS\n.TP\n.B \\-\\-all\nAlso the odd ones.\n"
    (tmp_path / "man1" / "zorb.1").write_text(page)
    ended = cli("explain", "zorb --all x", MANPATH=str(tmp_path))
    assert ended.status == 0
    assert "packs letters" in ended.out
    assert "also the odd ones" in ended.out
