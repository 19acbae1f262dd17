"""Code of other languages that walks a folder and does something to each file in it."""

from __future__ import annotations

import re

_ROOT = re.compile(
    r"(?:os\.walk|os\.scandir|os\.listdir|glob\.i?glob|\bglob|Path|Find\.find|Dir\.glob|Dir|"
    r"Dir\.each_child|readdirSync|File::Find|find\s*\(\s*(?:sub\s*\{[^}]*\}|\\?&?\w+)\s*,|finddepth)"
    r"\s*[(\[{<]*\s*(?:os\.path\.expanduser\(\s*)?[rbf]?[\"']([~/][^\"']*)[\"']"
)
_WALKS = re.compile(
    r"os\.walk|scandir|listdir|rglob|\.glob\(|\bglob\b|iterdir|Find\.find|Dir\.|Dir\[|readdirSync|"
    r"File::Find|finddepth|\bfind\s*\("
)
_DELETES = re.compile(
    r"\b(?:remove|unlink\w*|rmtree|rmdir\w*|rmSync|rm_rf?|rm_r|delete)\b\s*[( :&};,]"
)
_EMPTIES = re.compile(
    r"truncate|\bopen\s*\([^)]*,\s*[\"']w|writeFileSync\s*\(|File\.write\s*\(|write_(?:text|bytes)"
)
_MODES = re.compile(r"\bchmod\w*\s*\(?[^;\n]*?0o?([0-7]{3,4})\b")


def walked(code: str) -> list[tuple[str, str]]:
    """(folder, what happens to all in it): `delete`, `empty`, or attributes of a mode."""
    if not _WALKS.search(code):
        return []
    acts: list[str] = []
    if _DELETES.search(code):
        acts.append("delete")
    if _EMPTIES.search(code):
        acts.append("empty")
    if match := _MODES.search(code):
        everybody = int(match.group(1)[-1])
        acts.append("all world-write" if everybody & 2 else "none" if not everybody else "mode")
    roots = [re.sub(r"/?\*+(?:/\*+)*$", "", path) or "/" for path in _ROOT.findall(code)]
    return [(root, act) for root in roots[:4] for act in acts]
