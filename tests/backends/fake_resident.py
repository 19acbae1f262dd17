"""A resident process without a model: `python -m fake_resident`, told what to do by FAKE_PLAN.

FAKE_PLAN names a folder. Each start appends a line to `started`; `plan` holds one word for each
question to come, and the last word holds for all after it.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import sys
import time
from pathlib import Path

PLAN = Path(os.environ["FAKE_PLAN"])


def next_word() -> str:
    words = (PLAN / "plan").read_text().split()
    if len(words) > 1:
        (PLAN / "plan").write_text(" ".join(words[1:]))
    return words[0]


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("socket", "model", "threads", "idle-minutes", "ready-fd"):
        parser.add_argument(f"--{name}", required=True)
    given = parser.parse_args()
    if os.fork():
        os._exit(0)
    with (PLAN / "started").open("a") as file:
        file.write(f"{os.getpid()}\n")
    ready = int(given.ready_fd)
    start = (PLAN / "start").read_text() if (PLAN / "start").exists() else "ready"
    if start == "mute":
        raise RuntimeError("the disk is on fire")
    if start == "hang":
        time.sleep(60)
    if start == "refuse":
        error = {"kind": "ModelMissing", "message": "no model", "hint": "run: cli-tuner setup"}
        os.write(ready, json.dumps({"error": error}).encode() + b"\n")
        sys.exit(1)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(given.socket)
    listener.listen(64)
    time.sleep(0.2)  # clients that come together must find the lock held
    if start == "gone":
        listener.close()
    os.write(ready, b'{"ready": true}\n')
    os.close(ready)
    if start != "gone":
        serve(listener, given.socket)


def serve(listener: socket.socket, path: str) -> None:
    while True:
        connection, _ = listener.accept()
        question = json.loads(connection.makefile("rb").readline() or b"{}")
        if question.get("op") == "stop":
            Path(path).unlink()
            connection.sendall(b'{"stopped": true}\n')
            os._exit(0)
        answer(connection, question, path)


def answer(connection: socket.socket, question: dict[str, object], path: str) -> None:
    word = next_word() if question else "answer"
    if word == "die":
        connection.sendall(b'{"respon')
        os._exit(9)
    if word == "stale":
        connection.sendall(b'{"stale": true}\n')
        time.sleep(0.1)
        Path(path).unlink()
        os._exit(0)
    if word == "silent":
        left = connection.recv(1) == b""
        (PLAN / "left").write_text(str(left))
    if word == "garbage":
        connection.sendall(b"garbage\n")
    if word == "answer":
        reply = {"pid": os.getpid(), "asked": question, "key": os.environ.get("CLI_TUNER_API_KEY")}
        connection.sendall(json.dumps(reply).encode() + b"\n")
    connection.close()


if __name__ == "__main__":
    main()
