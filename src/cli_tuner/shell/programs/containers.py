"""Containers: what they get of the host, and what the commands inside them do to it.

Covered: docker-like `run`, `create`, `exec` and `compose -f -`; lxc and incus; requests
to a runtime's socket. A path below a volume is judged as the host's path behind it; kubectl is in
`kubernetes`, what is below docker in `runtimes`. Not covered: compose files and images that are not
in the text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.call import Call, Handler
from cli_tuner.shell.labels import HOST_VIEWS, labels_of
from cli_tuner.shell.paths import PROJECT, place_of, resolved
from cli_tuner.shell.programs.wholesale import WHOLE, listed
from cli_tuner.shell.values import EMPTY, HOLE, STAR, UNKNOWN, Value, known
from cli_tuner.shell.words import Field
from cli_tuner.shell.wrappers import _skip_options, _wrapper

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cli_tuner.records.verdict import Effect

DOCKER_VALUES = (
    "-v --volume -e --env -p --publish --name -w --workdir -u --user --network --net --mount "
    "--entrypoint --pid --ipc --uts --userns --cap-add --cap-drop --device --security-opt -l "
    "--label -m --memory --cpus --restart --hostname -h --env-file --add-host --ulimit --tmpfs "
    "--platform --gpus --shm-size --volumes-from --cgroupns --log-driver --log-opt --dns "
    "--runtime --ip --pull --cgroup-parent --device-cgroup-rule --group-add --cpuset-cpus "
    "--memory-swap --pids-limit --stop-signal --sysctl --health-cmd --expose --cidfile --link"
)
_HOST = re.compile(
    r"^(/|/etc|/root|/home|/boot|/usr|/var|/bin|/sbin|/lib|/lib64|/dev|/proc|/sys|/run|/var/lib|"
    r"/var/log|/var/spool(?:/.*)?|/etc/cron.*|/home/[\w.-]+|/root/.*)/?:|^/:"
)
_CAPABILITY = re.compile(
    r"(?:CAP_)?(?:SYS_ADMIN|ALL|SYS_PTRACE|SYS_MODULE|SYS_RAWIO|SYS_BOOT|SYS_TIME|"
    r"DAC_READ_SEARCH|DAC_OVERRIDE|BPF|PERFMON|MKNOD|SYSLOG|MAC_ADMIN|MAC_OVERRIDE)$",
    re.I,
)
_SOCKET = re.compile(
    r"(?:docker|containerd|crio|podman|cri-dockerd)\.sock|system_bus_socket|"
    r"(?:lxd|incus)/unix\.socket|^/(?:var/)?run/?$|^/(?:var/)?run/(?:systemd|dbus)\b"
)
# What a specification asks for, in YAML, in JSON, or as key=value.
_ASKS = re.compile(
    r"""["']?(?:privileged|hostPID|hostIPC|allowPrivilegeEscalation["']?\s*[:=]\s*["']?true.*?"""
    r"""privileged)["']?\s*[:=]\s*["']?true|["']?(?:pid|PidMode)["']?\s*:\s*["']?host\b|"""
    r"""hostPath["']?\s*:\s*\{?\s*["']?path["']?\s*:\s*["']?/(?:["'\s},]|etc|root|proc|dev|"""
    r"""var/run/docker|run/containerd|$)|["'\s\[-]/:/|SYS_ADMIN|SYS_PTRACE|docker\.sock:""",
    re.I,
)
_LOCAL = frozenset(
    {
        EffectKind.DELETE, EffectKind.WRITE, EffectKind.READ, EffectKind.PERMISSION,
        EffectKind.OWNER, EffectKind.PACKAGE, EffectKind.SERVICE, EffectKind.PRIVILEGE,
        EffectKind.OPAQUE, EffectKind.PROCESS, EffectKind.MOVE, EffectKind.ACCOUNT,
        EffectKind.PERSIST, EffectKind.LOG, EffectKind.SECRET,
    }
)  # fmt: skip
_ON_FILES = frozenset(
    {
        EffectKind.DELETE, EffectKind.WRITE, EffectKind.READ, EffectKind.PERMISSION,
        EffectKind.OWNER, EffectKind.MOVE,
    }
)  # fmt: skip
Volumes = list[tuple[str, str]]


# --- what the container gets


def _container_run(call: Call, verb: str, args: list[Field]) -> Value:
    """docker run and exec: what the container gets of the host, and what runs in it."""
    volumes = granted(call, args)
    rest, options = _skip_options(args, _wrapper(DOCKER_VALUES))
    command = rest[1:]
    entry = options.get("--entrypoint")
    if entry and rest:
        command = [Field(known(entry), rest[0].span, entry), *command]
    if not command:
        return UNKNOWN
    kept = "--rm" not in options or verb == "exec"
    return inside(call, command, volumes, kept=kept, running=verb == "exec")


