"""File trees for two commands, out of what the commands themselves name.

Three worlds. In the first everything named is there, with neighbours on both sides of every bound
and near every name. In the second contents, sizes and order differ, names have spaces, and there
are hidden, empty and linked files. In the third what is to be written is there already. On a tree
where a reference prints and changes nothing, two commands cannot be told apart; such a world does
not count, see `judge`.
"""

from __future__ import annotations

import hashlib
import random
import re
import shlex
from collections.abc import Iterator

from cli_tuner.evaluate.execution.constants import Constants, constants_of
from cli_tuner.evaluate.execution.contents import content_of
from cli_tuner.sandbox import HOME, Entry, FileTree
from cli_tuner.sandbox.base import BASE
from cli_tuner.sandbox.tree import DEFAULT_AGE_S, FILLED, absolute, filling

WORLDS = 3
_MOST_BYTES = 3 << 30
_OF_THE_SYSTEM = {entry.path for entry in BASE}
_SPECIAL = re.compile(r"[*?]|\[!?([^\]]*)\]")
_PACKS = (
    (re.compile(r"\.(?:tar\.\w+|tgz|tar|tbz2|txz)$"), "tar -caf {0} -C {1} note.txt docs"),
    (re.compile(r"\.(?:zip|jar)$"), "(cd {1} && zip -qr - .) > {0}"),
    (re.compile(r"\.gz$"), "gzip -nc {1}/note.txt > {0}"),
    (re.compile(r"\.bz2$"), "bzip2 -c {1}/note.txt > {0}"),
    (re.compile(r"\.xz$"), "xz -c {1}/note.txt > {0}"),
    (re.compile(r"\.(?:db|sqlite3?)$"),
     "sqlite3 {0} 'create table users(id integer, name text); insert into users values"
     '(1,"alice"),(2,"bob"),(3,"carol")\''),
)  # fmt: skip
_MAKE_REPOSITORY = (
    "git init -q -b main . && git config user.name User && git config user.email user@example.org"
    " && printf 'build/\\n' > .gitignore && git add -A && git commit -qm 'First commit'"
    " && echo more > tracked.txt && git add -A && git commit -qm 'Second commit'"
    " && git branch feature && git tag v1.0"
)
_PART_BRANCHES = (
    "git switch -q feature && echo feature > feature.txt && git add -A"
    " && git commit -qm 'On feature' && git switch -q main"
    " && echo main > main.txt && git add -A && git commit -qm 'On main'"
)
_CHANGE_REPOSITORY = "echo changed >> tracked.txt && echo new > untracked.txt"


def worlds(*commands: str) -> tuple[FileTree, ...]:
    """The trees for these commands; the same commands give the same trees."""
    named = constants_of(*commands)
    seed = hashlib.sha256("\0".join(commands).encode(errors="replace")).hexdigest()
    chances = [random.Random(f"{seed} {number}") for number in range(WORLDS)]  # noqa: S311
    return tuple(_world(named, number, chance) for number, chance in enumerate(chances))


def _world(named: Constants, number: int, chance: random.Random) -> FileTree:
    made = _Tree(named, number, chance)
    for path in sorted(named.folders):
        made.folder(path)
    for path in sorted(named.there - (named.written if number == 0 else set())):
        made.file(path)
    for place in made.places():
        made.neighbours(place)
    if number == 2:
        for path in sorted(named.written - named.there):
            (made.file if "." in path.rsplit("/", 1)[-1] else made.folder)(path)
    setup = [*made.packing]
    if "git" in named.programs:
        setup.append(_MAKE_REPOSITORY)
        setup.append(_PART_BRANCHES if number == 1 else _CHANGE_REPOSITORY)
    return FileTree(tuple(made.entries.values()), tuple(setup))


