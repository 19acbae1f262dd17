"""The system that every run sees: a few invented files in /etc, and a read-only /usr.

Nothing of the machine's own users, hosts or configuration is visible.
"""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path

from cli_tuner.errors import SandboxMissing
from cli_tuner.sandbox.limits import Limits
from cli_tuner.sandbox.tree import HOME, Entry

HOST_NAME = "sandbox"
OUTSIDER = 65534
"""The user id on the machine that root becomes before it starts a sandbox: nobody."""

_ACCOUNTS = """\
root:x:0:0:root:/root:/bin/bash
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
backup:x:34:34:backup:/var/backups:/usr/sbin/nologin
www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
user:x:1000:1000:A User,,,:/home/user:/bin/bash
alice:x:1001:1001:Alice,,,:/home/alice:/bin/bash
bob:x:1002:1002:Bob,,,:/home/bob:/bin/sh
deploy:x:1003:1003:Deploy,,,:/home/deploy:/bin/bash
postgres:x:113:120:PostgreSQL,,,:/var/lib/postgresql:/bin/bash
"""
_GROUP = """\
root:x:0:
daemon:x:1:
adm:x:4:user
sudo:x:27:user,alice
www-data:x:33:
backup:x:34:
users:x:100:alice,bob
docker:x:999:user,deploy
user:x:1000:
alice:x:1001:
bob:x:1002:
deploy:x:1003:
developers:x:1100:user,alice,bob
postgres:x:120:
nogroup:x:65534:
"""
_HOSTS = "127.0.0.1\tlocalhost\n127.0.1.1\tsandbox\n192.168.1.10\tdb.internal db\n"
_FSTAB = "UUID=0a1b2c3d / ext4 defaults 0 1\nUUID=4e5f6a7b /data xfs noatime 0 2\n"
_RELEASE = 'NAME="Sandbox Linux"\nID=sandbox\nVERSION_ID="1"\nPRETTY_NAME="Sandbox Linux 1"\n'

_FILES = {
    "/etc/passwd": _ACCOUNTS,
    "/etc/group": _GROUP,
    "/etc/hosts": _HOSTS,
    "/etc/hostname": HOST_NAME + "\n",
    "/etc/fstab": _FSTAB,
    "/etc/os-release": _RELEASE,
    "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\nservices: files\n",
    "/etc/shells": "/bin/sh\n/bin/bash\n",
    "/etc/timezone": "Etc/UTC\n",
    "/etc/crontab": "SHELL=/bin/sh\n17 * * * * root run-parts /etc/cron.hourly\n",
    "/etc/resolv.conf": "nameserver 192.0.2.53\n",
}
_DIRECTORIES = "/opt /srv /mnt /media /data /run /var/log /var/www /var/lib /var/cache /etc/cron.d"

BASE: tuple[Entry, ...] = (
    Entry(HOME, "dir", mode=0o755),
    Entry("/root", "dir", mode=0o700),
    Entry("/tmp", "dir", mode=0o1777),  # noqa: S108 - a name inside the sandbox
    Entry("/var/tmp", "dir", mode=0o1777),  # noqa: S108 - a name inside the sandbox
    *(Entry(path, "dir", mode=0o755, age_s=100 * 86400) for path in _DIRECTORIES.split()),
    *(
        Entry(path, content=text.encode(), size=len(text), age_s=100 * 86400)
        for path, text in _FILES.items()
    ),
)
"""Every tree starts with these."""

OF_THE_MACHINE = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/lib32", "/proc", "/dev",
                  "/etc/alternatives", "/etc/ld.so.cache", "/etc/protocols", "/etc/services",
                  "/etc/mime.types", "/var/lib/dpkg")  # fmt: skip
"""Mounted, so never part of a snapshot."""

_ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
    "HOME": HOME,
    "USER": "user",
    "LOGNAME": "user",
    "SHELL": "/bin/bash",
    "TZ": "UTC",
    "LC_ALL": "C.UTF-8",
    "LANG": "C.UTF-8",
    "TERM": "dumb",
    "COLUMNS": "200",
    "PAGER": "cat",
    "GIT_PAGER": "cat",
    "SYSTEMD_PAGER": "cat",
    "EDITOR": "true",
}


@cache
def bwrap_path() -> str:
    """Where bubblewrap is. Raises SandboxMissing without it."""
    found = shutil.which("bwrap")
    if found is None:
        raise SandboxMissing(
            "bubblewrap (bwrap) is not installed",
            hint="install the package bubblewrap, 0.8 or newer; it runs on Linux only",
        )
    return found


@cache
def _fixed_arguments() -> tuple[str, ...]:
    words = (
        "--unshare-user --disable-userns --unshare-pid --unshare-net --unshare-ipc --unshare-uts "
        "--unshare-cgroup-try --die-with-parent --new-session --clearenv --cap-drop ALL "
        f"--uid 1000 --gid 1000 --hostname {HOST_NAME}"
    ).split()
    for name, value in _ENVIRONMENT.items():
        words += ["--setenv", name, value]
    return tuple(words)


@cache
def _mounts() -> tuple[str, ...]:
    words = ["--ro-bind", "/usr", "/usr"]
    for name in ("bin", "sbin", "lib", "lib64", "lib32"):
        path = Path("/") / name
        if path.is_symlink():
            words += ["--symlink", str(path.readlink()), f"/{name}"]
        elif path.is_dir():
            words += ["--ro-bind", f"/{name}", f"/{name}"]
    for name in OF_THE_MACHINE:
        if name.count("/") > 1:
            words += ["--ro-bind-try", name, name]
    return tuple(words)


def bwrap_arguments(limits: Limits) -> list[str]:
    """The start of the argument list: namespaces, environment and file systems."""
    return [
        bwrap_path(),
        *_fixed_arguments(),
        *("--size", str(limits.disk), "--tmpfs", "/"),
        *_mounts(),
        *("--proc", "/proc", "--dev", "/dev"),
        *("--size", str(limits.disk), "--tmpfs", "/dev/shm"),  # noqa: S108 - inside
        *("--remount-ro", "/dev"),
        *("--chdir", "/"),
    ]
