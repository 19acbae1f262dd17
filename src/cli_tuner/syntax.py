"""Is it Bash: `bash -n` for each command, and ShellCheck at severity `error` for many at once.

Neither runs anything. ShellCheck reads one file for each command, hundreds per process. `bash -n`
reads many commands in one text, where an open quote, a here-document or a trailing backslash would
swallow the next command. So only commands that our own parser reads to the end, and that have
neither of the other two, are read together; if Bash objects, each of them is read alone.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from cli_tuner.errors import DataError, ExtraMissing
from cli_tuner.shell import syntax_error_in

# extglob: interactive shells have it, and many commands of the sets use it.
_BASH = ("-n", "-O", "extglob", "-c")
_TOGETHER = 32
_PLACE = re.compile(r"^.*?: line \d+: ")
_SHELLCHECK = ("--norc", "--shell=bash", "--severity=error", "--format=json1")


def faults_of(commands: Sequence[str]) -> list[str]:
    """For each command why it is no valid Bash, or "".

    Raises ExtraMissing without ShellCheck, DataError if a tool fails.
    """
    faults = _bash_faults(commands)
    read = [index for index, fault in enumerate(faults) if not fault]
    for index, fault in zip(read, _shellcheck_faults([commands[i] for i in read]), strict=True):
        faults[index] = fault
    return faults


def tool_versions() -> dict[str, str]:
    """What judges the syntax, for the provenance."""
    bash = _output([_bash(), "--version"]).splitlines()[0]
    shellcheck = _output([_shellcheck(), "--version"])
    number = next((line for line in shellcheck.splitlines() if line.startswith("version:")), "")
    return {"bash": bash, "shellcheck": number.removeprefix("version:").strip()}


def _output(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@cache
def _bash() -> str:
    found = shutil.which("bash")
    if found is None:
        raise DataError("bash is not installed, and every command is checked with bash -n")
    return found


@cache
def _shellcheck() -> str:
    beside = Path(sys.executable).parent
    found = shutil.which("shellcheck", path=f"{beside}{os.pathsep}{os.environ.get('PATH', '')}")
    if found is None:
        raise ExtraMissing(
            "this stage needs shellcheck", hint="install it with: pip install 'cli-tuner[data]'"
        )
    return found


def _bash_faults(commands: Sequence[str]) -> list[str]:
    """Why `bash -n` does not take each command, or ""."""
    closed = [command for command in commands if _is_closed(command)]
    passed: set[str] = set()
    for start in range(0, len(closed), _TOGETHER):
        some = closed[start : start + _TOGETHER]
        if _spawned([_bash(), *_BASH, "\n".join(some)]) == 0:
            passed.update(some)
    return ["" if command in passed else _bash_fault(command) for command in commands]


def _is_closed(command: str) -> bool:
    """Whether nothing of the text after this command could become part of it."""
    open_ended = "<<" in command or command.endswith("\\")
    return not open_ended and syntax_error_in(command) is None


def _bash_fault(command: str) -> str:
    """Why `bash -n` does not take the command, or ""."""
    ended = subprocess.run(
        [_bash(), *_BASH, command], stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    said = ended.stderr.decode("utf-8", "replace").strip().splitlines()
    if ended.returncode == 0:
        return ""
    reason = _PLACE.sub("", said[0]) if said else f"status {ended.returncode}"
    return f"bash -n: {reason}"


def _spawned(command: list[str]) -> int:
    """The exit status of a program whose output nobody wants."""
    null = os.open(os.devnull, os.O_RDWR)
    try:
        actions = [(os.POSIX_SPAWN_DUP2, null, stream) for stream in (0, 1, 2)]
        environ = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"}
        child = os.posix_spawn(command[0], command, environ, file_actions=actions)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    finally:
        os.close(null)


def _shellcheck_faults(commands: Sequence[str]) -> list[str]:
    """What ShellCheck says at severity `error` about each command, or ""."""
    if not commands:
        return []
    with tempfile.TemporaryDirectory(prefix="cli-tuner-syntax-") as folder:
        names = [f"{index}.sh" for index in range(len(commands))]
        for name, command in zip(names, commands, strict=True):
            (Path(folder) / name).write_text(f"{command}\n", encoding="utf-8")
        ended = subprocess.run(
            [_shellcheck(), *_SHELLCHECK, *names],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    if ended.returncode not in (0, 1):
        raise DataError(f"shellcheck failed: {ended.stderr.decode('utf-8', 'replace').strip()}")
    found: dict[str, str] = {}
    for comment in json.loads(ended.stdout)["comments"]:
        said = f"SC{comment['code']}: {comment['message']}"
        found.setdefault(comment["file"], f"shellcheck {said}")
    return [found.get(name, "") for name in names]
