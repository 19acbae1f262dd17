"""Who runs: from the fields of a command to the handler or the facts of its program.

Order: functions and aliases of the text, files that the text wrote, wrappers and programs with
a handler of their own, facts from `commands/*.yaml`, else a program nobody here knows.
"""

from __future__ import annotations

import fnmatch
import re
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from cli_tuner.records.verdict import Certainty, EffectKind
from cli_tuner.shell.call import Call, Handler, Parsed
from cli_tuner.shell.facts import Facts, facts_of, utility_names
from cli_tuner.shell.given_code import NAMES as CODE_READERS
from cli_tuner.shell.given_code import run_unpacked, runs_given_code
from cli_tuner.shell.hatches import is_exploit, noticed
from cli_tuner.shell.labels import labels_of
from cli_tuner.shell.machine import OPTION_AS_NAME
from cli_tuner.shell.paths import place_of, resolved
from cli_tuner.shell.programs import HANDLERS
from cli_tuner.shell.programs.runners import NAMES as TOOL_RUNNERS
from cli_tuner.shell.programs.runners import perhaps_runs, runs_another
from cli_tuner.shell.values import EMPTY, HOLE, QUERY, STAR, UNKNOWN, Value, concatenated, known
from cli_tuner.shell.words import Field

if TYPE_CHECKING:
    from cli_tuner.shell.effects import Interpreter

_VERSION = re.compile(
    r"^(?:(?P<base>python|pip|perl|ruby|php|lua|node|gcc|clang|ksh|bash|java|pypy|luajit|tclsh|wish|guile)[\d.]+"
    r"|(?P<windows>.+)\.exe|(?P<loader>ld(?:-linux|-musl|64)?[\w.-]*\.so\.\d+))$"
)
_FILTERED_GLOB = re.compile(f"[{STAR}{QUERY}]")
_INTERRUPTED = re.compile(rf"\w+(?:{HOLE}\w+)+")
_AMOUNTS = frozenset({"-N", "-n", "-l", "-c", "--read-bytes", "--length", "--bytes", "--lines"})
_MAKERS = frozenset({"touch", "mkdir", "mktemp", "ln", "cp", "fallocate", "truncate", "mkfifo"})
_CANDIDATES_MAX = 6
_HELP = frozenset({"--help", "--version", "--usage"})
# What may be a framework's client; `programs.frameworks` knows what their tasks lose.
_RUNNERS = frozenset(
    "python python3 manage.py django-admin rails rake spring bin/rails npx bunx pnpm yarn npm "
    "bundle php artisan console doctrine alembic flask aerich flyway liquibase sequelize "
    "sequelize-cli knex typeorm mikro-orm drizzle-kit mix diesel sqlx goose dbmate migrate "
    "atlas wp drush dotnet supabase prisma cargo gem twine poetry uv pipenv celery magento occ "
    "gitlab-rails gitlab-rake".split()
)


# What runs commands in other places; `programs.fleet` knows how.
_ELSEWHERE = frozenset(
    "multipass limactl lima colima lxc-attach docker-machine minikube adb wsl wsl.exe nomad tsh "
    "vagrant mosh dokku distrobox toolbox pct qm prlctl oc jexec".split()
)


def run(shell: Interpreter, fields: list[Field], stdin: Value) -> Value:
    """Run the command that the fields are; the result is what it prints."""
    head = fields[0]
    printed = EMPTY
    for index, text in enumerate(head.value.texts[:_CANDIDATES_MAX]):
        if HOLE in text.rpartition("/")[2] and not text.startswith("./"):
            if not _is_interrupted(text):
                _unknown_program(shell, head, fields)
                printed = UNKNOWN
                continue
            text = text.replace(HOLE, "")  # noqa: PLW2901
        if text.rpartition("/")[2].strip(STAR) == "" and STAR in text:  # any program at all
            _unknown_program(shell, head, fields)
        for name in _names_of(text):
            shell.step()
            call = Call(shell, name, fields[1:], stdin)
            if index or name != text.rpartition("/")[2]:
                with shell.certainly(Certainty.POSSIBLE):
                    printed = _run_one(call, text, head)
            else:
                printed = _run_one(call, text, head)
    return printed


