"""Several policy files become one `Policy`: their rules are read, and what they name is known.

Added rule files are as untrusted as the policy file that names them: small, plain, in bounded
number, without YAML's aliases (a few lines of which can stand for gigabytes) and not deeply nested.
What a project's rule proposes to do instead is left out, since it would be a stranger's advice.
"""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace

from cli_tuner.errors import PolicyError, RuleError
from cli_tuner.guard.policy import Allow, Kind, Policy, Stamp, Tighten, stamp_of
from cli_tuner.guard.policy_file import Written, nearest, plain_bytes, read_policy_file, text_of
from cli_tuner.guard.rule import Rule, parse_rule, rules
from cli_tuner.records.verdict import Safety

RULE_FILE_MAX = 16 * 1024
"""Bytes of the longest rule file."""
RULE_FILES_MAX = 64
"""Rule files that one policy file may name."""
_ENTRIES_MAX = 2_000
_NESTED_MAX = 8
_TARGETS_MAX = 32


def policy_of(found: tuple[tuple[Kind, str], ...], cwd: str) -> tuple[Policy, dict[str, Stamp]]:
    """The policy that these files make together, and the stamps of all that was read for it.

    Raises PolicyError; RuleError for an added rule.
    """
    stamps = {path: stamp_of(path) for _, path in found}
    written = [read_policy_file(kind, path) for kind, path in found]
    names = _Names(rules())
    added: list[Rule] = []
    texts: list[tuple[str, str]] = []
    allows: list[Allow] = []
    tightens: list[Tighten] = []
    never: set[str] = set()
    for one in written:
        for path in _rule_files(one, stamps):
            rule, text = _read_rule(path, one.file.kind)
            names.add(rule)
            added.append(rule)
            texts.append((rule.source, text))
        where = one.file.path
        never |= {names.id_of(name, f"{where}: never_allow") for name in one.never_allow}
        for allow in one.allows:
            allows.append(replace(allow, rule=names.id_of(allow.rule, f"{where}: allow")))
        for tighten in one.tightens:
            tightens.append(replace(tighten, rule=names.id_of(tighten.rule, f"{where}: tighten")))
    _check_allows(allows, never)
    strict = any(one.safety is Safety.STRICT for one in written)
    policy = Policy(
        files=tuple(one.file for one in written),
        safety=Safety.STRICT if strict else Safety.MODERATE,
        added=tuple(added),
        texts=tuple(texts),
        allows=tuple(allows),
        never_allow=tuple(sorted(never)),
        tightens=tuple(tightens),
        cwd=cwd,
    )
    return policy, stamps


def _check_allows(allows: Iterable[Allow], never: set[str]) -> None:
    for allow in allows:
        if allow.rule in never:
            raise PolicyError(
                f"{allow.file.path}: allow: the system policy lets nobody allow {allow.rule}",
                hint="remove it",
            )


class _Names:
    """The rules that there are so far, by id and by name."""

    def __init__(self, shipped: tuple[Rule, ...]) -> None:
        self._known = {key: rule for rule in shipped for key in (rule.id, rule.name)}

    def add(self, rule: Rule) -> None:
        """One more. Raises RuleError if its id or name is taken."""
        for key in (rule.id, rule.name):
            taken = self._known.get(key)
            if taken is not None and taken is not rule:
                raise RuleError(
                    f'{rule.source}: "{key}" is already a rule, in {taken.source}',
                    hint="choose another",
                )
            self._known[key] = rule

    def id_of(self, name: str, where: str) -> str:
        """The id of the rule with this id or name. Raises PolicyError for an unknown one."""
        if name not in self._known:
            raise PolicyError(
                f'{where}: there is no rule "{name}"', hint=nearest(name, tuple(self._known))
            )
        return self._known[name].id


def _rule_files(one: Written, stamps: dict[str, Stamp]) -> Iterator[str]:
    """The files that the patterns name, in order of their names. Raises PolicyError if none."""
    seen: set[str] = set()
    for pattern in one.patterns:
        folder, _, last = f"{os.path.dirname(one.file.path)}/{pattern}".rpartition("/")  # noqa: PTH120
        names = _names_in(folder, last, stamps) if "*" in last else [last]
        if not names:
            raise PolicyError(f'{one.file.path}: rules: "{pattern}" names no file')
        seen.update(f"{folder}/{name}" for name in names)
        if len(seen) > RULE_FILES_MAX:
            raise PolicyError(f"{one.file.path}: rules: more than {RULE_FILES_MAX} files")
    for path in sorted(seen):
        stamps[path] = stamp_of(path)
        yield path


def _names_in(folder: str, pattern: str, stamps: dict[str, Stamp]) -> list[str]:
    stamps[folder] = stamp_of(folder)
    names = []
    try:
        with os.scandir(folder) as entries:
            for number, entry in enumerate(entries):
                if number >= _ENTRIES_MAX:
                    raise PolicyError(f"{folder}: rules: more than {_ENTRIES_MAX} entries")
                if fnmatch.fnmatchcase(entry.name, pattern):
                    names.append(entry.name)
    except OSError as error:
        raise PolicyError(f"{folder}: rules: {error.strerror}") from error
    return names


def _read_rule(path: str, kind: Kind) -> tuple[Rule, str]:
    """One rule file: the rule, in the family of its policy's kind, and the text."""
    text = text_of(plain_bytes(path, RULE_FILE_MAX, links=kind != "project"), path)
    _refuse_tricks(text, path)
    try:
        rule, _ = parse_rule(text, path)
    except (TypeError, ValueError, AttributeError, RecursionError) as error:
        raise RuleError(f"{path}: {error}") from error
    if sum(len(match.targets) for match in rule.match) > _TARGETS_MAX:
        raise RuleError(f"{path}: match: more than {_TARGETS_MAX} targets")
    return replace(rule, family=kind, instead=None if kind == "project" else rule.instead), text


def _refuse_tricks(text: str, path: str) -> None:
    """Look at YAML's events, which cost no more than the text, before anything is built."""
    import yaml

    depth = 0
    try:
        for event in yaml.parse(text, yaml.CSafeLoader):
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                raise RuleError(f"{path}: anchors and aliases are not for rules")
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > _NESTED_MAX:
                raise RuleError(f"{path}: is nested too deeply")
    except yaml.YAMLError as error:
        raise RuleError(f"{path}: {error}") from error
