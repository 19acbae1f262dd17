"""What is different between two snapshots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cli_tuner.sandbox.snapshot import Node, Snapshot

What = Literal["created", "deleted", "modified", "mode", "link", "touched"]


@dataclass(frozen=True)
class Change:
    """One path that changed, with the kind, mode and digest or target that it has afterwards.

    `modified` is other content or another kind, `mode` other permissions, `link` another target
    or another hard link, `touched` only another time.
    """

    what: What
    path: str
    kind: str = ""
    mode: int = 0
    digest: str = ""
    target: str = ""


def changes_between(before: Snapshot, after: Snapshot) -> tuple[Change, ...]:
    """Every change, by path; a path whose content and mode changed appears twice."""
    found = []
    for path in sorted(before.keys() | after.keys()):
        old, new = before.get(path), after.get(path)
        if new is None:
            found.append(Change("deleted", path, old.kind if old else ""))
        else:
            found.extend(_change(what, new) for what in _differences(old, new))
    return tuple(found)


def _differences(old: Node | None, new: Node) -> list[What]:
    if old is None:
        return ["created"]
    if (old.kind, old.digest, old.size) != (new.kind, new.digest, new.size):
        return ["modified"] if old.mode == new.mode else ["modified", "mode"]
    found: list[What] = []
    if old.mode != new.mode:
        found.append("mode")
    if (old.target, old.linked) != (new.target, new.linked):
        found.append("link")
    if not found and new.kind == "file" and old.mtime != new.mtime:
        found.append("touched")
    return found


def _change(what: What, node: Node) -> Change:
    return Change(what, node.path, node.kind, node.mode, node.digest, node.target)
