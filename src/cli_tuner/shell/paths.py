"""Where a path leads: one spelling for it, and the place it is in. Facts about file systems.

    resolved("$HOME/../x", cwd)  ->  "/home/x"          place_of("/home/x")  ->  "home-root"

Nothing is looked up on this machine: the text alone decides, for a usual Linux or macOS.
"""

from __future__ import annotations

import fnmatch
import re

from cli_tuner.shell.values import CWD, HOLE, HOME, QUERY, STAR

PROJECT = "."
# Folders that are nobody's project, as the place where a text starts: see `start_of`.
IN_HOME, IN_ROOT = "./~", ".//"

SYSTEM_TOPS = (
    "bin", "boot", "dev", "etc", "lib", "lib32", "lib64", "libx32", "lost+found", "proc", "root",
    "run", "sbin", "sys", "usr", "var", "home", "opt", "System", "Library", "Applications",
    "private", "Users", "Volumes", "efi", "srv", "mnt", "media", "cdrom", "snap", "nix", "gnu",
)  # fmt: skip
_HOMES = ("home", "Users")
_BLOCK = re.compile(
    r"/dev/(?:r?disk\d|[shv]d[a-z]|xvd[a-z]|nvme\d|mmcblk\d|loop\d|md\d|dm-|ram\d|sr\d|nbd\d|"
    r"mapper/(?!control)|disk/by-|block/|vg|zvol/|bcache\d|pmem\d|drbd\d|cciss/|fd0|mtd|ubi|"
    r"sg\d|md/|zd\d|rbd\d|dasd[a-z]|r?(?:ada|da|nda|vtbd|nvd|wd|sd)\d|gpt/|label/|ufs/|root$|"
    r"(?!pts/|pty/|tty|fd/|shm/|net/|input/|snd/|bus/|dri/|cpu|vfio/|char/|serial/|mqueue|hugepages|usb/|"
    r"tcp/|udp/|disk/|char/|infiniband/|v4l/)[\w.-]+/[\w.-]+$)"  # /dev/GROUP/VOLUME of LVM
)
_RAW = re.compile(
    r"/dev/(?:mem|kmem|port|watchdog|nvram|cpu/\d+/msr)|/proc/(?:kcore|sysrq-trigger)"
)
_VAR = frozenset(
    "account adm backups cache chroot crash db empty games kerberos lib local lock log mail named "
    "nis opt ossec preserve run snap spool tmp vm yp".split()
)
_REGENERATED = frozenset(
    "node_modules __pycache__ .pytest_cache .mypy_cache .ruff_cache .tox .nox build dist target "
    ".cache .gradle .venv venv .next .nuxt coverage htmlcov .turbo .parcel-cache tmp temp logs "
    ".terraform .eggs .sass-cache bower_components DerivedData Trash .Trash thumbnails".split()
)
_SELF = re.compile(r"^/proc/(?:self|\d+|[\ue001-\ue003]+)/root(?=/|$)")


_HISTORIES = frozenset({".git", ".hg", ".bzr", ".jj", ".fossil", "_darcs"})


def start_of(folder: str, home: str = "") -> str:
    """The place where a text starts that would run in this folder; PROJECT for most folders.

    In a home folder or in / only what is certain is judged there: the folder as a whole, hidden
    and system names; any other name is taken for a project's. A system folder is judged as itself.
    """
    if not folder.startswith("/"):
        return PROJECT
    folder = folder.rstrip("/") or "/"
    place = "home-root" if folder == home.rstrip("/") else place_of(folder)
    if place == "home-root":
        return IN_HOME
    if place == "root":
        return IN_ROOT
    return folder if _is_systems_own(folder, place) else PROJECT


def _is_systems_own(folder: str, place: str) -> bool:
    """Whether nobody works in that folder: /var/lib/mysql, but not a build below it."""
    if place == "log":
        return True
    if place not in ("system", "system-top") or folder.startswith("/usr/local/"):
        return False
    return not folder.startswith("/var/") or folder.count("/") <= 3


