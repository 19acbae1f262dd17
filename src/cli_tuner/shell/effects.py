"""What a Bash text would do: its effects, found by running it abstractly. No opinion.

    effects_of("cd / && sudo rm -rf *")  ->  delete "/*" recursive, as root, via sudo

The interpreter walks the nodes in the order Bash would, with values instead of processes:
variables, functions, the current folder, files written earlier in the same text, and what
flows through pipes. Both sides of a condition are taken. Whatever it cannot follow becomes an
`opaque` effect, as does everything beyond STEPS_MAX commands or TIME_MAX_S seconds.

Not covered: loops are walked once (with all values of the variable), traps when they are set,
background timing, and what programs unknown to `commands/*.yaml` do.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from cli_tuner.records.verdict import Certainty, Effect, EffectKind, Span
from cli_tuner.shell import dispatch
from cli_tuner.shell.labels import labels_of
from cli_tuner.shell.nodes import (
    Assignment,
    Branch,
    Function,
    Group,
    Lit,
    Loop,
    Node,
    Opaque,
    Pipeline,
    ProcessSub,
    Range,
    Redirect,
    Sequence,
    Simple,
    Word,
)
from cli_tuner.shell.parse import parse
from cli_tuner.shell.paths import place_of, resolved
from cli_tuner.shell.persistence import persisted
from cli_tuner.shell.scan import Unreadable
from cli_tuner.shell.values import (
    EMPTY,
    HOLE,
    NOTHING,
    UNKNOWN,
    Value,
    concatenated,
    known,
    shown,
    without_marks,
)
from cli_tuner.shell.words import Field, Scope, fields_of, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

STEPS_MAX = 3_000
EFFECTS_MAX = 120
NESTED_MAX = 12
TIME_MAX_S = 0.5
SHELLS = frozenset({"sh", "bash", "zsh", "dash", "ksh", "ash", "fish"})
PAUSES = frozenset({"sleep", "read", "wait", "inotifywait", "break", "exit", "nc", "ncat", "ssh"})
TRUE_COMMANDS = frozenset({"true", ":", "echo", "sleep", "1"})


def effects_of(text: str) -> tuple[Effect, ...]:
    """Every effect of a text, in order, without repetitions. Never raises."""
    interpreter = Interpreter()
    try:
        interpreter.run_script(parse(without_marks(text)))
    except (RecursionError, OutOfBudget):
        interpreter.span = Range(0, len(text))
        interpreter.emit(EffectKind.OPAQUE, "bash", "too much to follow", ("limit",))
    return tuple(interpreter.effects)


class OutOfBudget(Exception):
    """More steps or time than a single command deserves."""


class Interpreter:
    """The state of one abstract run."""

    def __init__(self) -> None:
        self.effects: list[Effect] = []
        self.scope = Scope(self._substitute, self._process_substitution)
        self.cwd = "."
        self.functions: dict[str, Function] = {}
        self.called: set[str] = set()
        self.aliases: dict[str, Value] = {}
        self.files: dict[str, Value] = {}
        self.descriptors: dict[str, Field] = {}
        self.span = Range(0, 0)
        self.as_root = False
        self.via: tuple[str, ...] = ()
        self.certainty = Certainty.CERTAIN
        self.processes = 0  # processes forked around the current command
        self.conditions = 0  # conditions around the current command
        self.stack: list[tuple[str, int, int]] = []  # function, processes and conditions at entry
        self.endless = 0  # endless loops around the current command
        self.nested = 0
        self._fixed: Range | None = None
        self._steps = 0
        self._deadline = time.monotonic() + TIME_MAX_S
        self._seen: set[tuple[object, ...]] = set()

    # --- the text

    def run_script(self, script: Sequence) -> None:
        """A whole text, and then the functions that it defines and never calls."""
        self.run(script, EMPTY)
        for name, function in list(self.functions.items()):
            if name not in self.called:
                self.called.add(name)
                with self.certainly(Certainty.POSSIBLE):
                    self.call_function(name, function, [], UNKNOWN)

    def run(self, node: Node, stdin: Value) -> Value:
        """One node; the result is what it prints."""
        self._steps += 1
        if self._steps > STEPS_MAX or (self._steps % 64 == 0 and time.monotonic() > self._deadline):
            raise OutOfBudget
        if isinstance(node, Simple):
            return self._simple(node, stdin)
        if isinstance(node, Sequence):
            return self._sequence(node, stdin)
        if isinstance(node, Pipeline):
            return self._pipeline(node, stdin)
        if isinstance(node, Group):
            return self._group(node, stdin)
        if isinstance(node, Branch):
            return self._branch(node, stdin)
        if isinstance(node, Loop):
            return self._loop(node, stdin)
        if isinstance(node, Function):
            self.functions[node.name] = node
            return EMPTY
        return self._opaque(node)

    def _opaque(self, node: Opaque) -> Value:
        self._at(node.span)
        self.emit(EffectKind.OPAQUE, "bash", node.reason, ("syntax",))
        return UNKNOWN

    def _sequence(self, node: Sequence, stdin: Value) -> Value:
        printed: list[Value] = []
        guarded = 0
        for item, separator in zip(node.items, node.separators, strict=True):
            if separator == "&" and self.endless:
                self.emit(EffectKind.RESOURCE, "bash", "a loop", ("fork", "recursive"))
            with self.forked(separator == "&"):
                printed.append(self.run(item, stdin))
            if separator in ("&&", "||"):
                if not _always_true(item) or separator == "||":
                    guarded += 1
                    self.conditions += 1
            else:
                self.conditions -= guarded
                guarded = 0
        self.conditions -= guarded
        texts = [value for value in printed if value.texts != ("",) or value.taints]
        return concatenated(texts) if texts else EMPTY

    def _pipeline(self, node: Pipeline, stdin: Value) -> Value:
        flow = stdin
        for stage in node.stages:
            with self.forked(), self.subshell():
                flow = self.run(stage, flow)
        return flow

    def _group(self, node: Group, stdin: Value) -> Value:
        stdin, outputs = self._redirections(node.redirects, stdin, "")
        if node.subshell:
            with self.subshell():
                printed = self.run(node.body, stdin)
        else:
            printed = self.run(node.body, stdin)
        return self._redirected_output(outputs, printed, "")

    def _branch(self, node: Branch, stdin: Value) -> Value:
        for word in node.words:
            text_of(word, self.scope)
        printed: list[Value] = []
        for index, body in enumerate(node.bodies):
            with self.conditional(index > 0 and not _always_true(node.bodies[0])):
                printed.append(self.run(body, stdin))
        if not printed:
            return EMPTY
        joined = printed[0]
        for value in printed[1:]:
            joined = joined.joined(value)
        return joined

    def _loop(self, node: Loop, stdin: Value) -> Value:
        endless = node.kind in ("while", "until") and node.condition is not None
        if endless and node.condition is not None:
            endless = _always_true(node.condition) is (node.kind == "while")
        endless = endless or (node.variable is None and node.words == ())
        endless = endless and not _pauses(node.body)
        if node.condition is not None:
            self.run(node.condition, stdin)
        if node.variable is not None:
            self.scope.variables[node.variable] = self._loop_value(node)
        self.endless += endless
        with self.conditional(not endless and node.words is None):
            printed = self.run(node.body, stdin)
        self.endless -= endless
        if endless and printed.text:
            printed = replace(printed, taints=printed.taints | {"endless"})
        return printed

    def _loop_value(self, node: Loop) -> Value:
        if node.words is None:
            return self.scope.lookup("@") or UNKNOWN
        values = [item.value for item in fields_of(node.words, self.scope)]
        if not values:
            return EMPTY
        joined = values[0]
        for value in values[1:]:
            joined = joined.joined(value)
        return joined

    # --- one command

    def _simple(self, node: Simple, stdin: Value) -> Value:
        self._at(node.span)
        local = bool(node.words)
        for assignment in node.assignments:
            self._assign(assignment)
        fields = fields_of(node.words, self.scope)
        self._at(node.span)
        name = fields[0].text if fields else ""
        stdin, outputs = self._redirections(node.redirects, stdin, name)
        if not fields:
            return self._redirected_output(outputs, EMPTY, name)
        if name == "exec" and len(fields) == 1:
            return EMPTY
        printed = dispatch.run(self, fields, stdin)
        self._at(node.span)
        if local and any(item.name == "PATH" for item in node.assignments):
            self.scope.variables.pop("PATH", None)
        return self._redirected_output(outputs, printed, name)

    def _assign(self, assignment: Assignment) -> None:
        values = [text_of(word, self.scope) for word in assignment.words]
        value = concatenated(_spaced(values)) if values else EMPTY
        if assignment.appends:
            before = self.scope.variables.get(assignment.name)
            value = concatenated([before, value]) if before is not None else value
        elif self.conditions and assignment.name in self.scope.variables:
            value = self.scope.variables[assignment.name].joined(value)
        self.scope.variables[assignment.name] = value

    def run_fields(self, fields: list[Field], stdin: Value, *, via: str) -> Value:
        """A command that another one starts."""
        if not fields:
            return EMPTY
        before = self.via
        self.via = (*before, via) if via else before
        try:
            return dispatch.run(self, fields, stdin)
        finally:
            self.via = before

    def run_text(self, code: Value, by: str, stdin: Value, *, same_shell: bool = False) -> Value:
        """A text as commands: what `eval`, `bash -c` and a shell's standard input do."""
        self.nested += 1
        try:
            if self.nested > NESTED_MAX:
                self.emit(EffectKind.OPAQUE, by, "nested too deeply", ("limit",))
                return UNKNOWN
            hidden = code.taints & {"downloaded", "decoded"}
            if hidden and (not code.known or "downloaded" in hidden):
                self.emit(EffectKind.EXECUTE, by, shown(code.source) or None, tuple(sorted(hidden)))
            elif any(text.strip(" \n;") == HOLE for text in code.texts):
                self.emit(EffectKind.OPAQUE, by, shown(code.source) or None, ("code",))
            printed = EMPTY
            for text in code.texts:
                if text and text != HOLE:
                    printed = self._run_nested(text, by, stdin, same_shell)
            return UNKNOWN if HOLE in code.text else printed
        finally:
            self.nested -= 1

    def _run_nested(self, text: str, by: str, stdin: Value, same_shell: bool) -> Value:
        fixed, before, via = self._fixed, self.span, self.via
        self._fixed = self.span
        self.via = (*via, by)
        try:
            script = parse(text, fixed=before, depth=self.nested * 3)
            if same_shell:
                return self.run(script, stdin)
            with self.subshell():
                return self.run(script, stdin)
        finally:
            self._fixed, self.span, self.via = fixed, before, via

    def call_function(
        self, name: str, function: Function, args: list[Field], stdin: Value
    ) -> Value:
        """A function from the text. One that calls itself while forking has no end."""
        self.called.add(name)
        for entry, processes, conditions in self.stack:
            if entry == name:
                forks = self.processes > processes
                if forks and self.conditions <= conditions:
                    self.emit(EffectKind.RESOURCE, name, name, ("fork", "recursive"))
                elif self.conditions <= conditions:
                    self.emit(EffectKind.RESOURCE, name, name, ("recursive",))
                return UNKNOWN
        positional = self.scope.positional
        self.scope.positional = tuple(arg.value for arg in args)
        self.stack.append((name, self.processes, self.conditions))
        try:
            return self.run(function.body, stdin)
        finally:
            self.stack.pop()
            self.scope.positional = positional

    # --- redirections

    def _redirections(
        self, redirects: tuple[Redirect, ...], stdin: Value, name: str
    ) -> tuple[Value, list[tuple[Redirect, Field]]]:
        """What standard input becomes, and the files that output goes to."""
        outputs: list[tuple[Redirect, Field]] = []
        for redirect in redirects:
            operator = redirect.operator
            if operator in ("<<", "<<-"):
                stdin = text_of(redirect.target, self.scope, tilde=False)
                continue
            if operator == "<<<":
                stdin = text_of(redirect.target, self.scope)
                continue
            for target in fields_of((redirect.target,), self.scope):
                if operator in ("<&", ">&") and target.text.rstrip("-").isdigit():
                    stdin = self._duplicated(target.text.rstrip("-"), operator, stdin, outputs)
                    continue
                if operator in ("<&", ">&") and target.text == "-":
                    continue
                if operator == "<":
                    if redirect.fd.isdigit() and int(redirect.fd) > 2:
                        self.descriptors[redirect.fd] = target
                    stdin = self.read_file(name or "bash", target, ("redirect",))
                    continue
                if redirect.fd.isdigit() and int(redirect.fd) > 2:
                    self.descriptors[redirect.fd] = target
                if operator == "<>":
                    stdin = self.read_file(name or "bash", target, ("redirect",))
                outputs.append((redirect, target))
        return stdin, outputs

    def _duplicated(
        self, fd: str, operator: str, stdin: Value, outputs: list[tuple[Redirect, Field]]
    ) -> Value:
        """`<&5` and `>&5`: the file that the text opened as descriptor 5."""
        opened = self.descriptors.get(fd)
        if opened is None:
            return stdin
        span = Range(opened.span.start, opened.span.end)
        if operator == "<&":
            return self.read_file("bash", opened, ("redirect",))
        outputs.append((Redirect(">>", Word((), span, opened.raw), "", span), opened))
        return stdin

    def _redirected_output(
        self, outputs: list[tuple[Redirect, Field]], printed: Value, name: str
    ) -> Value:
        """Write what was printed to where it is sent; the result is what still comes out."""
        remains = printed
        for redirect, target in outputs:
            errors_only = redirect.fd == "2" and redirect.operator in (">", ">>")
            content = EMPTY if errors_only else printed
            attributes = ("append",) if redirect.operator in (">>", "&>>") else ("truncate",)
            self.write_file(name or "bash", target, content, (*attributes, "redirect"))
            if not errors_only:
                remains = EMPTY
        return remains

    # --- substitutions

    def _substitute(self, body: Node) -> Value:
        span = self.span
        with self.forked(), self.subshell():
            printed = self.run(body, EMPTY)
        self.span = span
        return printed

    def _process_substitution(self, part: ProcessSub) -> Value:
        span = self.span
        with self.forked(), self.subshell():
            printed = self.run(
                part.body, EMPTY if part.reads else Value((HOLE,), frozenset({"pipe"}))
            )
        self.span = span
        path = f"/dev/fd/{len(self.files) + 63}"
        self.files[path] = printed
        return Value((path,), printed.taints, printed.source)

    # --- contexts

    @contextmanager
    def subshell(self) -> Iterator[None]:
        """Changes to variables and to the current folder end with the block."""
        variables, cwd = dict(self.scope.variables), self.cwd
        try:
            yield
        finally:
            self.scope.variables, self.cwd = variables, cwd

    @contextmanager
    def forked(self, really: bool = True) -> Iterator[None]:
        """Another process runs the block."""
        self.processes += really
        try:
            yield
        finally:
            self.processes -= really

    @contextmanager
    def conditional(self, really: bool = True) -> Iterator[None]:
        """The block may not run."""
        self.conditions += really
        try:
            yield
        finally:
            self.conditions -= really

    @contextmanager
    def certainly(self, certainty: Certainty) -> Iterator[None]:
        """Effects of the block are this certain at most."""
        before, self.certainty = self.certainty, certainty
        try:
            yield
        finally:
            self.certainty = before

    @contextmanager
    def rooted(self, really: bool = True) -> Iterator[None]:
        """The block runs as root."""
        before, self.as_root = self.as_root, self.as_root or really
        try:
            yield
        finally:
            self.as_root = before

    def _at(self, span: Range) -> None:
        self.span = self._fixed or span

    # --- effects

    def emit(
        self,
        kind: EffectKind,
        utility: str,
        target: str | None,
        attributes: tuple[str, ...],
        certainty: Certainty = Certainty.CERTAIN,
    ) -> None:
        """Record an effect at the current command."""
        key = (kind, utility, target, attributes, self.as_root, self.via)
        if key in self._seen:
            return
        self._seen.add(key)
        if len(self.effects) >= EFFECTS_MAX:
            raise OutOfBudget
        if certainty is Certainty.CERTAIN:
            certainty = self.certainty
        self.effects.append(
            Effect(
                kind=kind,
                utility=shown(utility, 60),
                target=None if target is None else shown(target),
                certainty=certainty,
                as_root=self.as_root,
                via=tuple(shown(name, 60) for name in self.via),
                attributes=tuple(dict.fromkeys(attributes)),
                span=Span(start=self.span.start, end=self.span.end),
            )
        )

    def emit_path(
        self, kind: EffectKind, utility: str, where: Field, attributes: tuple[str, ...]
    ) -> None:
        """Record an effect on each path that a field can be."""
        for text in where.value.texts:
            path = resolved(text, self.cwd)
            place = place_of(path)
            labels = sorted(labels_of(path))
            extra = sorted(where.value.taints & {"filtered", "junk"})
            if "many" in where.value.taints:
                extra.append("recursive")
            sure = Certainty.UNKNOWN if place == "unknown" else Certainty.CERTAIN
            target = where.raw if path.startswith(HOLE) and where.raw else path
            found = (*attributes, "at:" + place, *("is:" + label for label in labels), *extra)
            self.emit(kind, utility, target, found, sure)

    def read_file(self, utility: str, where: Field, attributes: tuple[str, ...] = ()) -> Value:
        """A file is read. Its content, if the text made it; else its taints."""
        self.emit_path(EffectKind.READ, utility, where, attributes)
        path = resolved(where.text, self.cwd)
        if path in self.files:
            return self.files[path]
        if place_of(path) == "net":
            return Value((HOLE,), frozenset({"downloaded", "network"}), path)
        labels = labels_of(path) & {"secret", "sensitive"}
        taints = set(labels) | {"file"}
        if path in ("/dev/zero", "/dev/urandom", "/dev/random", "/dev/full"):
            taints.add("endless")
        if path == "/dev/stdin":
            return UNKNOWN
        return Value((HOLE,), frozenset(taints), where.raw)

    def write_file(
        self, utility: str, where: Field, content: Value, attributes: tuple[str, ...] = ()
    ) -> None:
        """A file gets content: an effect, and known to whoever reads it later in the text."""
        carried = sorted(content.taints & {"secret", "sensitive", "endless", "downloaded"})
        if not any(content.texts) and "append" not in attributes:
            attributes = (*attributes, "emptied")
        self.emit_path(
            EffectKind.WRITE, utility, where, (*attributes, *("carries:" + t for t in carried))
        )
        for text in where.value.texts:
            path = resolved(text, self.cwd)
            if place_of(path) == "net":
                self.send(utility, path, content)
                continue
            before = self.files.get(path, EMPTY) if "append" in attributes else EMPTY
            self.files[path] = concatenated([before, content]) if before is not EMPTY else content
            appends = "append" in attributes
            persisted(self, utility, path, where, content, appends=appends)

    def send(self, utility: str, where: str, content: Value) -> None:
        """Something goes to a network socket: a shell's conversation, or data."""
        carried = sorted(content.taints & {"secret", "sensitive"})
        if utility in SHELLS or "shell" in content.taints:
            self.emit(EffectKind.REMOTE_SHELL, utility, where, ("reverse",))
        elif carried:
            found = tuple("carries:" + taint for taint in carried)
            self.emit(EffectKind.NETWORK_OUT, utility, where, found)


