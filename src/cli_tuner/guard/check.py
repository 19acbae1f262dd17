"""The front door: one text in, one `Verdict` out. The only place where a Verdict is made.

Boundary 4 of 6 calls it, and so may anybody. It never raises for any text. It fails closed:
what cannot be read, or is too large, too deep or too slow, is an `opaque` effect, and the rules
make at least `review` of that. Its own defects are treated the same way.
"""

from __future__ import annotations

import hashlib
import os

from cli_tuner.guard.policy import SHIPPED, Policy
from cli_tuner.guard.rule import Rule
from cli_tuner.guard.summary import summary_of
from cli_tuner.records.verdict import Effect, EffectKind, Level, Reason, Safety, Span, Verdict
from cli_tuner.shell.effects import effects_of
from cli_tuner.shell.paths import PROJECT, start_of

REASONS_MAX = 12


def check(
    command: str,
    *,
    safety: Safety = Safety.MODERATE,
    policy: Policy | None = None,
    folder: str = "",
) -> Verdict:
    """Judge exactly this text.

    `folder` is where it would run, as an absolute path, if that is known: `rm -rf *` is more in a
    home folder, in / or in a folder of the system than elsewhere.
    Without a policy the shipped rules decide alone; `guard.load_policy` reads the one in force.
    The level does not depend on `safety`; whether a level may be printed is `safety.permits`, and
    the verdict carries the stricter of `safety` and the policy's own.
    `command_sha256` is that of the UTF-8 bytes; lone surrogates, which have none, are encoded
    as if they had (`surrogatepass`).
    """
    policy = policy or SHIPPED
    safety = policy.tightened(safety)
    effects = _effects(command, folder)
    reasons = _reasons(effects, policy)
    levels = [reason.level for reason in reasons]
    level = max(levels, key=lambda level: level.severity, default=Level.SAFE)
    digest = hashlib.sha256(command.encode("utf-8", "surrogatepass")).hexdigest()
    return Verdict(
        level=level,
        summary=summary_of(effects),
        command_sha256=digest,
        reasons=reasons,
        effects=effects,
        policy=safety,
        ruleset_digest=policy.ruleset_digest(),
        policy_digest=policy.digest(safety),
    )


def _effects(command: str, folder: str) -> tuple[Effect, ...]:
    try:
        start = start_of(folder, os.path.expanduser("~")) if folder else PROJECT  # noqa: PTH111
        return effects_of(command, start)
    except Exception as error:  # noqa: BLE001  a judge that breaks says "I cannot tell"
        return (
            Effect(
                kind=EffectKind.OPAQUE,
                utility="bash",
                target=f"a text that the guard could not follow ({type(error).__name__})",
                attributes=("defect",),
                span=Span(start=0, end=len(command)),
            ),
        )


def _reasons(effects: tuple[Effect, ...], policy: Policy) -> tuple[Reason, ...]:
    """One reason for each rule and target, the worst first, in the order of the text.

    What somebody allowed stays visible, as a reason of level `safe`.
    """
    found: dict[tuple[str, str | None], Reason] = {}
    rules = policy.rules
    for effect in effects:
        for rule in rules:
            key = (rule.id, effect.target)
            settled = key in found and found[key].level is not Level.SAFE
            if not settled and any(match.fits(effect) for match in rule.match):
                found[key] = _reason(rule, effect, policy)
    ordered = sorted(found.values(), key=lambda reason: -reason.level.severity)
    return tuple(ordered[:REASONS_MAX])


def _reason(rule: Rule, effect: Effect, policy: Policy) -> Reason:
    target = effect.target or "something"
    allow = policy.allow_for(rule, effect)
    instead = rule.instead.replace("{target}", target) if rule.instead else None
    return Reason(
        rule_id=rule.id,
        name=rule.name,
        level=Level.SAFE if allow else policy.level_of(rule),
        message=rule.message.replace("{target}", target),
        why=f"Allowed below {allow.path}: {allow.why}" if allow else rule.why,
        instead=None if allow else instead,
        attack=rule.attack,
        span=effect.span,
    )
