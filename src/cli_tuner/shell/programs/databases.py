"""Database clients: statements that lose data, and shells that start from inside."""

from __future__ import annotations

import re

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.call import Call, Handler
from cli_tuner.shell.facts import Facts
from cli_tuner.shell.paths import place_of, resolved
from cli_tuner.shell.programs.generated import made_and_run, printed_by
from cli_tuner.shell.programs.grants import database_rights
from cli_tuner.shell.programs.wholesale import WHOLE, disposable, listed
from cli_tuner.shell.values import EMPTY, HOLE, UNKNOWN, Value, known
from cli_tuner.shell.words import Field

_LOSES = re.compile(
    r"\b(?:drop\s+(?:database|table|schema|user|role|index|view|keyspace|collection)|drop\s+owned\s+by|"
    r"truncate\b|"
    r"delete\s+from\s+[\w.\"`]+\s*(?:;|$|['\"])|flushall|flushdb|_?dropDatabase|\.drop\(\)|"
    r"detach\s+delete|deleteMany\(\s*\{\s*\}|\.remove\(\s*\{\s*\}|reset\s+master)|\.drop\(\s*\)",
    re.I,
)
_CHANGES = re.compile(
    r"\b(?:delete\s+from|update\s+\S+\s+set|alter\s+table|deleteMany|deleteOne|"
    r"pg_(?:terminate|cancel)_backend|into\s+(?:out|dump)file|shutdownServer)\b|"
    r"(?:^|[;\n])\s*shutdown\b|(?:^|\s)\.restore\s",
    re.I,
)
# A database, or what another system calls one; the name follows.
_WHOLE = re.compile(
    r"\bdrop\s+(?:database|schema|keyspace|owned\s+by)\b(?:\s+if\s+exists)?\s*(?P<name>[^\s;]*)|"
    r"\bflushall\b|"
    r"\b_?dropDatabase\b|\bmatch\s*\(\w*\)\s*detach\s+delete\b",
    re.I,
)
_SHELLS = re.compile(r"\\!\s*(\S[^;\n]*)|^\.shell\s+(.+)|\bsystem\s+(\S.*)", re.M)
_PROGRAM = re.compile(r"(?:to|from)\s+program\s+'([^']*)'", re.I)


# Files that a statement reads, here or on the server.
_READS_FILE = re.compile(
    r"(?:\bcopy\b[^;]*?\bfrom\s+|\binfile\s+|\b(?:load_file|pg_read_file|pg_read_binary_file|"
    r"readfile|read_text|lo_import)\s*\(\s*)'([^'\n]+)'",
    re.I,
)
# Everything, or all rows of a table, as a text.
_DUMPS = re.compile(
    r"(?m)^\s*\.dump\b|\bcopy\b[^;]*\bto\s+stdout|--rdb\b|\bselect\s+\*\s+from\b", re.I
)
# Only the plan is shown; EXPLAIN ANALYZE runs the statement.
_EXPLAINED = re.compile(r"\bexplain\s+(?!\(?\s*analy[sz]e|\([^)]*\banaly[sz]e)[^;]*", re.I)
_KEYS_GO = frozenset({"del", "unlink", "flushall", "flushdb", "rename", "shutdown", "migrate"})
# A quoted value after LIKE, =, a comma or a parenthesis is data, whatever words it holds.
# In double quotes it is data only where a value is compared.
_LITERAL = re.compile(r"(?<=[\s=(,])'(?:[^'\n]|'')*'|(?<==)\s*\"[^\"\n]*\"")
# Names and values have no blanks; a statement that is only data has.
_QUOTED_STATEMENT = re.compile(r"(?<=[\s=(,])'[^'\n]*\s[^'\n]*'")
# A comment, unless MySQL runs it or it is an option of the client.
_COMMENT = re.compile(r"(?<=[\s;])--[^\n]*|/\*(?!!).*?\*/", re.S)
_PASSWORDS = re.compile(
    r"authentication_string|\bmysql\.user\b.*password|password.*\bmysql\.user\b|\bpg_shadow\b|"
    r"\bpg_authid\b|config\s+get\s+requirepass|sys\.sql_logins|system\.users\.find|sys\.user\$",
    re.I,
)
_STATEMENT = ("-e", "-c", "--execute", "--command", "-q", "--query", "--eval", "-Q")


def _undecided(call: Call) -> None:
    """A statement, or a file of them, that the text does not show."""
    for option in (*_STATEMENT, "-f", "--file", "-i"):
        where = call.after(option)
        if where is not None and where.text.strip() == HOLE:
            call.effect(EffectKind.OPAQUE, where.value.source or where.raw, "code")


