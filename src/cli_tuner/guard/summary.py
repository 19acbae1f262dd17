"""A verdict's effects in a few words: "reads files only", "downloads text"."""

from __future__ import annotations

from cli_tuner.records.verdict import Effect, EffectKind

_PHRASES: tuple[tuple[EffectKind, str], ...] = (
    (EffectKind.OPAQUE, "cannot be decided from the text"),
    (EffectKind.REMOTE_SHELL, "opens a shell to elsewhere"),
    (EffectKind.RESOURCE, "exhausts the machine"),
    (EffectKind.DEVICE, "changes a device"),
    (EffectKind.POWER, "stops the machine"),
    (EffectKind.DELETE, "deletes files"),
    (EffectKind.ACCOUNT, "changes accounts"),
    (EffectKind.PRIVILEGE, "raises privileges"),
    (EffectKind.CONTAINER, "reaches out of a container"),
    (EffectKind.KERNEL, "changes the kernel"),
    (EffectKind.BOOT, "changes how the machine boots"),
    (EffectKind.FIREWALL, "changes the network's protection"),
    (EffectKind.LOG, "changes logs or history"),
    (EffectKind.PERSIST, "starts something again later"),
    (EffectKind.PERMISSION, "changes permissions"),
    (EffectKind.OWNER, "changes owners"),
    (EffectKind.PACKAGE, "changes installed packages"),
    (EffectKind.SERVICE, "controls services"),
    (EffectKind.REMOTE_STATE, "changes state kept elsewhere"),
    (EffectKind.PROCESS, "signals processes"),
    (EffectKind.MOUNT, "mounts file systems"),
    (EffectKind.SECRET, "reads secrets"),
    (EffectKind.NETWORK_OUT, "sends data"),
    (EffectKind.MOVE, "moves files"),
    (EffectKind.WRITE, "writes files"),
    (EffectKind.EXECUTE, "runs a program or script"),
    (EffectKind.NETWORK_IN, "downloads text"),
    (EffectKind.READ, "reads files"),
)
_WHERE = frozenset({EffectKind.DELETE, EffectKind.WRITE, EffectKind.MOVE, EffectKind.PERMISSION})
_NEARBY = frozenset({"at:project", "at:project-root", "at:project-vcs"})
_SHOWN = 2


def summary_of(effects: tuple[Effect, ...]) -> str:
    """At most two phrases, the weightiest first."""
    phrases: list[str] = []
    kinds = {effect.kind for effect in effects if "at:harmless" not in effect.attributes}
    for kind, phrase in _PHRASES:
        if kind in kinds and (kind is not EffectKind.READ or not phrases):
            phrases.append(phrase + (_place(kind, effects) if kind in _WHERE else ""))
    if not phrases:
        return "changes nothing"
    if phrases == ["reads files"]:
        return "reads files only"
    return " and ".join(phrases[:_SHOWN])


def _place(kind: EffectKind, effects: tuple[Effect, ...]) -> str:
    places = {a for e in effects if e.kind is kind for a in e.attributes if a.startswith("at:")}
    places -= {"at:harmless"}
    if places <= _NEARBY:
        return (
            " below the current directory"
            if kind is EffectKind.DELETE
            else " in the current directory"
        )
    if places <= {"at:temp", "at:temp-root"}:
        return " in the temporary folder"
    return ""
