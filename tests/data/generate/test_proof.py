"""The proof finds wrong commands; every shipped intent is proven on one of its commands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cli_tuner.data.generate.intent import HERE, Intent, intents
from cli_tuner.data.generate.proof import prove, table
from cli_tuner.sandbox import reason_it_cannot_run

Read = Callable[[str], tuple[Intent, ...]]
DOMAINS = sorted(path.stem for path in (HERE / "intents").glob("*.yaml"))


@pytest.fixture(autouse=True)
def isolated() -> None:
    if reason := reason_it_cannot_run():
        pytest.skip(reason)


BIG = """
big:
  run: find {dir=.} -type f -size +{size}
  say: |
    files over {size} <in>
  tree: |
    {dir}/big {size.over}
    {dir}/small {size.under}
  expect: {paths: "kind == 'f' and size > {size.bytes}"}
  pairs: 6
"""


def problems(read: Read, text: str) -> str:
    return "\n".join(prove(read(text)[0]).problems)


def test_a_right_command_has_no_problems(read: Read) -> None:
    assert problems(read, BIG) == ""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("-size +", "-size -", "printed"),
        ("find", "fnid", "status 127"),
        ("-size +{size}", "-size +{size} -delete", "which is not expected"),
        ("{dir}/big {size.over}\n", "\n", "too weak"),
        ("find {dir=.}", "find '{dir=.}", "own parser"),
        ("find {dir=.}", "rm -rf / ; find {dir=.}", "dangerous"),
        ("size > {size.bytes}", "size > {size.bytse}", "no form"),
        ("size > {size.bytes}", "sise > {size.bytes}", "NameError"),
        ("-size +{size}", "-size +{size} ; ls nothing", "status 2"),
        ("-size +{size}", "-size +{size} ; ls nothing ; true", "standard error"),
    ],
)
def test_a_wrong_command_is_found(read: Read, old: str, new: str, said: str) -> None:
    assert said in problems(read, BIG.replace(old, new))


CHANGING = """
move:
  run: mv {file} {newdir}
  say: |
    move {file} to {newdir}
  tree: |
    {file} | hello
    {newdir}/
  expect: {deleted: ["{file.raw}"], created: {"{newdir}/{file}": hello}, then: "test -d {newdir}"}
  pairs: 4
"""


def test_changes_are_compared(read: Read) -> None:
    assert problems(read, CHANGING) == ""
    assert "is not deleted" in problems(read, CHANGING.replace("mv", "cp"))
    assert "holds" in problems(read, CHANGING.replace(": hello}", ": other}"))
    assert "afterwards" in problems(read, CHANGING.replace("test -d", "test -f"))


def test_another_command_can_be_the_judge(read: Read) -> None:
    text = BIG.replace("expect: {paths: \"kind == 'f' and size > {size.bytes}\"}",
                       "expect: {same: 'find {dir} -type f -size +{size} -print'}")  # fmt: skip
    assert problems(read, text) == ""
    assert "and `find" in problems(read, text.replace("-print'", "-print0'"))


def test_what_cannot_run_is_parsed_only(read: Read) -> None:
    text = "fetch:\n  run: curl -sS 'https://{dir}'\n  say: |\n    get {dir}\n  proof: network\n"
    assert problems(read, text) == ""
    assert "own parser" in problems(read, text.replace("{dir}'", "{dir}"))


@pytest.mark.parametrize("domain", DOMAINS)
def test_shipped_intents_are_proven_on_a_command(domain: str) -> None:
    proved = [prove(replace(intent, pairs=8), seed=9, most=1) for intent in intents(domain)]
    assert [problem for one in proved for problem in one.problems] == []
    if missing := {name for one in proved for name in one.missing}:
        pytest.skip(f"some were not run, for want of {', '.join(sorted(missing))}")


def test_a_program_that_is_not_here_is_no_mistake_of_the_command(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = BIG.replace("run: find", "run: zstdcat nothing; find")
    assert "standard error" in problems(read, text)
    monkeypatch.setattr("cli_tuner.data.generate.proof._is_here", lambda name: name != "zstdcat")
    proved = prove(read(text)[0])
    assert (proved.problems, proved.missing) == ((), ("zstdcat",))
    assert "| 6 | 6 | 0 | 6 | 0 |" in table([proved])


def test_counts_are_a_table() -> None:
    proved = [prove(replace(intents("find")[0], pairs=3))]
    assert "| find | 1 | 3 | 3 | 3 | 0 | 0 |" in table(proved)


def test_the_documentation_shows_an_intent_that_is_shipped() -> None:
    text = (Path(__file__).parents[3] / "docs" / "GENERATOR.md").read_text(encoding="utf-8")
    shown = text.split("```yaml\n", 2)[1].split("```", 1)[0]
    shipped = (Path(prove.__code__.co_filename).parent / "intents" / "find.yaml").read_text()
    body = [line.strip() for line in shown.splitlines() if line.startswith("      ")]
    missing = [line for line in body if line.replace("<find>", "<fnd>") not in shipped]
    assert missing == []
