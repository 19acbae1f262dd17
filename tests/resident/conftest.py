"""The resident process with the real model, and who talks to it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli_tuner.backends import wire
from cli_tuner.backends.engine import Engine
from cli_tuner.settings import Paths, load_settings

CLI = [sys.executable, "-m", "cli_tuner"]


class House:
    """One home with its engine."""

    def __init__(self, home: Path) -> None:
        self.paths = Paths.of({"CLI_TUNER_HOME": str(home)})

    @property
    def engine(self) -> Engine:
        return Engine.of(load_settings(), self.paths)

    def cli(self, *arguments: str, timeout_s: float = 90) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*CLI, *arguments], capture_output=True, text=True, timeout=timeout_s, check=False
        )

    def start_cli(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*CLI, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def ask(self, query: str, **changes: Any) -> dict[str, Any]:
        return self.engine.ask(question(query) | changes)

    def status(self) -> dict[str, Any]:
        return self.engine.ask({"op": "status"})

    def connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(60)
        connection.connect(str(self.engine.socket_path))
        return connection

    def sockets(self) -> list[str]:
        return sorted(path.name for path in self.paths.runtime.glob("*.sock"))


def question(query: str) -> dict[str, Any]:
    return {
        "op": "generate",
        "query": query,
        "candidates": 1,
        "safety": "moderate",
        "caller": "cli",
        "cwd": "",
        "retain_query": False,
        "max_new_tokens": 32,
    }


@pytest.fixture
def house(real_home: Path) -> House:
    return House(real_home)


@pytest.fixture
def asking() -> Callable[[House, str, int], socket.socket]:
    """Ask and do not wait: the connection on which the answer will come."""

    def ask(house: House, query: str, max_new_tokens: int) -> socket.socket:
        connection = house.connect()
        wire.send(connection, question(query) | {"max_new_tokens": max_new_tokens})
        return connection

    return ask


def until(condition: Callable[[], object], seconds: float = 15) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def cpu_s(pid: int) -> float:
    """Seconds of processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
