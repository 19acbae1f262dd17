"""The state of the throw-away file system at one moment."""

from __future__ import annotations

from dataclasses import dataclass, field

from cli_tuner.sandbox.archive import Member, members

Snapshot = dict[str, "Node"]
"""Absolute path to node."""


@dataclass(frozen=True)
class Node:
    """One path. `digest` is over the content; `linked` names the first path of a hard link."""

    path: str
    kind: str
    mode: int
    size: int
    mtime: int
    target: str
    digest: str
    linked: str = ""
    member: Member | None = field(default=None, repr=False, compare=False)

    @property
    def content(self) -> bytes:
        """The first MiB of a file."""
        return self.member.content() if self.member else b""


def snapshot(archive: bytes, modes: dict[str, int] | None = None) -> Snapshot:
    """What an archive holds, with the true modes of what had to be made readable first."""
    found: dict[str, Member] = {}
    names: dict[str, list[str]] = {}
    for member in members(archive):
        original = member.target if member.kind == "hard" and member.target in found else ""
        found[member.path] = found[original] if original else member
        names.setdefault(found[member.path].path, []).append(member.path)
    true_modes = modes or {}
    state: Snapshot = {}
    for first, paths in names.items():
        mode = next((true_modes[path] for path in paths if path in true_modes), None)
        for path in paths:
            linked = min(paths) if len(paths) > 1 else ""
            state[path] = _node(path, found[first], mode, linked)
    return state


def _node(path: str, member: Member, mode: int | None, linked: str) -> Node:
    link = member.kind == "link"
    return Node(
        path=path,
        kind=member.kind,
        mode=0o777 if link else (member.mode if mode is None else mode) & 0o7777,
        size=member.size,
        mtime=member.mtime,
        target=member.target,
        digest=member.digest() if member.kind == "file" else "",
        linked=linked,
        member=member,
    )