def _redis_settings(call: Call, texts: list[str]) -> None:
    """CONFIG SET and MODULE LOAD: the server writes files, or loads code, where it is told to."""
    words = [text.lower() for text in texts]
    if "config" in words and "set" in words and {"dir", "dbfilename"} & set(words):
        place = place_of(resolved(texts[-1], call.shell.cwd))
        if place not in ("data", "temp", "project") or "/redis" not in texts[-1]:
            call.effect(EffectKind.PERSIST, texts[-1], "suspect")
    elif "config" in words and words[-2:] == ["protected-mode", "no"]:
        call.effect(EffectKind.FIREWALL, "the store's protection", "disable")
    elif words[:2] == ["module", "load"] or {"slaveof", "replicaof"} & set(words[:1]):
        call.effect(EffectKind.EXECUTE, texts[-1], "downloaded")


def _by_client(call: Call, texts: list[str]) -> None:
    """What a client does by its sub-command, or by the file it opens."""
    if call.name in ("redis-cli", "valkey-cli", "etcdctl") and _KEYS_GO & {
        t.lower() for t in texts
    }:
        whole = (WHOLE,) if _goes_whole(call, " ".join(texts), texts) or listed(call.args) else ()
        call.effect(EffectKind.REMOTE_STATE, "keys", "database", "delete", *whole)
    if call.name in ("redis-cli", "valkey-cli"):
        _redis_settings(call, texts)
        if [text.lower() for text in texts[-2:]] in (["debug", "segfault"], ["debug", "panic"]):
            call.effect(EffectKind.REMOTE_STATE, "the server", "database", "change")
    if call.name == "etcdctl" and "member" in texts and {"remove", "update"} & set(texts):
        call.effect(EffectKind.REMOTE_STATE, "a member of the cluster", "database", "change")
    if call.name == "influx" and {"delete", "drop"} & set(texts[:2]):
        call.effect(EffectKind.REMOTE_STATE, " ".join(texts[:2]), "database", "delete")
    if call.name.startswith("sqlite") or call.name == "duckdb":
        for where in [arg for arg in call.args if not arg.text.startswith("-")][:1]:
            call.reads(where)


def _goes_whole(call: Call, statements: str, texts: list[str]) -> bool:
    """Whether a whole database goes, which is not one for tests."""
    match = _WHOLE.search(statements)
    if call.name in ("redis-cli", "valkey-cli"):
        return match is not None or ("flushdb" in statements.lower() and call.after("-n") is None)
    if call.name == "etcdctl" and "del" in texts:
        return call.has("--prefix", "--from-key") and bool({"", "/", "\\0"} & set(texts))
    if match is None:
        return False
    return not disposable([match["name"]] if match["name"] else texts)


_BODY = re.compile(
    r"^(?:\{?\s*[\"']?(?:q|query|sql|statement|stmt|command)[\"']?\s*[=:]\s*[\"']?)?\s*(?=drop\s)",
    re.I,
)


def loses_all(body: str) -> bool:
    """Whether a request's body is a statement that loses a whole database, not one for tests."""
    start = _BODY.match(body)
    match = _WHOLE.match(body, start.end()) if start else None
    return match is not None and not disposable([(match["name"] or "").strip("\"'}")])


def _dropdb(call: Call) -> Value:
    """dropdb loses what DROP DATABASE loses, and asks only with -i."""
    operands = call.parsed(_DROPDB).operands
    if not operands or call.has("--help", "-?", "--version"):
        return UNKNOWN
    kept = call.has("-i", "--interactive") or disposable([operands[0].text])
    name = operands[0].raw if operands[0].text.startswith(HOLE) else operands[0].text
    undecided = HOLE in operands[0].text and not listed(operands[:1])
    whole = () if kept or undecided else (WHOLE,)
    call.effect(EffectKind.REMOTE_STATE, name, "database", "delete", *whole)
    return UNKNOWN


_DROPDB = Facts(values=frozenset("-h -p -U --host --port --username --maintenance-db".split()))


