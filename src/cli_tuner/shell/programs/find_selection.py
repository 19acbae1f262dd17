"""What the tests of `find` select of what they meet: some, only junk, one name, or nearly all.

-name '*.pyc'                    only junk
-name a -o -name b               both sides must select
! -name keep                     nearly all: a negated test leaves something out, no more
-name x -o -delete               what -delete takes is all the rest
-delete -name x                  an action takes what the tests before it left
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from cli_tuner.shell.template import EXECUTES
from cli_tuner.shell.values import HOLE, STAR
from cli_tuner.shell.words import Field

_NARROWING = frozenset(
    "-name -iname -path -ipath -wholename -regex -iregex -mtime -mmin -atime -amin -ctime -cmin "
    "-newer -size -empty -user -uid -group -nouser -nogroup -perm -inum -samefile -lname -used "
    "-links -fstype -xtype -executable".split()
)
_ALONE = frozenset(
    "-empty -executable -nouser -nogroup -readable -writable -true -false -delete -print -print0 "
    "-ls -prune -quit -depth -d -daystart -follow -mount -xdev -noleaf "
    "-ignore_readdir_race -noignore_readdir_race -warn -nowarn -help --help -version".split()
)
_DELETES = "-delete"
_TAKES = EXECUTES | {_DELETES}
# Run for their status alone, they are tests.
_ASKED = frozenset("grep egrep fgrep rg zgrep test [ cmp diff".split())
_AGES = frozenset("-mtime -mmin -atime -amin -ctime -cmin -newer -size -used".split())
# A comma, too, lets both sides be tried.
_OR, _NOT, _AND = frozenset({"-o", "-or", ","}), frozenset({"!", "-not"}), frozenset({"-a", "-and"})
# Nobody misses these, wherever they are; of the others there are good ones in a whole home.
JUNK = re.compile(
    r"(?:\*?\.(?:pyc|pyo|tmp|temp|swp|swo|DS_Store|rej|part|crdownload)|\*~|#\*#?|"
    r"\.DS_Store|Thumbs\.db|desktop\.ini|\*?\.?core(?:\.?\*)?|\._\*|__pycache__|node_modules|\.nfs\*)$"
)
_OLD = re.compile(r"(?:\*?\.(?:bak|orig|log|o|class|cache|old|gz)|\*?\.log\.\d*|\*\.log\*)$")
# Logs that are being written, not those that were rotated away.
_LOGS = re.compile(r"(?:.*/)?(?:\*?\.?\*?log|auth\S*|syslog|messages|secure|wtmp|btmp|lastlog)$")

Kinds = frozenset[str]
_NONE: Kinds = frozenset()


def selected(tests: list[Field]) -> Kinds:
    """`some` files, only `junk`, what is `old` or made again, `one` name, `logs`, `aged`."""
    return _Expression([test.text for test in tests]).kinds


class _Expression:
    """The tests between two parentheses, or all of them, read from left to right."""

    def __init__(self, words: list[str]) -> None:
        branches = [list(_primaries(branch)) for branch in _branches(words)]
        # An action stands in one branch, and takes what only that one selects before it.
        acting = [_up_to_action(one) for one in branches if any(action for action, _ in one)]
        self.kinds = _either(
            [_NONE.union(*(kinds for _, kinds in one)) for one in acting or branches]
        )


def _up_to_action(branch: list[tuple[str, Kinds]]) -> list[tuple[str, Kinds]]:
    """Up to the first -delete, else up to the last command."""
    actions = [action for action, _ in branch]
    if _DELETES in actions:
        return branch[: actions.index(_DELETES) + 1]
    return branch[: max(at for at, action in enumerate(actions) if action) + 1]


def _branches(words: list[str]) -> Iterator[list[str]]:
    branch: list[str] = []
    depth = 0
    for word in words:
        depth += (word == "(") - (word == ")")
        if word in _OR and depth == 0:
            yield branch
            branch = []
        else:
            branch.append(word)
    yield branch


def _primaries(words: list[str]) -> Iterator[tuple[str, Kinds]]:
    """(what is done to what it meets, or nothing; what it selects), without connectives."""
    at, negated = 0, False
    while at < len(words):
        word = words[at]
        at += 1
        if word in _NOT:
            negated = not negated
            continue
        if word in _AND:
            continue
        action = word if word in _TAKES else ""
        if word == "(":
            end = _closing(words, at)
            inside = _TAKES & set(words[at:end])
            action = _DELETES if _DELETES in inside else next(iter(inside), "")
            kinds = _Expression(words[at:end]).kinds
            at = end + 1
        elif word in EXECUTES:
            kinds = frozenset({"some"}) if set(words[at : at + 1]) & _ASKED else _NONE
            at = next((i for i in range(at, len(words)) if words[i] in (";", "+")), len(words)) + 1
        else:
            argument = "" if word in _ALONE else next(iter(words[at:]), "")
            at += word not in _ALONE
            kinds = _selects(word, argument)
        if negated:  # all but these, unless it is by age or size
            by_age = word in _AGES or word.startswith("-newer")
            kinds = kinds & {"some", "aged"} if by_age else _NONE
            negated = False
        yield action, kinds


def _closing(words: list[str], at: int) -> int:
    depth = 1
    for index in range(at, len(words)):
        depth += (words[index] == "(") - (words[index] == ")")
        if depth == 0:
            return index
    return len(words)


def _either(branches: list[Kinds]) -> Kinds:
    """What is true of files that one of the branches selects."""
    if len(branches) == 1:
        return branches[0]
    if not all("some" in kinds for kinds in branches):
        return _NONE
    kinds = {kind for kind in ("junk", "one", "aged") if all(kind in one for one in branches)}
    if all({"junk", "old"} & one for one in branches):
        kinds.add("old")
    if any("logs" in one for one in branches):
        kinds.add("logs")
    return frozenset({"some", *kinds})


def _selects(name: str, value: str) -> Kinds:
    """What one test selects."""
    if name == "-type" and value == "l":
        return frozenset({"some"})
    if name not in _NARROWING and not name.startswith("-newer"):
        return _NONE
    named = name in ("-name", "-iname", "-path", "-wholename")
    if named and value.strip("*." + STAR) == "":
        return _NONE
    if name == "-perm" and value in ("777", "/000"):
        return _NONE
    kinds = {"some"}
    value = value.replace(STAR, "*")
    if JUNK.match(value) or name == "-empty":
        kinds.add("junk")
    if name in ("-name", "-iname", "-inum", "-samefile") and _is_one(value):
        kinds.add("one")
    aged = name in ("-mtime", "-mmin") or (name in ("-atime", "-ctime") and value.startswith("+"))
    if aged or _OLD.match(value):
        kinds.add("old")
    if aged or name == "-size":
        kinds.add("aged")
    elif named and _LOGS.match(value):
        kinds.add("logs")
    return frozenset(kinds)


def _is_one(name: str) -> bool:
    """Whether a name has no wildcard and no unknown part: some file is meant, not a kind."""
    return bool(name) and not any(char in name for char in "*?[" + STAR + HOLE)
