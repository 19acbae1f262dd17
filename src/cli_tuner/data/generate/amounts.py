"""Slot values that are counted: sizes, counts, ages. Each knows how people say it."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cli_tuner.data.generate.value import Value

ONES = "zero one two three four five six seven eight nine ten eleven twelve".split()
TENS = {20: "twenty", 30: "thirty", 40: "forty", 50: "fifty", 60: "sixty", 90: "ninety"}
HUNDREDS = {100: "a hundred", 200: "two hundred", 500: "five hundred", 1000: "a thousand"}
BYTES = {"k": 1 << 10, "M": 1 << 20, "G": 1 << 30}
UNIT_NAMES = {
    "k": ("KB", "kb", "K", "kilobytes", "KiB", "k"),
    "M": ("MB", "mb", "M", "megabytes", "MiB", "megs", "meg"),
    "G": ("GB", "gb", "G", "gigabytes", "GiB", "gigs", "gig"),
}
SECONDS = {"minute": 60, "hour": 3600, "day": 86400, "week": 7 * 86400}
DEFAULT_SIZES = {"k": (10, 50, 100, 200, 500), "M": (1, 2, 5, 10, 20, 50, 100, 200, 250, 500),
                 "G": (1, 2, 5)}  # fmt: skip
DEFAULT_AGES = {"minute": (5, 10, 15, 30, 45), "hour": (2, 3, 6, 12), "day": (1, 2, 3, 5, 7, 10,
                14, 30, 45, 60, 90), "week": (1, 2, 3)}  # fmt: skip


def in_words(number: int) -> str | None:
    """The number as people write it out, if they do."""
    if number < len(ONES):
        return ONES[number]
    return TENS.get(number) or HUNDREDS.get(number)


def number(rng: random.Random, given: Mapping[str, Any]) -> Value:
    """A whole number; parameters `from` and `to`, or `of`."""
    if "of" in given:
        return counted(int(rng.choice(given["of"])))
    return counted(rng.randint(int(given.get("from", 2)), int(given.get("to", 20))))


def counted(value: int) -> Value:
    """A count, 5 or five; forms `raw` (digits), `next`, `last` (one less), `half`, `double`."""
    words = in_words(value)
    says = (str(value),) * 3 + ((words,) if words and value > 1 else ())
    forms = {
        "raw": value,
        "next": value + 1,
        "last": value - 1,
        "half": value // 2,
        "double": value * 2,
    }
    return Value(str(value), {k: str(v) for k, v in forms.items()}, {"": says})


def size(rng: random.Random, given: Mapping[str, Any]) -> Value:
    """A size of find's and coreutils' kind; parameters `k`, `M`, `G`: lists of counts.

    Forms: `upper` (with K), `bytes`, `over` and `under` (bytes clearly above and below), `n`,
    `unit`.
    """
    table: Mapping[str, Sequence[int]] = {k: given[k] for k in BYTES if k in given}
    table = table or DEFAULT_SIZES
    unit = rng.choice([unit for unit in table for _ in table[unit]])
    n = int(rng.choice(list(table[unit])))
    total = n * BYTES[unit]
    names = UNIT_NAMES[unit]
    says = [f"{n}{names[0]}", f"{n} {names[0]}", f"{n}{names[2]}", f"{n} {names[3]}"]
    says += [f"{n}{names[1]}", f"{n} {names[1]}"]
    if unit != "k":
        says.append(f"{n} {names[5]}" if n > 1 else f"1 {names[6]}")
    if words := in_words(n):
        named = names[3] if n > 1 else names[3].removesuffix("s")
        says.append(f"{'a' if n == 1 else words} {named}")
    forms = {
        "raw": f"{n}{unit}",
        "upper": f"{n}{unit.upper()}",
        "bytes": str(total),
        "over": str(total + total // 2),
        "under": str(total // 2),
        "n": str(n),
        "unit": unit,
    }
    return Value(f"{n}{unit}", forms, {"": tuple(says)})


def age(rng: random.Random, given: Mapping[str, Any]) -> Value:
    """A stretch of time; parameters `minute`, `hour`, `day`, `week`: lists of counts.

    Forms: `newer` and `older` (tests of find), `minutes`, `days`, `seconds`, `inside` and
    `outside` (seconds, for the ages of a tree), `short` (`5m`, `2h`, `7d`), `since` (for git and
    journalctl, `2 weeks ago`). Said as `{age}` ("2 days", "a week") or `{age.last}` ("last two
    weeks").
    """
    table = {k: given[k] for k in SECONDS if k in given} or DEFAULT_AGES
    unit = rng.choice([unit for unit in table for _ in table[unit]])
    n = int(rng.choice(list(table[unit])))
    total = n * SECONDS[unit]
    days = total // 86400
    whole = unit in {"day", "week"}
    test = ("-mtime", days) if whole else ("-mmin", total // 60)
    plural = unit if n == 1 else f"{unit}s"
    forms = {
        "newer": f"{test[0]} -{test[1]}",
        "older": f"{test[0]} +{test[1]}",
        "anewer": f"{test[0].replace('m', 'a', 1)} -{test[1]}",
        "aolder": f"{test[0].replace('m', 'a', 1)} +{test[1]}",
        "minutes": str(total // 60),
        "days": str(days),
        "seconds": str(total),
        "inside": f"@{total // 2}s",
        "outside": f"@{2 * total + 2 * 86400}s",
        "short": f"{days}d" if whole else f"{n}{unit[0]}",
        "since": f"{n} {plural} ago",
        "n": str(n),
        "unit": unit,
    }
    return Value(f"{n} {plural}", forms, _ways_to_say(n, unit))


def _ways_to_say(n: int, unit: str) -> dict[str, tuple[str, ...]]:
    article = "an" if unit == "hour" else "a"
    plural = unit if n == 1 else f"{unit}s"
    says = [f"{n} {plural}", f"{n} {plural}"]
    if n == 1:
        says = [f"{article} {unit}", f"one {unit}", f"1 {unit}"]
    elif words := in_words(n):
        says.append(f"{words} {plural}")
    last = [f"last {each}" for each in says] + [f"past {says[0]}"]
    if n == 1:
        last = [f"last {unit}", f"past {unit}"]
    same = {("day", 7): ("week", 1), ("day", 14): ("week", 2), ("hour", 24): ("day", 1)}
    if (unit, n) in same:
        other, count = same[unit, n]
        says.append(f"{'a' if count == 1 else 'two'} {other}{'s' if count > 1 else ''}")
        last.append(f"last {other}" if count == 1 else f"last two {other}s")
    return {"": tuple(says), "last": tuple(last)}


COUNTED: Mapping[str, Callable[[random.Random, Mapping[str, Any]], Value]] = {
    "n": number,
    "size": size,
    "age": age,
}
"""Slot types that are computed; all others are lists in YAML."""