def granted(call: Call, args: list[Field]) -> Volumes:
    """Emit what the options give of the host; the result is which folders are where inside."""
    volumes: Volumes = []
    texts = [arg.text for arg in args]
    for index, text in enumerate(texts):
        head, equals, rest = text.partition("=")
        value = (
            rest if head.startswith("--") and equals else (texts[index + 1 : index + 2] or [""])[0]
        )
        if head == "--privileged" and rest != "false":
            call.effect(EffectKind.CONTAINER, "the host", "privileged")
        elif head in ("-v", "--volume"):
            volumes += volume(call, value)
        elif head == "--mount" and (match := re.search(r"volume-opt=device=([^,\"]+)", value)):
            volumes += volume(call, f"{match[1]}:/x")
        elif head == "--with-ns" and "/proc/1/" in value:
            call.effect(EffectKind.CONTAINER, "host namespaces", "escape")
        elif head == "--mount" and (match := re.search(r"(?:source|src)=([^,]+)", value)):
            inside = re.search(r"(?:target|dst|destination)=([^,]+)", value)
            mode = ":ro" if re.search(r"\breadonly\b|\bro\b", value) else ""
            volumes += volume(call, f"{match[1]}:{inside[1] if inside else '/x'}{mode}")
        elif head == "--cap-add" and _CAPABILITY.match(value):
            call.effect(EffectKind.CONTAINER, value, "privileged")
        elif head == "--device":
            device = value.split(":")[0]
            if place_of(resolved(device)) == "device" or device in ("/dev", "/dev/kvm:"):
                call.effect(EffectKind.CONTAINER, value, "device")
        elif head in ("--pid", "--ipc", "--uts", "--userns", "--cgroupns") and value == "host":
            kind = "host-pid" if head in ("--pid", "--userns") else "host-space"
            call.effect(EffectKind.CONTAINER, "the host's processes", kind)
        elif head == "--security-opt" and re.search(r"unconfined|label[:=]disable", value):
            call.effect(EffectKind.CONTAINER, value, "unconfined")
    return volumes


def volume(call: Call, value: str) -> Volumes:
    """`host:inside[:mode]`: emit what it gives of the host; the result is what is where."""
    host, _, rest = value.partition(":")
    host = call.shell.volumes.get(host, host)
    there, _, mode = rest.partition(":")
    read_only = "ro" in mode.split(",")
    if "served" in labels_of(there.rstrip("/")) and _is_private(call, host):
        call.effect(EffectKind.NETWORK_OUT, host, "server", "carries:sensitive")
    if read_only and host.rstrip("/") != "":
        # It can be read, which matters where it is a secret.
        private = there and _is_private(call, host)
        return [(there.rstrip("/"), host.rstrip("/"))] if private else []
    if _SOCKET.search(host):
        call.effect(EffectKind.CONTAINER, host, "socket")
    elif host.startswith("/") and host.strip("/") == "":
        call.effect(EffectKind.CONTAINER, host, "host-root")
    elif host.rstrip("/") == "/dev":
        call.effect(EffectKind.CONTAINER, host, "device")
    elif _HOST.match(f"{host}:{rest}"):
        call.effect(EffectKind.CONTAINER, host, "host-folder")
    # A name without a slash is a volume of the runtime, not a folder of the host.
    named = not host.startswith((".", "/", "~")) and not ord(host[:1] or "a") >= 0xE000
    return [] if named or not there else [(there.rstrip("/"), host.rstrip("/"))]


def _is_private(call: Call, host: str) -> bool:
    """Whether a folder of the host holds keys, or everything."""
    path = resolved(host, call.shell.cwd)
    wide = place_of(path) in ("root", "home-root")
    return wide or bool(labels_of(path) & {"secret", "sensitive"})


# --- what runs in it


def inside(
    call: Call,
    command: list[Field],
    volumes: Sequence[tuple[str, str]] = (),
    *,
    kept: bool = True,
    running: bool = True,
) -> Value:
    """A command in a container works on the container's files; judge it, but not as ours.

    `kept` is false if the container is thrown away afterwards, `running` if it is made for this.
    """
    shell = call.shell
    before = shell.cwd, shell.effects, shell.files, shell.views
    shell.cwd, shell.effects, shell.files, shell.views = PROJECT, [], {}, tuple(volumes)
    try:
        printed = call.run(command)
        inner = shell.effects
    finally:
        shell.cwd, shell.effects, shell.files, shell.views = before
    for effect in inner:
        # The kernel, its settings and its modules are not the container's own.
        if effect.kind not in _LOCAL or "is:kernel" in effect.attributes:
            shell.effects.append(effect)
        elif not _throughvolume(call, effect, volumes):
            _container_only(call, effect, kept=kept, running=running)
    return printed


