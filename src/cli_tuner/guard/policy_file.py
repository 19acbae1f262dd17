"""One policy file: TOML that is looked at closely before it is believed.

    safety = "strict"
    rules = ["rules/*.yaml"]              # more rules, in files below the policy file's folder
    never_allow = ["CT-DEL-001"]          # system only: nobody may allow these

    [[allow]]                             # system and user only
    rule = "CT-DEL-005"
    path = "/srv/scratch/**"              # absolute or from ~; ** for everything below
    why = "made again by every build"

    [[tighten]]                           # review becomes dangerous
    rule = "CT-GIT-001"
    level = "dangerous"

A project's file comes with a repository and may be hostile: it is a plain file and no link, of at
most FILE_MAX bytes, and has neither `allow` nor `never_allow`.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from cli_tuner.errors import PolicyError
from cli_tuner.guard.policy import FOLDER, Allow, Kind, PolicyFile, Tighten
from cli_tuner.records.verdict import Level, Safety

FILE_MAX = 64 * 1024
"""Bytes of the longest policy file."""

_DOTS_MAX = 40  # in one line: the time and memory of a dotted key grow with its square
_KEYS: dict[Kind, tuple[str, ...]] = {
    "system": ("safety", "rules", "allow", "tighten", "never_allow"),
    "user": ("safety", "rules", "allow", "tighten"),
    "project": ("safety", "rules", "tighten"),
}
_PATTERN = re.compile(r"(?!\.\.?(?:/|$))[\w.@+*-]+(?:/(?!\.\.?(?:/|$))[\w.@+*-]+)*")


@dataclass(frozen=True, slots=True)
class Written:
    """What one file says, each part checked by itself."""

    file: PolicyFile
    safety: Safety
    patterns: tuple[str, ...]
    allows: tuple[Allow, ...]
    never_allow: tuple[str, ...]
    tightens: tuple[Tighten, ...]


def read_policy_file(kind: Kind, path: str) -> Written:
    """Read one policy file. Raises PolicyError naming the file and the key."""
    raw = plain_bytes(path, FILE_MAX, links=kind != "project")
    reader = _Reader(kind, path, _table(raw, path))
    file = PolicyFile(kind, path, hashlib.sha256(raw).hexdigest())
    return Written(
        file=file,
        safety=reader.safety(),
        patterns=reader.patterns(),
        allows=tuple(
            Allow(entry["rule"], reader.path_of(entry["path"]), entry["why"].strip(), file)
            for entry in reader.entries("allow", ("rule", "path", "why"))
        ),
        never_allow=reader.texts("never_allow"),
        tightens=tuple(
            Tighten(reader.raised(entry), file)
            for entry in reader.entries("tighten", ("rule", "level"))
        ),
    )


def plain_bytes(path: str, limit: int, *, links: bool) -> bytes:
    """The content of a plain file of at most `limit` bytes; with `links`, of one linked to.

    Raises PolicyError. Opening waits for nobody, so a named pipe is refused like a device.
    """
    if not links:
        _refuse_links(path)
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if links else os.O_NOFOLLOW)
    try:
        handle = os.open(path, flags)
    except OSError as error:
        raise PolicyError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise PolicyError(f"{path}: is not a plain file")
        if links and status.st_mode & stat.S_IWOTH:
            raise PolicyError(f"{path}: everybody may write to it", hint=f"run: chmod o-w {path}")
        raw = _read(handle, limit)
    except OSError as error:
        raise PolicyError(f"{path}: cannot be read: {error.strerror}") from error
    finally:
        os.close(handle)
    if len(raw) > limit:
        raise PolicyError(f"{path}: is longer than {limit} bytes")
    return raw


def _read(handle: int, limit: int) -> bytes:
    raw = b""
    while len(raw) <= limit:
        part = os.read(handle, limit + 1 - len(raw))
        if not part:
            break
        raw += part
    return raw


def _refuse_links(path: str) -> None:
    """A project's files are in the project: no part from `.cli-tuner` on is a link."""
    parts = path.split("/")
    first = len(parts) - 1 - parts[::-1].index(FOLDER)
    for end in range(first + 1, len(parts) + 1):
        if os.path.islink("/".join(parts[:end])):  # noqa: PTH114
            where = "/".join(parts[:end])
            raise PolicyError(
                f"{where}: is a symbolic link", hint="a project's policy is a plain file in it"
            )


