"""Programs that touch the machine: processes, schedules, containers, versions under control."""

from __future__ import annotations

import re

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.call import Call, Handler
from cli_tuner.shell.facts import Facts
from cli_tuner.shell.paths import place_of, resolved
from cli_tuner.shell.persistence import graded
from cli_tuner.shell.values import EMPTY, HOLE, UNKNOWN, Value, known
from cli_tuner.shell.words import Field
from cli_tuner.shell.wrappers import _skip_options, _wrapper


def _crontab(call: Call) -> Value:
    facts = Facts(
        flags={"-l": "list", "-r": "remove", "-e": "edit", "-i": "ask"}, values=frozenset("-u")
    )
    parsed = call.parsed(facts)
    if "list" in parsed.attributes:
        return known("")
    if "remove" in parsed.attributes:
        call.effect(EffectKind.PERSIST, "crontab", "removed")
    elif "edit" in parsed.attributes:
        call.effect(EffectKind.PERSIST, "crontab", "edit")
    elif parsed.operands or call.stdin.texts != ("",):
        from_input = not parsed.operands or parsed.operands[0].text == "-"
        content = call.stdin if from_input else call.reads(parsed.operands[0])
        call.effect(EffectKind.PERSIST, "crontab", "cron", graded(call.shell, call.name, content))
    return EMPTY


def _at(call: Call) -> Value:
    if call.has("-l", "-c", "-r", "-d") or call.name in ("atq", "atrm"):
        return UNKNOWN
    content = call.stdin
    where = call.after("-f")
    if where is not None:
        content = call.reads(where)
    grade = graded(call.shell, call.name, content)
    call.effect(EffectKind.PERSIST, "a later time", "later", grade)
    return EMPTY


_VITAL = frozenset({"1", "-1", "init", "systemd", "sshd", "dbus-daemon", "dockerd", "launchd"})


def _kill(call: Call) -> Value:
    """kill, pkill, killall: which processes, and whether that is all of them."""
    texts = [arg.text for arg in call.args]
    signals = [t for t in texts if t.startswith("-")]
    if call.has("-l", "-L", "--list") or (call.name == "kill" and call.has("-0")):
        return EMPTY
    operands = [t for t in texts if not t.startswith("-")]
    if call.after("-s", "-n") is not None and operands:
        operands = operands[1:]
    everything = call.name == "kill" and "-1" in texts and (texts[-1] == "-1" or len(signals) > 1)
    everything = everything or (
        call.name in ("pkill", "killall") and not operands and call.has("-u")
    )
    everything = everything or (
        call.name == "pkill" and any(t in (".", ".*", "", "*") for t in operands)
    )
    everything = everything or call.name == "killall5"
    user = call.after("-u", "-U", "--user", "--euid")
    if user is not None and call.name != "kill" and len(operands) <= 1:
        everything = True
    attributes = ["all"] if everything else []
    if any(t in _VITAL for t in operands) and not (call.name != "kill" and "1" in operands):
        attributes.append("vital")
    target = operands[0] if operands else "all processes" if everything else "what it names"
    if HOLE in target:
        target = "what it names"
    call.effect(EffectKind.PROCESS, target, *attributes)
    return EMPTY


_DOCKER_VALUES = (
    "-v --volume -e --env -p --publish --name -w --workdir -u --user --network --net --mount "
    "--entrypoint --pid --ipc --uts --userns --cap-add --device --security-opt -l --label -m "
    "--memory --cpus --restart --hostname -h --env-file --add-host --ulimit --tmpfs --platform "
    "--gpus --shm-size --volumes-from --cgroupns --log-driver --dns --runtime --ip --pull"
)
_HOST = re.compile(
    r"^(/|/etc|/root|/home|/boot|/usr|/var|/bin|/lib|/dev|/proc|/sys|/var/lib)/?:|^/:"
)


