"""Whether a rule's `match` fits an effect. Facts about effects only, never spellings.

effect      kind, or several of which one must fit
place       where the target is (shell.paths.PLACES), one of these
label       what the file is known as (shell/labels.yaml), one of these
all, any, none    attributes that must be there, one of which must, none of which may
recursive   true: the attribute "recursive" must be there; false: it must not
as_root     true or false
target      name patterns with *, one of which must fit the target
"""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cli_tuner.records.verdict import Effect, EffectKind
from cli_tuner.shell.labels import label_names
from cli_tuner.shell.paths import PLACES


@dataclass(frozen=True, slots=True)
class Match:
    """One conjunction of conditions. Empty sets do not constrain."""

    effects: frozenset[EffectKind]
    places: frozenset[str]
    labels: frozenset[str]
    all_of: frozenset[str]
    any_of: frozenset[str]
    none_of: frozenset[str]
    as_root: bool | None
    targets: tuple[str, ...]

    def fits(self, effect: Effect) -> bool:
        """Whether this effect satisfies every condition."""
        if effect.kind not in self.effects:
            return False
        attributes = frozenset(effect.attributes)
        return (
            (not self.places or not self.places.isdisjoint(attributes))
            and (not self.labels or not self.labels.isdisjoint(attributes))
            and self.all_of <= attributes
            and (not self.any_of or not self.any_of.isdisjoint(attributes))
            and self.none_of.isdisjoint(attributes)
            and (self.as_root is None or self.as_root is effect.as_root)
            and (not self.targets or _named(effect.target or "", self.targets))
        )


def _named(target: str, patterns: tuple[str, ...]) -> bool:
    names = {target, target.lower()}
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns for name in names)


def match_keys() -> tuple[str, ...]:
    """The keys that a match may have."""
    return ("effect", "place", "label", "all", "any", "none", "recursive", "as_root", "target")


def match_of(data: Mapping[str, Any]) -> Match:
    """A match from its YAML form. Raises ValueError for an unknown effect, place or label."""
    if "effect" not in data:
        raise ValueError('match needs the key "effect"')
    all_of, none_of = set(_words(data, "all")), set(_words(data, "none"))
    if "recursive" in data:
        (all_of if data["recursive"] else none_of).add("recursive")
    places, labels = _words(data, "place"), _words(data, "label")
    for place in places:
        if place not in PLACES:
            raise ValueError(f'unknown place "{place}"')
    for label in labels:
        if label not in label_names():
            raise ValueError(f'unknown label "{label}"')
    return Match(
        effects=frozenset(EffectKind(kind) for kind in _words(data, "effect")),
        places=frozenset("at:" + place for place in places),
        labels=frozenset("is:" + label for label in labels),
        all_of=frozenset(all_of),
        any_of=frozenset(_words(data, "any")),
        none_of=frozenset(none_of),
        as_root=data.get("as_root"),
        targets=tuple(_words(data, "target")),
    )


def _words(data: Mapping[str, Any], key: str) -> list[str]:
    value = data.get(key, [])
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]
