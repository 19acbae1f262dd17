"""Our entry in an agent's own settings: put in, found again, taken out; all else is left alone.

    claude   ~/.claude/settings.json     (CLAUDE_CONFIG_DIR)   hooks.PreToolUse
    codex    ~/.codex/hooks.json         (CODEX_HOME)          hooks.PreToolUse
    gemini   ~/.gemini/settings.json                           hooks.BeforeTool
    cursor   ~/.cursor/hooks.json                              hooks.beforeShellExecution

With a project's folder the same files below it. An entry is ours if its command runs
`cli-tuner hook run`. The command ends with `|| exit 2`, which blocks also when our program was
removed; where an agent has a setting for that (`onFailure`, `failClosed`) it is set too.
"""

from __future__ import annotations

import copy
import json
import os
import re
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from cli_tuner.errors import ConfigError
from cli_tuner.hook.protocol import Agent

TIMEOUT_S = 10
_OURS = re.compile(r"cli[-_]tuner['\"]?\s+hook\s+run\b")


class Change(NamedTuple):
    """What an agent's settings file says, and what it should say; equal if nothing is to do."""

    path: Path
    before: str
    after: str

    @property
    def is_none(self) -> bool:
        """Whether the file already says so."""
        return self.before == self.after


def settings_file(agent: Agent, environ: Mapping[str, str], project: Path | None = None) -> Path:
    """The file in which this agent looks for hooks."""
    names = {
        Agent.CLAUDE: ("settings.json", "CLAUDE_CONFIG_DIR"),
        Agent.CODEX: ("hooks.json", "CODEX_HOME"),
        Agent.GEMINI: ("settings.json", ""),
        Agent.CURSOR: ("hooks.json", ""),
    }
    file, variable = names[agent]
    if project is not None:
        return project / f".{agent.value}" / file
    moved = environ.get(variable) if variable else None
    home = Path(environ.get("HOME") or Path.home())
    return (Path(moved) if moved else home / f".{agent.value}") / file


def command_for(agent: Agent) -> str:
    """The command line that the agent will run. Absolute: agents have a PATH of their own."""
    program = Path(sys.executable).with_name("cli-tuner")
    words = [str(program)] if program.exists() else [sys.executable, "-m", "cli_tuner"]
    return f"{shlex.join([*words, 'hook', 'run', agent.value])} || exit 2"


def installing(agent: Agent, path: Path) -> Change:
    """The file with our entry, once, and in its present form. Raises ConfigError if unreadable."""
    before, settings = _read(path)
    wanted = copy.deepcopy(settings)
    _remove_ours(wanted, path)
    event, entry = _entry(agent)
    if agent is Agent.CURSOR:
        wanted.setdefault("version", 1)
    hooks = wanted.setdefault("hooks", {})
    _check(isinstance(hooks, dict), path, '"hooks" is no object')
    entries = hooks.setdefault(event, [])
    _check(isinstance(entries, list), path, f'"hooks.{event}" is no list')
    entries.append(entry)
    return Change(path, before, before if wanted == settings else _text(wanted))


def removing(path: Path) -> Change:
    """The file without our entry. Raises ConfigError if it cannot be read."""
    before, settings = _read(path)
    wanted = copy.deepcopy(settings)
    if not _remove_ours(wanted, path):
        return Change(path, before, before)
    return Change(path, before, _text(wanted))


def is_installed(path: Path) -> bool:
    """Whether our entry is in the file. Raises ConfigError if it cannot be read."""
    _, settings = _read(path)
    return _remove_ours(settings, path)


def write(change: Change) -> None:
    """Put the new text in place in one step; links are followed and the mode is kept.

    Raises ConfigError if the file cannot be written, or was changed since it was read.
    """
    path = change.path.resolve()
    if _read_text(path) != change.before:
        raise ConfigError(f"{path} was changed meanwhile", hint="try again")
    scratch = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
        descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), mode)
            file.write(change.after)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(path)
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}") from error
    finally:
        scratch.unlink(missing_ok=True)


def _entry(agent: Agent) -> tuple[str, dict[str, Any]]:
    """The event and our entry for it, in the agent's own form."""
    command = command_for(agent)
    if agent is Agent.CURSOR:
        return "beforeShellExecution", {
            "command": command,
            "timeout": TIMEOUT_S,
            "failClosed": True,
        }
    handler: dict[str, Any] = {"type": "command", "command": command, "timeout": TIMEOUT_S}
    if agent is Agent.GEMINI:
        handler |= {"name": "cli-tuner", "timeout": TIMEOUT_S * 1000}
        return "BeforeTool", {"matcher": "run_shell_command", "hooks": [handler]}
    if agent is Agent.CLAUDE:
        handler |= {"onFailure": "block"}
        return "PreToolUse", {"matcher": "Bash|Monitor", "hooks": [handler]}
    return "PreToolUse", {"matcher": "Bash", "hooks": [handler]}


def _remove_ours(settings: dict[str, Any], path: Path) -> bool:
    """Take our entries out, and what they leave empty; whether there were any."""
    hooks = settings.get("hooks")
    if hooks is None:
        return False
    _check(isinstance(hooks, dict), path, '"hooks" is no object')
    found = False
    for event, entries in list(hooks.items()):
        if not isinstance(entries, list):
            continue
        kept = [entry for entry in map(_without_ours, entries) if entry is not None]
        if kept != entries:
            found = True
            hooks[event] = kept
            if not kept:
                del hooks[event]
    if found and not hooks:
        del settings["hooks"]
    return found


def _without_ours(entry: Any) -> Any:
    """An entry without our handlers; None if nothing is left of it."""
    if not isinstance(entry, dict):
        return entry
    if _is_ours(entry):
        return None
    handlers = entry.get("hooks")
    if not isinstance(handlers, list):
        return entry
    kept = [handler for handler in handlers if not _is_ours(handler)]
    if kept == handlers:
        return entry
    return {**entry, "hooks": kept} if kept else None


def _is_ours(handler: Any) -> bool:
    command = handler.get("command") if isinstance(handler, dict) else None
    return isinstance(command, str) and _OURS.search(command) is not None


def _read(path: Path) -> tuple[str, dict[str, Any]]:
    """The text of a settings file, and what it says. Raises ConfigError."""
    text = _read_text(path)
    if not text.strip():
        return text, {}
    try:
        settings = json.loads(text)
    except ValueError as error:
        # Comments are allowed in some of these files, and writing would lose them.
        raise ConfigError(
            f"{path} is not plain JSON ({error})",
            hint="remove its comments, or add what --dry-run shows by hand",
        ) from error
    _check(isinstance(settings, dict), path, "it holds no object")
    return text, settings


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}") from error


def _check(holds: bool, path: Path, problem: str) -> None:
    if not holds:
        raise ConfigError(f"{path} is not as expected: {problem}", hint="nothing was changed")


def _text(settings: dict[str, Any]) -> str:
    return json.dumps(settings, indent=2, ensure_ascii=False) + "\n"
