"""The kernel and what is mounted: settings that weaken or starve it, mounts that cover something.

Covered: sysctl names and values (also as lines of sysctl.d and as files of /proc/sys), bind and
tmpfs mounts over the system or its logs, unmounting everything, device nodes, debuggers that run
code in another process.
"""

from __future__ import annotations

import re

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.call import Call, Handler
from cli_tuner.shell.facts import Facts
from cli_tuner.shell.labels import labels_of
from cli_tuner.shell.paths import place_of, resolved
from cli_tuner.shell.values import EMPTY, HOLE, UNKNOWN, Value, known

# What a setting protects from, when it is turned this way.
_WEAKENS = re.compile(
    r"randomize_va_space=[01]$|sysrq=|panic|core_pattern|modules_disabled|kptr|dmesg|"
    r"ptrace_scope=0|oom|suid_dumpable|protected_|unprivileged_bpf|kexec_load_disabled=0|"
    r"tcp_syncookies=0|accept_source_route=1|accept_redirects=1|kernel\.(?:modprobe|hotplug)=|"
    r"mmap_min_addr=0$|unprivileged_userfaultfd=1|lockdown"
)
# Values with which the machine can hardly start another process, or forgets its memory.
_STARVES = re.compile(
    r"(?:pid_max|threads-max|file-max|nr_open|max_user_namespaces|msgmnb|shmmax|shmall)"
    r"=\d{1,3}$|pid_max=\d{1,4}$|min_free_kbytes=\d{7,}$|nr_hugepages=\d{6,}$|"
    r"max_map_count=\d{1,3}$|overcommit_ratio=[0-5]$|somaxconn=[01]$|tcp_max_syn_backlog=[01]$|"
    r"ip_local_port_range=(\d+)\s+\1$|nf_conntrack_max=\d{1,2}$"
)


def weakens(setting: str) -> bool:
    """Whether `name=value` turns a protection off or starves the machine."""
    setting = re.sub(r"\s*=\s*", "=", setting.strip())
    return bool(_WEAKENS.search(setting) or _STARVES.search(setting))


def _sysctl(call: Call) -> Value:
    settings = [a.text for a in call.args if "=" in a.text and not a.text.startswith("--")]
    if call.has("-w", "--write") or settings:
        dangerous = any(weakens(setting) for setting in settings)
        call.effect(EffectKind.KERNEL, settings[0] if settings else "settings",
                    "hardening" if dangerous else "setting")  # fmt: skip
    return UNKNOWN


_MOUNT = Facts(values=frozenset("-t -o -O -L -U --types --options".split()))
_HIDES = frozenset({"tmpfs", "ramfs", "overlay", "overlayfs", "aufs"})
# Where the running system's own programs and settings are.
_STANDS = frozenset(
    {"/", "/etc", "/usr", "/bin", "/sbin", "/lib", "/lib64", "/usr/bin", "/usr/lib"}
)
_OWN_MOUNTS = re.compile(r"^/(?:mnt|media|run|sys|proc|dev|tmp|var/tmp|srv|opt|boot/efi)(?=/|$)")


def _mount(call: Call) -> Value:
    parsed = call.parsed(_MOUNT)
    if not parsed.operands and not call.has("-a", "--all", "-o"):
        return UNKNOWN
    options = parsed.argument("-o", "--options")
    kind = parsed.argument("-t", "--types")
    text = options.text if options is not None else ""
    paths = [resolved(o.text, call.shell.cwd) for o in parsed.operands]
    attributes = ["device"] if paths and place_of(paths[0]) == "device" else []
    bound = call.has("--bind", "--rbind", "-B", "-R", "--move", "-M") or "bind" in text
    if "remount" in text.split(",") and "ro" in text.split(",") and paths:
        # Nothing can be written there any more.
        attributes += ["cover"] if paths[-1] in _STANDS else []
    elif len(paths) > 1 and not bound and paths[-1] in _STANDS - {"/"}:
        attributes.append("cover")
    if len(paths) > 1 and (bound or (kind is not None and kind.text in _HIDES)):
        attributes += _covered(call, paths[-1])
    cgroups = kind is not None and kind.text == "cgroup"
    if cgroups and paths and not paths[-1].startswith("/sys/fs/cgroup"):
        # Its release_agent runs on the host; services use the tree below /sys/fs/cgroup.
        call.effect(EffectKind.CONTAINER, "the cgroup tree", "escape")
    where = parsed.operands[-1].text if parsed.operands else "all"
    if paths and "device" in attributes:
        call.shell.mounts.append(paths[-1])
    call.effect(EffectKind.MOUNT, where, *attributes)
    return EMPTY


