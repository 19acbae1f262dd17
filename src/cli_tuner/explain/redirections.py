"""Redirections in words."""

from __future__ import annotations

from cli_tuner.explain.values import notes_on, plain, short, shown
from cli_tuner.shell.nodes import Redirect

_REDIRECTS = {
    ">": "its output goes into {}, replacing what is there",
    ">|": "its output goes into {}, replacing what is there",
    ">>": "its output is added to the end of {}",
    "<": "it reads {}",
    "<>": "it reads and writes {}",
    "&>": "its output and its errors go into {}, replacing what is there",
    "&>>": "its output and its errors are added to the end of {}",
    "<<": "it reads the text up to the mark",
    "<<-": "it reads the text up to the mark, without leading tabs",
    "<<<": "it reads the text {}",
    "<&": "it reads descriptor {}",
}
_FD = {"": "its output", "1": "its output", "2": "its errors", "&": "its output and its errors"}


def redirected(node: Redirect) -> str:
    """What a redirection does."""
    target = short(shown(node.target))
    notes = notes_on(node.target) if node.operator not in ("<<", "<<-") else ""
    if node.operator == ">&":
        meaning = _duplicated(node.fd, target)
    elif plain(node.target) == "/dev/null" and node.operator in (">", ">>", "&>"):
        which = _FD["&"] if node.operator == "&>" else _FD.get(node.fd, f"descriptor {node.fd}")
        verb = "is" if which == "its output" else "are"
        meaning = f"{which} {verb} thrown away"
    else:
        meaning = _REDIRECTS.get(node.operator, "a redirection to {}").replace("{}", target)
        if node.fd not in ("", "0", "1") and node.operator in (">", ">>", ">|"):
            which = _FD.get(node.fd, f"descriptor {node.fd}")
            verb = "go" if which == "its errors" else "goes"
            meaning = meaning.replace("its output goes", f"{which} {verb}")
            meaning = meaning.replace("its output is", f"{which} are")
    return f"{meaning} ({notes})" if notes else meaning


def _duplicated(fd: str, target: str) -> str:
    which = _FD.get(fd, f"descriptor {fd}")
    if target == "-":
        return f"{which}: closed"
    if not target.isdecimal():
        return f"its output and its errors go into {target}"
    where = {"1": "where its output goes", "2": "where its errors go"}
    return f"{which} go{'es' if fd in ('', '1') else ''} {where.get(target, f'to {target}')}"
