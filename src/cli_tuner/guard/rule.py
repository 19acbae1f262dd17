"""Rules as data: loading and validating `rules/<family>/<name>.yaml`.

    id: CT-DEL-001
    name: delete-system-path
    severity: critical
    level: dangerous
    attack: [T1485]
    match: {effect: delete, recursive: true, place: [root, system-top]}
    message: "Deletes {target} and everything below it."
    why: Cannot be undone; the system may not boot afterwards.
    instead: "List it first: ls {target}"
    examples: {dangerous: [...], review: [...], safe: [...], known_misses: [...]}

`match` is one mapping or a list of them, of which any may fit; see `match.py`. Examples are
tests and are read only by them: `examples_of` loads them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from cli_tuner.errors import RuleError
from cli_tuner.guard.match import Match, match_keys, match_of
from cli_tuner.records.verdict import Level
from cli_tuner.shell.compiled import compiled

FOLDER = Path(__file__).parent / "rules"
SEVERITIES = ("low", "medium", "high", "critical")
_KEYS = (
    "id",
    "name",
    "severity",
    "level",
    "attack",
    "match",
    "message",
    "why",
    "instead",
    "examples",
)
_NEEDED = ("id", "name", "severity", "level", "attack", "match", "message", "examples")
EXAMPLE_KEYS = ("dangerous", "review", "safe", "known_misses")
_ID = re.compile(r"CT-[A-Z]{3}-\d{3}")
_ATTACK = re.compile(r"T\d{4}(?:\.\d{3})?")
_EXAMPLES = re.compile(r"^examples:", re.M)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, ready to be matched.

    `source` is its path below the rules folder; an absolute one for a rule of a policy file.
    """

    id: str
    name: str
    family: str
    severity: str
    level: Level
    attack: tuple[str, ...]
    match: tuple[Match, ...]
    message: str
    why: str
    instead: str | None
    source: str


@dataclass(frozen=True, slots=True)
class Examples:
    """A rule's commands, by the level that they must get; a known miss should be flagged."""

    dangerous: tuple[str, ...] = ()
    review: tuple[str, ...] = ()
    safe: tuple[str, ...] = ()
    known_misses: tuple[str, ...] = ()


@cache
def _texts(folder: Path = FOLDER) -> tuple[tuple[str, str], ...]:
    paths = sorted(folder.glob("*/*.yaml"))
    return tuple((path.relative_to(folder).as_posix(), path.read_text("utf-8")) for path in paths)


@cache
def rules(folder: Path = FOLDER) -> tuple[Rule, ...]:
    """All rules, by id.

    Raises RuleError naming the file, the key and, for a misspelt one, the nearest key.
    """
    texts = dict(_texts(folder))
    read = compiled("rules", texts, _documents) if folder == FOLDER else _documents(texts)
    loaded = [_rule_of(data, source) for source, data in read.items()]
    seen: dict[str, str] = {}
    for rule in loaded:
        if rule.id in seen:
            raise RuleError(f"{_at(rule.source)}: the id {rule.id} is also in {seen[rule.id]}")
        seen[rule.id] = rule.source
    return tuple(sorted(loaded, key=lambda rule: rule.id))


@cache
def ruleset_digest(folder: Path = FOLDER) -> str:
    """SHA-256 over all rule files, names and contents, in order of their names."""
    digest = hashlib.sha256()
    for source, text in _texts(folder):
        digest.update(f"{source}\0{len(text)}\0{text}".encode())
    return digest.hexdigest()


def parse_rule(text: str, source: str) -> tuple[Rule, Examples]:
    """A rule file as it is written. Raises RuleError."""
    data = _mapping(text, source)
    for key in _NEEDED:
        if key not in data:
            raise RuleError(f'{_at(source)}: the key "{key}" is missing')
    examples = data["examples"]
    if not isinstance(examples, dict):
        raise RuleError(f"{_at(source)}: examples is a mapping")
    check_keys(examples, EXAMPLE_KEYS, source)
    return _rule_of(data, source), Examples(
        **{key: _listed(examples, key, source) for key in EXAMPLE_KEYS}
    )


def examples_of(rule: Rule, folder: Path = FOLDER) -> Examples:
    """The examples of a loaded rule."""
    return parse_rule(dict(_texts(folder))[rule.source], rule.source)[1]


def _at(source: str) -> str:
    """How an error names a rule file: a shipped one from the rules folder, others as they are."""
    return source if source.startswith("/") else f"rules/{source}"


def _documents(texts: Mapping[str, str]) -> dict[str, Any]:
    """The rules as written, without their examples."""
    return {source: _mapping(_EXAMPLES.split(text)[0], source) for source, text in texts.items()}


def _mapping(text: str, source: str) -> Mapping[str, Any]:
    import yaml

    try:
        data = yaml.load(text, yaml.CSafeLoader)
    except yaml.YAMLError as error:
        raise RuleError(f"{_at(source)}: {error}") from error
    if not isinstance(data, dict):
        raise RuleError(f"{_at(source)}: a rule is a mapping")
    check_keys(data, _KEYS, source)
    return data


def _listed(data: Mapping[str, Any], key: str, source: str) -> tuple[str, ...]:
    found = data.get(key) or []
    if not isinstance(found, list) or any(isinstance(item, dict | list) for item in found):
        raise RuleError(f"{_at(source)}: {key} is a list of texts")
    return tuple(str(item) for item in found)


def _rule_of(data: Mapping[str, Any], source: str) -> Rule:
    def text(key: str) -> str:
        value = data.get(key, "")
        if not isinstance(value, str):
            raise RuleError(f"{_at(source)}: {key} must be a text")
        return value

    identity, severity, level = text("id"), text("severity"), text("level")
    if not _ID.fullmatch(identity):
        raise RuleError(f'{_at(source)}: the id "{identity}" is not like CT-DEL-001')
    if severity not in SEVERITIES:
        raise RuleError(f"{_at(source)}: severity is one of {', '.join(SEVERITIES)}")
    if level not in ("dangerous", "review"):
        raise RuleError(f"{_at(source)}: level is dangerous or review")
    attack = _listed(data, "attack", source)
    for technique in attack:
        if not _ATTACK.fullmatch(technique):
            raise RuleError(f'{_at(source)}: "{technique}" is no ATT&CK technique id')
    found = data.get("match")
    items = found if isinstance(found, list) else [found]
    for item in items:
        if not isinstance(item, dict) or not item:
            raise RuleError(f"{_at(source)}: match is a mapping or a list of them")
        check_keys(item, match_keys(), source)
    try:
        matches = tuple(match_of(item or {}) for item in items)
    except ValueError as error:
        raise RuleError(f"{_at(source)}: {error}") from error
    return Rule(
        id=identity,
        name=text("name"),
        family=source.partition("/")[0],
        severity=severity,
        level=Level(level),
        attack=attack,
        match=matches,
        message=text("message"),
        why=text("why"),
        instead=text("instead") or None,
        source=source,
    )


def check_keys(data: Mapping[Any, Any], allowed: tuple[str, ...], source: str) -> None:
    """Raise RuleError for a key that is not allowed, naming the nearest one that is."""
    for key in data:
        if key not in allowed:
            from difflib import get_close_matches

            near = get_close_matches(str(key), allowed, 1)
            hint = f'did you mean "{near[0]}"?' if near else f"keys are {', '.join(allowed)}"
            raise RuleError(f'{_at(source)}: unknown key "{key}"', hint=hint)
