"""`agenerate` and `acheck`: the same answers, without holding the event loop up."""

from __future__ import annotations

import asyncio
import time

import pytest

import cli_tuner
from cli_tuner.boundaries import api
from cli_tuner.errors import Cancelled, ConfigError

NOBODY = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("CLI_TUNER_HOME", str(tmp_path))


def test_a_verdict_is_the_same():
    assert asyncio.run(cli_tuner.acheck("rm -rf /")) == cli_tuner.check("rm -rf /")


def test_a_refusal_is_the_same():
    found = asyncio.run(cli_tuner.agenerate("ls", backend=NOBODY))
    assert found.refusal.code == cli_tuner.generate("ls", backend=NOBODY).refusal.code


def test_errors_are_the_same():
    with pytest.raises(ConfigError):
        asyncio.run(cli_tuner.agenerate("list files", safety="lax"))


def test_the_loop_goes_on_meanwhile(monkeypatch):
    monkeypatch.setattr(api, "cross", lambda *_: time.sleep(0.3))
    ticks = []

    async def main():
        work = asyncio.create_task(cli_tuner.agenerate("list files", backend=NOBODY))
        while not work.done():
            ticks.append(1)
            await asyncio.sleep(0.01)

    asyncio.run(main())
    assert len(ticks) > 5


def test_cancelling_the_task_cancels_the_work(monkeypatch):
    ended = []

    def waits(_, options, __):
        deadline = time.monotonic() + 20
        while not options.cancelled() and time.monotonic() < deadline:
            time.sleep(0.01)
        ended.append(options.cancelled())
        raise Cancelled("cancelled")

    monkeypatch.setattr(api, "cross", waits)

    async def main():
        work = asyncio.create_task(cli_tuner.agenerate("list files", backend=NOBODY))
        await asyncio.sleep(0.1)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work

    asyncio.run(main())
    assert ended == [True]
