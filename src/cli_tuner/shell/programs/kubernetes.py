"""kubectl and its like: what runs in a pod, and what a specification asks of the node.

Covered: `exec`, `run`, `create ... -- command`, `debug`, overrides, patches and manifests in the
text, manifests from an address, and what opens the cluster's API. Not covered: manifests in files.
"""

from __future__ import annotations

import re

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.call import Call, Handler
from cli_tuner.shell.labels import labels_of
from cli_tuner.shell.programs.containers import demands, inside, text_of
from cli_tuner.shell.programs.credentials import handed_out
from cli_tuner.shell.programs.wholesale import WHOLE, whole_of_cluster
from cli_tuner.shell.values import HOLE, UNKNOWN, Value

# A path that asks for labels, dates and names shows nothing of what is stored.
_ABOUT = re.compile(r"\{(?:range )?(?:\.items\[\*\])?\.?(?:metadata|type|kind)\b[^{}]*\}")
_REVEALS = re.compile(r"(?:-o=?)?(?:yaml|json|jsonpath|go-template|template|custom-columns)")


def _kubectl(call: Call) -> Value:
    from cli_tuner.shell.dispatch import apply_facts
    from cli_tuner.shell.facts import facts_of

    texts = [arg.text for arg in call.args]
    if "debug" in texts:
        return _debug(call, texts)
    dry = any(text.startswith("--dry-run") and text != "--dry-run=none" for text in texts)
    if not dry:
        _specified(call, texts)
    if {"exec", "create", "run"} & set(texts) and "--" in texts and not dry:
        command = call.args[texts.index("--") + 1 :]
        return inside(call, command, running="exec" in texts)
    kinds = [t for t in texts if re.match(r"secrets?(?:[/.,]|$)", t)]
    shape = call.after("-o", "--output") or next((a for a in call.args if a.text[:2] == "-o"), None)
    reveals = shape is not None and _REVEALS.match(shape.text) and not _names_only(call)
    if kinds and "get" in texts and reveals:
        # Shown, kept in a file or sent it is told; another program may only count it.
        dumped = frozenset({"secret", "shown", "stored", "dumped"})
        return Value((HOLE,), dumped, "the cluster's secrets")
    if texts[:1] == ["create"] and "token" in texts[1:2] and not dry:
        return handed_out(call, "a token of the cluster")
    if "config" in texts and "view" in texts and call.has("--raw"):
        return handed_out(call, "the keys to the cluster")
    if not dry and whole_of_cluster(call):
        call.effect(EffectKind.REMOTE_STATE, " ".join(texts)[:80], "cluster", "delete", WHOLE)
    facts = facts_of("kubectl-commands")
    printed = apply_facts(call, facts) if facts else UNKNOWN
    everything = "get" in texts and not call.has("-l", "--selector", "--field-selector")
    return Value((HOLE,), frozenset({"many"}), "the cluster's list") if everything else printed


_COLUMNS = re.compile(r"(?:-o=?)?custom-columns=(?:[\w -]+:\.(?:metadata|type|kind)[\w.]*,?)+$")
_ACTION = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}", re.S)
_KEY = re.compile(r"range\s+(\$\w+)\s*,")
_SILENT = re.compile(
    r"range\b.*|end|else|if\b.*|with\b.*|\"[^\"]*\"|\.(?:metadata|type|kind)[\w.]*|len\b.*"
)


def _template_names(text: str) -> bool:
    """Whether a Go template prints keys and names and no value."""
    keys = set(_KEY.findall(text))
    actions = _ACTION.findall(text)
    return bool(actions) and all(a in keys or _SILENT.fullmatch(a) for a in actions)