def text_of(raw: bytes, path: str) -> str:
    """The text of a file. Raises PolicyError if it is not UTF-8."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise PolicyError(f"{path}: is not UTF-8 (byte {error.start})") from error


def _table(raw: bytes, path: str) -> Mapping[str, Any]:
    text = text_of(raw, path)
    for number, line in enumerate(text.splitlines(), start=1):
        if line.count(".") > _DOTS_MAX:
            raise PolicyError(f"{path}: line {number} has more than {_DOTS_MAX} dots")
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        said = "is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise PolicyError(f"{path}: {said}") from error


def nearest(word: str, known: tuple[str, ...]) -> str:
    """A hint: the known word that was probably meant, or all of them."""
    from difflib import get_close_matches

    near = get_close_matches(word[:80], known, 1)
    return f'did you mean "{near[0]}"?' if near else f"one of: {', '.join(known[:12])}"


class _Reader:
    """The parts of one file's table, each checked as it is asked for."""

    def __init__(self, kind: Kind, path: str, table: Mapping[str, Any]) -> None:
        self._kind, self._path, self._table = kind, path, table
        for key in table:
            if key not in _KEYS[kind]:
                self._refuse_key(key)

    def _fail(self, said: str, hint: str | None = None) -> NoReturn:
        raise PolicyError(f"{self._path}: {said}", hint=hint)

    def _refuse_key(self, key: str) -> NoReturn:
        if key in _KEYS["system"]:
            hint = "a project may only add rules and tighten" if self._kind == "project" else None
            self._fail(f'the key "{key}" is not for a {self._kind} policy', hint)
        self._fail(f'unknown key "{key}"', nearest(key, _KEYS[self._kind]))

    def safety(self) -> Safety:
        """The level that the file asks for; a project can ask for `strict` only."""
        known = ("strict",) if self._kind == "project" else ("strict", "moderate")
        value = self._table.get("safety", "moderate")
        if "safety" in self._table and value not in known:
            self._fail(f"safety must be {' or '.join(known)}")
        return Safety(value)

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts."""
        found = self._table.get(key, [])
        if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
            self._fail(f"{key} must be a list of texts")
        return tuple(found)

    def patterns(self) -> tuple[str, ...]:
        """Where more rules are, below the policy file's folder."""
        for pattern in self.texts("rules"):
            folder, _, _ = pattern.rpartition("/")
            if not _PATTERN.fullmatch(pattern) or "*" in folder or "**" in pattern:
                self._fail(
                    f'rules: "{pattern}" does not name files below the policy\'s folder',
                    'as in: rules = ["rules/*.yaml"]',
                )
        return self.texts("rules")

    def entries(self, key: str, names: tuple[str, ...]) -> list[dict[str, str]]:
        """The tables of `[[key]]`, each with exactly these texts."""
        found = self._table.get(key, [])
        if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
            self._fail(f"{key} must be written as [[{key}]]")
        for entry in found:
            for name in entry:
                if name not in names:
                    self._fail(f'{key}: unknown key "{name}"', nearest(name, names))
            for name in names:
                if not isinstance(entry.get(name), str) or not entry[name].strip():
                    self._fail(f'{key}: the key "{name}" is missing or no text')
        return found

    def raised(self, entry: Mapping[str, str]) -> str:
        """The rule that a `[[tighten]]` raises."""
        if entry["level"] != Level.DANGEROUS:
            self._fail('tighten: level must be "dangerous"', "a rule can only be raised")
        return entry["rule"]

    def path_of(self, path: str) -> str:
        """An allow's path, absolute. Raises PolicyError for one that is relative or too wide."""
        full = os.path.expanduser(path) if path.startswith("~/") else path  # noqa: PTH111
        parts = full.split("/")[1:]
        if not full.startswith("/") or any(part in ("", ".", "..") for part in parts):
            self._fail(
                f'allow: path "{path}" must be absolute or start with ~/',
                "without empty parts, . or ..",
            )
        if any(char in full for char in "[]?\\$\0") or any("**" in part for part in parts[:-1]):
            self._fail(f'allow: path "{path}" can hold * in a part and ** as the last part')
        if "*" in parts[0] or ("**" in parts[-1] and parts[-1] != "**"):
            self._fail(f'allow: path "{path}" is too wide', "start with a folder")
        return full
