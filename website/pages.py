"""Hooks of MkDocs: the pages outside docs/, and links that lead out of the site.

README, CONTRIBUTING and CHANGELOG lie at the repository's root, and pages link to sources. In the
repository these links are relative, so that they work in every viewer. Here each becomes the page
of the site, if there is one, or the file in the repository.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
OUTSIDE = {
    "index.md": "README.md",
    "CONTRIBUTING.md": "CONTRIBUTING.md",
    "CHANGELOG.md": "CHANGELOG.md",
    "API.md": "website/API.md",
}
_HOME = {path: page for page, path in OUTSIDE.items()}
_FENCE = re.compile(r"(^ *```.*?^ *```$)", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that lie outside docs/."""
    from mkdocs.structure.files import File

    for page, path in OUTSIDE.items():
        files.append(File.generated(config, page, content=(ROOT / path).read_text("utf-8")))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Write a page's relative links anew."""
    known = {file.src_uri for file in files}
    repository = str(config.repo_url).rstrip("/")

    def rewritten(found: re.Match[str]) -> str:
        return f"]({_target(found[1], page.file.src_uri, known, repository)})"

    parts = _FENCE.split(markdown)  # what is between fences stands at the odd places
    parts[::2] = [_LINK.sub(rewritten, part) for part in parts[::2]]
    return "".join(parts)


def _target(link: str, page: str, known: set[str], repository: str) -> str:
    """Where a link of a page of the site leads: a page of the site, or the repository."""
    source = OUTSIDE.get(page, f"docs/{page}")
    if re.match(r"[a-z]+:|#", link) or source == OUTSIDE["API.md"]:
        return link
    path, hash_sign, anchor = link.partition("#")
    meant = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
    inside = _HOME.get(meant, meant.removeprefix("docs/") if meant.startswith("docs/") else "")
    if inside in known:
        there = posixpath.relpath(inside, posixpath.dirname(page) or ".")
        return f"{there}{hash_sign}{anchor}"
    kind = "tree" if (ROOT / meant).is_dir() else "blob"
    return f"{repository}/{kind}/main/{meant}{hash_sign}{anchor}"
