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
from dataclasses import replace
from typing import TYPE_CHECKING

from cli_tuner.records.verdict import Certainty, Effect, EffectKind
from cli_tuner.shell import dispatch
from cli_tuner.shell.machine import Machine, OutOfBudget
from cli_tuner.shell.nodes import (
    Assignment,
    Branch,
    Function,
    Group,
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
from cli_tuner.shell.persistence import persisted
from cli_tuner.shell.settings import weigh
from cli_tuner.shell.shape import always_true, grows, names_in, pauses
from cli_tuner.shell.values import (
    EMPTY,
    HOLE,
    UNKNOWN,
    Value,
    concatenated,
    known,
    shown,
    without_marks,
)
from cli_tuner.shell.variables import assigned
from cli_tuner.shell.words import Field, fields_of, text_of

if TYPE_CHECKING:
    pass

STEPS_MAX = 3_000
NESTED_MAX = 12


def effects_of(text: str) -> tuple[Effect, ...]:
    """Every effect of a text, in order, without repetitions. Never raises."""
    interpreter = Interpreter()
    try:
        interpreter.run_script(parse(without_marks(text)))
    except (RecursionError, OutOfBudget):
        interpreter.span = Range(0, len(text))
        interpreter.emit(EffectKind.OPAQUE, "bash", "too much to follow", ("limit",))
    return tuple(interpreter.effects)


class Interpreter(Machine):
    """Walks the nodes in the order in which Bash would run them."""

    # --- the text

    def run_script(self, script: Sequence) -> None:
        """A whole text, and then the functions that it defines and never calls."""
        self.run(script, EMPTY)
        for trap in self.traps[:8]:
            self.run_text(known(f"eval {trap}"), "trap", EMPTY, same_shell=True)
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
        self.at(node.span)
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
                if not always_true(item) or separator == "||":
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
            with self.conditional(index > 0 and not always_true(node.bodies[0])):
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
            endless = always_true(node.condition) is (node.kind == "while")
        endless = endless or (node.variable is None and node.words == ())
        endless = endless and not pauses(node.body)
        if node.condition is not None:
            self.run(node.condition, stdin)
        if node.variable is not None:
            self.scope.variables[node.variable] = self._loop_value(node)
        names = set(names_in(node.body)) if endless else set()
        if {"mkdir", "cd"} <= names:
            self.emit(EffectKind.RESOURCE, "mkdir", "a folder in a folder", ("disk",))
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
        self.at(node.span)
        local = bool(node.words)
        for assignment in node.assignments:
            self._assign(assignment)
        fields = fields_of(node.words, self.scope)
        self.at(node.span)
        name = fields[0].text if fields else ""
        stdin, outputs = self._redirections(node.redirects, stdin, name)
        if not fields:
            return self._redirected_output(outputs, EMPTY, name)
        if name == "exec" and len(fields) == 1:
            return self._redirected_output(outputs, UNKNOWN, name)
        printed = dispatch.run(self, fields, stdin)
        self.at(node.span)
        if local and any(item.name == "PATH" for item in node.assignments):
            self.scope.variables.pop("PATH", None)
        return self._redirected_output(outputs, printed, name)

    def _assign(self, assignment: Assignment) -> None:
        values = [text_of(word, self.scope) for word in assignment.words]
        if self.endless and grows(assignment):
            self.emit(EffectKind.RESOURCE, "bash", assignment.name, ("memory",))
        value = concatenated(_spaced(values)) if values else EMPTY
        if assignment.appends:
            before = self.scope.variables.get(assignment.name)
            value = concatenated([before, value]) if before is not None else value
        elif self.conditions and assignment.name in self.scope.variables:
            value = self.scope.variables[assignment.name].joined(value)
        self.scope.variables[assignment.name] = value
        assigned(self, assignment.name, value)

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
            elif hidden:
                self.emit(EffectKind.EXECUTE, by, shown(code.source) or None, ("revealed",))
            elif "setup" not in code.taints and any(
                text.strip(" \n;") == HOLE for text in code.texts
            ):
                self.emit(EffectKind.OPAQUE, by, shown(code.source) or None, ("code",))
            printed = EMPTY
            for text in code.texts:
                if text and text != HOLE:
                    printed = self._run_nested(text, by, stdin, same_shell)
            return UNKNOWN if HOLE in code.text else printed
        finally:
            self.nested -= 1

    def _run_nested(self, text: str, by: str, stdin: Value, same_shell: bool) -> Value:
        fixed, before, via = self.fixed, self.span, self.via
        self.fixed = self.span
        self.via = (*via, by)
        try:
            script = parse(text, fixed=before, depth=self.nested * 3)
            if same_shell:
                return self.run(script, stdin)
            with self.subshell():
                return self.run(script, stdin)
        finally:
            self.fixed, self.span, self.via = fixed, before, via

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

    def written(self, utility: str, path: str, where: Field, content: Value, appends: bool) -> None:
        """Grade what was written to a file that is run later."""
        persisted(self, utility, path, where, content, appends=appends)
        weigh(self, utility, path, content)

    # --- substitutions

    def substitute(self, body: Node) -> Value:
        """What a command substitution prints."""
        span = self.span
        with self.forked(), self.subshell():
            printed = self.run(body, EMPTY)
        self.span = span
        if "endless" in printed.taints:
            self.emit(EffectKind.RESOURCE, "bash", "a substitution without end", ("memory",))
        return printed

    def process_substitution(self, part: ProcessSub) -> Value:
        """What a process substitution is as a word: a file with what the commands print."""
        span = self.span
        with self.forked(), self.subshell():
            printed = self.run(
                part.body, EMPTY if part.reads else Value((HOLE,), frozenset({"pipe"}))
            )
        self.span = span
        path = f"/dev/fd/{len(self.files) + 63}"
        self.files[path] = printed
        return Value((path,), printed.taints, printed.source)


def _spaced(values: list[Value]) -> list[Value]:
    spaced: list[Value] = []
    for index, value in enumerate(values):
        spaced += [known(" "), value] if index else [value]
    return spaced
