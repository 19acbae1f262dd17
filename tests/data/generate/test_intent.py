"""What is wrong in a file is said with the file, the intent and what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cli_tuner.data.generate.grammar import Text
from cli_tuner.data.generate.intent import Intent, domain, intents
from cli_tuner.errors import IntentError

GOOD = """
big:
  run: find {dir=.} -type f -size +{size}
  say: |
    files over {size} <in>
  expect: {count: 1}
"""


def test_a_good_intent_is_read(read: Callable[[str], tuple[Intent, ...]]) -> None:
    (intent,) = read(GOOD)
    assert (intent.id, intent.proof, set(intent.slots)) == ("mine.big", "run", {"size", "dir"})


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("-size +{size}", "-size +{szie}", 'slot "size" is not in the command'),
        ("over {size}", "over {size} {szie}", 'unknown slot "szie"; did you mean "size"'),
        ("over {size}", "large", r"may leave out \{size\}"),
        ("over {size}", "[over {size}]", r"may leave out \{size\}"),
        ("over {size}", "over {size} {word}", 'slot "word" is not in the command'),
        ("{dir=.}", "{dir}", r"may leave out \{dir\}"),
        ("<in>\n", "<in>\n    files over {size} <in>\n", "appears twice"),
        ("expect:", "expects:", 'unknown key "expects"; did you mean "expect"'),
        ("expect: {count: 1}", "", "no expect"),
        ("{count: 1}", "{cuont: 1}", 'unknown key "cuont"; did you mean "count"'),
        ("expect: {count: 1}", "expect: {count: 1}\n  tree: +nowhere", 'no tree "nowhere"'),
        ("expect: {count: 1}", "proof: maybe", "proof is run, network"),
        ("<in>", "<inn>", "no macro <inn>"),
        ("  say: |\n    files over {size} <in>\n", "", "no phrases"),
        ("expect: {count: 1}", "expect: {count: 1}\n  run: x", '"run" appears twice'),
    ],
)  # fmt: skip
def test_a_wrong_intent_is_said(
    read: Callable[[str], tuple[Intent, ...]], old: str, new: str, message: str
) -> None:
    with pytest.raises(IntentError, match=message) as caught:
        read(GOOD.replace(old, new))
    assert "mine.yaml" in str(caught.value) or "appears twice" in message
    assert "appears twice" in message or "big" in str(caught.value)


def test_a_switch_that_writes_what_it_does_not_say_is_an_error(
    read: Callable[[str], tuple[Intent, ...]],
) -> None:
    text = GOOD.replace("<in>", "{top}").replace("+{size}", "+{size}{top}")
    text += '  slots: {top: {"": "", "few": " | head -n {n}"}}\n'
    read(text.replace('"few"', '"the first {n}"').replace("{dir=.}", "."))
    (intent,) = read(text.replace("{dir=.}", "."))
    assert "n" not in intent.slots  # unknown there, so it is text


def test_a_switch_is_said_once_in_a_phrase(
    read: Callable[[str], tuple[Intent, ...]],
) -> None:
    text = GOOD.replace("<in>", "{top}").replace("+{size}", "+{size}{top}").replace("{dir=.}", ".")
    text += '  slots: {top: {"": "", "few": " | head -n 3"}}\n'
    read(text.replace(" {top}", " ({top} big|big {top})"))
    with pytest.raises(IntentError, match="twice"):
        read(text.replace(" {top}", " {top} [{top}]"))


def test_a_file_whose_domain_is_another_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "one.yaml"
    path.write_text("domain: two\nintents: {}\n")
    with pytest.raises(IntentError, match=r"one.yaml: domain is not one"):
        domain(path)


def test_all_shipped_intents_are_read() -> None:
    found = intents()
    assert len({intent.id for intent in found}) == len(found)
    for intent in found:  # a single phrase is a table of whole phrases, or made of choices
        assert len(intent.say) >= 2 or any(not isinstance(part, Text) for part in intent.say[0])
