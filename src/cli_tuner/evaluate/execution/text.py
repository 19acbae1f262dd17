"""What two outputs have to share to count as the same text.

Declared, and documented in docs/EXECUTION.md: white space at line ends and empty lines at the end
do not count, neither does `./` before a path or the digest in what `git commit` says; line order
counts unless it is only the order in which directories were read.
"""

from __future__ import annotations

import re

from cli_tuner.shell.template import template_of

_DOT_SLASH = re.compile(r"(?<![\w./~-])\./+(?=[^\s/])")
_COMMIT = re.compile(r"^\[([\w./() -]+) [0-9a-f]{7,40}\]")
_READS_DIRECTORIES = re.compile(
    r"(?:^|[;|] )(?:find|du|tree|ls|md5sum|sha\d+sum|b2sum|cksum|stat|file|wc|rg|fd|locate|getent|"
    r"env|printenv|set|ps|lsof|jobs|alias)\b"
    r"|\bgrep(?: -\S+)* -[rR]\b|\bls(?: -\S+)* -[RUf]\b|\b(?:chmod|chown|cp|rm|mv|tar)\b.*-v\b"
)
_KEEPS_ORDER = frozenset("sort tac shuf head tail nl uniq tsort paste join comm pr column".split())
_ASKED = re.compile(
    r"\b(?:sort(?:ed|s)?|order(?:ed)?|rank(?:ed)?|alphabetical(?:ly)?|ascending|descending|"
    r"(?:larg|bigg|small|new|old|long|short)est (?:ones? )?first|most \w+ first|"
    r"by (?:size|date|name|time)|"
    r"revers(?:e|ed))\b",
    re.IGNORECASE,
)
_SPACE_AT_ENDS = re.compile(r"(?:\\s|\[\[:space:\]\]|\[\[:blank:\]\]| |\[ \\t\])[*+]?\$")
LS_ORDERS = re.compile(r"\bls(?: -\S+)* -[tSrXvc]\b")


def order_counts(reference: str, request: str = "") -> bool:
    """Whether the order of lines is a part of what was asked for.

    It is not if the reference lists what directories hold, does nothing with the order of that,
    and the request does not ask for one either.
    """
    skeleton = template_of(reference)
    if not _READS_DIRECTORIES.search(skeleton) or LS_ORDERS.search(skeleton):
        return True
    programs = set(re.findall(r"[\w.+-]+", skeleton))
    return bool(programs & _KEEPS_ORDER) or bool(_ASKED.search(request))


def space_counts(reference: str) -> bool:
    """Whether the command is about the white space at line ends, which is compared then."""
    return bool(_SPACE_AT_ENDS.search(reference))


def shown_lines(raw: bytes, *, ordered: bool = True, exact: bool = False) -> tuple[str, ...]:
    """The lines of an output under the normalisation; sorted if their order does not count."""
    text = raw.decode("utf-8", "backslashreplace")
    lines = text.split("\n")
    if not exact:
        lines = [_COMMIT.sub(r"[\1]", _DOT_SLASH.sub("", line.rstrip())) for line in lines]
        while lines and not lines[-1]:
            lines.pop()
    return tuple(lines if ordered else sorted(lines))