def _throughvolume(call: Call, effect: Effect, volumes: Sequence[tuple[str, str]]) -> bool:
    """Whether the path is the host's behind a volume; if so, it is judged as that."""
    target = effect.target or ""
    for there, host in (*volumes, *((view, "") for view in HOST_VIEWS)):
        if target != there and not target.startswith(there + "/"):
            continue
        # A target is as a person sees it; its globs and unknown stretches are marks again.
        path = (host + target[len(there) :] or "/").replace("*", STAR).replace("…", HOLE)
        where = Field(known(path), call.shell.span, path)
        attributes = [a for a in effect.attributes if not a.startswith(("at:", "is:"))]
        if effect.kind in _ON_FILES:
            call.on_path(effect.kind, where, *attributes)
        labels = labels_of(resolved(path)) & {"startup", "keys"}
        if effect.kind is EffectKind.WRITE and labels:
            # Nobody edits the host's start-up files through a container for convenience.
            call.on_path(EffectKind.PERSIST, where, "suspect", *sorted(labels))
        return True
    return False


# Where a runtime gives a container its secrets.
_GIVEN = re.compile(r"^(?:/var)?/run/secrets/")


# Without these the service that runs in it, or its data, is gone.
_VITAL = frozenset({"at:root", "at:system-top", "is:essential", "is:accounts", "is:core"})


def _container_only(call: Call, effect: Effect, *, kept: bool, running: bool) -> None:
    target = effect.target or ""
    if kept and effect.kind is EffectKind.READ and _GIVEN.match(target):
        call.effect(EffectKind.SECRET, target, "container")
    lost = effect.kind is EffectKind.DELETE and "recursive" in effect.attributes
    opened = effect.kind in (EffectKind.PERMISSION, EffectKind.OWNER)
    opened = opened and "recursive" in effect.attributes and "at:temp" not in effect.attributes
    vital = (
        running and bool(_VITAL & set(effect.attributes)) and "filtered" not in effect.attributes
    )
    if lost and kept and not {"at:temp", "at:cache"} & set(effect.attributes):
        call.effect(EffectKind.CONTAINER, effect.target, "inside", *(("vital",) if vital else ()))
    elif opened and vital:
        call.effect(EffectKind.CONTAINER, effect.target, "inside", "vital")


def demands(call: Call, text: str) -> bool:
    """Whether a specification asks for the host; emitted if so."""
    found = _ASKS.search(text) is not None
    if found:
        call.effect(EffectKind.CONTAINER, "the host", "privileged")
    return found


# --- programs


def _docker(call: Call) -> Value:
    from cli_tuner.shell.dispatch import apply_facts
    from cli_tuner.shell.facts import facts_of

    args, _ = _skip_options(
        call.args, _wrapper("-H --host --context -c --config -l --log-level -n --namespace")
    )
    for arg in call.args:
        if re.match(r"tcp://(?!127\.|localhost|\[::1\])", arg.text) and not args:
            call.effect(EffectKind.CONTAINER, arg.text, "socket")
    if not args:
        return EMPTY
    for arg in call.args:
        if re.match(r"tcp://0\.0\.0\.0", arg.text):
            call.effect(EffectKind.CONTAINER, arg.text, "socket")
    verb, rest = args[0].text, args[1:]
    if verb in ("container", "machine") and rest:
        verb, rest = rest[0].text, rest[1:]
    if verb in ("run", "create", "exec"):
        return _container_run(call, verb, rest)
    if verb == "compose":
        given = tuple(call.args[: len(call.args) - len(args)])
        return _compose(Call(call.shell, call.name, rest, call.stdin, given), args)
    if verb == "volume" and rest and (printed := _volumes(call, rest)) is not None:
        return printed
    if verb in ("service", "plugin") and rest and rest[0].text in ("create", "install"):
        granted(call, rest)
        if verb == "plugin" and call.has("--grant-all-permissions"):
            call.effect(EffectKind.CONTAINER, "the host", "privileged")
    facts = facts_of("docker-commands")
    return apply_facts(Call(call.shell, call.name, args, call.stdin), facts) if facts else UNKNOWN