def _database(call: Call) -> Value:
    """psql, mysql and their like: the statements given as arguments, in files or on input."""
    texts = [arg.text for arg in call.args]
    inputs = _inputs(call)
    texts += [value.text for value in inputs]
    _undecided(call)
    if call.name in ("redis-cli", "valkey-cli") and {"--SCAN", "KEYS"} & {t.upper() for t in texts}:
        pattern = call.after("--pattern")
        chosen = (pattern is not None and pattern.text.strip("*") != "") or (
            texts[-1:] != ["*"] and "--scan" not in texts
        )
        listed_keys = {"many", "filtered"} if chosen else {"many"}
        return Value((HOLE,), frozenset(listed_keys), "the keys")
    text = " \n".join(texts)
    if call.name == "etcdctl" and "get" in texts and "/registry/secrets" in text:
        call.effect(EffectKind.SECRET, "the cluster's secrets", "dump")
    _by_client(call, texts)
    if match := _PASSWORDS.search(text):
        call.effect(EffectKind.SECRET, match.group(0), "database")
    for match in _READS_FILE.finditer(text):
        call.reads(Field(known(match[1]), call.shell.span, match[1]))
    _judged(call, texts, inputs)
    for match in _SHELLS.finditer(text):
        call.run_text(known(next(group for group in match.groups() if group)), stdin=Value(("",)))
    for match in _PROGRAM.finditer(text):
        out = match[0][:2].lower() == "to"
        given = Value((HOLE,), frozenset({"dump"}), "a table") if out else Value(("",))
        call.run_text(known(match.group(1)), stdin=given)
    dump = Value((HOLE,), frozenset({"dump"}), "a database") if _DUMPS.search(text) else UNKNOWN
    return printed_by(texts) or dump


def _inputs(call: Call) -> list[Value]:
    """Statements on standard input and in files that the text wrote or fetched."""
    found = [call.stdin] if call.stdin.texts != ("",) else []
    for option in ("-f", "--file", "-i", "--init-file"):
        where = call.after(option)
        if where is not None and where.text not in ("-", "/dev/stdin"):
            content = call.shell.files.get(resolved(where.text, call.shell.cwd))
            found += [content] if content is not None else []
    for value in found:
        if "downloaded" in value.taints and value.text.strip() == HOLE:
            stranger = _STRANGER.search(value.source) is not None
            call.effect(EffectKind.EXECUTE, value.source, "manifest", *(["downloaded"] * stranger))
    return found


# Statements that anybody on the way can change, or from a host without a name.
_STRANGER = re.compile(r"^(?!https:)|^https://\d+\.\d+\.\d+\.\d+")


# Each collection of a database, or each database of a server, is dropped in a loop.
_EVERY_COLLECTION = re.compile(
    r"(?:getCollectionNames|listCollections|getDBNames|listDatabases)\b.*\.drop(?:Database)?\(",
    re.S,
)


def _judged(call: Call, texts: list[str], inputs: list[Value]) -> None:
    """Emit what the statements lose or change."""
    shown = [_EXPLAINED.sub(" ", part) for part in texts]
    statements = " \n".join(_COMMENT.sub(" ", _LITERAL.sub("''", part)) for part in shown)
    quoted = [_QUOTED_STATEMENT.sub("''", part) for part in texts]
    database_rights(call, " \n".join(_COMMENT.sub(" ", part) for part in quoted))
    made = [made_and_run(part) for part in texts]
    statements += "".join(f" \n{statement}" for statement, _ in made)
    every = any(each for _, each in made) or _EVERY_COLLECTION.search(statements) is not None
    every = every or _from_a_list(call, inputs)
    if call.name == "mysqladmin" and "drop" in texts:
        forced = call.has("-f", "--force")  # else it asks
        name = texts[-1] if texts[-1] != "drop" else ""
        statements += f" drop database {name}" if forced else " drop table"
    if _LOSES.search(statements) and call.name.startswith("sqlite") and call.args:
        files = [arg for arg in call.args if not arg.text.startswith("-")]
        if files and place_of(resolved(files[0].text, call.shell.cwd)) in ("system", "home-config"):
            call.writes(files[0], EMPTY, "truncate")
    if match := _LOSES.search(statements):
        whole = (WHOLE,) if every or _goes_whole(call, statements, texts) else ()
        call.effect(EffectKind.REMOTE_STATE, match.group(0).strip(), "database", "delete", *whole)
    elif match := _CHANGES.search(statements):
        call.effect(EffectKind.REMOTE_STATE, match.group(0).strip(), "database", "change")


def _from_a_list(call: Call, inputs: list[Value]) -> bool:
    """Whether the statements are made of a list of all there is, in what is not there for tests."""
    taints = frozenset().union(*(value.taints for value in inputs))
    every = listed(call.args) or ("many" in taints and "filtered" not in taints)
    return every and not disposable(arg.text for arg in call.args if " " not in arg.text)


HANDLERS: dict[str, Handler] = {
    "dropdb": _dropdb,
    **dict.fromkeys(
        "psql mysql mariadb sqlite3 sqlite redis-cli mongosh mongo cqlsh mysqladmin "
        "clickhouse-client sqlcmd sqlplus influx etcdctl valkey-cli cockroach duckdb hive beeline "
        "impala-shell spark-sql snowsql trino presto vsql isql db2 usql pgcli mycli litecli ysqlsh "
        "ycqlsh cypher-shell arangosh mssql-cli dolt surreal".split(),
        _database,
    ),
}
