"""The placeholders of a tldr page, filled: `{{path/to/file}}` becomes a file somebody could have.

A value that stands in the command is named in the request, since the request must determine the
command: after the noun that stands for it ("extract an archive" -> "extract the archive
backup.tar.gz"), else at the end. The same placeholder has the same value throughout an example.
"""

from __future__ import annotations

import re

from cli_tuner.data.keys import digest64

_PLACEHOLDER = re.compile(r"\{\{(.*?)\}\}")
_OPTIONAL = re.compile(r"\[([^|\]]*)[^\]]*\]")
_CHOICE = re.compile(r"^\[(.+)\]$")
_ARTICLE = r"\b(?:an?|the|one or more|some|specific|given|multiple)\s+(?:specific\s+|given\s+)?"

# What a placeholder is about -> values for it. The first noun that occurs in it decides.
_VALUES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (".tar", "archive", ("backup.tar.gz", "photos.tar.gz", "release.tar.gz")),
    (".zip", "archive", ("photos.zip", "release.zip")),
    ("archive", "archive", ("backup.tar.gz", "photos.tar.gz", "release.tar.gz")),
    ("director", "directory", ("projects", "src", "photos", "/srv/www", "docs")),
    ("folder", "directory", ("projects", "src", "photos")),
    ("image", "image", ("photo.jpg", "logo.png", "scan.png")),
    ("video", "video", ("talk.mp4", "holiday.mp4")),
    ("repositor", "repository", ("app", "website")),
    ("package", "package", ("nginx", "htop", "jq")),
    ("username", "user", ("alice", "carol")),
    ("user", "user", ("alice", "carol")),
    ("group", "group", ("staff", "www-data")),
    ("host", "host", ("example.com", "web01")),
    ("branch", "branch", ("main", "feature/login")),
    ("url", "URL", ("https://example.com/data.json", "https://example.org/index.html")),
    ("port", "port", ("8080", "3000")),
    ("pid", "process", ("4242", "1337")),
    ("process", "process", ("4242", "1337")),
    ("service", "service", ("nginx", "sshd")),
    ("unit", "unit", ("nginx.service", "backup.timer")),
    ("container", "container", ("web", "db")),
    ("interface", "interface", ("eth0", "wlan0")),
    ("pattern", "pattern", ("error", "TODO")),
    ("search", "text", ("error", "TODO")),
    ("text", "text", ("hello", "done")),
    ("file", "file", ("notes.txt", "report.csv", "todo.txt", "access.log")),
    ("path", "path", ("projects/notes.txt", "/srv/data")),
)


class Filling:
    """One example, filled. `query` is "" if a placeholder is left over."""

    def __init__(self, description: str, command: str, page: str) -> None:
        self._key = f"{page}\0{description}"
        self._named: dict[str, str] = {}
        self.query = _as_request(description)
        self.command = _PLACEHOLDER.sub(self._value, command).strip()
        if "{{" in self.command or "}}" in self.command or not self.command:
            self.query = ""

    def _value(self, match: re.Match[str]) -> str:
        text = match.group(1).strip()
        options = _CHOICE.match(text)
        if options:  # a short and a long option: the short one
            return options.group(1).partition("|")[0]
        text = _OPTIONAL.sub(r"\1", text)
        if "|" in text:
            text = text.partition("|")[0].strip()
            return text if text.startswith("-") else self._mention(text, "")
        if text.startswith("-"):
            return text
        if text.endswith("..."):
            return " ".join(self._filled(part) for part in text.removesuffix("...").split())
        return self._filled(text)

    def _filled(self, text: str) -> str:
        if text in self._named:
            return self._named[text]
        lowered = text.lower()
        for mark, noun, values in _VALUES:
            if mark in lowered:
                value = self._unused([_varied(value, text) for value in values], mark)
                self._named[text] = self._mention(value, noun)
                return value
        self._named[text] = self._mention(text.replace(" ", "_"), "")
        return self._named[text]

    def _unused(self, values: list[str], mark: str) -> str:
        """One of the values, chosen by the example, and not one that stands for something else."""
        start = digest64(self._key + mark) % len(values)
        turned = values[start:] + values[:start]
        return next((one for one in turned if one not in self._named.values()), turned[0])

    def _mention(self, value: str, noun: str) -> str:
        """Have the request say the value."""
        if value.lower() in self.query.lower().split():
            return value
        found = re.search(rf"{_ARTICLE}({noun})\b", self.query, re.IGNORECASE) if noun else None
        if found:
            start, end = found.span()
            self.query = f"{self.query[:start]}the {found.group(1)} {value}{self.query[end:]}"
        else:
            self.query += f", {noun} {value}" if noun else f", {value}"
        return value


def _varied(value: str, text: str) -> str:
    """`file2` is another file than `file1`, and `file.pdf` a PDF."""
    number = re.search(r"(\d+)$", text.partition(".")[0])
    wanted = re.search(r"\.([a-z0-9]{1,5})$", text)
    stem, dot, ending = value.rpartition(".") if "." in value else (value, "", "")
    if number and number.group(1) != "1":
        stem += number.group(1)
    if wanted and dot and "/" not in ending:
        stem, ending = stem.removesuffix(".tar"), wanted.group(1)
    return f"{stem}{dot}{ending}"


def _as_request(description: str) -> str:
    """The description as somebody would ask: no colon, no notes in brackets, no key mnemonics."""
    text = re.sub(r"\[(\w+)\]", r"\1", description.strip().removesuffix(":"))
    text = re.sub(r"\s*\((?:see|requires|note|default)[^)]*\)|`", "", text, flags=re.IGNORECASE)
    return text[:1].lower() + text[1:]
