"""Ways from a sandbox or a container to the machine that do not go through `docker run`.

    flatpak-spawn --host sh            the portal that runs a program outside
    curl https://node:10250/run/...    a node's own API, and a runtime's on the network
    singularity, apptainer             folders of the host inside an image

Not covered: requests whose address or body the text does not show.
"""

from __future__ import annotations

import re

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.call import Call, Handler
from cli_tuner.shell.machine import SHELLS
from cli_tuner.shell.programs.containers import demands, inside, volume
from cli_tuner.shell.values import EMPTY, UNKNOWN, Value
from cli_tuner.shell.wrappers import _skip_options, _wrapper

_NODE = re.compile(r"^(?:https?://)?[^/]+:1025[05]/(?:run|exec|attach|portForward|cri)\b", re.I)
_RUNTIME = re.compile(
    r"^(?:https?|tcp)://[^/]+:237[56]/(?:v[\d.]+/)?(?:containers|exec|images|volumes|services|build)"
)
_PODS = re.compile(
    r"/apis?/\S*/(?:pods|daemonsets|deployments|jobs|cronjobs|clusterrolebindings)\b"
)
_WRITES = re.compile(
    r"^(?:-d|--data\S*|--json|-F|--form|-T|--upload-file|--post-\S+|--body-\S+)(?:=|$)"
    r"|^(?:-X=?|--request=|--method=)(?:POST|PUT|PATCH|DELETE)$"
)


def api_request(call: Call) -> None:
    """A request to a node's or a runtime's API: whoever may make it runs programs there."""
    texts = [arg.text for arg in call.args]
    method = call.after("-X", "--request", "--method")
    writes = any(_WRITES.match(text) for text in texts)
    writes = writes or (method is not None and method.text.upper() != "GET")
    for text in texts:
        if _NODE.match(text):
            call.effect(EffectKind.CONTAINER, text, "escape")
        elif _RUNTIME.match(text) and writes:
            call.effect(EffectKind.CONTAINER, text, "socket")
        elif _PODS.search(text) and writes:
            demands(call, " ".join(texts))


_SPAWN = _wrapper("--env --directory --forward-fd --app-path --sandbox-expose")


def _host_spawn(call: Call) -> Value:
    """flatpak-spawn --host, host-spawn, distrobox-host-exec: a program outside the sandbox."""
    rest, options = _skip_options(call.args, _SPAWN)
    if call.name == "flatpak-spawn" and "--host" not in options:
        return call.run(rest) if rest else EMPTY
    shell = not rest or rest[0].text.rpartition("/")[2] in SHELLS
    kind = "escape" if shell else "host-space"
    call.effect(EffectKind.CONTAINER, "the host, from a sandbox", kind)
    return call.run(rest) if rest else EMPTY


_FLATPAK_OPENS = re.compile(
    r"^--(?:filesystem=(?:host|home|/)|device=all|talk-name=org\.freedesktop\.Flatpak|"
    r"socket=(?:session|system)-bus|allow=devel)"
)


def _flatpak(call: Call) -> Value:
    from cli_tuner.shell.dispatch import apply_facts
    from cli_tuner.shell.facts import facts_of

    words = [arg.text for arg in call.args if not arg.text.startswith("-")]
    if any(_FLATPAK_OPENS.match(arg.text) for arg in call.args) and words[:1] in (
        ["run"],
        ["override"],
    ):
        call.effect(EffectKind.CONTAINER, "the host", "unconfined")
        return UNKNOWN
    if words[:1] in (["remove"], ["uninstall"]) and call.has("--all"):
        call.effect(EffectKind.PACKAGE, "all packages", "remove", "all")
        return EMPTY
    if words[:1] == ["override"]:
        return UNKNOWN
    instead = call.after("--command")
    if words[:1] == ["run"] and instead is not None and len(words) > 1:
        start = next(i for i, arg in enumerate(call.args) if arg.text == words[1])
        return call.run([instead, *call.args[start + 1 :]])
    facts = facts_of("flatpak-commands")
    return apply_facts(call, facts) if facts else UNKNOWN


_IMAGE_VALUES = (
    "-B --bind -H --home -S --scratch --pwd --env --env-file -o --overlay --workdir --nv-path "
    "--security --network --hostname -C-dir --add-caps"
)


def _image(call: Call) -> Value:
    """singularity and apptainer: folders of the host are bound, then a command runs."""
    rest, _ = _skip_options(call.args, _wrapper("-c --config"))
    if not rest or rest[0].text not in ("exec", "shell", "run", "instance"):
        return UNKNOWN
    volumes: list[tuple[str, str]] = []
    for index, arg in enumerate(call.args):
        head, equals, value = arg.text.partition("=")
        if head in ("--bind", "-B"):
            given = value if equals else "".join(a.text for a in call.args[index + 1 : index + 2])
            for bound in given.split(","):
                host, _, there = bound.partition(":")
                volumes += volume(call, f"{host}:{there or host}")
    operands, _ = _skip_options(rest[1:], _wrapper(_IMAGE_VALUES))
    return inside(call, operands[1:], volumes) if operands[1:] else UNKNOWN


def _machine(call: Call) -> Value:
    """machinectl: `.host` is this machine."""
    words = [arg.text for arg in call.args if not arg.text.startswith("-")]
    if words[:1] in (["shell"], ["login"]) and any(
        word.rpartition("@")[2] == ".host" for word in words[1:2]
    ):
        call.effect(EffectKind.CONTAINER, "the host", "escape")
        return EMPTY
    if words[:1] == ["shell"] and len(words) > 2:
        start = next(i for i, arg in enumerate(call.args) if arg.text == words[1])
        return inside(call, call.args[start + 1 :])
    if words[:1] in (["poweroff"], ["reboot"], ["terminate"], ["remove"], ["kill"]):
        call.effect(EffectKind.REMOTE_STATE, words[-1], "docker")
    return UNKNOWN


_CDK = frozenset("auto-escape run evaluate eva kcurl ucurl dcurl probe ectl".split())


def _cdk(call: Call) -> Value:
    """The container toolkit, which is called like Amazon's deployment tool."""
    from cli_tuner.shell.dispatch import apply_facts
    from cli_tuner.shell.facts import facts_of

    if call.args and call.args[0].text in _CDK:
        call.effect(EffectKind.CONTAINER, "cdk", "escape")
        return UNKNOWN
    facts = facts_of("cdk-commands")
    return apply_facts(call, facts) if facts else UNKNOWN


def _daemon(call: Call) -> Value:
    """dockerd -H tcp://...: the runtime for everybody on the network, unless it asks for keys."""
    open_to = next(
        (a.text for a in call.args if re.search(r"\btcp:(?://)?(?!.*127\.0)", a.text)), ""
    )
    if open_to and not call.has("--tlsverify"):
        call.effect(EffectKind.CONTAINER, open_to, "socket")
    return UNKNOWN


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(("flatpak-spawn", "host-spawn", "distrobox-host-exec"), _host_spawn),
    "flatpak": _flatpak,
    **dict.fromkeys(("singularity", "apptainer"), _image),
    "machinectl": _machine,
    "cdk": _cdk,
    "dockerd": _daemon,
}
