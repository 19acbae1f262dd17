"""What a command in the sandbox cannot do. The harmless probes come first: if one of them gets out,
nothing destructive is run at all."""

from __future__ import annotations

import os
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cli_tuner.sandbox import FileTree, Limits, run
from cli_tuner.sandbox.base import OUTSIDER
from cli_tuner.sandbox.tree import HOME

EMPTY = FileTree.of("keep.txt 10")
ESCAPED: list[str] = []


def everything(directory: str) -> set[str]:
    return {each.name for each in Path(directory).iterdir()} if Path(directory).is_dir() else set()


def the_host() -> dict[str, object]:
    """What a destructive command would change first."""
    watched = ("/", "/etc", "/home", "/root", "/tmp", "/usr", "/usr/bin", "/var", "/dev", "/opt")
    readable = [name for name in watched if os.access(name, os.R_OK)]
    return {
        "names": {name: everything(name) for name in readable if name not in {"/tmp", "/root"}},
        "passwd": Path("/etc/passwd").read_bytes(),
        "this": Path(__file__).stat().st_mtime_ns,
        "devices": sorted(everything("/dev")),
    }


def lost(before: dict[str, object]) -> list[object]:
    """What was there and is not; others may add names to a folder meanwhile."""
    now = the_host()
    names, still = before.pop("names"), now.pop("names")
    assert isinstance(names, dict) and isinstance(still, dict)
    gone = [f"{place}/{each}" for place in names for each in names[place] - still[place]]
    return gone + [key for key in before if before[key] != now[key]]


@pytest.mark.parametrize("place", ["/", "/etc", "/home", "/home/user", "/root", "/tmp", "/var/tmp",
                                   "/opt", "/srv", "/dev/shm", "/run", "/var/log"])  # fmt: skip
def test_a_marker_file_does_not_appear_outside(place: str) -> None:
    name = f"marker-{secrets.token_hex(8)}"
    done = run(f"echo here > {place}/{name} && cat {place}/{name}", EMPTY)
    if (Path(place) / name).exists():
        ESCAPED.append(place)
        (Path(place) / name).unlink()
        pytest.fail(f"a marker written to {place} appeared on this machine")
    assert done.stdout == b"here\n"


@pytest.mark.parametrize("place", ["/usr", "/usr/bin", "/usr/lib", "/dev", "/proc/sys/kernel"])
def test_what_is_of_the_machine_cannot_be_written(place: str) -> None:
    name = f"marker-{secrets.token_hex(8)}"
    assert run(f"touch {place}/{name}", EMPTY).status != 0
    assert not (Path(place) / name).exists()


def test_files_of_the_machine_are_not_visible() -> None:
    here = Path(__file__).resolve()
    assert (
        run(f"test -e {here} || test -e {Path.home()}/.ssh || test -e /etc/shadow", EMPTY).status
        == 1
    )
    listed = run("ls /home /root /work /mnt 2>/dev/null; cat /etc/passwd", EMPTY).stdout.decode()
    assert listed.startswith("/home:\nuser\n")
    assert "PostgreSQL" in listed
    assert run("env | sort | cut -d= -f1", EMPTY).stdout.split() == (
        b"COLUMNS EDITOR GIT_PAGER HOME LANG LC_ALL LOGNAME OLDPWD PAGER PATH PWD SHELL SHLVL "
        b"SYSTEMD_PAGER TERM TZ USER _"
    ).split()  # fmt: skip


def test_processes_of_the_machine_are_not_visible() -> None:
    done = run("ps -e -o pid= | wc -l; kill -0 " + str(os.getpid()), EMPTY)
    assert int(done.stdout) < 10
    assert done.status != 0


def test_there_is_no_network() -> None:
    done = run("cat /proc/net/dev | tail -n +3 | cut -d: -f1; exec 3<>/dev/tcp/192.0.2.1/80", EMPTY)
    assert done.stdout.split() == [b"lo"]
    assert b"unreachable" in done.stderr


def test_a_server_on_this_machine_cannot_be_reached() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        done = run(f"exec 3<>/dev/tcp/127.0.0.1/{port}", EMPTY)
    assert b"refused" in done.stderr


def test_there_is_no_privilege_and_none_to_be_gained() -> None:
    status = (
        run("grep -E 'CapEff|CapBnd|NoNewPrivs' /proc/self/status", EMPTY).stdout.decode().split()
    )
    assert dict(zip(status[::2], status[1::2], strict=True)) == {
        "CapEff:": "0" * 16, "CapBnd:": "0" * 16, "NoNewPrivs:": "1",
    }  # fmt: skip
    assert run("unshare --user --map-root-user true", EMPTY).status != 0
    assert run("mount -t tmpfs none /mnt", EMPTY).status != 0
    assert run("mknod disk b 8 0", EMPTY).status != 0
    assert run("cp /usr/bin/id . && chmod u+s id && ./id -u", EMPTY).stdout == b"1000\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
def test_root_starts_it_as_nobody() -> None:
    token = secrets.token_hex(8)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run, f"sleep 0.5; : {token}", EMPTY)
        time.sleep(0.3)
        owners = {each.stat().st_uid for each in processes_with(token)}
        running.result()
    assert owners == {OUTSIDER}


def test_descriptors_of_the_supervisor_are_not_handed_on() -> None:
    assert run("ls /proc/self/fd", EMPTY).stdout.split() == [b"0", b"1", b"2", b"3"]


