"""Programs that run a command, or a module's work, on many machines or inside a disk image.

Covered: ansible's ad hoc modules that run, remove or stop; salt, pdsh and their like; the
libguestfs tools. What happens there is judged as if it were here. Not covered: playbooks, states.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.call import Call, Handler
from cli_tuner.shell.facts import Facts
from cli_tuner.shell.programs.remote_state import cloud
from cli_tuner.shell.programs.wholesale import WHOLE, disposable
from cli_tuner.shell.values import EMPTY, HOME, STAR, UNKNOWN, Value, known
from cli_tuner.shell.words import Field
from cli_tuner.shell.wrappers import _skip_options, _wrapper

_ANSIBLE = Facts(
    flags={"-b": "root", "--become": "root", "-K": "root", "-C": "dry", "--check": "dry"},
    values=frozenset("-i -u -f -l -e -t -T -B -P --inventory --user --forks --limit "
                     "--extra-vars --become-user --private-key".split()),
    options=dict.fromkeys(("-m", "--module-name", "-a", "--args"), "skip"),
)  # fmt: skip
_PAIR = re.compile(r"(\w+)=(?:\"([^\"]*)\"|'([^']*)'|(\S+))")
_RUNS = frozenset({"shell", "command", "raw", "script", "win_shell", "win_command", "expect"})


def _ansible(call: Call) -> Value:
    parsed = call.parsed(_ANSIBLE)
    module = parsed.argument("-m", "--module-name")
    given = parsed.argument("-a", "--args")
    name = (module.text if module is not None else "command").rpartition(".")[2]
    if "dry" in parsed.attributes:
        return UNKNOWN
    with call.shell.rooted("root" in parsed.attributes), call.shell.subshell():
        call.shell.cwd = "~"
        if name in _RUNS:
            return call.run_text(given.value, stdin=EMPTY) if given is not None else EMPTY
        options = {m[1]: m[2] or m[3] or m[4] for m in _PAIR.finditer(given.text if given else "")}
        if name in ("reboot", "win_reboot", "shutdown"):
            call.effect(EffectKind.POWER, "the machines")
        elif make := _MODULES.get(name):
            call.run_text(known(make(name, options)), stdin=EMPTY)
    return UNKNOWN


def _package(name: str, options: dict[str, str]) -> str:
    verb = "remove" if options.get("state") in ("absent", "removed") else "install"
    manager = name if name in ("apt", "yum", "dnf", "apk", "zypper") else "apt"
    return f"{manager} {verb} {options.get('name') or options.get('pkg', '')}"


def _file(_: str, options: dict[str, str]) -> str:
    path = options.get("path") or options.get("dest") or options.get("name", "")
    if options.get("state") == "absent":
        return f"rm -rf {path}"
    recursive = "-R" if options.get("recurse") in ("yes", "true") else ""
    return f"chmod {recursive} {options['mode']} {path}" if "mode" in options else ":"


def _service(_: str, options: dict[str, str]) -> str:
    verb = "stop" if options.get("state") == "stopped" else "restart"
    return f"systemctl {verb} {options.get('name', '')}"


def _user(_: str, options: dict[str, str]) -> str:
    verb = "userdel -r" if options.get("state") == "absent" else "usermod"
    groups = f"-aG {options['groups']}" if "groups" in options else "-c x"
    return f"{verb} {'' if 'userdel' in verb else groups} {options.get('name', '')}"


def _filesystem(_: str, options: dict[str, str]) -> str:
    return f"mkfs -t {options.get('fstype', 'ext4')} {options.get('dev', '')}"


_MODULES: dict[str, Callable[[str, dict[str, str]], str]] = {
    **dict.fromkeys("apt yum dnf apk zypper package pacman pip".split(), _package),
    "file": _file,
    **dict.fromkeys(("service", "systemd", "systemd_service"), _service),
    "user": _user,
    "filesystem": _filesystem,
}

_FLEET_VALUES = frozenset("-w -x -g -l -h -H -f -t -o -O -e -i -p -A -L -u -R -C -E -G".split())


def _each_host(call: Call) -> Value:
    """pdsh, pssh, clush, dsh: options, then a command."""
    operands, _ = _skip_options(call.args, _wrapper(" ".join(_FLEET_VALUES)))
    if call.name in ("mssh", "dsh") and len(operands) > 1:
        operands = operands[-1:]
    with call.shell.subshell():
        call.shell.cwd = "~"
        return call.run_text(Value((" ".join(o.text for o in operands),)), stdin=EMPTY)


# Programs that run a command elsewhere: the words before the name of the place, and after it.
_PLACES = {
    "multipass": ("exec",), "limactl": ("shell",), "lima": (), "colima": ("ssh",),
    "lxc-attach": (), "docker-machine": ("ssh",), "minikube": ("ssh",),
    "vagrant": ("ssh",),
    "adb": ("shell",), "wsl": (), "wsl.exe": (), "nomad": ("alloc", "exec"), "tsh": ("ssh",),
    "mosh": (), "dokku": ("run",), "distrobox": ("enter",), "toolbox": ("run",), "pct": ("exec",),
    "qm": ("guest", "exec"), "prlctl": ("exec",), "oc": ("rsh",), "jexec": (),
}  # fmt: skip
_UNNAMED = frozenset(
    {"lima", "colima", "minikube", "adb", "wsl", "wsl.exe", "toolbox", "lxc-attach"}
)
_PLACE_VALUES = (
    "-n --name -s -d --distribution -u --user -p --profile -c --container -e -t --cluster"
)


def elsewhere(call: Call) -> bool:
    """Run the command that a program runs in a virtual machine, a device or a container."""
    words = _PLACES.get(call.name)
    if words is None or [arg.text for arg in call.args[: len(words)]] != list(words):
        return False
    rest = call.args[len(words) :]
    texts = [arg.text for arg in rest]
    if "--" in texts:
        rest = rest[texts.index("--") + 1 :]
    else:
        rest, _ = _skip_options(rest, _wrapper(_PLACE_VALUES))
        rest = rest if call.name in _UNNAMED else rest[1:]
    if not rest:
        return False
    with call.shell.subshell():
        call.shell.cwd = "~"
        call.run_text(Value((" ".join(arg.text for arg in rest),)), stdin=EMPTY)
    return True


def _salt(call: Call) -> Value:
    """salt TARGET module.function arguments."""
    operands = call.parsed(Facts(values=_FLEET_VALUES)).operands
    start = 0 if call.name == "salt-call" else 1
    if len(operands) <= start:
        return UNKNOWN
    function, rest = operands[start].text, operands[start + 1 :]
    argument = " ".join(item.text for item in rest)
    commands = {
        "pkg.remove": "apt remove ", "pkg.purge": "apt purge ", "file.remove": "rm -rf ",
        "service.stop": "systemctl stop ", "service.disable": "systemctl disable ",
        "user.delete": "userdel -r ", "extfs.mkfs": "mkfs ", "disk.wipe": "wipefs -a ",
    }  # fmt: skip
    if function == "state.single" and len(rest) > 1:
        state, named = rest[0].text, dict(item.text.partition("=")[::2] for item in rest[1:])
        return _resource(call, state.partition(".")[0], named.get("name", ""), state)
    if function.startswith("cmd."):
        return call.run_text(known(argument), stdin=EMPTY)
    if function.startswith("system.") or function in ("ps.kill_pid", "ps.pkill"):
        if re.search(r"reboot|shutdown|halt|poweroff|init", function):
            call.effect(EffectKind.POWER, "the machines")
    elif function in commands:
        call.run_text(known(commands[function] + argument), stdin=EMPTY)
    return UNKNOWN


# puppet, chef and salt: a resource that shall not be there, or shall not run.
_ABSENT = re.compile(r"\b(?:absent|purged?|removed?|dead|stopped?|delete|uninstall)\b")
_PUPPET = re.compile(
    r"\b(package|service|file|user|group)\s*\{\s*(\[[^\]]*\]|['\"][^'\"]*['\"])\s*:([^}]*)"
)
_CHEF = re.compile(
    r"\b(\w*package|service|file|directory|user|group)\s+['\"]([^'\"]+)['\"](.*)", re.S
)


def _resource(call: Call, kind: str, name: str, wanted: str) -> Value:
    """What a declared resource would do, as the command that does it."""
    kind = kind.lower()
    absent = _ABSENT.search(wanted) is not None
    kind = {"pkg": "package", "directory": "file"}.get(kind, kind)
    kind = "package" if kind.endswith("package") else kind
    commands = {
        "package": "apt remove" if absent else "apt install",
        "service": "systemctl stop" if absent else "systemctl restart",
        "file": "rm -rf" if absent else ":",
        "user": "userdel -r" if absent else "usermod -c x",
        "group": "groupdel" if absent else ":",
    }
    if kind in commands:
        return call.run_text(known(f"{commands[kind]} {name}"), stdin=EMPTY)
    return UNKNOWN


def _puppet(call: Call) -> Value:
    """`puppet resource TYPE NAME setting=...` and `puppet apply -e`; without settings it reads."""
    words = [arg.text for arg in call.args if not arg.text.startswith("-")]
    if call.has("--noop", "--help"):
        return UNKNOWN
    if words[:1] == ["resource"] and len(words) > 3:
        _resource(call, words[1], words[2], " ".join(words[3:]))
    code = call.after("-e", "--execute")
    for match in _PUPPET.finditer(code.text if code is not None else ""):
        for name in re.findall(r"[\w.+/-]+", match[2]):
            _resource(call, match[1], name, match[3])
    if words[:1] in (["agent"], ["apply"]):
        call.effect(EffectKind.REMOTE_STATE, "what the manifest says", "cluster", "change")
    return UNKNOWN


def _chef(call: Call) -> Value:
    code = call.after("-e", "--execute")
    if call.has("--why-run", "-W", "--help"):
        return UNKNOWN
    if code is not None:
        for match in _CHEF.finditer(code.text):
            _resource(call, match[1], match[2], match[3])
    return UNKNOWN


def _guest(call: Call) -> Value:
    """virt-customize and virt-sysprep change a guest's disk as if from inside."""
    for option in ("--run-command", "--firstboot-command", "--ssh-inject"):
        for index, arg in enumerate(call.args[:-1]):
            if arg.text == option and option != "--ssh-inject":
                call.run_text(call.args[index + 1].value, stdin=EMPTY)
    for option in ("--delete", "--truncate", "--truncate-recursive", "--scrub"):
        where = call.after(option)
        if where is not None:
            call.on_path(EffectKind.DELETE, where, "recursive")
    return UNKNOWN