def _container_run(call: Call, args: list[Field]) -> Value:
    """docker run and exec: what the container gets of the host, and what runs in it."""
    texts = [arg.text for arg in args]
    inner = Call(call.shell, call.name, args, call.stdin)
    for text in texts:
        if text in ("--privileged", "--privileged=true"):
            call.effect(EffectKind.CONTAINER, "the host", "privileged")
    pid = inner.after("--pid")
    if pid is not None and pid.text == "host":
        call.effect(EffectKind.CONTAINER, "the host's processes", "host-pid")
    for index, text in enumerate(texts):
        value = text.partition("=")[2] if text.startswith("--") and "=" in text else (
            texts[index + 1] if index + 1 < len(texts) else "")  # fmt: skip
        head = text.partition("=")[0]
        if head in ("-v", "--volume"):
            _volume(call, value)
        elif head == "--mount" and (match := re.search(r"(?:source|src)=([^,]+)", value)):
            _volume(call, match.group(1) + ":/x")
        elif head == "--cap-add" and re.search(
            r"SYS_ADMIN|ALL|SYS_PTRACE|SYS_MODULE|SYS_RAWIO", value
        ):
            call.effect(EffectKind.CONTAINER, value, "privileged")
        elif head == "--device" and place_of(resolved(value.split(":")[0])) == "device":
            call.effect(EffectKind.CONTAINER, value, "device")
    rest, _ = _skip_options(args, _wrapper(_DOCKER_VALUES))
    if len(rest) > 1:
        return _inside(call, rest[1:])
    return UNKNOWN


def _volume(call: Call, value: str) -> None:
    host = value.split(":", maxsplit=1)[0]
    if value.endswith((":ro", ":ro,z")) and host.rstrip("/") != "":
        return
    if "docker.sock" in host or "containerd.sock" in host:
        call.effect(EffectKind.CONTAINER, host, "socket")
    elif _HOST.match(value) or host == "/":
        call.effect(
            EffectKind.CONTAINER, host, "host-root" if host.strip("/") == "" else "host-folder"
        )


def _inside(call: Call, command: list[Field]) -> Value:
    """A command in a container works on the container's files; judge it, but not as ours."""
    before = call.shell.cwd, call.shell.effects
    call.shell.effects = []
    try:
        printed = call.run(command)
        inner = call.shell.effects
    finally:
        call.shell.cwd, call.shell.effects = before
    local = {
        EffectKind.DELETE, EffectKind.WRITE, EffectKind.READ, EffectKind.PERMISSION,
        EffectKind.OWNER, EffectKind.PACKAGE, EffectKind.SERVICE, EffectKind.PRIVILEGE,
        EffectKind.OPAQUE, EffectKind.PROCESS, EffectKind.MOVE,
    }  # fmt: skip
    before[1].extend(effect for effect in inner if effect.kind not in local)
    bad = [e for e in inner if e.kind is EffectKind.DELETE and "recursive" in e.attributes]
    if bad:
        call.effect(EffectKind.CONTAINER, bad[0].target, "inside")
    return printed


def _docker(call: Call) -> Value:
    args, _ = _skip_options(call.args, _wrapper("-H --host --context -c --config -l --log-level"))
    if not args:
        return EMPTY
    for arg in call.args:
        if re.match(r"tcp://0\.0\.0\.0", arg.text):
            call.effect(EffectKind.CONTAINER, arg.text, "socket")
    verb, rest = args[0].text, args[1:]
    if verb == "container" and rest:
        verb, rest = rest[0].text, rest[1:]
    if verb in ("run", "create", "exec"):
        return _container_run(call, rest)
    from cli_tuner.shell.dispatch import apply_facts
    from cli_tuner.shell.facts import facts_of

    facts = facts_of("docker-commands")
    return apply_facts(Call(call.shell, call.name, args, call.stdin), facts) if facts else UNKNOWN


def _kubectl(call: Call) -> Value:
    from cli_tuner.shell.dispatch import apply_facts
    from cli_tuner.shell.facts import facts_of

    texts = [arg.text for arg in call.args]
    if "exec" in texts and "--" in texts:
        return _inside(call, call.args[texts.index("--") + 1 :])
    overrides = call.after("--overrides")
    if overrides is not None and re.search(
        r"privileged|hostPID|hostPath|hostNetwork", overrides.text
    ):
        call.effect(EffectKind.CONTAINER, "the node", "privileged")
    facts = facts_of("kubectl-commands")
    return apply_facts(call, facts) if facts else UNKNOWN


