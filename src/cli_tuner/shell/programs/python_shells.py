"""Python's libraries that make commands of words or texts: sh, plumbum, invoke, fabric, pexpect.

    sh.rm("-rf", "/etc")    local["rm"]["-rf", "/etc"]()    Connection("web").run("rm -rf /srv")

A call counts by the library that the code imports and by its constants. Not covered: words that
are computed, and commands that are put together over several statements.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from cli_tuner.shell.values import EMPTY, HOLE, HOME, known
from cli_tuner.shell.words import Field

if TYPE_CHECKING:
    from cli_tuner.shell.call import Call

_TEXT_LIBRARIES = frozenset(
    "invoke fabric fabric2 paramiko asyncssh pexpect delegator sarge envoy netmiko IPython "
    "pssh shellish easyprocess ctypes".split()
)
_RUN = frozenset(
    "run sudo local exec_command spawn spawnu runu system getoutput run_command send_command "
    "sendline capture_stdout shell".split()
)
_LIBRARIES = _TEXT_LIBRARIES | {"sh", "plumbum", "pbs"}


def shell_libraries(call: Call, tree: ast.Module, names: dict[str, str]) -> None:
    """Emit what commands do that such a library starts; `names` are what the code imported."""
    imported = {full.partition(".")[0] for full in names.values()}
    if not imported & _LIBRARIES:
        return
    for node in ast.walk(tree):
        words = _words_of(node, names)
        if words:
            call.run([Field(known(word), call.shell.span, word) for word in words])
        elif isinstance(node, ast.Call) and imported & _TEXT_LIBRARIES:
            _text(call, node)


def imported_names(tree: ast.Module) -> dict[str, str]:
    """What each imported name stands for: `{"rm": "sh.rm"}`."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                name = alias.name if alias.asname else alias.name.partition(".")[0]
                names[alias.asname or name] = name
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module or ''}.{alias.name}"
    return names


def _text(call: Call, node: ast.Call) -> None:
    function = node.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if name in _RUN and node.args and isinstance(node.args[0], ast.Constant):
        given = node.args[0].value
        text = given.decode("latin-1") if isinstance(given, bytes) else str(given)
        call.run_text(known(text), stdin=EMPTY)


def _words_of(node: ast.AST, names: dict[str, str]) -> list[str]:
    """The words of a command that this expression is, or none."""
    if isinstance(node, ast.Call):
        full = _full(node.func, names)
        library, _, program = full.partition(".")
        if library in ("sh", "pbs") and program and program != "Command":
            return [program, *(_word(argument) for argument in node.args)]
        inner = _words_of(node.func, names)
        return [*inner, *(_word(argument) for argument in node.args)] if inner else []
    if isinstance(node, ast.Subscript):
        full = _full(node.value, names)
        if full == "plumbum.local":
            return [_word(node.slice)]
        head = [full.rpartition(".")[2]] if full.startswith("plumbum.cmd.") else None
        inner = head or _words_of(node.value, names)
        given = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        return [*inner, *(_word(argument) for argument in given)] if inner else []
    return []


def _full(node: ast.expr, names: dict[str, str]) -> str:
    if isinstance(node, ast.Name):
        return names.get(node.id, "")
    if isinstance(node, ast.Attribute):
        base = _full(node.value, names)
        return f"{base}.{node.attr}" if base else ""
    return ""


def _word(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        text = str(node.value)
        return HOME + text[1:] if text[:1] == "~" else text
    if isinstance(node, ast.Call) and node.args and isinstance(node.func, ast.Attribute):
        return _word(node.args[0]) if node.func.attr in ("expanduser", "Path") else HOLE
    return HOLE