_REMOVES = re.compile(r"^\s*([RDr])!?\s+(/\S*)", re.M)


def _tmpfiles(call: Call) -> Value:
    """systemd-tmpfiles --purge deletes what it ever made, homes included."""
    if call.has("--purge") and not call.has("--dry-run"):
        call.effect(EffectKind.DELETE, "/home and /var", "recursive", "at:system-top")
    if call.has("--remove") and not call.has("--dry-run"):
        for kind, path in _REMOVES.findall(call.stdin.text):
            where = Field(Value((path.replace("*", STAR),)), call.shell.span, path)
            call.on_path(EffectKind.DELETE, where, *(["recursive"] if kind != "r" else []))
    return UNKNOWN


def _minio(call: Call) -> Value:
    """mc, the MinIO client: buckets, and local folders as well."""
    verb = call.args[0].text if call.args else ""
    operands = [arg for arg in call.args[1:] if not arg.text.startswith("-")]
    if call.has("--fake", "--dry-run"):
        return UNKNOWN
    if verb not in ("rm", "rb") and not (verb == "mirror" and call.has("--remove")):
        return cloud(call)
    target: list[Field] = operands[-1:] if verb == "mirror" else operands
    for where in target:
        if where.text[:1] in ("/", ".", HOME):
            call.on_path(EffectKind.DELETE, where, "recursive")
        else:
            forced = call.has("--force", "--dangerous") and (
                verb == "rb" or call.has("-r", "--recursive")
            )
            every = (
                forced and _BUCKET.fullmatch(where.text) and not disposable(where.text.split("/"))
            )
            whole = (WHOLE,) if every else ()
            call.effect(EffectKind.REMOTE_STATE, where.text, "cloud", "delete", *whole)
    return EMPTY


# A server by its alias, or one of its buckets.
_BUCKET = re.compile(r"[\w-]+(?:/[\w.-]*)?/?")


HANDLERS: dict[str, Handler] = {
    "ansible": _ansible,
    **dict.fromkeys("pdsh pssh parallel-ssh clush dsh mssh orgalorg".split(), _each_host),
    **dict.fromkeys(("salt", "salt-call", "salt-ssh"), _salt),
    "puppet": _puppet,
    "chef-apply": _chef,
    **dict.fromkeys(("virt-customize", "virt-sysprep", "virt-builder"), _guest),
    "systemd-tmpfiles": _tmpfiles,
    **dict.fromkeys(("mc", "mcli"), _minio),
}
