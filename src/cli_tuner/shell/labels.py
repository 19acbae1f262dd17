"""Which well-known file a path is: accounts, secrets, start-up files, logs. From labels.yaml."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from cli_tuner.shell.compiled import compiled
from cli_tuner.shell.values import HOLE, QUERY, STAR

_FILE = Path(__file__).parent / "labels.yaml"
_HOME = re.compile(r"^/(?:home|Users)/[^/]+(?=/|$)|^/root(?=/|$)")
# Where another system's root is usually seen: the host's in a container, a disk's in a rescue.
HOST_VIEWS = ("/host", "/hostfs", "/host-root", "/rootfs", "/mnt/root", "/mnt/host", "/proc/1/root")
# What matters on any system's disk.
SERIOUS = frozenset({"accounts", "secret", "startup", "keys"})
# Folders in which a secret is one file among many that are none.
_MIXED = frozenset({"/etc", "~", "~/.config", "~/.local", "~/.local/share", "/var", "/proc", "/"})
_GLOB = re.compile(f"[{STAR}{QUERY}]")


@cache
def _table() -> Mapping[str, tuple[str, ...]]:
    """Label -> the patterns of its files."""
    data = compiled("labels", {_FILE.name: _FILE.read_text("utf-8")}, _read)
    return {str(label): tuple(patterns) for label, patterns in data.items()}


def _fits(pattern: str, path: str) -> bool:
    """Whether the pattern names the path. Few need their regex, and compiling one costs most."""
    if "*" not in pattern:
        return path.removesuffix("\n") == pattern
    head, tail = pattern.partition("*")[0], pattern.rpartition("*")[2].removeprefix("/")
    if not path.startswith(head) or not path.removesuffix("\n").endswith(tail):
        return False
    return _compiled(pattern).match(path) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(f"{_regex(pattern)}$", re.S)


def _read(texts: Mapping[str, str]) -> Any:
    import yaml

    return yaml.load(texts[_FILE.name], yaml.CSafeLoader)


def _regex(pattern: str) -> str:
    parts = re.split(r"(\*\*/|/\*\*|\*\*|\*)", pattern)
    made = {"**/": "(?:.*/)?", "/**": "/.*", "**": ".*", "*": "[^/]*"}
    return "".join(made.get(part, re.escape(part)) for part in parts)


@lru_cache(maxsize=4096)
def labels_of(path: str) -> frozenset[str]:
    """The labels of a resolved path; one with globs gets those of every file it could name."""
    path = _HOME.sub("~", path)
    found = {
        label
        for label, patterns in _table().items()
        if any(_fits(pattern, path) for pattern in patterns)
    }
    if "public" in found:
        found -= {"secret", "sensitive"}
    if _GLOB.search(path) and not path.startswith(HOLE):
        pattern = path.replace(STAR, "*").replace(QUERY, "?").split("/")
        for label, patterns in _table().items():
            if any("**" not in p and _could_be(p.split("/"), pattern) for p in patterns):
                found.add(label)
        folder, _, last = path.rpartition("/")
        if "secret" in found and not last.strip(STAR) and folder in _MIXED:
            found = found - {"secret"} | {"sensitive"}  # one of many files, and not what is meant
    return frozenset(found)


def _could_be(parts: list[str], pattern: list[str]) -> bool:
    """Whether a glob may name a file of the pattern; * crosses no slash and fits no leading dot."""
    if len(parts) != len(pattern) or parts[0] != pattern[0]:
        return False
    return all(
        _overlap(part, glob) and (part[:1] != "." or glob[:1] == ".")
        for part, glob in zip(parts, pattern, strict=True)
    )


def _overlap(part: str, glob: str) -> bool:
    """Whether two names with globs can be the same: what is written out in one fits the other."""
    return fnmatch.fnmatchcase(part.replace("*", ""), glob) or (
        "*" in part and fnmatch.fnmatchcase(glob.replace("*", "").replace("?", "x"), part)
    )


@cache
def label_names() -> frozenset[str]:
    """All labels there are."""
    return frozenset(_table())