def _unknown_program(shell: Interpreter, head: Field, fields: list[Field]) -> None:
    name = head.raw or "a command"
    if head.value.taints & {"downloaded", "decoded"}:
        hidden = tuple(sorted(head.value.taints & {"downloaded", "decoded"}))
        shell.emit(EffectKind.EXECUTE, "bash", head.value.source or None, hidden)
        return
    shell.emit(EffectKind.OPAQUE, "bash", name, ("program",), Certainty.UNKNOWN)


def _is_interrupted(text: str) -> bool:
    """`r${x}m`: a name that is most likely not set takes a known one apart."""
    spelled = text.replace(HOLE, "")
    if _INTERRUPTED.fullmatch(text) is None:
        return False
    return spelled in HANDLERS or facts_of(spelled) is not None


@lru_cache(maxsize=256)
def _names_of(text: str) -> list[str]:
    """The program's name without folders; with globs, the known programs it may be."""
    name = text.rpartition("/")[2]
    if not _FILTERED_GLOB.search(name):
        return [name] if name else []
    if not name.strip(STAR):
        return []
    pattern = name.replace(STAR, "*").replace(QUERY, "?")
    found = [known for known in _all_names() if fnmatch.fnmatchcase(known, pattern)]
    return found[:40] or [name]


def _all_names() -> tuple[str, ...]:
    return (*HANDLERS, *utility_names())


def _run_one(call: Call, text: str, head: Field) -> Value:
    shell, name = call.shell, call.name
    if name in shell.functions and "/" not in text:
        return shell.call_function(name, shell.functions[name], call.args, call.stdin)
    if name in shell.aliases and "/" not in text:
        return _alias(call, name)
    if "/" in text:
        printed = _by_path(call, resolved(text, shell.cwd), head)
        if printed is not None:
            return printed
    if "self" in head.value.taints and shell.processes and not call.args:
        call.effect(EffectKind.RESOURCE, name, "fork", "recursive")
    handler: Handler | None = HANDLERS.get(name)
    facts = None if handler is not None else facts_of(name)
    if handler is None and facts is None and (match := _VERSION.match(name)):
        call.name = name = match["base"] or match["windows"] or "ld.so"
        handler, facts = HANDLERS.get(name), facts_of(name)
    _beside(call)
    if _prints_settings(call) and _INSTALLED.fullmatch(text):
        return Value((HOLE,), frozenset({"setup"}), f"what {name} prints")
    if handler is not None:
        return UNKNOWN if _asks_for_help(call) else handler(call)
    if facts is not None:
        return apply_facts(call, facts)
    return _unheard_of(call)


def _beside(call: Call) -> None:
    """What a call does beside the program's own work: its hatches, tasks and far places."""
    noticed(call)
    if call.name in CODE_READERS:
        runs_given_code(call)
    if call.name in _RUNNERS:
        from cli_tuner.shell.programs.frameworks import loses_data

        loses_data(call)
    if call.name in _MAKERS:
        _made(call)
    if call.name in _ELSEWHERE:
        from cli_tuner.shell.programs.fleet import elsewhere

        elsewhere(call)
    if call.name in TOOL_RUNNERS:
        runs_another(call)


def _prints_settings(call: Call) -> bool:
    words = {arg.text for arg in call.args[:2]}
    return bool(_COMPLETES & words) or (call.name.endswith("env") and "init" in words)


# `kubectl completion bash`: many programs print what a shell needs to complete their options.
_INSTALLED = re.compile(r"(?:/(?:usr|opt|home/linuxbrew)/(?:[\w.]+/)*bin/)?[\w.-]+")
_COMPLETES = frozenset({"completion", "completions", "shellenv"})


def _made(call: Call) -> None:
    """Files that are made without end, or with a name that is an option to others."""
    if call.shell.endless and any(HOLE in arg.text or "$" in arg.raw for arg in call.args):
        call.effect(EffectKind.RESOURCE, "files without end", "disk")
    for arg in call.args:
        path = resolved(arg.text, call.shell.cwd)
        if path.startswith("/") and "lockout" in labels_of(path):
            call.on_path(EffectKind.WRITE, arg, "append")  # that it is there is enough
        if OPTION_AS_NAME.search(arg.text) and (call.has("--") or "/" in arg.text[:2]):
            call.effect(EffectKind.PRIVILEGE, "whoever uses * here", "escape")


