"""Programs whose effects need more than a table: one module per kind, one function per program."""

from __future__ import annotations

from cli_tuner.shell.call import Handler
from cli_tuner.shell.programs import (
    archives,
    builtins,
    databases,
    editing,
    files,
    find,
    interpreters,
    network,
    permissions,
    system,
    text,
)
from cli_tuner.shell.wrappers import (
    WRAPPERS,
    run_busybox,
    run_parallel,
    run_printf,
    run_ssh,
    run_su,
    run_wrapped,
    run_xargs,
)

HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(WRAPPERS, run_wrapped),
    "su": run_su,
    "runuser": run_su,
    "xargs": run_xargs,
    "parallel": run_parallel,
    "ssh": run_ssh,
    "autossh": run_ssh,
    "busybox": run_busybox,
    "toybox": run_busybox,
    "printf": run_printf,
    **archives.HANDLERS,
    **builtins.HANDLERS,
    **databases.HANDLERS,
    **editing.HANDLERS,
    **files.HANDLERS,
    **find.HANDLERS,
    **interpreters.HANDLERS,
    **network.HANDLERS,
    **permissions.HANDLERS,
    **system.HANDLERS,
    **text.HANDLERS,
}