def _git(call: Call) -> Value:
    """git: configuration that runs commands, then the sub-command's facts."""
    from cli_tuner.shell.dispatch import apply_facts
    from cli_tuner.shell.facts import facts_of

    for index, arg in enumerate(call.args[:-1]):
        if arg.text == "-c":
            name, _, value = call.args[index + 1].text.partition("=")
            runs = name.startswith(
                (
                    "alias.",
                    "core.pager",
                    "core.editor",
                    "core.sshCommand",
                    "core.fsmonitor",
                    "diff.external",
                    "pager.",
                    "credential.helper",
                )
            )
            if runs and (value.startswith("!") or not name.startswith("alias.")):
                call.run_text(known(value.lstrip("!")), stdin=EMPTY)
        if arg.text == "config" and len(call.args) > index + 2:
            value = call.args[-1].text
            if value.startswith("!"):
                call.run_text(known(value[1:]), stdin=EMPTY)
    texts = [arg.text for arg in call.args]
    if "push" in texts and any(t.startswith(("+", ":")) and len(t) > 1 for t in texts):
        call.effect(EffectKind.REMOTE_STATE, "the remote branch", "forced")
    facts = facts_of("git-commands")
    return apply_facts(call, facts) if facts else UNKNOWN


def _make(call: Call) -> Value:
    """make runs what the makefile says; one that comes from here is read as recipes."""
    where = call.after("-f", "--file", "--makefile")
    content: Value | None = None
    if where is not None and where.text == "-":
        content = call.stdin
    elif where is not None:
        content = call.shell.files.get(resolved(where.text, call.shell.cwd)) or (
            where.value if where.value.taints & {"downloaded", "decoded"} else None
        )
    if content is not None:
        hidden = content.taints & {"downloaded", "decoded"}
        if hidden and not content.known:
            call.effect(EffectKind.EXECUTE, content.source or None, *sorted(hidden))
        for line in content.text.splitlines():
            if line.startswith("\t"):
                call.run_text(known(line.strip().lstrip("@-+")), stdin=EMPTY)
    for arg in call.args:
        if arg.text.startswith("--eval="):
            call.run_text(known(arg.text.partition("\t")[2].lstrip("@-+")), stdin=EMPTY)
    return UNKNOWN


def _sysctl(call: Call) -> Value:
    settings = [a.text for a in call.args if "=" in a.text]
    if call.has("-w", "--write") or settings:
        bad = re.compile(
            r"randomize_va_space=0|sysrq=|panic|core_pattern|modules_disabled|kptr|dmesg|"
            r"ptrace_scope=0|oom|suid_dumpable|protected_|unprivileged_bpf|pid_max=[12]?\d$"
        )
        dangerous = any(bad.search(setting) for setting in settings)
        call.effect(EffectKind.KERNEL, settings[0] if settings else "settings",
                    "hardening" if dangerous else "setting")  # fmt: skip
    return UNKNOWN


def _mount(call: Call) -> Value:
    parsed = call.parsed(
        Facts(values=frozenset("-t -o -O -L -U --types --options --bind".split()) - {"--bind"})
    )
    if not parsed.operands and not call.has("-a", "--all", "-o"):
        return UNKNOWN
    options = parsed.argument("-o", "--options")
    text = options.text if options is not None else ""
    places = [place_of(resolved(o.text, call.shell.cwd)) for o in parsed.operands]
    attributes = ["device"] if places[:1] == ["device"] else []
    bound = call.has("--bind") or "bind" in text
    if bound and places[-1:] and places[-1] in ("system", "system-top", "root"):
        attributes.append("cover")
    where = parsed.operands[-1].text if parsed.operands else "all"
    call.effect(EffectKind.MOUNT, where, *attributes)
    return EMPTY


def _mkfifo(call: Call) -> Value:
    for where in call.args:
        if not where.text.startswith("-") and where.text != "p":
            path = resolved(where.text, call.shell.cwd)
            call.shell.files[path] = Value((HOLE,), frozenset({"pipe"}), where.raw)
    return EMPTY


def _busy(call: Call) -> Value:
    """stress and its like."""
    call.effect(EffectKind.RESOURCE, "the machine", "load")
    return EMPTY