class _Tree:
    def __init__(self, named: Constants, number: int, chance: random.Random) -> None:
        self.named, self.number, self.chance = named, number, chance
        self.entries: dict[str, Entry] = {}
        self.packing: list[str] = []
        self._bytes = 0

    def places(self) -> list[str]:
        """Where files are looked for: the home directory and every folder that is named."""
        return [HOME, *(absolute(path) for path in sorted(self.named.folders))]

    def folder(self, path: str) -> None:
        """A folder with something in it, two levels deep."""
        top = absolute(path)
        self._add(Entry(top, "dir", mode=0o755))
        self.file(f"{top}/inner.txt")
        self.file(f"{top}/deeper/inside.txt")

    def file(self, path: str, *, size: int | None = None, age_s: float = DEFAULT_AGE_S,
             mode: int = 0) -> None:  # fmt: skip
        """A file with a text of its own, or an archive if its name says so."""
        full = absolute(path)
        if full in _OF_THE_SYSTEM:
            return
        for suffix, how in _PACKS:
            if suffix.search(full) and size is None:
                self._pack(full, how)
                return
        if "link" in full.rpartition("/")[2] and self.number == 1 and size is None:
            self._add(Entry(full, "link", target="with space.txt"))
            return
        if size is not None:
            size = min(size, _MOST_BYTES)
            text = filling(full, min(size, FILLED))
        else:
            text = content_of(full, self.named, self.chance, self.number).encode()
            size = len(text)
        self._add(Entry(full, "file", text, size, mode or self._mode(full), age_s))

    def _mode(self, full: str) -> int:
        """Ordinary permissions; those that chmod could change where it is used."""
        if "chmod" in self.named.programs:
            return self.chance.choice((0o600, 0o604, 0o666, 0o755, 0o775))
        return 0o755 if full.endswith((".sh", ".py")) else 0o644

    def neighbours(self, place: str) -> None:
        """Files on both sides of every name, size, age and mode that the commands speak of."""
        for name in sorted(self._names()):
            self.file(f"{place}/{name}")
            if self.number < 2:
                self.file(f"{place}/sub one/{name}" if self.number else f"{place}/sub/{name}")
        self.file(f"{place}/sub/below/{self._a_name()}")
        name = self._a_name()
        for index, size in enumerate(self._around(self.named.sizes, 1 << 10)):
            self.file(f"{place}/size{index}-{name}", size=size)
        for index, age in enumerate(self._around(self.named.ages_s, 86400)):
            self.file(f"{place}/age{index}-{name}", age_s=age + 15)
        for index, mode in enumerate(self._modes()):
            self.file(f"{place}/mode{index}-{name}", mode=mode)
        if self.number == 1:
            self._odd(place)

    def _odd(self, place: str) -> None:
        self.file(f"{place}/.hidden-{self._a_name().lstrip('.')}")
        self.file(f"{place}/with space.txt", age_s=3600, mode=0o750)
        self._add(Entry(f"{place}/empty.txt", age_s=9 * 86400))
        self._add(Entry(f"{place}/empty folder", "dir", mode=0o755))
        self._add(Entry(f"{place}/link.txt", "link", target="with space.txt"))
        self._add(Entry(f"{place}/broken", "link", target="nowhere"))

    def _names(self) -> Iterator[str]:
        """Names that the globs match, and some that they just do not."""
        yield "other.log" if self.number else "notes.md"
        for glob in self.named.globs:
            last = glob.rstrip("/").rpartition("/")[2]
            for text in ("first", "second"):
                if matching := _filled(last, text if self.number else text[:3]):
                    yield matching
                    yield matching.upper() if self.number else f"{matching}.bak"

    def _a_name(self) -> str:
        matching = sorted(
            filter(None, (_filled(g.rpartition("/")[2], "x") for g in self.named.globs))
        )
        return matching[0] if matching else "file.txt"

    def _modes(self) -> list[int]:
        """Each mode that is named, with more bits than it, and with one of them only."""
        named = self.named.modes
        more = {mode | other for mode in named for other in (0o644, 0o711)}
        single = {0o600 | (mode & -mode) for mode in named}
        return sorted({*named, *more, *single, 0o644, 0o600, 0o744, 0o755}) if named else []

    def _around(self, bounds: set[int], unit: int) -> list[int]:
        """Below, at and above each bound."""
        near = {
            value
            for bound in bounds
            for value in (bound // 2, bound - 1, bound, bound + 1, bound + unit, bound * 3 + unit)
        }
        return sorted(value for value in near if value > 0)

    def _pack(self, full: str, how: str) -> None:
        self._add(Entry(full.rpartition("/")[0], "dir", mode=0o755))
        source = f"/dev/shm/pack{len(self.packing)}"  # noqa: S108 - inside the sandbox
        made = how.format(shlex.quote(full), source)
        text = content_of("note.txt", self.named, self.chance, self.number)
        self.packing.append(
            f"mkdir -p {source}/docs && printf %s {shlex.quote(text)} > {source}/note.txt && "
            f"cp {source}/note.txt {source}/docs/more.txt && {made} && rm -r {source}"
        )

    def _add(self, entry: Entry) -> None:
        """Earlier entries win, and nothing goes below a file."""
        parent = entry.path
        while (parent := parent.rpartition("/")[0]) and parent != HOME:
            above = self.entries.get(parent)
            if above is not None and above.kind != "dir":
                return
        below = f"{entry.path}/"
        if entry.kind != "dir" and any(path.startswith(below) for path in self.entries):
            return
        if entry.path == HOME or len(entry.path) > 200:
            return
        self.entries.setdefault(entry.path, entry)


def _filled(glob: str, text: str) -> str:
    """A name that the glob matches; empty if there is none to be seen."""

    def one(found: re.Match[str]) -> str:
        if found[0] == "*":
            return text
        if found[0] == "?":
            return text[0]
        inside = found[1] or "x"
        return "x" if found[0].startswith("[!") else inside[0 if len(text) < 4 else -1]

    name = _SPECIAL.sub(one, glob).replace("{", "").replace("}", "").replace("\\", "")
    return name if re.fullmatch(r"[\w@%+=:,.~ -]+", name) and name not in {".", ".."} else ""