def _names_only(call: Call) -> bool:
    shapes = [arg.text for arg in call.args if "template=" in arg.text or "columns=" in arg.text]
    if shapes:
        return all(_COLUMNS.match(text) or _template_names(text) for text in shapes)
    paths = [m[1] for arg in call.args if (m := re.search(r"jsonpath=(.*)", arg.text, re.S))]
    rest = [_ABOUT.sub("", path).replace("{end}", "").strip("'\" ") for path in paths]
    return bool(rest) and not any("{" in text or "." in text for text in rest)


def _specified(call: Call, texts: list[str]) -> None:
    """What a specification in the text, or an option, asks of the node or the cluster."""
    for option in ("--overrides", "-p", "--patch"):
        asked = call.after(option)
        if asked is not None:
            demands(call, asked.text)
    if call.has("--privileged") and "--privileged=false" not in texts:
        call.effect(EffectKind.CONTAINER, "the node", "privileged")
    where = call.after("-f", "--filename")
    if where is not None and {"apply", "create", "replace"} & set(texts):
        demands(call, text_of(call, where))
        piped = call.stdin if where.text in ("-", "/dev/stdin") else None
        if piped is not None and "downloaded" in piped.taints and not piped.known:
            stranger = _STRANGER.match(piped.source) or "://" not in piped.source
            extra = ["downloaded"] if stranger else []
            call.effect(EffectKind.EXECUTE, piped.source, "manifest", *extra)
        if _ADDRESS.match(where.text):
            stranger = _STRANGER.match(where.text) is not None
            call.effect(EffectKind.EXECUTE, where.text, "manifest", *(["downloaded"] * stranger))
    binds = {"clusterrolebinding", "add-cluster-role-to-user", "add-cluster-role-to-group"}
    if binds & set(texts) and any("cluster-admin" in text for text in texts):
        call.effect(EffectKind.ACCOUNT, "cluster-admin", "admin-group")
    elif {"clusterrolebinding", "rolebinding"} & set(texts) and _ANYBODY.search(" ".join(texts)):
        call.effect(EffectKind.ACCOUNT, "everybody", "admin-group")
    if "cp" in texts[:4]:
        _copied_from(call)
    if "proxy" in texts and any(re.search(r"--address=(?:0\.|\[?::)", text) for text in texts):
        call.effect(EffectKind.CONTAINER, "the cluster's API", "socket")
    if "label" in texts and any("enforce=privileged" in text for text in texts):
        call.effect(EffectKind.CONTAINER, "the namespace", "unconfined")


_ADDRESS = re.compile(r"https?://")
# A manifest that anybody on the way can change, or from a host without a name.
_STRANGER = re.compile(r"http://(?!localhost|127\.)|https?://\d+\.\d+\.\d+\.\d+")


_ANYBODY = re.compile(r"system:(?:anonymous|unauthenticated)\b|=system:authenticated\b")
_THERE = re.compile(r"^[\w./-]+:(/.+)$")


def _copied_from(call: Call) -> None:
    """A file that is copied out of a pod: its secrets are secrets here as well."""
    for arg in call.args:
        match = _THERE.match(arg.text)
        if (
            match
            and arg is not call.args[-1]
            and "secret" in labels_of(match[1].rstrip("/") + "/x")
        ):
            call.effect(EffectKind.SECRET, match[1], "container")


def _debug(call: Call, texts: list[str]) -> Value:
    """kubectl debug: on a node, the node's root is at /host."""
    node = any(text.startswith(("node/", "nodes/")) for text in texts)
    if node:
        profile = call.after("--profile")
        strong = profile is not None and profile.text in ("sysadmin", "netadmin")
        kind = "privileged" if strong else "host-folder"
        call.effect(EffectKind.CONTAINER, "the node", kind)
    if "--" in texts:
        volumes = [("/host", "")] if node else []
        return inside(call, call.args[texts.index("--") + 1 :], volumes)
    return UNKNOWN


HANDLERS: dict[str, Handler] = dict.fromkeys(
    ("kubectl", "oc", "k3s", "microk8s", "k", "kubecolor"), _kubectl
)