def _start_and_rest(text: str, cwd: str) -> tuple[str, str]:
    """A relative path in a home folder or in /: below it if it is certain to be meant."""
    first = next((part for part in text.split("/") if part not in ("", ".")), "")
    whole = not first.strip(STAR + QUERY + ".") or first.startswith("[")
    if cwd == IN_HOME:
        return ("~" if whole or first.startswith(".") else PROJECT), text
    return ("/" if whole or first in SYSTEM_TOPS else PROJECT), text


def _base_and_rest(text: str, cwd: str) -> tuple[str, str]:
    if text.startswith(HOME):
        return "~", text[1:]
    if text.startswith(CWD):
        text = text[1:].lstrip("/")
    elif text.startswith("/"):
        return "/", _SELF.sub("", text)
    return _start_and_rest(text, cwd) if cwd in (IN_HOME, IN_ROOT) else (cwd, text)


def resolved(text: str, cwd: str = PROJECT) -> str:
    """The path in one spelling: absolute, below `~`, below `.`, above it, or with a hole first."""
    if text.startswith(HOLE):
        return text
    base, rest = _base_and_rest(text, cwd)
    if base.startswith(HOLE):
        return f"{base}/{rest}"
    parts = [part for part in base.split("/") if part not in ("", ".")]
    absolute = base.startswith("/")
    for part in rest.split("/"):
        if part in ("", "."):
            continue
        if part != "..":
            parts.append(part)
        elif parts == ["~"]:
            absolute, parts = True, ["home"]
        elif parts and parts[-1] != "..":
            parts.pop()
        elif not absolute:
            parts.append("..")
    joined = "/".join(parts)
    if absolute:
        return "/" + joined.replace("proc/self/fd/", "dev/fd/", 1)
    return joined or "."


def place_of(path: str) -> str:
    """The kind of place a resolved path is in: one of the words in PLACES."""
    if path.startswith(HOLE):
        return "unknown"
    if path.startswith("/"):
        return _absolute(path)
    parts = path.split("/")
    if parts[0] == "~":
        return _in_home(parts[1:])
    if parts[0] == "..":
        return _above(parts)
    if path == "." or (len(parts) == 1 and not parts[0].strip(STAR + HOLE + QUERY + ".")):
        return "unknown" if HOLE in path else "project-root"
    if parts[0] in _HISTORIES:
        return "project-vcs"
    return "project"


def wildness(path: str) -> tuple[str, ...]:
    """`wild` if the last part is a glob, `every` if it is only one, `spread` if a folder is one."""
    folder, _, last = path.rpartition("/")
    if path.startswith(HOLE):
        return ()
    if STAR not in last:
        return ("spread",) if STAR in folder else ()
    return ("wild", "every") if not last.strip(STAR + ".") else ("wild",)


PLACES = {
    "root": "/ or everything below it",
    "system": "a system folder or something in it",
    "system-top": "a whole system folder, such as /etc or /usr/lib",
    "home-root": "a whole home folder",
    "home-top": "a folder or file directly in a home folder",
    "home": "deeper in a home folder",
    "home-config": "start-up files, keys and settings in a home folder",
    "cache": "files that programs make again",
    "temp": "temporary files",
    "temp-root": "all temporary files",
    "data": "below another absolute folder",
    "data-top": "a whole folder directly below /",
    "log": "logs of the system",
    "project-root": "everything in the current folder",
    "project-vcs": "the project's version history",
    "project": "a named thing below the current folder",
    "parent-root": "everything above or beside the current folder",
    "parent": "a named thing beside the current folder",
    "device": "a block device or raw memory",
    "harmless": "/dev/null and its like",
    "net": "a network socket, /dev/tcp",
    "unknown": "not decided by the text",
}


