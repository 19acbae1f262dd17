"""What the file system of a run holds before the command starts.

A tree is declarative and deterministic: the same lines give the same bytes. Ages are relative to
the moment of the run, since commands ask for "the last week" and not for a date.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from cli_tuner.errors import ConfigError

HOME = "/home/user"
DAY = 86400
UNITS = {"": 1, "c": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": DAY}
DEFAULT_AGE_S = 2 * DAY
FILLED = 1 << 16
"""Files up to this many bytes are filled with text; the rest of a longer one is a hole."""

Kind = Literal["file", "dir", "link", "hard"]


@dataclass(frozen=True)
class Entry:
    """One file, directory, symbolic link or hard link; `path` is absolute."""

    path: str
    kind: Kind = "file"
    content: bytes = b""
    size: int = 0
    mode: int = 0o644
    age_s: float = DEFAULT_AGE_S
    target: str = ""


@dataclass(frozen=True)
class FileTree:
    """Entries, and commands that make what lines cannot say.

    `setup` runs once, its result is kept (repositories, archives, databases); `each` runs before
    every command (processes, access times). Both run inside the sandbox, in the home directory.
    """

    entries: tuple[Entry, ...] = ()
    setup: tuple[str, ...] = ()
    each: tuple[str, ...] = ()

    @classmethod
    def of(cls, *lines: str, setup: Iterable[str] = (), each: Iterable[str] = ()) -> FileTree:
        """A tree from one line an entry; see `entry`."""
        return cls(tuple(entry(line) for line in lines), tuple(setup), tuple(each))


def absolute(path: str) -> str:
    """A path as the sandbox has it: relative ones and `~` are below the home directory."""
    if path in {"~", "."}:
        return HOME
    if path.startswith("~/"):
        path = path[2:]
    joined = path if path.startswith("/") else f"{HOME}/{path}"
    parts: list[str] = []
    for part in joined.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in {"", "."}:
            parts.append(part)
    return "/" + "/".join(parts)


def entry(line: str, content: str | None = None) -> Entry:
    """One line of a tree: `path [SIZE] [@AGE] [MODE]`, in any order after the path.

    `logs/` is a directory, `a -> b` a symbolic and `a => b` a hard link. SIZE is `10M` (powers of
    1024), AGE `40d`, `3h`, `20m` or `5s`, MODE octal with a leading zero. Paths with spaces are
    quoted as in a shell. Raises ConfigError for anything else.
    """
    try:
        path, *words = shlex.split(line)
    except ValueError as error:
        raise ConfigError(f'tree line "{line}": {error}') from None
    if len(words) == 2 and words[0] in {"->", "=>"}:
        hard = words[0] == "=>"
        target = absolute(words[1]) if hard else words[1]
        return Entry(absolute(path), "hard" if hard else "link", target=target)
    size, age_s, mode = 0, float(DEFAULT_AGE_S), 0
    for word in words:
        if found := re.fullmatch(r"@(\d+(?:\.\d+)?)([smhd])", word):
            age_s = float(found[1]) * SECONDS[found[2]]
        elif re.fullmatch(r"0[0-7]{3,4}", word):
            mode = int(word, 8)
        elif found := re.fullmatch(r"(\d+)([cKMG]?)", word):
            size = int(found[1]) * UNITS[found[2]]
        else:
            raise ConfigError(
                f'tree line "{line}": what is "{word}"?', hint="write `path 10M @3d 0644`"
            )
    if path.endswith("/"):
        return Entry(absolute(path), "dir", mode=mode or 0o755, age_s=age_s)
    data = content.encode() if content is not None else filling(absolute(path), min(size, FILLED))
    return Entry(absolute(path), "file", data, max(size, len(data)), mode or 0o644, age_s)


def filling(path: str, size: int) -> bytes:
    """`size` bytes of plain lines that differ from file to file."""
    if not size:
        return b""
    line = f"{path.rsplit('/', 1)[-1]} line\n".encode()
    return (line * (size // len(line) + 1))[:size]
