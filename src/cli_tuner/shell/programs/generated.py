"""Statements that are made by statements: what a query prints for another client to run.

    psql -c "select 'drop table '||tablename from pg_tables" | psql    all tables of a database
    ... \\gexec        EXECUTE 'drop table ' || name        PREPARE s FROM @made

The literals of such a query are the statement, with a hole where a name will be. A list of all
there is (`show tables`) is marked as such, so that what is made of each line counts for all.
Not covered: statements put together from variables alone.
"""

from __future__ import annotations

import re

from cli_tuner.shell.values import HOLE, Value

STATEMENT_MAX = 2_000
_SELECT = re.compile(
    r"\bselect\b(?P<made>(?:'(?:[^']|'')*'|[^;'])*?)\bfrom\b(?P<rest>(?:'(?:[^']|'')*'|[^;'])*)",
    re.I | re.S,
)
_LITERAL = re.compile(r"'((?:[^']|'')*)'|\"((?:[^\"]|\"\")*\s(?:[^\"]|\"\")*)\"")
# Names of what a database holds, and the commands that print them.
_CATALOGUE = re.compile(
    r"\b(?:information_schema\s*\.\s*(?:tables|schemata|views)|pg_(?:tables|database|class|"
    r"namespace|stat_user_tables)|sqlite_(?:master|schema)|sys\.(?:tables|databases|objects)|"
    r"(?:all|user|dba)_(?:tables|objects)|system\.(?:tables|databases))\b",
    re.I,
)
_LISTS = re.compile(
    r"^\s*(?:show\s+(?:full\s+)?(?:tables|databases|schemas|collections|keyspaces|dbs)\b|"
    r"\\(?:dt|l|d|dn)\+?\s*$|\.(?:tables|databases)\b|describe\s+(?:tables|keyspaces)\b)",
    re.I,
)
# One kind of thing, or all of it but the system's own, is no choice; a pattern of names is one.
_CHOSEN = re.compile(
    r"\b(?:\w*name|relname)\b\s*(?:(?<!not )(?:like|ilike|similar|regexp|rlike|glob)\b|~|in\b)|"
    r"\b(?:table_?name|tablename|relname|datname)\s*=|\blike\s+'|^\s*\.tables\s+\S",
    re.I,
)
_NOT = re.compile(r"\bnot\s+(?:like|ilike|in)\b[^)]*?(?:\)|'[^']*')|!~\S*\s*'[^']*'", re.I)
_EXECUTED = re.compile(
    r"\\gexec\b|\bexec(?:ute)?\b\s*(?:immediate\s+)?\(?\s*(?:format\s*\(|concat\s*\(|n?'|@|\w+\s*;)|"
    r"\bprepare\s+\w+\s+from\b|\bsp_executesql\b",
    re.I,
)
_FOR_EACH = re.compile(r"\bsp_msforeach(?:table|db)\b\s*(?:@command1\s*=\s*)?n?'([^']*)'", re.I)


def printed_by(texts: list[str]) -> Value | None:
    """What a client prints if its statements make statements or list all there is."""
    for text in (text[:STATEMENT_MAX] for text in texts):
        if _LISTS.search(text):
            chosen = frozenset({"filtered"}) if _is_chosen(text) else frozenset()
            return Value((HOLE,), frozenset({"many"}) | chosen, "the list of a database")
        for match in _SELECT.finditer(text):
            if not _CATALOGUE.search(match["rest"]):
                continue
            chosen = frozenset({"filtered"}) if _is_chosen(match["rest"]) else frozenset()
            made = _literals(match["made"])
            source = "what a query prints" if made else "the list of a database"
            return Value((made or HOLE,), frozenset({"many"}) | chosen, source)
    return None


def made_and_run(text: str) -> tuple[str, bool]:
    """Statements that the text makes and runs itself, and whether it does so for all there is."""
    each = "; ".join(match[1] for match in _FOR_EACH.finditer(text))
    if each:
        return each, True
    if not _EXECUTED.search(text):
        return "", False
    every = _CATALOGUE.search(text) is not None and not _is_chosen(text)
    return _literals(text), every


def _literals(text: str) -> str:
    """The quoted pieces in their order, with holes for what stands between them."""
    pieces = [match[1] or match[2] or "" for match in _LITERAL.finditer(text)]
    return HOLE.join(piece.replace("''", "'") for piece in pieces)


def _is_chosen(text: str) -> bool:
    return _CHOSEN.search(_NOT.sub(" ", text)) is not None