def _absolute(path: str) -> str:
    parts = path[1:].split("/") if path != "/" else []
    if not parts or not parts[0].strip(STAR + "."):
        return "root"
    top = parts[0]
    if top == "dev":
        return _device(path)
    if _RAW.match(path):
        return "device"
    if HOLE in top:
        return "unknown"
    if top in _HOMES or (top == "root"):
        return _in_home(parts[1:] if top == "root" else parts[2:], short=len(parts) < 2)
    if top == "tmp" or path.startswith(("/var/tmp", "/private/tmp")):  # noqa: S108
        bare = parts[1:] if top == "tmp" else parts[2:]
        return "temp" if bare and bare[0].strip(STAR) else "temp-root"
    if path.startswith(("/var/log", "/var/run/log")):
        return "log"
    if path.startswith("/var/cache/") or (parts[-1] in _REGENERATED and len(parts) > 2):
        return "cache"
    if any(character in top for character in (STAR, QUERY)):
        pattern = top.replace(STAR, "*").replace(QUERY, "?")
        tops = [name for name in SYSTEM_TOPS if fnmatch.fnmatchcase(name, pattern)]
        return ("system-top" if len(parts) < 2 else "system") if tops else "data-top"
    if top in SYSTEM_TOPS:
        return _system(parts)
    return "data" if len(parts) > 1 and parts[1].strip(STAR) else "data-top"


def _is_name(part: str) -> bool:
    """Whether a part of a path is written out: no glob, nothing unknown."""
    return not any(character in part for character in (STAR, QUERY, HOLE, "["))


def _system(parts: list[str]) -> str:
    rest = [part for part in parts[1:] if part.strip(STAR)]
    if parts[0] == "mnt" and re.fullmatch(r"[a-z]|wsl", parts[1] if len(parts) > 1 else ""):
        # A drive of Windows; its own folders are as much as a disk's.
        return "data" if len(rest) > 3 else "data-top"
    if parts[0] == "media" and len(rest) == 2:
        return "data-top"  # /media/USER/DISK
    if parts[0] in ("opt", "srv", "mnt", "media", "Volumes", "snap", "cdrom"):
        return ("data" if len(rest) > 1 else "data-top") if rest else "system-top"
    if parts[:2] in (["var", "www"], ["usr", "src"], ["usr", "ports"]):
        return "data" if len(rest) > 1 else "data-top"
    if parts[:2] == ["usr", "local"]:
        # The administrator's own additions; what the system stands on is elsewhere.
        return "data" if len(rest) > 2 else "system-top"
    if parts[0] == "var" and len(rest) > 0 and _is_name(rest[0]) and rest[0] not in _VAR:
        # What somebody put there; the system's own folders have names that everybody knows.
        return "data" if len(rest) > 1 else "data-top"
    shallow = 2 if parts[0] in ("usr", "var") else 1
    return "system-top" if len(rest) < shallow else "system"


def _device(path: str) -> str:
    name = path.removeprefix("/dev/")
    if re.match(r"(?:tcp|udp)/", name):
        return "net"
    if name.startswith("shm/"):
        return "temp"
    if re.match(r"(?:null|zero|full|u?random|stdin|stdout|stderr|tty|pts/|fd/|console|ptmx)", name):
        return "harmless"
    if _BLOCK.match(path) or _RAW.match(path) or HOLE in name or STAR in name or QUERY in name:
        return "device"
    return "system-top" if path == "/dev" else "harmless"


def _in_home(parts: list[str], *, short: bool = False) -> str:
    bare = [part for part in parts if part.strip(STAR + ".") or part == HOLE]
    if short or not bare:
        return "home-root"
    first = bare[0]
    if HOLE in first and first.strip(HOLE + STAR) == "":
        return "unknown"
    if first.startswith(".") and first not in (".cache", ".npm", ".Trash", ".gradle", ".m2"):
        if bare[-1] in _REGENERATED or first in (".cargo", ".rustup", ".nvm", ".pyenv"):
            return "cache"
        if bare[:3] in ([".local", "share", "Trash"],):
            return "cache"
        return "home-config"
    if first.startswith(".") or bare[-1] in _REGENERATED:
        return "cache"
    return "home" if len(bare) > 1 else "home-top"


def _above(parts: list[str]) -> str:
    ups = sum(part == ".." for part in parts)
    rest = parts[ups:]
    if not rest or not rest[0].strip(STAR + QUERY + "."):
        return "parent-root"
    if ups >= 2 and rest[0] in SYSTEM_TOPS:
        # Enough steps up reach the root; nobody counts them exactly on the way to /etc.
        return _absolute("/" + "/".join(rest))
    return "parent"
