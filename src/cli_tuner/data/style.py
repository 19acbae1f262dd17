"""Whether a command is written as the product should answer: what a source's `plain` asks for.

A public collection shows many ways to write one thing. A model that learns all of them answers now
this way and now that way; one that learns the few that are portable, safe and current answers them.
Nothing here says that a command is wrong. Not covered: whether it does what the request says.
"""

from __future__ import annotations

import re

from cli_tuner.shell.canonical import are_options_known

_SINGLE_QUOTED = re.compile(r"'[^']*'")
_BACKQUOTE = re.compile(r"(?<!\\)`")
_PARAMETER = re.compile(r"\$(?:[0-9@*#]|\{[0-9@*#])")
_VARIABLE = re.compile(r"\$\{?([A-Za-z_]\w*)")
_OLD_GREP = re.compile(r"(?:^|[\s|;&(])(?:egrep|fgrep)\s")
_FIND_WITHOUT_PLACE = re.compile(r"(?:^|[\s|;&(])find\s+(?:-(?![HLPDO])|\\?\(|\\?!)")
_FIND_THE_ROOT = re.compile(r"(?:^|[\s|;&(])find\s+/\s")
_SAYS_ROOT = re.compile(
    r"(?:^|[\s\"'`(])/(?:[\s\"'`.,;:)]|$)"
    r"|\b(?:root|entire|whole|all over|everywhere|anywhere|any|system|filesystem|file-system"
    r"|filesystems|systems|computer|machine|server|disk|host)\b",
    re.IGNORECASE,
)
_PIPE_TO_RM = re.compile(r"xargs\s[^|]*\brm\b|-exec\s+(?:/bin/)?rm\b(?![^;]*-\w*r)")
_OF_EVERY_SHELL = frozenset({"HOME", "USER", "PWD", "PATH", "SHELL", "RANDOM", "OLDPWD", "LOGNAME"})


def fault_of_style(query: str, command: str) -> str:
    """Why a pair is not in the product's style, or ""."""
    text = _SINGLE_QUOTED.sub("''", command)
    if _BACKQUOTE.search(text):
        return "style: backquotes"
    if _OLD_GREP.search(text):
        return "style: egrep or fgrep"
    if _PARAMETER.search(text):
        return "style: a script's parameters"
    if _unnamed(query, text):
        return "style: a variable that the request does not name"
    if _FIND_WITHOUT_PLACE.search(text):
        return "style: find without a place"
    if _FIND_THE_ROOT.search(text) and not _SAYS_ROOT.search(query):
        return "style: searches /, which the request does not name"
    if _PIPE_TO_RM.search(text):
        return "style: names piped to rm, where -delete would do"
    if are_options_known(command) is False:
        return "style: an option that the program does not have"
    return ""


def _unnamed(query: str, text: str) -> bool:
    """Whether a variable is used that neither the request names nor the command sets."""
    for name in _VARIABLE.findall(text):
        sets = rf"\b{name}=|\bfor {name}\b|\bread\b[^;|&]*\b{name}\b"
        if name not in _OF_EVERY_SHELL and name not in query and not re.search(sets, text):
            return True
    return False