def _volumes(call: Call, rest: list[Field]) -> Value | None:
    """docker volume: the list of all, what takes all of them away, and folders by another name."""
    verb = rest[0].text
    if verb in ("ls", "list") and not call.has("--filter", "-f"):
        return Value((HOLE,), frozenset({"many"}), "all volumes")
    if verb in ("rm", "remove") and listed(rest):
        call.effect(EffectKind.REMOTE_STATE, "all volumes", "docker", WHOLE)
    if verb == "create":
        _named_volume(call, rest)
    return None


def _named_volume(call: Call, args: list[Field]) -> None:
    """docker volume create: with `o=bind` the name stands for a folder of the host."""
    texts = [arg.text for arg in args]
    options = dict(
        text.rpartition("--opt=")[2].partition("=")[::2] for text in texts if "=" in text
    )
    device = options.get("device", "")
    if "bind" in options.get("o", "").split(",") and device.startswith("/"):
        volume(call, f"{device}:/x")
        call.shell.volumes[texts[-1]] = device


def _compose(call: Call, whole: list[Field]) -> Value:
    """docker compose: a file's demands, and volumes given to `run`."""
    from cli_tuner.shell.dispatch import apply_facts
    from cli_tuner.shell.facts import facts_of

    if call.has("--dry-run"):
        return UNKNOWN
    _compose_file(call)
    words = [arg.text for arg in call.args]
    verb = next((word for word in words if word in ("run", "create", "exec")), "")
    if verb:
        return _container_run(call, verb, call.args[words.index(verb) + 1 :])
    facts = facts_of("docker-commands")
    seen = Call(call.shell, call.name, whole, call.stdin, call.before)
    return apply_facts(seen, facts) if facts else UNKNOWN


def _docker_compose(call: Call) -> Value:
    first = Field(known("compose"), call.shell.span, "compose")
    return _compose(call, [first, *call.args])


def _compose_file(call: Call) -> None:
    where = call.after("-f", "--file")
    if where is not None:
        demands(call, text_of(call, where))


def text_of(call: Call, where: Field) -> str:
    """What a file of the text, or standard input, holds."""
    if where.text in ("-", "/dev/stdin"):
        return call.stdin.text
    content = call.shell.files.get(resolved(where.text, call.shell.cwd))
    return content.text if content is not None else ""


def _lxc(call: Call) -> Value:
    """lxc and incus: settings that make a container privileged, and disks of the host."""
    texts = [arg.text for arg in call.args]
    joined = " ".join(texts)
    if re.search(
        r"security\.privileged[= ](?:true|1)|raw\.(?:lxc|idmap)|security\.nesting", joined
    ):
        kind = "unconfined" if "security.nesting" in joined else "privileged"
        call.effect(EffectKind.CONTAINER, "the host", kind)
    source = next((t[7:] for t in texts if t.startswith("source=")), None)
    if source is not None and "disk" in texts:
        volume(call, source + ":/x")
    if texts[:1] == ["exec"] and "--" in texts:
        return inside(call, call.args[texts.index("--") + 1 :])
    if texts[:1] in (["delete"], ["rm"]):
        call.effect(EffectKind.REMOTE_STATE, texts[-1], "docker")
    return UNKNOWN


def socket_request(call: Call) -> None:
    """curl to a container runtime's socket: whoever may do that is root on the host."""
    where = call.after("--unix-socket", "--abstract-unix-socket")
    if where is None or not _SOCKET.search(where.text):
        return
    sends = call.has("-d", "--data", "--data-raw", "--data-binary", "--json", "-T", "-F")
    method = call.after("-X", "--request")
    posts = method is not None and method.text.upper() in ("POST", "PUT", "DELETE", "PATCH")
    if sends or posts or any(arg.text in ("-XPOST", "-XPUT", "-XDELETE") for arg in call.args):
        call.effect(EffectKind.CONTAINER, where.text, "socket")


def _attack(call: Call) -> Value:
    """Programs whose only purpose is to look for or take the way out of a container."""
    if not call.has("--help", "-h"):
        call.effect(EffectKind.CONTAINER, call.name, "escape")
    return Value((HOLE,), frozenset({"sensitive"}), call.name)


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(("docker", "podman", "nerdctl", "buildah"), _docker),
    **dict.fromkeys(("docker-compose", "podman-compose"), _docker_compose),
    **dict.fromkeys(("lxc", "incus", "lxd"), _lxc),
    **dict.fromkeys(
        ("deepce.sh", "botb", "botb-linux-amd64", "peirates", "cdk_linux_amd64", "kubeletctl",
         "amicontained", "am-i-contained"), _attack
    ),
}  # fmt: skip