def _by_path(call: Call, path: str, head: Field) -> Value | None:
    """Run what a path names; None if the program's name says enough."""
    shell = call.shell
    if path.startswith(("/etc/init.d/", "/etc/rc.d/")):
        from cli_tuner.shell.programs.services import init_script

        return init_script(call, call.name)
    if path in shell.copies:
        program = Field(known(shell.copies[path]), head.span, head.raw)
        return shell.run_fields([program, *call.args], call.stdin, via="")
    if shell.unpacked and path not in shell.files:
        run_unpacked(call, path)
    if path in shell.files or place_of(path) in ("temp", "net"):
        return _local_file(call, path)
    return None


def _asks_for_help(call: Call) -> bool:
    """Only a help text, whatever else the program can do; some just repeat the word."""
    asks = len(call.args) == 1 and call.args[0].text in _HELP
    return asks and call.name not in ("echo", "printf")


def _alias(call: Call, name: str) -> Value:
    call.shell.called.add(name)
    body = call.shell.aliases.pop(name)  # an alias may name itself; it is expanded once
    try:
        tail = concatenated([body, *(v for arg in call.args for v in (known(" "), arg.value))])
        return call.shell.run_text(tail, name, call.stdin, same_shell=True)
    finally:
        call.shell.aliases[name] = body


def _local_file(call: Call, path: str) -> Value:
    """Run a file by its path: one that the text wrote, or one in a place anybody can write to."""
    content = call.shell.files.get(path)
    if content is None:
        call.effect(EffectKind.EXECUTE, path, "temp-file")
        if [arg.text for arg in call.args] == ["-p"]:
            call.effect(EffectKind.PRIVILEGE, "root", "setuid")
        return UNKNOWN
    scope = call.shell.scope
    positional, scope.positional = scope.positional, tuple(arg.value for arg in call.args)
    try:
        return call.run_text(content)
    finally:
        scope.positional = positional


# Where a program that was just written is found without naming its folder.
_SEARCHED = ("/usr/local/bin", "/usr/local/sbin", "/usr/bin", "/bin", "~/bin", "~/.local/bin")


def _unheard_of(call: Call) -> Value:
    written = next(
        (f"{d}/{call.name}" for d in _SEARCHED if f"{d}/{call.name}" in call.shell.files), ""
    )
    if written:
        return _local_file(call, written)
    if not call.name.isascii():
        from cli_tuner.shell.confusables import imitates

        looks = imitates(call.name, frozenset(_all_names()))
        if looks:
            call.effect(EffectKind.EXECUTE, looks, "imitated")
    if is_exploit(call.name) and not call.has(*_HELP):
        call.effect(EffectKind.PRIVILEGE, call.name, "exploit")
    perhaps_runs(call)
    if call.shell.as_root and not call.has(*_HELP):
        call.effect(EffectKind.EXECUTE, call.name, "unfamiliar")
    secrets = call.taints() & {"secret"}
    kept = (call.stdin.taints | secrets) - {"endless", "shown"}
    return Value((HOLE,), kept, call.stdin.source)


# --- facts


def apply_facts(call: Call, facts: Facts, parsed: Parsed | None = None) -> Value:
    """The effects that the facts say this call has."""
    parsed = parsed or call.parsed(facts)
    if call.has(*_HELP) and len(call.args) <= 3:
        return UNKNOWN
    if facts.sub:
        return _sub_command(call, facts, parsed)
    return _apply(call, facts, parsed, ())


def _sub_command(call: Call, facts: Facts, parsed: Parsed) -> Value:
    """The first operand names the sub-command; options may stand before it."""
    if not parsed.operands:
        return _apply(call, facts, parsed, ())
    head = parsed.operands[0]
    position = next(i for i, arg in enumerate(call.args) if arg is head)
    inner = facts.sub.get(head.text) or facts.sub.get("*")
    if inner is None:
        return _apply(call, replace(facts, sub={}, first="skip", rest="skip"), parsed, ())
    merged = replace(
        inner,
        values=inner.values | facts.values,
        flags={**facts.flags, **inner.flags},
        options={**facts.options, **inner.options},
        single_dash=inner.single_dash or facts.single_dash,
    )
    before = Call(call.shell, call.name, call.args[:position], call.stdin).parsed(facts)
    given = (*call.before, *call.args[:position])
    deeper = Call(call.shell, call.name, call.args[position + 1 :], call.stdin, given)
    after = deeper.parsed(merged)
    after.attributes |= before.attributes
    if merged.sub:
        return _sub_command(deeper, merged, after)
    return _apply(deeper, merged, after, (head.text,))


