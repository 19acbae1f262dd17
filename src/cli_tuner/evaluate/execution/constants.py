"""What a command's own text says about the files it is meant for.

Paths come from the effects that the guard sees, the rest from options and patterns. Nothing here
has to be complete: a tree that a command does not fit leaves the item undecided, and says so.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field

from cli_tuner.records import EffectKind
from cli_tuner.shell import effects_of
from cli_tuner.shell.template import utilities_of
from cli_tuner.shell.values import CWD, HOLE, HOME, MARKS, QUERY, STAR

_THERE = {EffectKind.READ, EffectKind.DELETE, EffectKind.MOVE, EffectKind.PERMISSION,
          EffectKind.OWNER, EffectKind.EXECUTE, EffectKind.SECRET}  # fmt: skip
_SIZE = re.compile(r"-size\s+['\"]?[+-]?(\d+)([cwbkMG]?)")
_AGE = re.compile(r"-[mac](time|min)\s+['\"]?[+-]?(\d+)")
_PERM = re.compile(r"-perm\s+['\"]?[-/]?(0?[0-7]{3,4})\b")
_NUMBER = re.compile(r"(?<![\w.])[+-]?(\d{1,4})(?![\w.])")
_DELIMITER = re.compile(
    r"(?:-d|-F|-t|--delimiter=|--field-separator=|-s)\s*(['\"]?)([,;:|\t/=@#-])\1(?=\s|$)"
)
_GLOB_OPTION = re.compile(
    r"(?:-i?name|-i?path|-wholename|--include=?|--exclude=?)\s*(?:'([^']+)'|\"([^\"]+)\"|(\S+))"
)
_FOLDER_OPTION = re.compile(
    r"(?:-i?path|-wholename|--exclude-dir[= ])\s*['\"]?(?:\./|\*/)?([\w.-]+)(?:/\*)?['\"]?(?=\s|$)"
)
_INDEXED = re.compile(r"\.(\w*)\[")
_LITERAL = re.compile(r"[\w.-]*[A-Za-z][\w.-]*")
_TYPE = re.compile(r"-type\s+([fdl])")
_UNITS = {"": 512, "b": 512, "c": 1, "w": 2, "k": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_FOLDER_TAKERS = frozenset("find cd pushd ls du tree rmdir rsync".split())
_MAKERS = frozenset("mkdir touch zip".split())
_FILE_TAKERS = frozenset("stat file cat wc tac head tail nl rev".split())
_LOOKS_LIKE_A_FILE = re.compile(r"[\w@%+~-][\w@%+./~ -]*\.[A-Za-z]\w{0,5}")
_RECURSIVE = re.compile(
    r"\b(?:tar|rsync)\b|\b(?:grep|cp|rm|chmod|chown|diff|zip|ls)\b.*\s(?:-\w*[rRa]|--recursive)"
)
_WORDS = re.compile(r"[A-Za-z][\w-]+")
_PATTERN_TAKERS = frozenset("grep egrep fgrep zgrep sed awk gawk mawk perl ack rg tr look".split())
_GREPS = frozenset("grep egrep fgrep zgrep rg".split())
_PROGRAM_TEXT = frozenset(
    "print printf BEGIN END NR NF FS OFS RS ORS FNR for if else while length substr split toupper "
    "tolower gsub sub in next exit int index getline function return".split()
)


@dataclass
class Constants:
    """What some commands name: paths that should be there, paths that may be, patterns, bounds."""

    there: set[str] = field(default_factory=set)
    written: set[str] = field(default_factory=set)
    folders: set[str] = field(default_factory=set)
    globs: set[str] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)
    sizes: set[int] = field(default_factory=set)
    ages_s: set[int] = field(default_factory=set)
    modes: set[int] = field(default_factory=set)
    numbers: set[int] = field(default_factory=set)
    delimiters: set[str] = field(default_factory=set)
    lists: set[str] = field(default_factory=set)
    """Keys of JSON under which a command expects a list; "" is the whole document."""
    programs: set[str] = field(default_factory=set)


def constants_of(*commands: str) -> Constants:
    """Everything that these commands name, together."""
    found = Constants()
    for command in commands:
        found.programs |= set(utilities_of(command))
        _from_effects(command, found)
        _from_words(command, found)
        _from_options(command, found)
        _into_folders(command, found)
    for glob in sorted(found.globs):
        above = glob.rpartition("/")[0]
        if above not in {"", ".", "*", "**", "~"} and not _is_glob(above):
            found.folders.add(above)
    found.there -= found.folders
    return found


def _is_glob(path: str) -> bool:
    return any(sign in path for sign in "*?[")


def _from_effects(command: str, found: Constants) -> None:
    for effect in effects_of(command):
        path = _usable(effect.target)
        if path is None:
            continue
        if "recursive" in effect.attributes and "." not in path.rsplit("/", 1)[-1]:
            found.folders.add(path)
        elif _is_glob(path):
            if effect.kind is not EffectKind.WRITE or "edit" in effect.attributes:
                found.globs.add(path)
        elif effect.kind in _THERE or "edit" in effect.attributes:
            found.there.add(path)
        elif effect.kind is EffectKind.WRITE:
            found.written.add(path)


def _usable(target: str | None) -> str | None:
    """A target as a path of a tree; None for devices, holes and what is of the system."""
    if not target:
        return None
    path = target.replace(STAR, "*").replace(QUERY, "?").replace(HOME, "~").replace(CWD, ".")
    if HOLE in target or any(mark in path for mark in MARKS) or "…" in path:
        return None
    if path in {".", "~", "/", "-", "*"} or path.startswith(
        ("/dev", "/proc", "/sys", "/usr", "/bin")
    ):
        return None
    return path if re.fullmatch(r"[\w@%+=:,.~/ *?\[\]-]+", path) else None


def _from_words(command: str, found: Constants) -> None:
    """Operands of programs that list or make, quoted patterns, and whatever looks like a file."""
    try:
        words = shlex.split(command)
    except ValueError:
        words = command.split()
    program, pattern_next = "", False
    for word in words:
        name = word.rpartition("/")[2]
        if pattern_next and not word.startswith("-"):
            pattern_next = False  # `grep -w cat` looks for a word that is also a program
            _from_pattern(word, found)
            continue
        if name in _FOLDER_TAKERS | _FILE_TAKERS | _PATTERN_TAKERS | _MAKERS:
            program, pattern_next = name, name in _GREPS
            continue
        if word in {"|", ";", "&&", "||", "(", ")"} or word.startswith("-"):
            program = "" if word in {"|", ";", "&&", "||"} or program == "find" else program
            continue
        _from_word(word, program, found)


def _from_pattern(word: str, found: Constants) -> None:
    """What grep looks for, also if it looks like a file's name."""
    found.texts |= set(_WORDS.findall(word))
    if _LITERAL.fullmatch(word):
        found.texts.add(word)


