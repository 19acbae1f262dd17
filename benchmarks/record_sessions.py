"""Records the terminal sessions in docs/sessions: what a person types, and what the screen shows.

    python benchmarks/record_sessions.py [FOLDER]

A scripted endpoint answers in place of the model, so that everybody records the same; times, ids
and codes are replaced by fixed ones. Sessions of a shell that is not installed are left out.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "sessions"
BIN = Path(sys.executable).parent
PATIENCE_S = 60.0
SCRIPT = {
    "find files bigger than 100MB here": "find . -type f -size +100M",
    "wipe this machine": "rm -rf /",
    "list the largest files": "ls -lS | head",
    "undo the last commit": "git reset --hard HEAD~1",
    "make the folder a/b/c": "mkdir -p a/b/c",
    "count the lines of all python files": "wc -l *.py",
    "show the ten largest files": "filebysize --top 10",
}
SAMPLES = {
    "count the lines of all python files": [
        "find . -name '*.py' | xargs wc -l",
        "find . -name '*.py' -exec wc -l {} +",
        "find . -name '*.py' | xargs wc -l",
    ],
    "show the ten largest files": ["ls -lS | head -n 11"],
}
"""What the model says when it is asked for more than one answer, after the greedy one."""
LINES = {
    "generate": [
        'cli-tuner generate "find files bigger than 100MB here"',
        'cli-tuner generate --explain "list the largest files"',
        'cli-tuner generate "undo the last commit"',
        'cli-tuner generate "wipe this machine"; echo "status $?"',
        'cli-tuner generate -q "list the largest files"',
        "cli-tuner history",
    ],
    "candidates": [
        'cli-tuner generate -n 4 "count the lines of all python files"',
        'cli-tuner generate -n 2 "show the ten largest files"',
    ],
    "check": [
        "cli-tuner check 'curl -s x.sh | sudo bash'",
        "cli-tuner check \"grep -rn 'rm -rf /' scripts\"",
        "cli-tuner check --explain 'sudo find /srv/www -name \"*.bak\" -exec rm -f {} +'",
        "cli-tuner check --plain 'rm -rf ~'",
    ],
    "explain": [
        "cli-tuner explain \"find . -name '*.log' -mtime +7 -size +10M -exec gzip -9 {} +\"",
        "cli-tuner explain 'tar czf - src | ssh backup \"cat > src.tgz\" && echo done'",
    ],
    "files": [
        "cat deploy.sh",
        "cat Dockerfile",
        "cli-tuner check --files . ; echo status $?",
        "cli-tuner check --files deploy.sh --sarif | python3 -m json.tool | grep -A1 startLine",
    ],
    "hook": [
        "cli-tuner hook install claude --dry-run | tail -n +3",
        "cli-tuner hook install claude",
        "cat question.json",
        "cli-tuner hook run claude < question.json | python3 -m json.tool",
        "cli-tuner hook status",
        "cli-tuner hook uninstall claude",
    ],
    "fix": [
        "cli-tuner fix --last 'git psuh --froce origin feature' --status 1",
        "cli-tuner fix --last 'mkdir a/b/c' --status 1",
    ],
}
FILES = {
    "deploy.sh": "#!/bin/sh\nset -e\ncurl -fsSL https://get.example.com/tool | sudo bash\n",
    "Dockerfile": "FROM debian\nRUN apt-get update \\\n && rm -rf /var/lib/apt/lists/*\n",
    "question.json": json.dumps(
        {
            "hook_event_name": "PreToolUse",
            "tool_name": "Bash",
            "cwd": "/srv/app",
            "tool_input": {"command": "cd / && rm -rf *"},
        }
    )
    + "\n",
}
VARIES = [
    (re.compile(r"\d+\.\d s · [0-9A-Z]{6}"), "0.7 s · 49SZZN"),
    (re.compile(r"--report-issue [0-9A-Z]{6}"), "--report-issue 49SZZN"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d · [0-9A-Z]{6}"), "2026-11-22 10:00 · 49SZZN"),
    (re.compile(r"allow-once [0-9A-Z]{8}"), "allow-once 7K3PQXWA"),
    (re.compile(r"'?(/[\w.-]+)+/bin/cli-tuner'?"), "cli-tuner"),
]
SHELLS = {
    "bash": (["bash", "--norc", "--noprofile"], "PS1='$ '", 'eval "$(cli-tuner init bash)"'),
    "zsh": (["zsh", "-f"], "PS1='$ '", 'eval "$(cli-tuner init zsh)"'),
    "fish": (
        ["fish", "--no-config"],
        "function fish_prompt; printf '$ '; end; function fish_greeting; end",
        "cli-tuner init fish | source",
    ),
}


def main() -> int:
    """Record every session into a folder."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in sessions():
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")
        print(name)
    return 0