def _spaced(values: list[Value]) -> list[Value]:
    spaced: list[Value] = []
    for index, value in enumerate(values):
        spaced += [known(" "), value] if index else [value]
    return spaced


def _names(node: Node) -> Iterator[str]:
    """The literal command names in a node, without looking into substitutions."""
    if isinstance(node, Simple):
        if node.words and node.words[0].literal:
            yield node.words[0].literal
    elif isinstance(node, Sequence):
        for item in node.items:
            yield from _names(item)
    elif isinstance(node, Pipeline):
        for stage in node.stages:
            yield from _names(stage)
    elif isinstance(node, Group | Loop | Function):
        yield from _names(node.body)
    elif isinstance(node, Branch):
        for body in node.bodies:
            yield from _names(body)


def _always_true(node: Node) -> bool:
    names = list(_names(node))
    if isinstance(node, Branch) and not node.bodies:
        return not node.words
    return bool(names) and all(name in TRUE_COMMANDS for name in names)


def _pauses(node: Node) -> bool:
    """Whether something in the foreground waits or leaves the loop."""
    if isinstance(node, Sequence):
        pairs = zip(node.items, node.separators, strict=True)
        return any(_pauses(item) for item, separator in pairs if separator != "&")
    if isinstance(node, Group):
        return _pauses(node.body)
    return not PAUSES.isdisjoint(_names(node))


__all__ = ["NOTHING", "Interpreter", "Lit", "OutOfBudget", "Unreadable", "Word", "effects_of"]