def _script(call: Call) -> Value:
    code = call.after("-c", "--command", "-qc", "-qec")
    if code is None and call.name == "expect":
        code = None
    if code is not None:
        return call.run_text(code.value)
    return UNKNOWN


def _docker_compose(call: Call) -> Value:
    down = call.has("down") and call.has("-v", "--volumes")
    if down:
        call.effect(EffectKind.REMOTE_STATE, "volumes", "delete")
    return UNKNOWN


def _screen(call: Call) -> Value:
    """screen, tmux: the command that a session starts with."""
    for index, arg in enumerate(call.args):
        if arg.text in ("-dmS", "-dm", "-S", "-d", "-m", "-s"):
            continue
        if arg.text in ("bash", "sh", "zsh") or (call.name == "tmux" and " " in arg.text):
            return call.run(call.args[index:]) if " " not in arg.text else call.run_text(arg.value)
    if call.name == "screen" and call.args[:1] and call.args[0].text.startswith("-d"):
        rest = [a for a in call.args[1:] if not a.text.startswith("-")]
        skip = 1 if "S" in call.args[0].text else 0
        return call.run(rest[skip:]) if rest[skip:] else EMPTY
    return EMPTY


def _gdb(call: Call) -> Value:
    for option in ("-ex", "--eval-command", "-ix"):
        value = call.after(option)
        if value is not None and (match := re.match(r"(?:!|shell\s+)(.*)", value.text)):
            call.run_text(known(match.group(1)), stdin=EMPTY)
    return UNKNOWN


_ADMINS = frozenset({"sudo", "wheel", "root", "admin", "docker-root", "shadow", "disk"})


def _accounts(call: Call) -> Value:
    """useradd, usermod and their like; joining an administrators' group is more than a change."""
    if call.has("--help", "-l", "--list", "-h"):
        return UNKNOWN
    texts = [arg.text for arg in call.args]
    groups = {name for text in texts for name in text.split(",")}
    attributes = ["change"]
    changes = any(re.match(r"-\w*[GagA]|--groups|--append|--add", text) for text in texts)
    if groups & _ADMINS and (changes or len(texts) == 2):
        attributes.append("admin-group")
    uid = call.after("-u", "--uid", "-ou")
    if (uid is not None and uid.text == "0") or call.has("-o", "--non-unique"):
        attributes.append("uid-0")
    if call.has("-p", "--password"):
        attributes.append("set")
    call.effect(EffectKind.ACCOUNT, texts[-1] if texts else None, *attributes)
    return EMPTY


def _visudo(call: Call) -> Value:
    """visudo is the right way, unless the editor is not one."""
    if call.has("-c", "--check", "--help"):
        return UNKNOWN
    variables = call.shell.scope.variables
    editor = variables.get("EDITOR") or variables.get("VISUAL") or variables.get("SUDO_EDITOR")
    if editor is not None and not re.match(r"\S*(?:vim?|nvim|nano|emacs|code)\b", editor.text):
        call.effect(EffectKind.ACCOUNT, "/etc/sudoers", "set")
    call.effect(EffectKind.ACCOUNT, "/etc/sudoers", "edit")
    return EMPTY


HANDLERS: dict[str, Handler] = {
    "crontab": _crontab,
    **dict.fromkeys(("at", "batch", "atq", "atrm"), _at),
    **dict.fromkeys(("kill", "pkill", "killall", "killall5", "skill"), _kill),
    **dict.fromkeys(("docker", "podman", "nerdctl"), _docker),
    **dict.fromkeys(("docker-compose", "podman-compose"), _docker_compose),
    **dict.fromkeys(("kubectl", "oc", "k3s", "microk8s"), _kubectl),
    "git": _git,
    **dict.fromkeys(("make", "gmake"), _make),
    "sysctl": _sysctl,
    "mount": _mount,
    **dict.fromkeys(("mkfifo", "mknod"), _mkfifo),
    **dict.fromkeys(("stress", "stress-ng", "sysbench"), _busy),
    **dict.fromkeys(("useradd", "adduser", "usermod", "gpasswd", "groupmems"), _accounts),
    "visudo": _visudo,
    "script": _script,
    **dict.fromkeys(("screen", "tmux"), _screen),
    "gdb": _gdb,
}
