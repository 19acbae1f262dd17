from __future__ import annotations

from pathlib import Path

import pytest

from cli_tuner.evaluate.domain.bleu import command_bleu
from cli_tuner.evaluate.domain.judge import judge
from cli_tuner.evaluate.domain.known import are_programs_known
from cli_tuner.evaluate.domain.mistakes import mistake_in
from cli_tuner.evaluate.suite import Context, Item
from cli_tuner.shell.canonical import are_options_known


def item(command, references, raw=None, finish="stop"):
    return Item(
        set="own", id="x", query="do it", references=references, stratum="all",
        raw=command or "" if raw is None else raw, command=command, level="safe", refusal=None,
        finish=finish, mean_logprob=-0.1, ms=1.0,
    )  # fmt: skip


def outcome(*given, **fields):
    return judge([item(*given, **fields)], Context(Path())).outcomes[0]


def test_the_same_command_in_other_words_is_exact_only_canonically():
    found = outcome("ls -a -l", ("ls -la",))
    assert found.measures["exact"] is False
    assert found.measures["exact_canonical"] is True
    assert found.label == "exact"


def test_any_of_the_references_will_do():
    assert outcome("b", ("a", "b")).measures["exact"] is True


def test_without_references_only_the_text_is_judged():
    found = outcome("ls", ())
    assert found.measures["exact"] is found.measures["template"] is None
    assert found.measures["syntax"] is True
    assert found.label == ""


def test_no_command_fails_everything_that_can_be_said():
    found = outcome(None, ("ls",), raw="Sorry.")
    assert found.label == "format"
    assert not any(found.measures[name] for name in ("exact", "template", "syntax", "command_only"))
    assert found.measures["utility_valid"] is None


@pytest.mark.parametrize(
    ("raw", "finish", "alone"),
    [
        ("ls", "stop", True),
        (" ls\n", "stop", True),
        ("`ls`", "stop", False),
        ("```\nls\n```", "stop", False),
        ("$ ls", "stop", False),
        ("Here you are:\nls", "stop", False),
        ("ls", "length", False),
    ],
)
def test_command_only_is_about_the_raw_text(raw, finish, alone):
    assert outcome("ls", ("ls",), raw=raw, finish=finish).measures["command_only"] is alone


@pytest.mark.parametrize(
    ("command", "reference", "label"),
    [
        ("rm f", "mv f g", "wrong utility"),
        ("ls", "ls | wc -l", "undershoot"),
        ("ls -l", "ls -l -a", "undershoot"),
        ("ls | sort", "ls", "overshoot"),
        ("grep -i x f", "grep x f", "overshoot"),
        ("grep -i x f", "grep -v x f", "wrong option"),
        ("git push", "git pull", "wrong utility"),
        ("frobnicate --now x", "frobnicate --later x", "wrong option"),
        ("head -n 3 f", "head -n 4 f", "wrong argument"),
        ("cp a b", "cp b a", "wrong argument"),
    ],
)
def test_mistakes_have_a_kind(command, reference, label):
    assert mistake_in(command, [reference])[0] == label


def test_the_nearest_reference_is_what_a_mistake_is_told_by():
    assert mistake_in("ls -l", ["find . -ls -print", "ls -a"])[0] == "wrong option"


def test_invented_programs_and_options_are_found():
    assert are_programs_known("grepp x f") is False
    assert are_programs_known("grep x f | xargs rm") is True
    assert are_programs_known("./own") is None
    assert are_programs_known("own x", {"own"}) is True
    assert are_options_known("grep --frobnicate x") is False
    assert are_options_known("grep -i x") is True
    assert are_options_known("echo x") is None


def test_bleu_is_sacrebleus_on_shell_tokens():
    sacrebleu = pytest.importorskip("sacrebleu")
    given = ["find . -name '*.c file' -type f | wc -l", "ls -la a b c d"]
    wanted = ["find . -name '*.c file' -type d | wc -c", "ls -la a b x d"]
    found = command_bleu([(a, [b]) for a, b in zip(given, wanted, strict=True)])
    flat = [text.replace("c file", "c_file") for text in (*given, *wanted)]
    theirs = sacrebleu.corpus_bleu(flat[:2], [flat[2:]], tokenize="none", force=True)
    assert found.value == pytest.approx(theirs.score)
    assert found.low <= found.value <= found.high
    assert command_bleu([("ls -la a b", ["ls -la a b"])]).value == pytest.approx(100)
    assert command_bleu([("", ["ls -la"])]).value == 0