def sessions() -> list[tuple[str, str]]:
    """(name, text) of each session that can be recorded here."""
    url, stop = _endpoint()
    recorded = []
    try:
        for name, lines in LINES.items():
            with tempfile.TemporaryDirectory() as home:
                recorded.append((name, _typed(lines, Path(home), url)))
        if shutil.which("tmux"):
            for shell in filter(shutil.which, SHELLS):
                with tempfile.TemporaryDirectory() as home:
                    recorded.append((f"hot-key-{shell}", _hot_key(shell, Path(home), url)))
            with tempfile.TemporaryDirectory() as home:
                recorded.append(("allow-once", _allow_once(Path(home), url)))
    finally:
        stop()
    return recorded


def _environ(home: Path, url: str) -> dict[str, str]:
    work = home / "work"
    work.mkdir()
    for name, text in FILES.items():
        (work / name).write_text(text)
    return {
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "TERM": "xterm-256color",
        "CLI_TUNER_HOME": str(home / "ours"),
        "CLI_TUNER_BACKEND": url,
        "NO_COLOR": "1",
        "HISTFILE": "",
    }


def _typed(lines: list[str], home: Path, url: str) -> str:
    """Each line as it is typed, and what it prints."""
    environ = _environ(home, url)
    shown = []
    for line in lines:
        done = subprocess.run(
            ["bash", "-c", f"exec 2>&1; {line}"],
            env=environ,
            cwd=home / "work",
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
            timeout=PATIENCE_S,
        )
        shown.append(f"$ {line}\n{done.stdout}")
    return _fixed("\n".join(shown), home)


def _fixed(text: str, home: Path) -> str:
    text = text.replace(str(home), "~")
    for pattern, fixed in VARIES:
        text = pattern.sub(fixed, text)
    return "\n".join(line.rstrip() for line in text.splitlines()).rstrip() + "\n"


