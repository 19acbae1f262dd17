"""Programs whose effects need more than a table: one module per kind, one function per program.

A command uses three programs, so their modules are imported when a command names them. Which module
has which program is found by importing all of them once, and kept (`compiled`) as long as none of
the files changes: importing all of them takes 100 ms, which a cold `check` cannot spare.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path

from cli_tuner.shell.call import Handler
from cli_tuner.shell.compiled import compiled
from cli_tuner.shell.wrappers import (
    WRAPPERS,
    run_busybox,
    run_ssh,
    run_su,
    run_wrapped,
)

_WRAPPERS: dict[str, Handler] = {
    **dict.fromkeys(WRAPPERS, run_wrapped),
    "su": run_su,
    "runuser": run_su,
    "ssh": run_ssh,
    "autossh": run_ssh,
    "busybox": run_busybox,
    "toybox": run_busybox,
}


@cache
def _index() -> Mapping[str, str]:
    """Program -> module below this package; the later of two modules has it."""
    # Size and time of each file, as Python itself decides whether bytecode is still good.
    with os.scandir(Path(__file__).parent) as entries:
        sources = {
            entry.name.removesuffix(".py"): f"{entry.stat().st_size}:{entry.stat().st_mtime_ns}"
            for entry in sorted(entries, key=lambda entry: entry.name)
            if entry.name.endswith(".py") and not entry.name.startswith("_")
        }
    found: Mapping[str, str] = compiled("programs", sources, _found)
    return found


def _found(sources: Mapping[str, str]) -> dict[str, str]:
    return {name: module for module in sources for name in _handlers_in(module)}


def _handlers_in(module: str) -> Mapping[str, Handler]:
    handlers: Mapping[str, Handler] = getattr(import_module(f"{__name__}.{module}"), "HANDLERS", {})
    return handlers


class _Handlers(Mapping[str, Handler]):
    """Program -> the function that follows it, imported when it is asked for."""

    def __getitem__(self, name: str) -> Handler:
        module = _index().get(name)
        return _WRAPPERS[name] if module is None else _handlers_in(module)[name]

    def __contains__(self, name: object) -> bool:
        return name in _WRAPPERS or name in _index()

    def __iter__(self) -> Iterator[str]:
        return iter({**_WRAPPERS, **_index()})

    def __len__(self) -> int:
        return len({**_WRAPPERS, **_index()})


HANDLERS: Mapping[str, Handler] = _Handlers()
