"""Whether an allow covers an effect: only what the text decides, on this machine, below the path.

Not covered, so never lowered: a target with an unknown stretch, a glob that is not the last part
or could name `..`, something on another machine or in a container, a relative or home path of
another user, and anything that a symbolic link leads out of the allowed folder.
"""

from __future__ import annotations

import fnmatch
import os

from cli_tuner.records.verdict import Effect

_UNKNOWN = "\u2026"  # how shell.values.shown writes what the text does not decide, or cuts off
_ELSEWHERE = frozenset(
    "ssh autossh mosh rsh slogin sshpass pdsh pssh parallel-ssh clush ansible salt docker podman "
    "nerdctl buildah kubectl oc lxc lxc-attach incus machinectl systemd-nspawn chroot nsenter "
    "unshare bwrap firejail flatpak vagrant adb wsl schroot arch-chroot fakechroot toolbox "
    "distrobox docker-compose crictl ctr runc virsh gcloud aws az multipass limactl".split()
)


def covers(pattern: str, effect: Effect, cwd: str) -> bool:
    """Whether the effect's target is a path that the pattern names, and stays there."""
    path = _path_of(effect, cwd)
    if path is None:
        return False
    parts = path.split("/")
    last = parts[-1]
    if any(_is_glob(part) for part in parts[:-1]) or (_is_glob(last) and last.startswith(".")):
        return False
    # Of a glob only the folder can be looked at; what it names there is below it.
    real = os.path.realpath(_parent(path)) + f"/{last}" if _is_glob(last) else None
    return _fits(path, pattern) and _fits(real or os.path.realpath(path), _real(pattern))


def _path_of(effect: Effect, cwd: str) -> str | None:
    """The target as an absolute path, if it is one that the text decides."""
    places = [attribute for attribute in effect.attributes if attribute.startswith("at:")]
    target = effect.target
    if not target or not places or "at:unknown" in places or _UNKNOWN in target:
        return None
    if not _ELSEWHERE.isdisjoint(effect.via) or effect.utility in _ELSEWHERE:
        return None
    if target.startswith("/"):
        return os.path.normpath(target)
    if effect.as_root:
        return None  # another user's home, and perhaps another folder to start in
    if target == "~" or target.startswith("~/"):
        return os.path.normpath(os.path.expanduser(target))  # noqa: PTH111
    return os.path.normpath(f"{cwd}/{target}") if cwd else None


def _is_glob(part: str) -> bool:
    return "*" in part or "?" in part


def _parent(path: str) -> str:
    return os.path.dirname(path)  # noqa: PTH120


def _real(pattern: str) -> str:
    """The pattern with the links in its fixed beginning followed: the user named that folder."""
    fixed, rest = pattern, ""
    while "*" in fixed or "?" in fixed:
        fixed, _, part = fixed.rpartition("/")
        rest = f"/{part}{rest}"
    return os.path.realpath(fixed).rstrip("/") + rest


def _fits(path: str, pattern: str) -> bool:
    """Whether the pattern names the path; a trailing `**` stands for everything below."""
    wanted, given = pattern.split("/"), path.split("/")
    if wanted[-1] == "**":
        wanted.pop()
        if len(given) <= len(wanted):
            return False
        given = given[: len(wanted)]
    return len(wanted) == len(given) and all(
        fnmatch.fnmatchcase(part, glob) and (part == glob or not _is_glob(part))
        for part, glob in zip(given, wanted, strict=True)
    )
