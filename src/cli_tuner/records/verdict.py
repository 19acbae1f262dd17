"""What the guard says about one command: a level, the reasons, the effects, and on what text.

A `Verdict` is made in one place, `guard.check`; a test says so. No Pydantic here: see `plain.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from cli_tuner.records.plain import TEXT, TEXTS, Kind, Offset, Plain, Sha256, require_digest

_OPTIONAL_TEXT = Kind(str, type(None))


class Level(StrEnum):
    """How bad it could be. The order is that of `severity`."""

    SAFE = "safe"
    REVIEW = "review"
    DANGEROUS = "dangerous"

    @property
    def severity(self) -> int:
        """0 for safe, 1 for review, 2 for dangerous: `max` by this is the worse one."""
        return (Level.SAFE, Level.REVIEW, Level.DANGEROUS).index(self)


class Safety(StrEnum):
    """How much is let through. A caller may only tighten it."""

    MODERATE = "moderate"
    STRICT = "strict"

    def permits(self, level: Level) -> bool:
        """Whether a command of this level may be printed as an answer.

        Dangerous never; review only at `moderate`, where a person reads the warning.
        """
        return level is Level.SAFE or (level is Level.REVIEW and self is Safety.MODERATE)


class Certainty(StrEnum):
    """How sure an effect is from the text alone."""

    CERTAIN = "certain"
    POSSIBLE = "possible"
    UNKNOWN = "unknown"


class EffectKind(StrEnum):
    """What a command would do, in the words that rules use."""

    READ = "read"
    WRITE = "write"
    DELETE = "delete"
    MOVE = "move"
    PERMISSION = "permission"
    OWNER = "owner"
    DEVICE = "device"
    MOUNT = "mount"
    EXECUTE = "execute"
    PROCESS = "process"
    POWER = "power"
    RESOURCE = "resource"
    NETWORK_IN = "network_in"
    NETWORK_OUT = "network_out"
    REMOTE_SHELL = "remote_shell"
    SECRET = "secret"  # noqa: S105  the word, not a secret
    PERSIST = "persist"
    ACCOUNT = "account"
    LOG = "log"
    FIREWALL = "firewall"
    BOOT = "boot"
    KERNEL = "kernel"
    CONTAINER = "container"
    PACKAGE = "package"
    SERVICE = "service"
    REMOTE_STATE = "remote_state"
    PRIVILEGE = "privilege"
    OPAQUE = "opaque"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span(Plain):
    """Half-open range of character offsets into the judged text."""

    start: Offset
    end: Offset

    kinds: ClassVar[dict[str, Kind]] = {"start": Kind(int), "end": Kind(int)}

    def __post_init__(self) -> None:
        Plain.__post_init__(self)
        if not 0 <= self.start <= self.end:
            raise ValueError("a span starts at 0 or later, and ends where it starts, or later")


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect(Plain):
    """One thing that the command would do.

    `target` is the path, host, device, package or process concerned, as far as the text tells;
    `utility` the program that does it, seen through wrappers; `via` those wrappers, outermost
    first; `attributes` are further facts that rules match, such as "recursive" or "forced".
    """

    kind: EffectKind
    utility: str
    target: str | None = None
    certainty: Certainty = Certainty.CERTAIN
    as_root: bool = False
    via: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    span: Span

    kinds: ClassVar[dict[str, Kind]] = {
        "kind": Kind(EffectKind),
        "utility": TEXT,
        "target": _OPTIONAL_TEXT,
        "certainty": Kind(Certainty),
        "as_root": Kind(bool),
        "via": TEXTS,
        "attributes": TEXTS,
        "span": Kind(Span),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason(Plain):
    """Why the verdict is what it is: one rule that matched, with its target named."""

    rule_id: str
    name: str
    level: Level
    message: str
    why: str = ""
    instead: str | None = None
    attack: tuple[str, ...] = ()
    span: Span

    kinds: ClassVar[dict[str, Kind]] = {
        "rule_id": TEXT,
        "name": TEXT,
        "level": Kind(Level),
        "message": TEXT,
        "why": TEXT,
        "instead": _OPTIONAL_TEXT,
        "attack": TEXTS,
        "span": Kind(Span),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict(Plain):
    """The guard's judgement of exactly the text whose digest it carries.

    `summary` is the phrase shown to people ("reads files only"). The level is at least the
    worst level among the reasons; the policy decided, so its digest is part of the verdict.
    """

    level: Level
    summary: str
    command_sha256: Sha256
    reasons: tuple[Reason, ...] = ()
    effects: tuple[Effect, ...] = ()
    policy: Safety = Safety.MODERATE
    ruleset_digest: Sha256
    policy_digest: Sha256

    kinds: ClassVar[dict[str, Kind]] = {
        "level": Kind(Level),
        "summary": TEXT,
        "command_sha256": TEXT,
        "reasons": Kind(tuple, of=Reason),
        "effects": Kind(tuple, of=Effect),
        "policy": Kind(Safety),
        "ruleset_digest": TEXT,
        "policy_digest": TEXT,
    }

    def __post_init__(self) -> None:
        Plain.__post_init__(self)
        for name in ("command_sha256", "ruleset_digest", "policy_digest"):
            require_digest(name, getattr(self, name))
        worst = max((reason.level.severity for reason in self.reasons), default=0)
        if self.level.severity != worst:
            raise ValueError(f"level {self.level} does not follow from the reasons")