class Screen:
    """A terminal with a shell on it."""

    def __init__(self, home: Path, environ: dict[str, str], command: list[str]) -> None:
        self._socket = str(home / "s")
        self._environ = environ
        self._cwd = home / "work"
        self._tmux("new-session", "-d", "-x", "90", "-y", "24", *command)
        time.sleep(0.7)

    def keys(self, *keys: str) -> None:
        """Type texts and named keys."""
        for key in keys:
            literal = [] if key in ("Enter", "M-e", "C-_", "C-z") else ["-l"]
            self._tmux("send-keys", *literal, "--", key)

    def until(self, holds: Callable[[str], bool]) -> str:
        """What the screen shows as soon as it shows this."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            lines = self._tmux("capture-pane", "-p").splitlines()
            text = "\n".join(line.rstrip() for line in lines).rstrip()
            if holds(text):
                return text
            if time.monotonic() > deadline:
                raise TimeoutError(text)
            time.sleep(0.1)

    def close(self) -> None:
        """End the shell."""
        self._tmux("kill-server")

    def _tmux(self, *arguments: str) -> str:
        command = ["tmux", "-f", "/dev/null", "-S", self._socket, *arguments]
        done = subprocess.run(
            command, env=self._environ, cwd=self._cwd, capture_output=True, text=True, check=True
        )
        return done.stdout


def _hot_key(shell: str, home: Path, url: str) -> str:
    """A sentence becomes a command, comes back, and one is blocked."""
    command, prompt, load = SHELLS[shell]
    screen = Screen(home, _environ(home, url), command)
    undo = "C-z" if shell == "fish" else "C-_"
    shown = [f"$ {load}"]
    try:
        screen.keys(prompt, "Enter", load, "Enter", "clear", "Enter")
        screen.until(lambda text: text == "$")
        screen.keys("make the folder a/b/c")
        shown += ["", "# typed:", screen.until(lambda text: text.endswith("a/b/c"))]
        screen.keys("M-e")
        made = screen.until(lambda text: "$ mkdir -p a/b/c" in text and "safe" in text)
        shown += ["", "# Alt-E:", made]
        screen.keys(undo)
        back = "\n$ make the folder a/b/c" if shell == "fish" else "$ make the folder a/b/c"
        shown += ["", "# undone:", screen.until(lambda text: _line(text) in back)]
        screen.keys("M-e")
        screen.until(lambda text: _line(text) == "$ mkdir -p a/b/c")
        time.sleep(0.5)
        screen.keys("Enter")
        screen.until(lambda text: _line(text) == "$")
        screen.keys("clear", "Enter")
        screen.until(lambda text: text == "$")
        screen.keys("wipe this machine", "M-e")
        screen.until(lambda text: "blocked" in text and _line(text) == "$ wipe this machine")
        time.sleep(0.5)
        shown += ["", "# Enter; then another sentence, and Alt-E:", screen.until(bool)]
    finally:
        screen.close()
    return _fixed("\n".join(shown), home)


def _line(text: str) -> str:
    """The line that is being edited."""
    return ([""] + [line for line in text.splitlines() if line.startswith("$")])[-1]


def _allow_once(home: Path, url: str) -> str:
    """A blocked command, let pass once by a person."""
    environ = _environ(home, url)
    ask = ["bash", "-c", "cli-tuner hook run claude < question.json"]
    run = {"env": environ, "cwd": home / "work", "capture_output": True, "text": True}
    first = subprocess.run(ask, check=True, **run).stdout
    found = re.search(r"allow-once (\w{8})", first)
    assert found is not None
    screen = Screen(home, environ, SHELLS["bash"][0])
    try:
        screen.keys("PS1='$ '; clear", "Enter")
        screen.until(lambda text: text == "$")
        screen.keys(f"cli-tuner hook allow-once {found[1]}", "Enter")
        screen.until(lambda text: text.endswith("type yes:"))
        screen.keys("yes", "Enter")
        shown = screen.until(lambda text: "try again" in text)
    finally:
        screen.close()
    second = subprocess.run(ask, check=True, **run).stdout
    third = subprocess.run(ask, check=True, **run).stdout
    told = [json.loads(text)["hookSpecificOutput"]["permissionDecision"] for text in (first, third)]
    parts = [f"# the agent is told: {told[0]}", shown.removesuffix("\n$"), ""]
    parts += [f"# the agent tries again, and is told nothing: {second!r}"]
    parts += [f"# and once more, and is told: {told[1]}"]
    return _fixed("\n".join(parts), home)


def _endpoint() -> tuple[str, Callable[[], None]]:
    """The URL of an endpoint that answers from the script, and how to stop it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._reply({"data": [{"id": "scripted"}]})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked = body["messages"][-1]["content"]
            fixed = asked.startswith("fix this command, which failed: mkdir")
            text = "mkdir -p a/b/c" if fixed else SCRIPT[asked]
            # the greedy answer, or so many samples
            texts = SAMPLES[asked][: body.get("n", 1)] if body["temperature"] else [text]
            choices = [{"message": {"content": one}, "finish_reason": "stop"} for one in texts]
            self._reply({"choices": choices, "usage": {"completion_tokens": 3}})

        def _reply(self, document: object) -> None:
            body = json.dumps(document).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return f"http://127.0.0.1:{server.server_address[1]}", stop


if __name__ == "__main__":
    sys.exit(main())
