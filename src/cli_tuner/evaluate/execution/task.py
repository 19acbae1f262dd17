"""Tasks of the execution benchmark: a request, a file tree, and what counts as done.

They are written as YAML, one file an area, and read by the evaluation as rows of JSON that say
everything a check needs: `benchmarks/nl2bash_exec/README.md` has the format.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

from cli_tuner.errors import ConfigError
from cli_tuner.sandbox import FileTree
from cli_tuner.sandbox.tree import entry

See = Literal["lines", "ordered", "numbers", "words", "names", "names in order", "files"]
Half = Literal["dev", "test"]
KEYS = frozenset({"id", "ask", "tree", "setup", "each", "do", "not", "see"})
AREA_KEYS = frozenset({"area", "trees", "dev", "test"})


@dataclass(frozen=True)
class Task:
    """One request with its tree.

    `references` are commands that are right, each with an outcome of its own that is accepted;
    `wrong` are two or more that must not be. `see` says what of an output is compared, "" leaves
    it to the first reference: what it prints, or, if it changes something, only the files.
    """

    id: str
    area: str
    half: Half
    query: str
    tree: tuple[tuple[str, str | None], ...]
    setup: tuple[str, ...]
    each: tuple[str, ...]
    references: tuple[str, ...]
    wrong: tuple[str, ...]
    see: See | Literal[""]

    def file_tree(self) -> FileTree:
        """The tree for the sandbox. Raises ConfigError for a line that is none."""
        entries = tuple(entry(line, content) for line, content in self.tree)
        return FileTree(entries, self.setup, self.each)

    def as_row(self) -> dict[str, Any]:
        """The row of a set: what the runner asks, and what the check needs."""
        return {
            "id": self.id,
            "query": self.query,
            "references": list(self.references),
            "area": self.area,
            "half": self.half,
            "tree": [list(line) for line in self.tree],
            "setup": list(self.setup),
            "each": list(self.each),
            "wrong": list(self.wrong),
            "see": self.see,
        }

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> Task:
        """The task of a row. Raises ConfigError if it lacks what a check needs."""
        try:
            return cls(
                id=row["id"],
                area=row["area"],
                half=row["half"],
                query=row["query"],
                tree=tuple((line, content) for line, content in row["tree"]),
                setup=tuple(row["setup"]),
                each=tuple(row["each"]),
                references=tuple(row["references"]),
                wrong=tuple(row["wrong"]),
                see=row["see"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigError(f"a row is no task of the execution benchmark: {error!r}") from None


def read_tasks(folder: Path) -> tuple[Task, ...]:
    """All tasks of a folder of YAML files. Raises ConfigError naming the file."""
    found: list[Task] = []
    for path in sorted(folder.glob("*.yaml")):
        try:
            found.extend(_area(yaml.safe_load(path.read_text(encoding="utf-8"))))
        except (yaml.YAMLError, KeyError, TypeError, ConfigError) as error:
            raise ConfigError(f"{path.name}: {error}") from None
    names = [task.id for task in found]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ConfigError(f"tasks with one name: {', '.join(sorted(twice))}")
    return tuple(found)


def _area(given: Mapping[str, Any]) -> Iterator[Task]:
    if unknown := set(given) - AREA_KEYS:
        raise ConfigError(f"unknown key {sorted(unknown)[0]}")
    for half in get_args(Half):
        for each in given[half]:
            if unknown := set(each) - KEYS:
                raise ConfigError(f"{each.get('id')}: unknown key {sorted(unknown)[0]}")
            yield _task(each, given, half)


def _task(given: Mapping[str, Any], area: Mapping[str, Any], half: Half) -> Task:
    shared = area.get("trees") or {}
    tree: dict[str, str | None] = {}
    setup: list[str] = []
    each: list[str] = []
    for part in _listed(given.get("tree")):
        named = shared[part] if isinstance(part, str) else {"files": part}
        tree.update(named.get("files") or {})
        setup += _listed(named.get("setup"))
        each += _listed(named.get("each"))
    see = given.get("see", "")
    if see and see not in get_args(See):
        raise ConfigError(f"{given['id']}: see is one of {', '.join(get_args(See))}")
    return Task(
        id=f"{area['area']}-{given['id']}",
        area=area["area"],
        half=half,
        query=given["ask"].strip(),
        tree=tuple(tree.items()),
        setup=(*setup, *_listed(given.get("setup"))),
        each=(*each, *_listed(given.get("each"))),
        references=tuple(_listed(given["do"])),
        wrong=tuple(_listed(given["not"])),
        see=see,
    )


def _listed(given: Any) -> list[Any]:
    return [] if given is None else list(given) if isinstance(given, list) else [given]


def main() -> int:
    """Write the rows of the tasks in a folder beside it: `python -m ...task FOLDER`."""
    folder = Path(sys.argv[1])
    counts = write_rows(read_tasks(folder / "tasks"), folder)
    print(", ".join(f"{half}: {count} tasks" for half, count in counts.items()))
    return 0


def write_rows(tasks: tuple[Task, ...], folder: Path) -> dict[str, int]:
    """Write dev.jsonl and test.jsonl; returns how many rows each has."""
    counts = {}
    for half in get_args(Half):
        rows = [
            json.dumps(task.as_row(), ensure_ascii=False) for task in tasks if task.half == half
        ]
        (folder / f"{half}.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
        counts[half] = len(rows)
    return counts


if __name__ == "__main__":
    sys.exit(main())
