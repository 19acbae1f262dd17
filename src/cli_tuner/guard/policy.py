"""What is in force: the shipped rules, and what policy files add, allow and tighten.

Three files, each optional, read in this order (`policy_file.py` has their format):

    system     policy.toml beside the system's config.toml
    user       policy.toml beside the user's config.toml
    project    .cli-tuner/policy.toml, in the current folder and those above it, up to the
               repository's root or the home folder, never further

An allow lowers one rule below one path and belongs to system and user alone. A project may add
rules and tighten, nothing else: it comes with the repository, so at worst it blocks. A file that is
not valid stops everything (PolicyError); it is never ignored.

Covers what the files say. An allow looks at the text and, so that a link inside the folder leads
nowhere else, at the links on this machine at the time of judging.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

from cli_tuner.errors import PolicyError
from cli_tuner.guard.rule import Rule, rules, ruleset_digest
from cli_tuner.records.verdict import Effect, Level, Safety

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cli_tuner.settings import Paths

Kind = Literal["system", "user", "project"]
FOLDER, FILE = ".cli-tuner", "policy.toml"
_KEPT_MAX = 64


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """One file in force, and what was read of it."""

    kind: Kind
    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Allow:
    """One rule that does not count below one path, because somebody said why."""

    rule: str
    path: str
    why: str
    file: PolicyFile


@dataclass(frozen=True, slots=True)
class Tighten:
    """One rule whose `review` is `dangerous`."""

    rule: str
    file: PolicyFile


@dataclass(frozen=True, slots=True)
class Policy:
    """What decides about effects. Without files it is the shipped rules and nothing else."""

    files: tuple[PolicyFile, ...] = ()
    safety: Safety = Safety.MODERATE
    added: tuple[Rule, ...] = ()
    texts: tuple[tuple[str, str], ...] = ()
    """The added rules as written, by their `source`."""
    allows: tuple[Allow, ...] = ()
    never_allow: tuple[str, ...] = ()
    tightens: tuple[Tighten, ...] = ()
    cwd: str = ""

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The shipped rules, then the added ones, so that these never come first."""
        return rules() + self.added

    def tightened(self, safety: Safety) -> Safety:
        """The stricter of what is asked for and what the files say."""
        return Safety.STRICT if Safety.STRICT in (safety, self.safety) else Safety.MODERATE

    def level_of(self, rule: Rule) -> Level:
        """The rule's level, or `dangerous` if a file tightens it."""
        if any(tighten.rule == rule.id for tighten in self.tightens):
            return Level.DANGEROUS
        return rule.level

    def allow_for(self, rule: Rule, effect: Effect) -> Allow | None:
        """The allow that covers this effect, if one does."""
        for allow in self.allows:
            if allow.rule == rule.id and self.holds(allow):
                from cli_tuner.guard.allow import covers

                if covers(allow.path, effect, self.cwd):
                    return allow
        return None

    def holds(self, allow: Allow) -> bool:
        """Whether an allow counts: it does not where another file tightens the same rule."""
        return not any(
            tighten.rule == allow.rule and tighten.file != allow.file for tighten in self.tightens
        )

    def digest(self, safety: Safety) -> str:
        """SHA-256 of the policy's definition: the safety level and all files in force."""
        return policy_digest(safety, self.files)

    def ruleset_digest(self) -> str:
        """SHA-256 of all rules: that of the shipped ones if none are added."""
        return _ruleset_digest(self.texts)


SHIPPED = Policy()


@cache
def policy_digest(safety: Safety, files: tuple[PolicyFile, ...] = ()) -> str:
    """SHA-256 of the policy's definition in canonical JSON."""
    definition: dict[str, object] = {
        "policy": safety.value,
        "version": 1,
        "permits": [level.value for level in Level if safety.permits(level)],
        "unreadable": Level.REVIEW.value,
    }
    if files:
        definition["files"] = [[file.kind, file.sha256] for file in files]
    canonical = json.dumps(definition, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


@cache
def _ruleset_digest(texts: tuple[tuple[str, str], ...]) -> str:
    if not texts:
        return ruleset_digest()
    digest = hashlib.sha256(ruleset_digest().encode())
    for _, text in texts:  # where a file lies on this machine is not what it says
        digest.update(f"{len(text)}\0{text}".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


Stamp = tuple[int, ...] | None
"""What tells whether a file or folder changed."""
_kept: dict[tuple[str, ...], tuple[dict[str, Stamp], Policy]] = {}


def load_policy(paths: Paths, cwd: str | None) -> Policy:
    """The policy in force for a command that would run in `cwd`; without one, no project's.

    Files are read again only when they, their rules or the folders of these changed. Without
    any file nothing is imported. Raises PolicyError for a file that is not valid.
    """
    found = tuple(_found(paths, cwd or ""))
    if not found:
        return SHIPPED
    key = (cwd or "", *(path for _, path in found))
    if key in _kept:
        stamps, policy = _kept[key]
        if all(stamp_of(path) == stamp for path, stamp in stamps.items()):
            return policy
    from cli_tuner.guard.policy_load import policy_of

    policy, stamps = policy_of(found, cwd or "")
    if len(_kept) >= _KEPT_MAX:
        _kept.clear()
    _kept[key] = stamps, policy
    return policy


def stamp_of(path: str) -> Stamp:
    """The stamp of what a path leads to; take it before reading. None if it leads nowhere."""
    try:
        status = os.stat(path)  # noqa: PTH116
    except OSError:
        return None
    place = (status.st_dev, status.st_ino, status.st_size)
    return *place, status.st_mtime_ns, status.st_ctime_ns


def _found(paths: Paths, cwd: str) -> Iterator[tuple[Kind, str]]:
    """The policy files that there are, those decided by others first."""
    system, user = str(paths.system_config.with_name(FILE)), str(paths.config / FILE)
    if _is_there(system):
        yield "system", system
    if _is_there(user):
        yield "user", user
    for folder in reversed(_project_folders(cwd)):
        inner = f"{folder}/{FOLDER}"
        if _is_there(inner) and _is_there(f"{inner}/{FILE}"):
            yield "project", f"{inner}/{FILE}"


def _project_folders(cwd: str) -> list[str]:
    """`cwd` and the folders above it that belong to the same repository, or to the same home."""
    if not cwd:
        return []
    home = os.path.realpath(os.path.expanduser("~"))  # noqa: PTH111
    folders, folder = [cwd], cwd
    while folder != home and not os.path.lexists(f"{folder}/.git"):
        parent = os.path.dirname(folder)  # noqa: PTH120
        if parent == folder:
            return [cwd]  # in no repository and no home: what lies above is not this project's
        folder = parent
        folders.append(folder)
    return folders


def _is_there(path: str) -> bool:
    """Whether something has this name, whatever it is. Raises PolicyError if nobody can tell."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError) as error:
        raise PolicyError(
            f"{path}: cannot tell whether there is a policy: {error}", hint="make it readable"
        ) from error
    return True
