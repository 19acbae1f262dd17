"""The programs of this machine: where they are, what their help says, and whose kind they are.

Only programs of a short list are started, with `--help` or `--version` alone: GNU's, busybox's and
BSD's forms of these print a text for that, or an error, and do nothing else.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
from enum import StrEnum
from pathlib import Path

from cli_tuner.errors import ConfigError
from cli_tuner.settings import private_folder

ASKABLE = frozenset(
    "ls cp mv rm mkdir rmdir touch ln cat tac head tail sort uniq cut tr wc nl fold paste join comm"
    " split du df stat chmod chown date seq shuf tee od base64 sha256sum md5sum grep find sed awk"
    " gawk xargs tar gzip xz bzip2 zip unzip diff patch ps free uptime curl wget rsync jq tree file"
    " basename dirname realpath readlink env timeout nice sleep truncate mktemp install id".split()
)
"""Programs that may be asked for their help."""
_PATIENCE_S = 1.0
_TEXT_MAX = 200_000
_OPTION = re.compile(r"(?<![\w-])--?[A-Za-z0-9][\w-]*")
_DESCRIBED = re.compile(r"^ {1,10}(-[^\n]*?)(?: {2,}|\n {8,})([^\s-][^\n]*)$", re.MULTILINE)
"""A line of `--help`: options, and what they do behind spaces or in the next line."""


class Kind(StrEnum):
    """Whose form of the usual tools a machine has."""

    GNU = "gnu"
    BSD = "bsd"
    BUSYBOX = "busybox"
    UNKNOWN = "unknown"


class Installed:
    """What is here. Answers are kept in memory, and of `--help` in a file that knows its age."""

    def __init__(self, cache: Path | None = None, path: str | None = None) -> None:
        """`cache` is a folder for what programs said; `path` stands for PATH."""
        self._cache = cache
        self._path = path
        self._found: dict[str, str | None] = {}
        self._options: dict[str, dict[str, str]] = {}

    def where(self, name: str) -> str | None:
        """The file of a program, or None."""
        if name not in self._found:
            self._found[name] = shutil.which(name, path=self._path)
        return self._found[name]

    def options_in_help(self, name: str) -> frozenset[str]:
        """The options that the installed program's own help names; empty if it is not asked."""
        return frozenset(self.meanings_in_help(name))

    def meanings_in_help(self, name: str) -> dict[str, str]:
        """Option -> the line about it in the program's own help, empty where there is none."""
        if name not in self._options:
            self._options[name] = self._help(name)
        return self._options[name]

    def kind(self) -> Kind:
        """Whose `ls` this is, which stands for the other usual tools."""
        file = self.where("ls")
        if file is None:
            return Kind.UNKNOWN
        said = _said(file, "--version").lower()
        if "busybox" in said:
            return Kind.BUSYBOX
        if "gnu" in said or "uutils" in said:
            return Kind.GNU
        return Kind.BSD if said else Kind.UNKNOWN

    def _help(self, name: str) -> dict[str, str]:
        file = self.where(name)
        if file is None or name not in ASKABLE:
            return {}
        stamp = _stamp(file)
        kept = self._kept(name, stamp)
        if kept is not None:
            return kept
        options = _options_in(_said(file, "--help"))
        self._keep(name, stamp, options)
        return options

    def _kept(self, name: str, stamp: str) -> dict[str, str] | None:
        if self._cache is None:
            return None
        try:
            data = json.loads((self._cache / f"{name}.json").read_text("utf-8"))
            if data["stamp"] != stamp:
                return None
            return {str(option): str(said) for option, said in data["options"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def _keep(self, name: str, stamp: str, options: dict[str, str]) -> None:
        if self._cache is None:
            return
        with contextlib.suppress(OSError, ConfigError):
            path = private_folder(self._cache) / f"{name}.json"
            scratch = path.with_suffix(f".{os.getpid()}.tmp")
            scratch.write_text(json.dumps({"stamp": stamp, "options": options}), "utf-8")
            scratch.replace(path)


def _options_in(text: str) -> dict[str, str]:
    found = dict.fromkeys(sorted(set(_OPTION.findall(text))), "")
    for options, said in _DESCRIBED.findall(text):
        for option in _OPTION.findall(options):
            found[option] = found.get(option) or said.strip()
    return found


def _stamp(file: str) -> str:
    """What changes when the program does."""
    status = os.stat(file)  # noqa: PTH116  the link's target, as it would run
    return f"{file} {status.st_size} {status.st_mtime_ns}"


def _said(file: str, option: str) -> str:
    """What a program prints for this option; empty if it does not answer in time."""
    environ = {**os.environ, "LC_ALL": "C", "PAGER": "cat", "COLUMNS": "100"}
    try:
        done = subprocess.run(
            [file, option],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=environ,
            timeout=_PATIENCE_S,
            check=False,
            cwd="/",
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return (done.stdout + done.stderr)[:_TEXT_MAX].decode("utf-8", "replace")
