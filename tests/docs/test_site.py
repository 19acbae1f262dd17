"""The site has every document, the whole public interface, and links that work there."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import types
from pathlib import Path

import pytest
import yaml

import cli_tuner

ROOT = Path(__file__).parents[2]
BUILDER = ROOT / ".venv-docs" / "bin" / "mkdocs"
CONFIG = (ROOT / "mkdocs.yml").read_text("utf-8")


def pages_of(nav):
    for entry in nav:
        for value in entry.values():
            yield from [value] if isinstance(value, str) else pages_of(value)


@pytest.fixture(scope="module")
def hooks():
    spec = importlib.util.spec_from_file_location("pages", ROOT / "website" / "pages.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_navigation_has_every_document_once(hooks):
    listed = list(pages_of(yaml.safe_load(CONFIG)["nav"]))
    docs = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert sorted(listed) == sorted(docs | set(hooks.OUTSIDE))


def test_a_build_stops_at_a_warning():
    document = yaml.safe_load(CONFIG)
    assert document["strict"] is True
    assert set(document["validation"]["links"].values()) == {"warn"}


def test_the_reference_has_every_public_name():
    text = (ROOT / "website" / "API.md").read_text("utf-8")
    errors = "cli_tuner.errors"
    for name in cli_tuner.__all__:
        home = getattr(cli_tuner, name).__module__
        assert f"::: {home}\n" in text, name
        assert home == errors or f"{name}," in text or f"{name}]" in text, name


@pytest.mark.parametrize(
    ("page", "link", "there"),
    [
        ("SHELL.md", "PYTHON.md", "PYTHON.md"),
        ("SHELL.md", "PYTHON.md#asyncio", "PYTHON.md#asyncio"),
        ("SHELL.md", "#here", "#here"),
        ("SHELL.md", "https://x.example/", "https://x.example/"),
        ("SHELL.md", "../README.md", "index.md"),
        ("SHELL.md", "../action.yml", "R/blob/main/action.yml"),
        ("SHELL.md", "schemas", "R/tree/main/docs/schemas"),
        ("operations/releases.md", "../SHELL.md", "../SHELL.md"),
        ("operations/releases.md", "../../CONTRIBUTING.md", "../CONTRIBUTING.md"),
        ("index.md", "docs/SHELL.md", "SHELL.md"),
        ("index.md", "LICENSE", "R/blob/main/LICENSE"),
        ("CHANGELOG.md", "docs/operations/releases.md", "operations/releases.md"),
        ("API.md", "PYTHON.md", "PYTHON.md"),
    ],
)
def test_a_link_leads_to_the_site_or_to_the_repository(hooks, page, link, there):
    known = {"SHELL.md", "PYTHON.md", "operations/releases.md", *hooks.OUTSIDE}
    files = [types.SimpleNamespace(src_uri=one) for one in known]
    shown = hooks.on_page_markdown(
        f"[x]({link})\n```\n[y]({link})\n```\n",
        page=types.SimpleNamespace(file=types.SimpleNamespace(src_uri=page)),
        config=types.SimpleNamespace(repo_url="R/"),
        files=files,
    )
    assert shown == f"[x]({there})\n```\n[y]({link})\n```\n"


@pytest.mark.slow
@pytest.mark.skipif(not BUILDER.exists(), reason="`make site` makes its environment")
def test_the_site_is_built_without_a_warning(tmp_path):
    built = subprocess.run(
        [BUILDER, "build", "--strict", "--site-dir", tmp_path / "site"],
        cwd=ROOT, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    reference = (tmp_path / "site" / "API" / "index.html").read_text("utf-8")
    for name in ("generate", "Verdict", "CliTunerError"):
        assert f'.{name}"' in reference
