"""Code of other languages that loses what a database, a store or a cluster holds.

    redis.Redis().flushall()           all of it
    cur.execute('DROP SCHEMA x')       all of it
    User.objects.all().delete()        one table

Covered: statements given to calls that execute them, and calls of clients and object mappers that
say by their name what goes. Not covered: statements that are put together, and models' own methods.
"""

from __future__ import annotations

import re

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.call import Call
from cli_tuner.shell.programs.wholesale import WHOLE, disposable

_HINT = re.compile(
    r"drop|truncate|flush|destroy_all|delete_?all|\bdelete\b|terminate_instances|remove\(", re.I
)
_EXECUTES = (
    r"\b(?:execute\w*|query\w*|raw\w*|exec|exec_\w+|statement|unprepared|mysqli_query|pg_query|do)"
    r"\s*\(?\s*(?:\$?\w+\s*,\s*)?(?:[\w.]+\()?[rbfu]?(?:\"{3}|'{3}|[\"'`])\s*"
)
_WHOLE_STATEMENT = re.compile(
    _EXECUTES + r"drop\s+(?:database|schema|keyspace)\s+(?:if\s+exists\s+)?(?P<name>[\w.\"`-]+)",
    re.I,
)
_STATEMENT = re.compile(
    _EXECUTES + r"(?:drop\s+(?:table|view|index)|truncate|delete\s+from\s+[\w.\"`]+\s*;?\s*[\"'`])",
    re.I,
)
_ALL = re.compile(
    r"\.(?:dropDatabase|drop_database|flush_?all|flush_?db|drop_all|delete_bucket)\s*\("
    r"|\bBucket\([^)]*\)\.(?:objects|object_versions)\.(?:all\(\)\.)?delete\(",
    re.I,
)
_ROWS = re.compile(
    r"\.objects\.(?:all\(\)\.)?(?:filter\(\)\.)?delete\(|\.(?:destroy_all|delete_all)\b"
    r"|\w::(?:truncate|query\(\)->delete|destroyAll)\s*\(|\.(?:deleteMany|remove)\(\s*\{\s*\}\s*\)"
    r"|\.(?:terminate_instances|delete_db_instance|delete_table|drop_table|drop_collection)\("
    r"|\.remove\([^)]*\)\s+for\s+\w+\s+in\s+\S*from_env\(\)"
)


def loses_stored(call: Call, code: str) -> None:
    """Emit what the code loses elsewhere; at most one effect."""
    if not _HINT.search(code):
        return
    match = _WHOLE_STATEMENT.search(code)
    if match is not None:
        whole = () if disposable([match["name"]]) else (WHOLE,)
        call.effect(EffectKind.REMOTE_STATE, match["name"], "database", "delete", *whole)
    elif found := _ALL.search(code):
        whole = () if disposable([code]) else (WHOLE,)
        call.effect(EffectKind.REMOTE_STATE, found[0].strip(".("), "database", "delete", *whole)
    elif found := _STATEMENT.search(code) or _ROWS.search(code):
        call.effect(EffectKind.REMOTE_STATE, found[0][:60].strip(".( "), "database", "delete")
