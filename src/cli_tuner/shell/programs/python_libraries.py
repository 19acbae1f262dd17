"""Python's bindings of container runtimes and package managers, by what their calls ask for.

    docker.from_env().containers.run(..., privileged=True)     as `docker run --privileged`
    apt.Cache()["systemd"].mark_delete()                       as `apt remove systemd`

`os.chroot` and `setns` are read as well. Objects are not followed: a call counts by its own name,
its keywords and its constants. Not covered: arguments that are computed.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.programs.python_shells import imported_names, shell_libraries
from cli_tuner.shell.values import HOME, known
from cli_tuner.shell.words import Field

if TYPE_CHECKING:
    from cli_tuner.shell.call import Call

_RUNTIMES = frozenset({"docker", "podman", "pylxd", "kubernetes"})
_MANAGERS = frozenset({"apt", "apt_pkg", "dnf", "libdnf5", "yum", "rpm", "portage", "pyalpm"})
_REMOVES = frozenset({"mark_delete", "remove", "erase", "addErase", "markErase", "package_remove"})
_HOST_FOLDER = re.compile(r"['\"](/[^'\":]*)['\"]\s*:|['\"](/[^'\":]*):/|source=['\"](/[^'\"]*)")


def library_calls(call: Call, tree: ast.Module) -> None:
    """Emit what calls of such a library would do."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            _leaves(call, node, node.func.attr)
            _uploads(call, node, node.func.attr)
    names = imported_names(tree)
    shell_libraries(call, tree, names)
    imported = {full.partition(".")[0] for full in names.values()}
    runtime, manager = imported & _RUNTIMES, imported & _MANAGERS
    if not runtime and not manager:
        return
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if runtime:
            _container(call, node)
        if manager and isinstance(node.func, ast.Attribute) and node.func.attr in _REMOVES:
            _removed(call, node, node.func)


_UPLOADS = frozenset(
    "upload_file upload_from_filename upload_blob upload_fileobj send_document files_upload "
    "put_object storbinary fput_object upload".split()
)


def _uploads(call: Call, node: ast.Call, method: str) -> None:
    """Clients of stores and chats: a file that is named goes there."""
    if method not in _UPLOADS:
        return
    named = [*node.args, *(word.value for word in node.keywords)]
    for item in ast.walk(ast.Tuple(elts=named, ctx=ast.Load())):
        if isinstance(item, ast.Constant) and isinstance(item.value, str) and "/" in item.value:
            text = HOME + item.value[1:] if item.value[:1] == "~" else item.value
            content = call.reads(Field(known(text), call.shell.span, item.value))
            for taint in sorted(content.taints & {"secret", "sensitive"}):
                call.effect(EffectKind.NETWORK_OUT, method, f"carries:{taint}")


def _leaves(call: Call, node: ast.Call, method: str) -> None:
    """os.chroot and setns: the root, or the namespaces, of the first process."""
    text = ast.unparse(node)
    if method == "setns" and "/proc/1/" in text:
        call.effect(EffectKind.CONTAINER, "host namespaces", "escape")
    elif method == "chroot" and node.args and isinstance(node.args[0], ast.Constant):
        words = ["chroot", str(node.args[0].value)]
        call.run([Field(known(word), call.shell.span, word) for word in words])


def _container(call: Call, node: ast.Call) -> None:
    from cli_tuner.shell.programs.containers import volume

    for keyword in node.keywords:
        text = ast.unparse(keyword.value)
        if keyword.arg == "privileged" and text == "True":
            call.effect(EffectKind.CONTAINER, "the host", "privileged")
        elif keyword.arg in ("pid_mode", "host_pid") and text in ("'host'", "True"):
            call.effect(EffectKind.CONTAINER, "the host's processes", "host-pid")
        elif keyword.arg == "cap_add" and re.search(r"ALL|SYS_ADMIN|SYS_PTRACE|SYS_MODULE", text):
            call.effect(EffectKind.CONTAINER, "the host", "privileged")
        elif keyword.arg in ("volumes", "binds", "mounts", "devices"):
            for match in _HOST_FOLDER.finditer(text):
                volume(call, next(g for g in match.groups() if g) + ":/x")


def _removed(call: Call, node: ast.Call, function: ast.Attribute) -> None:
    """The package is the index of what the method belongs to, or the argument; else it is any."""
    owner = function.value
    named = owner.slice if isinstance(owner, ast.Subscript) else next(iter(node.args), None)
    if isinstance(named, ast.Constant) and isinstance(named.value, str):
        words = ["apt", "remove", named.value]
        call.run([Field(known(word), call.shell.span, word) for word in words])
    elif function.attr != "remove":
        call.effect(EffectKind.PACKAGE, "any package", "remove", "all")
