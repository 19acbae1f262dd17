"""`cli-tuner hook`: what coding agents call before each command, and how they come to do so."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from cli_tuner.boundaries.terminal import Screen
    from cli_tuner.hook.install import Change
    from cli_tuner.hook.protocol import Agent

_BLOCKED = 2


def run(given: argparse.Namespace) -> int:
    """One of run, install, uninstall, status, allow-once."""
    return {
        "run": _run,
        "install": _install,
        "uninstall": _uninstall,
        "status": _status,
        "allow-once": _allow_once,
    }[given.action](given)


def _run(given: argparse.Namespace) -> int:
    return answer(given.name)


def answer(name: str | None = None) -> int:
    """Answer one question on stdin, of the agent of this name.

    Every failure blocks, also that of importing ourselves.
    """
    try:
        from cli_tuner.hook.judge import answered
        from cli_tuner.hook.protocol import QUESTION_MAX, Agent

        agent = Agent(name) if name else None
        text = sys.stdin.buffer.read(QUESTION_MAX + 1) if sys.stdin is not None else b""
        ended = answered(text, agent)
        sys.stdout.write(ended.out)
        sys.stdout.flush()
        sys.stderr.write(ended.err)
    except BaseException as error:  # noqa: BLE001  an interrupted guard has not judged either
        sys.stderr.write(f"cli-tuner could not judge this command ({type(error).__name__})\n")
        return _BLOCKED
    return ended.status


def _install(given: argparse.Namespace) -> int:
    from cli_tuner.hook.install import installing

    agent, path = _agent(given), _path(given)
    return _apply(given, installing(agent, path), f"{agent.value} asks us before each command")


def _uninstall(given: argparse.Namespace) -> int:
    from cli_tuner.hook.install import removing

    agent = _agent(given)
    return _apply(given, removing(_path(given)), f"{agent.value} no longer asks us")


def _apply(given: argparse.Namespace, change: Change, done: str) -> int:
    from cli_tuner.boundaries.terminal import visible
    from cli_tuner.hook.install import write

    screen = _screen(given)
    if given.dry_run:
        sys.stdout.write(_difference(change))
        if change.is_none:
            screen.line(f"  {visible(str(change.path))}: nothing to change")
        return 0
    if not change.is_none:
        write(change)
    screen.line(f"  {done}: {visible(str(change.path))}")
    if given.name == "codex" and given.action == "install":
        screen.line("  start codex once and trust the new hook there (/hooks)")
    return 0


def _difference(change: Change) -> str:
    from difflib import unified_diff

    lines = (change.before.splitlines(), change.after.splitlines())
    name = str(change.path)
    return "".join(f"{line}\n" for line in unified_diff(*lines, name, name, lineterm=""))


def _status(given: argparse.Namespace) -> int:
    """Which agents ask us."""
    import json
    import os
    from pathlib import Path

    from cli_tuner.boundaries.terminal import visible
    from cli_tuner.hook.install import is_installed, settings_file
    from cli_tuner.hook.protocol import Agent

    project = Path(given.project) if given.project else None
    files = {agent: settings_file(agent, os.environ, project) for agent in Agent}
    asked = {agent: is_installed(path) for agent, path in files.items()}
    if given.json:
        document = {
            agent.value: {"file": str(path), "installed": asked[agent]}
            for agent, path in files.items()
        }
        sys.stdout.write(f"{json.dumps({'schema_version': '1', 'agents': document})}\n")
        return 0
    for agent, path in files.items():
        word = "installed" if asked[agent] else "not installed"
        sys.stdout.write(f"{agent.value:8} {word:14} {visible(str(path))}\n")
    return 0


def _allow_once(given: argparse.Namespace) -> int:
    """Let a person, and nobody else, let one blocked command pass."""
    from cli_tuner.boundaries.terminal import ask, visible
    from cli_tuner.errors import Exit, UsageError
    from cli_tuner.hook.allowance import GRANT_MINUTES, blocked_under, grant
    from cli_tuner.settings import Paths

    if not given.name:
        raise UsageError("give the code that was shown when the command was blocked")
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError("allow-once is typed by a person on a terminal")
    paths, screen = Paths.of(), _screen(given)
    blocked = blocked_under(given.name, paths)
    screen.line(f"  {blocked.agent} wants to run, in {visible(blocked.folder) or '?'}:")
    for line in blocked.command.splitlines() or [""]:
        screen.line(f"    {visible(line)}")
    level = blocked.level
    screen.line(f"  {screen.paint(level, level)} · {visible(', '.join(blocked.rules))}")
    screen.line(f"  {visible(blocked.reason)}")
    reply = ask("  let it pass once? type yes:")
    if reply is None or reply.lower() != "yes":
        screen.line("  it stays blocked")
        return Exit.CANCELLED
    grant(given.name, paths)
    screen.line(f"  it may run once within {GRANT_MINUTES} minutes; tell the agent to try again")
    return 0


def _agent(given: argparse.Namespace) -> Agent:
    from cli_tuner.errors import UsageError
    from cli_tuner.hook.protocol import Agent

    try:
        return Agent(given.name)
    except ValueError:
        names = ", ".join(agent.value for agent in Agent)
        raise UsageError(f"hook {given.action} needs one of: {names}") from None


def _path(given: argparse.Namespace) -> Path:
    import os
    from pathlib import Path

    from cli_tuner.hook.install import settings_file

    project = Path(given.project) if given.project else None
    return settings_file(_agent(given), os.environ, project)


def _screen(given: argparse.Namespace) -> Screen:
    from cli_tuner.boundaries.terminal import Screen
    from cli_tuner.settings import load_settings

    return Screen(load_settings({"color": given.color}).color)
