"""Every relative link of every document leads to a file, and its anchor to a heading."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).parents[2]
SKIPPED = {".venv", "site", "node_modules", "build", "dist", "evaluation", "runs"}
FENCE = re.compile(r"^ *(```|~~~).*?^ *\1 *$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(<?([^)<>\s]+)>?(?: \"[^\"]*\")?\)")
HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)
OTHER = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
SITE_ONLY = {"website/API.md"}  # its links are those of the site


def documents() -> list[Path]:
    """All Markdown that is tracked, or that lies here where there is no git."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
            cwd=ROOT, capture_output=True, text=True, check=True,
        ).stdout.splitlines()  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        listed = [path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.md")]
    kept = [one for one in listed if not any(p.startswith(tuple(SKIPPED)) for p in one.split("/"))]
    return [ROOT / one for one in sorted(set(kept) - SITE_ONLY) if (ROOT / one).exists()]


def anchors_of(text: str) -> set[str]:
    """The anchors that the headings of a Markdown text have on GitHub."""
    found, seen = set(), Counter()
    for heading in HEADING.findall(FENCE.sub("", text)):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return found


def wrong_links(path: Path) -> list[str]:
    """The links of one document that lead nowhere."""
    wrong = []
    for target in LINK.findall(FENCE.sub("", path.read_text("utf-8"))):
        if OTHER.match(target):
            continue
        name, _, anchor = target.partition("#")
        there = (path.parent / unquote(name)).resolve() if name else path
        right = there.exists() and there.is_relative_to(ROOT)
        if right and anchor and there.suffix == ".md":
            right = anchor in anchors_of(there.read_text("utf-8"))
        if not right:
            wrong.append(target)
    return wrong


def test_there_are_documents():
    names = {path.relative_to(ROOT).as_posix() for path in documents()}
    assert {"README.md", "docs/ARCHITECTURE.md", "docs/operations/releases.md"} <= names


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(path):
    assert wrong_links(path) == []


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("[a](there.md) [b](there.md#one-two) [c](https://x.example/y) [d](#here)", []),
        ("[a](gone.md)", ["gone.md"]),
        ("[a](there.md#three)", ["there.md#three"]),
        ("[a](#not-here)", ["#not-here"]),
        ("[a](../../../../etc/passwd)", ["../../../../etc/passwd"]),
        ("```\n[a](gone.md)\n```\n", []),
    ],
)
def test_a_wrong_link_is_found(tmp_path, monkeypatch, text, wrong):
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    (tmp_path / "there.md").write_text("# One, two!\n", "utf-8")
    page = tmp_path / "page.md"
    page.write_text(f"# Here\n{text}\n", "utf-8")
    assert wrong_links(page) == wrong


def test_headings_with_marks_links_and_the_same_words():
    text = "# The `boundaries`\n## See [this](x.md), please\n## Limits\n## Limits\n"
    assert anchors_of(text) == {"the-boundaries", "see-this-please", "limits", "limits-1"}