def _covered(call: Call, path: str) -> list[str]:
    """What nobody sees any more behind the new mount."""
    labels = labels_of(path)
    if labels & {"log", "history", "audit"}:
        call.effect(EffectKind.LOG, path, "clear")
    if labels & {"accounts", "security", "programs", "keys"}:
        return ["cover"]
    place = place_of(path)
    if place in ("system", "system-top", "root", "home-root") and not _OWN_MOUNTS.match(path):
        return ["cover"]
    if re.match(r"^/proc/\d+$", path) or path.startswith("/proc/" + HOLE):
        # A process whose folder is covered is not listed by ps.
        return ["cover"]
    return []


_UMOUNT = Facts(
    flags={"-a": "all", "--all": "all", "-A": "all", "-l": "forced", "--lazy": "forced",
           "-f": "forced", "--force": "forced", "-R": "recursive", "--recursive": "recursive"},
    values=frozenset({"-t", "--types", "-O", "--test-opts", "-N"}),
)  # fmt: skip


def _umount(call: Call) -> Value:
    if call.has("--help", "-h", "--version", "-V"):
        return UNKNOWN
    parsed = call.parsed(_UMOUNT)
    narrowed = parsed.argument("-t", "--types", "-O", "--test-opts") is not None
    paths = [resolved(o.text, call.shell.cwd) for o in parsed.operands]
    attributes = sorted(parsed.attributes - {"all"})
    everything = "all" in parsed.attributes and not narrowed and not paths
    for path in paths:
        place = place_of(path)
        vital = place == "system-top" and not _OWN_MOUNTS.match(path)
        if place == "root" or (vital and parsed.attributes & {"forced", "recursive"}):
            everything = True
    target = parsed.operands[0].text if parsed.operands else "everything"
    call.effect(EffectKind.MOUNT, target, *attributes, *(["everything"] if everything else []))
    return EMPTY


def _mknod(call: Call) -> Value:
    """mknod: a name for a disk or for memory is a way to it past all permissions."""
    operands = [arg for arg in call.args if not arg.text.startswith("-")]
    if len(operands) < 2:
        return EMPTY
    kind, numbers = operands[1].text, [arg.text for arg in operands[2:4]]
    if kind == "p":
        path = resolved(operands[0].text, call.shell.cwd)
        call.shell.files[path] = Value((HOLE,), frozenset({"pipe"}), operands[0].raw)
    elif kind == "b" or (kind in ("c", "u") and numbers in (["1", "1"], ["1", "2"], ["1", "4"])):
        call.effect(EffectKind.CONTAINER, operands[0].text, "device")
    return EMPTY


_CALLS = re.compile(
    r"(?:call|print|p|compile code|expr|e)\s.*?(?:system|popen|execl?\w*)\s*\(\s*"
    r'\\?"((?:[^"\\]|\\.)*)'
)


def _debugger(call: Call) -> Value:
    """gdb, lldb: commands of their own, of the shell, and code in the process they look at."""
    from cli_tuner.shell.programs.snippets import run_snippet

    attached = call.after("-p", "--pid", "-pid", "--attach-pid") is not None
    for index, arg in enumerate(call.args[:-1]):
        if arg.text not in ("-ex", "--eval-command", "-iex", "-ix", "-o", "--one-line", "-eval"):
            continue
        text = call.args[index + 1].text
        if match := re.match(r"(?:!|shell\s+|platform shell\s+)(.*)", text):
            call.run_text(known(match[1]), stdin=EMPTY)
        elif match := re.match(r"(?:python|py|script|guile|gu)\s+(.*)", text, re.S):
            run_snippet(call, match[1])
        elif match := _CALLS.match(text):
            call.run_text(known(match[1].replace('\\"', '"')), stdin=EMPTY)
            if attached:
                call.effect(EffectKind.PRIVILEGE, "another process", "escape")
        elif attached and re.match(r"call\s", text):
            call.effect(EffectKind.PRIVILEGE, "another process", "escape")
        elif re.match(r"(?:dump|gcore|generate-core-file)\b", text) and attached:
            call.effect(EffectKind.SECRET, "process memory", "dump")
    rest = next((i for i, arg in enumerate(call.args) if arg.text == "--args"), None)
    if rest is not None and call.shell.as_root:
        return call.run(call.args[rest + 1 :])
    return UNKNOWN


HANDLERS: dict[str, Handler] = {
    "sysctl": _sysctl,
    "mount": _mount,
    "umount": _umount,
    "mknod": _mknod,
    **dict.fromkeys(("gdb", "lldb"), _debugger),
}