def _from_word(word: str, program: str, found: Constants) -> None:
    path = _usable(word.rstrip(";"))
    is_file = path is not None and _LOOKS_LIKE_A_FILE.fullmatch(path) is not None
    if program in _PATTERN_TAKERS and not is_file:
        found.texts |= {each for each in _WORDS.findall(word) if each not in _PROGRAM_TEXT}
    if path is None or path in found.written or word.startswith(("+", "%", "s/")):
        return
    if _is_glob(path):
        if "/" in path and program not in _PATTERN_TAKERS:
            found.globs.add(path)
    elif word.endswith("/") and program not in _MAKERS:
        found.folders.add(path.rstrip("/"))
    elif program in _MAKERS and (program != "zip" or path.endswith(".zip")):
        found.written.add(path)
    elif program in _FOLDER_TAKERS and not is_file:
        found.folders.add(path)
    elif is_file or program in _FILE_TAKERS:
        found.there.add(path)


def _into_folders(command: str, found: Constants) -> None:
    """What a recursive program is given, if its name has no extension, is a folder."""
    for part in re.split(r"[|;&]", command):
        if _RECURSIVE.search(part):
            words = {word.strip("'\"/") for word in part.split()}
            found.folders |= {path for path in found.there & words if "." not in path}


def _from_options(command: str, found: Constants) -> None:
    found.sizes |= {int(count) * _UNITS[unit] for count, unit in _SIZE.findall(command)}
    for unit, count in _AGE.findall(command):
        found.ages_s.add(int(count) * (86400 if unit == "time" else 60))
    found.modes |= {int(mode, 8) for mode in _PERM.findall(command)}
    found.numbers |= {int(number) for number in _NUMBER.findall(command)}
    found.delimiters |= {sign for _, sign in _DELIMITER.findall(command)}
    for groups in _GLOB_OPTION.findall(command):
        glob = next(each for each in groups if each)
        found.globs.add(glob.replace("\\", ""))
    if "jq" in found.programs:
        found.lists |= set(_INDEXED.findall(command))
    found.folders |= set(_FOLDER_OPTION.findall(command))
    if "d" in _TYPE.findall(command) or "-prune" in command:
        found.folders |= {each for each in found.globs if not _is_glob(each)}
