"""Texts for files of a derived tree: chosen so that patterns, columns and bounds can fail."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from zlib import crc32

from cli_tuner.evaluate.execution.constants import Constants
from cli_tuner.sandbox.tree import absolute

_NAMES = "alice bob carol dave erin frank grace heidi ivan judy".split()
_SIGNS = {"csv": ",", "tsv": "\t"}
_ODD = ("# a comment", "#", "name = value # remark", "   ", 'say "hello" twice', "it's 'fine'")
_ORDERED = "2K 1M 900 10K v1.10 v1.9 Feb Jan -3 1e3".split()
"""Lines that each way of sorting puts elsewhere."""
_BOUNDS = 6
_COMPARERS = frozenset("diff sdiff cmp comm colordiff".split())
_THINGS = "apple lemon pear plum cherry melon fig grape peach quince".split()


def content_of(path: str, named: Constants, chance: random.Random, world: int) -> str:
    """What a file of this name holds; the same for the same chance and world."""
    suffix = path.rsplit("/", 1)[-1].rpartition(".")[2].lower()
    if _lacks_patterns(path, named):
        named = replace(named, texts=set())
    signs = sorted(named.delimiters) or [_SIGNS.get(suffix, " ")]
    if suffix == "json":
        return _json(named, chance)
    if suffix in {"sh", "bash"}:
        return (
            "#!/bin/bash\necho running "
            + path.rsplit("/", 1)[-1]
            + "\n"
            + _lines(named, chance, signs, "# ")
        )
    text = _lines(named, chance, signs)
    if world == 1:  # a first line that counts, where a header might be left out
        text = signs[0].join(str(chance.randint(1, 99)) for _ in range(7)) + "\n" + text
    return text + _twins(path, named)


def _lacks_patterns(path: str, named: Constants) -> bool:
    """Every third file has none of the patterns, unless it is named itself."""
    given = {absolute(each) for each in named.there}
    return path.startswith("/") and path not in given and crc32(path.encode()) % 3 == 0


def _lines(named: Constants, chance: random.Random, signs: list[str], before: str = "") -> str:
    count = min(2 * max([5, *(n for n in named.numbers if n <= 150)]) + chance.randint(3, 6), 320)
    lines = [_line(number, named, chance, signs) for number in range(count)]
    alike = random.Random(len(signs))  # noqa: S311 - the same lines in every file
    lines += [_line(number, named, alike, signs) for number in range(4)]
    lines += [*_of_lengths(named, chance), *_plain(named, chance), *_at_bounds(named, signs)]
    lines[2:2] = [""]
    lines += [lines[0], chance.choice(lines), lines[0]]
    chance.shuffle(lines)
    return "".join(f"{before}{line}\n" for line in lines)


def _plain(named: Constants, chance: random.Random) -> list[str]:
    """Comments, numbers, words in capitals and not, and each pattern alone on a line."""
    numbers = [str(n) for n in chance.sample(range(1, 130), 6)]
    words = [chance.choice(_NAMES).title(), chance.choice(_NAMES).upper(), chance.choice(_NAMES)]
    alone = [line for text in sorted(named.texts) for line in (text, f"#{text}")]
    alone += [text.replace(".", "x") for text in sorted(named.texts) if "." in text]
    ordered = _ORDERED if "sort" in named.programs else ()
    return [*_ODD, *numbers, *words, *alone, *ordered]


def _at_bounds(named: Constants, signs: list[str]) -> list[str]:
    """Below, at and above each number, in every column: where a condition on one turns."""
    numbers = sorted(named.numbers)[:_BOUNDS]
    return [
        signs[0].join([str(value)] * 6)
        for number in numbers
        for value in (number - 1, number, number + 1)
    ]


def _twins(path: str, named: Constants) -> str:
    """An end that two files have in common but for capitals, blanks and an empty line."""
    if "uniq" in named.programs:
        return "again\nagain\nAgain\n"
    if not named.programs & _COMPARERS:
        return ""
    files = sorted(absolute(each) for each in named.there)
    odd = path in files and files.index(path) % 2 == 1
    differing = ("Shared Line", "two  blanks", "", "") if odd else ("shared line", "two blanks", "")
    lines = ("common start", *differing, "common end")
    return "".join(f"{line}\n" for line in lines)


def _of_lengths(named: Constants, chance: random.Random) -> list[str]:
    """Lines just below, at and above each number that could be a length."""
    lengths = {n + step for n in named.numbers if 4 < n <= 150 for step in (-1, 0, 1, 3)}
    return ["".join(chance.choices("abcdefgh ", k=length - 1)) + "x" for length in sorted(lengths)]


def _line(number: int, named: Constants, chance: random.Random, signs: list[str]) -> str:
    sign = signs[number % len(signs)]
    fields = [
        chance.choice(_NAMES),
        str(chance.randint(1, 120)),
        chance.choice(_THINGS).title() if number % 4 else chance.choice(_THINGS).upper(),
        f"{chance.randint(1, 9)}.{chance.randint(0, 99):02}",
        f"10.0.{number % 3}.{number % 7}",
        f"user{number % 5}@example.org",
        f"202{number % 5}-0{1 + number % 9}-1{number % 9}",
    ]
    texts = sorted(named.texts)
    if texts and number % 3:
        text = texts[number % len(texts)]
        ways = (
            text,
            text,
            text.upper(),
            text.lower(),
            f"x{text}y",
            f"{text} {text}",
            f"{text}: {text}",
        )
        fields.insert(chance.choice((0, 0, 2, 4)), chance.choice(ways))
    if number % 5 == 4:
        fields = fields[: chance.randint(1, 3)]
    lead = "  " if number % 7 == 6 else "\t" if number % 11 == 10 else ""
    return lead + sign.join(fields) + ("  " if number % 8 == 7 else "")


def _json(named: Constants, chance: random.Random) -> str:
    keys = sorted({*named.texts, *named.lists} - {""}) or ["name", "id", "value"]
    plain = sorted(set(keys) - named.lists) or ["name"]

    def one() -> dict[str, object]:
        return {key: chance.choice([*_THINGS, 3, True]) for key in plain}

    whole: dict[str, object] = {
        **one(),
        **{key: [one(), one(), one()] for key in keys if key in named.lists},
    }
    found = [whole, {**whole, **one()}, one()] if "" in named.lists else whole
    return json.dumps(found, indent=2) + "\n"