DESTRUCTIVE = {
    "everything is deleted": "rm -rf --no-preserve-root / ; true",
    "everything is deleted by find": "find / -delete ; true",
    "home and system are deleted": "rm -rf /* ~ /etc /usr /home /root /var ; true",
    "everything is overwritten": "find / -type f -exec truncate -s 0 {} + ; true",
    "all modes are changed": "chmod -R 777 / ; true",
    "every device is written": (
        "for d in /dev/* /dev/sda /dev/vda /dev/nvme0n1 /dev/mem; do "
        "dd if=/dev/zero of=$d bs=1M count=2 ; done ; true"
    ),
    "the kernel is asked": "echo 1 > /proc/sys/kernel/panic; "
    "echo h > /proc/sysrq-trigger; /sbin/reboot -f",
    "all processes are killed": "kill -9 -1",
}


@pytest.mark.parametrize("what", DESTRUCTIVE)
def test_destruction_inside_leaves_the_machine_untouched(what: str) -> None:
    if ESCAPED:
        pytest.skip("a harmless probe got out: nothing destructive is run")
    before = the_host()
    started = time.time()
    run(DESTRUCTIVE[what], EMPTY, Limits(wall_s=3))
    assert lost(before) == []
    assert time.time() - started < 20
    assert run("cat keep.txt | wc -c; id -un", EMPTY).stdout == b"10\nuser\n"


def test_rm_of_everything_is_never_reported_as_harmless() -> None:
    done = run("rm -rf --no-preserve-root / 2>/dev/null", EMPTY)
    assert not done.changes_known or f"{HOME}/keep.txt" in {each.path for each in done.changes}


def test_rm_of_the_home_directory_is_reported_as_deletions() -> None:
    done = run("rm -rf /home 2>/dev/null", EMPTY)
    assert {(each.what, each.path) for each in done.changes} == {
        ("deleted", "/home"), ("deleted", HOME), ("deleted", f"{HOME}/keep.txt"),
    }  # fmt: skip


def test_a_killed_surrounding_is_said() -> None:
    done = run("kill -9 -1", EMPTY)
    assert (done.status, done.changes_known, done.changes) == (137, False, ())


def processes_with(token: str) -> list[Path]:
    """Processes of this machine, in any namespace, that were started with the token."""
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        try:
            started_with = (each / "cmdline").read_bytes() + (each / "environ").read_bytes()
            if token.encode() in started_with:
                found.append(each)
        except OSError:
            continue
    return found


def test_a_fork_bomb_ends_with_its_sandbox() -> None:
    token = secrets.token_hex(8)
    started = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        bomb = f":(){{ :|:& }};:; sleep 60; : {token}"
        running = pool.submit(run, bomb, EMPTY, Limits(wall_s=2))
        time.sleep(1)
        assert processes_with(token)
        done = running.result()
    assert time.monotonic() - started < 10
    assert done.stopped == "time"
    for _ in range(50):
        if not processes_with(token):
            break
        time.sleep(0.1)
    assert not processes_with(token)
    assert run("echo well", EMPTY).stdout == b"well\n"


def test_no_more_processes_than_the_limit() -> None:
    script = (
        "perl -e 'for (1..99) { last unless defined($p = fork); $p or sleep 9; $n++ } print $n'"
    )
    assert int(run(script, EMPTY, Limits(processes=20)).stdout) < 20


def test_ten_gigabytes_of_output_are_cut() -> None:
    started = time.monotonic()
    done = run("head -c 10G /dev/zero", EMPTY)
    assert done.truncated
    assert len(done.stdout) == Limits().output
    assert time.monotonic() - started < 5
    assert run("head -c 10G /dev/zero >&2", EMPTY).truncated


def test_ten_gigabytes_into_a_file_fill_only_the_sandbox() -> None:
    free = os.statvfs("/tmp").f_bavail
    done = run("head -c 10G /dev/zero > big; head -c 10G /dev/zero > /dev/shm/big", EMPTY)
    assert b"No space left on device" in done.stderr
    assert abs(os.statvfs("/tmp").f_bavail - free) < (1 << 30) // 4096


def test_an_hour_of_sleep_ends_at_the_limit() -> None:
    started = time.monotonic()
    done = run("sleep 3600", EMPTY, Limits(wall_s=1))
    assert done.timed_out
    assert 0.9 < time.monotonic() - started < 4
    assert not done.changes_known


def test_a_background_process_does_not_outlive_the_command() -> None:
    started = time.monotonic()
    done = run("sleep 3600 & echo started", EMPTY)
    assert done.stdout == b"started\n"
    assert time.monotonic() - started < 4


def test_memory_is_bounded_for_one_process_and_for_all() -> None:
    one = "perl -e '$x = q(a) x 500_000_000; $y = $x . $x . $x; sleep 9'"
    assert run(one, EMPTY, Limits(wall_s=9)).status != 0
    many = "for i in 1 2 3 4; do perl -e '$x = q(a) x 300_000_000; sleep 9' & done; wait"
    assert run(many, EMPTY, Limits(wall_s=9)).stopped == "memory"


def test_processor_time_is_bounded() -> None:
    done = run("while :; do :; done", EMPTY, Limits(cpu_s=1, wall_s=8))
    assert done.status == 128 + 9
