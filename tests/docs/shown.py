"""The shell commands that the documents show, taken out of their Markdown."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
SHELLS = ("console", "sh", "bash", "fish", "")
PROGRAMS = (
    "cli-tuner", "python", "pip", "make", "curl", "until", "ray", "wandb", "WEEK=", "hf", "uv",
    "git", ".venv/", "docker", "kubectl", "axolotl", "zstd", "sky",
)  # fmt: skip
_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?:\A|\n)\n((?: {4}.*\n(?:\n(?= {4}))?)+)")
_COMMENT = re.compile(r"\s+#( .*)?$", re.MULTILINE)


class Shown(NamedTuple):
    """One command line as a page shows it, without its comment."""

    page: str
    language: str
    command: str


def pages() -> list[Path]:
    """Every document for people that the repository has, the log and the changelog apart."""
    found = [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    for folder in ("docs", "benchmarks", "datasets"):
        found += sorted((ROOT / folder).rglob("*.md"))
    made = {"docs/CLI.md", "docs/log.md"}
    return [path for path in found if path.relative_to(ROOT).as_posix() not in made]


def shown() -> list[Shown]:
    """All commands of all pages."""
    return [one for path in pages() for one in of_page(path)]


def of_page(path: Path) -> Iterator[Shown]:
    """The commands of one page: in fences, and indented by four."""
    text = path.read_text("utf-8")
    page = path.relative_to(ROOT).as_posix()
    for indent, language, body in _FENCE.findall(text):
        if language in SHELLS:
            plain = re.sub(rf"^{indent}", "", body, flags=re.MULTILINE)
            lines = _typed(plain) if language == "console" else plain
            yield from _commands(page, language, lines, anything=bool(language))
    for body in _INDENTED.findall(_FENCE.sub("\n", text)):
        yield from _commands(page, "", re.sub(r"^ {4}", "", body, flags=re.M), anything=False)


def _typed(session: str) -> str:
    """What follows the prompt, with its continued lines; the output left out."""
    typed, going = [], False
    for line in session.splitlines():
        if line.startswith("$ ") or going:
            typed.append(line.removeprefix("$ "))
        going = bool(typed) and typed[-1].endswith("\\") and (going or line.startswith("$ "))
    return "\n".join(typed) + "\n"


def _commands(page: str, language: str, text: str, *, anything: bool) -> Iterator[Shown]:
    lines: list[str] = []
    for line in text.splitlines():
        lines.append(line)
        whole = "\n".join(lines)
        if whole.strip() and _complete(whole):
            command = _COMMENT.sub("", whole).strip()
            if command and (anything or command.startswith(PROGRAMS)):
                yield Shown(page, language, command)
            lines = []


def _complete(text: str) -> bool:
    last = text.splitlines()[-1]
    here = re.search(r"<<'(\w+)'", text)
    if here and last != here[1]:
        return False
    if text.startswith(("until ", "for ", "while ")):
        return last == "done"
    return not last.endswith("\\")


def calls_of_program(command: str) -> Iterator[list[str]]:
    """The arguments of every `cli-tuner` in a command, also within $( )."""
    for inner in re.findall(r'"\$\((cli-tuner [^)]*)\)"', command):
        yield shlex.split(inner)[1:]
    lexer = shlex.shlex(command.replace("\\\n", " "), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    words = list(lexer)
    for place, word in enumerate(words):
        if word == "cli-tuner":
            rest = words[place + 1 :]
            end = next((n for n, one in enumerate(rest) if set(one) <= set("();<>|&")), len(rest))
            yield rest[:end]