def _apply(call: Call, facts: Facts, parsed: Parsed, names: tuple[str, ...]) -> Value:
    if "help" in parsed.attributes:
        return UNKNOWN
    attributes = (*sorted(parsed.attributes), *facts.adds)
    dry = "dry" in parsed.attributes
    taints = set(call.stdin.taints) | (call.taints() & {"secret", "sensitive"})
    source = call.stdin.source
    contents: list[Value] = []
    roles = [(facts.role(i, len(parsed.operands)), o) for i, o in enumerate(parsed.operands)]
    roles += [(facts.options.get(option, "skip"), value) for option, value in parsed.arguments]
    if facts.first == "device" and not parsed.operands:
        # An option of one of these programs is a flag of another: what is a path is the device.
        roles += [("device", v) for _, v in parsed.arguments[-1:] if v.text.startswith("/dev/")]
    for role, where in roles:
        if role == "read":
            contents.append(call.reads(where))
            if "move" in parsed.attributes and not dry:
                call.on_path(EffectKind.DELETE, where, "recursive")
        elif role != "skip" and not dry:
            _effect(call, EffectKind(role), where, attributes)
    if not dry:
        _fixed_effects(call, facts, parsed, attributes)
    for content in contents:
        taints |= content.taints
        source = source or content.source
    _without_end(call, facts, taints)
    if "read" not in (facts.first, facts.rest):
        taints.discard("shown")  # it went into the program, and does not come out as it was
    taints = _bounded(taints, parsed, attributes)
    if "counted" in facts.output:
        taints &= {"endless", "many"}  # a number or a digest tells nothing of what went in
    passed = _passed_on(call, facts, contents)
    if passed is not None:
        return passed
    return Value((HOLE,), frozenset(taints | set(facts.output)), source)


def _without_end(call: Call, facts: Facts, taints: set[str]) -> None:
    if "pieces" in facts.output and "endless" in taints:
        call.effect(EffectKind.RESOURCE, "files without end", "disk")


def _fixed_effects(call: Call, facts: Facts, parsed: Parsed, attributes: tuple[str, ...]) -> None:
    """Effects that follow from calling the program, or from one of its flags."""
    for item in facts.effects:
        wanted = not item.when or item.when & parsed.attributes
        if wanted and not item.unless & parsed.attributes:
            target = item.target
            if target in ("operand", "operands"):
                target = next((o.value.source or o.text for o in parsed.operands), None)
            every = _every(parsed.operands[:1])
            call.effect(item.kind, target, *item.attributes, *attributes, *every)


def _bounded(taints: set[str], parsed: Parsed, attributes: tuple[str, ...]) -> set[str]:
    """Whether what is printed has an end, and whether it is a list of everything."""
    if any(option in _AMOUNTS for option, _ in parsed.arguments):
        taints = taints - {"endless"}
    if "whole" in attributes and "narrow" not in attributes and not parsed.operands:
        taints = taints | {"everything"}
    return taints


def _effect(call: Call, kind: EffectKind, where: Field, attributes: tuple[str, ...]) -> None:
    if kind is EffectKind.WRITE:
        call.writes(where, UNKNOWN, *attributes)
    elif kind in _PATH_KINDS:
        call.on_path(kind, where, *attributes)
    elif kind is EffectKind.PACKAGE:
        from cli_tuner.shell.programs.packages import package_effect

        package_effect(call, where, attributes)
    else:
        name = where.raw if where.text.startswith(HOLE) else where.text
        call.effect(kind, name, *attributes, *_every([where]))


def _every(operands: list[Field]) -> tuple[str, ...]:
    """`every` if the operands came from a list of all there is, and nothing was chosen from it."""
    taints = frozenset().union(*(operand.value.taints for operand in operands))
    listed = "many" in taints and "filtered" not in taints
    return ("every",) if listed or "everything" in taints else ()


_PATH_KINDS = frozenset(
    {
        EffectKind.READ, EffectKind.DELETE, EffectKind.MOVE, EffectKind.PERMISSION,
        EffectKind.OWNER, EffectKind.DEVICE, EffectKind.SECRET, EffectKind.MOUNT,
    }
)  # fmt: skip


def _passed_on(call: Call, facts: Facts, contents: list[Value]) -> Value | None:
    """The text itself, for programs such as cat that print what they read."""
    if "same" not in facts.output:
        return None
    values = contents or [call.stdin]
    return concatenated(values)
