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

from cli_tuner.records.verdict import Certainty, Effect, EffectKind
from cli_tuner.shell import dispatch
from cli_tuner.shell.again import tested
from cli_tuner.shell.assignments import assign, declared
from cli_tuner.shell.machine import OutOfBudget
from cli_tuner.shell.nodes import (
    Branch,
    Function,
    Group,
    Loop,
    Node,
    Opaque,
    Pipeline,
    ProcessSub,
    Range,
    Sequence,
    Simple,
)
from cli_tuner.shell.parse import DECLARATIONS, parse
from cli_tuner.shell.paths import PROJECT
from cli_tuner.shell.persistence import persisted
from cli_tuner.shell.redirects import Redirecting
from cli_tuner.shell.settings import weigh
from cli_tuner.shell.shape import always_true, endless_for, gathers, names_in, pauses, uncounted
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
from cli_tuner.shell.words import Field, fields_of

STEPS_MAX = 5_000
NESTED_MAX = 12
ROUNDS_MAX = 24
_DAILY = frozenset({EffectKind.PACKAGE, EffectKind.SERVICE, EffectKind.OPAQUE})


def effects_of(text: str, start: str = PROJECT) -> tuple[Effect, ...]:
    """Every effect of a text, in order, without repetitions. Never raises.

    `start` is where it would run (`paths.start_of`); without it, somewhere in a project.
    """
    interpreter = Interpreter(start)
    try:
        interpreter.run_script(parse(without_marks(text)))
    except (RecursionError, OutOfBudget):
        interpreter.span = Range(0, len(text))
        interpreter.emit(EffectKind.OPAQUE, "bash", "too much to follow", ("limit",))
    return tuple(interpreter.effects)


class Interpreter(Redirecting):
    """Walks the nodes in the order in which Bash would run them."""

    # --- the text

    def run_script(self, script: Sequence) -> None:
        """A whole text, and then the functions and aliases that it defines and never calls."""
        self._shown(self.run(script, EMPTY))
        for trap in self.traps[:8]:
            self.run_text(known(f"eval {trap}"), "trap", EMPTY, same_shell=True)
        for name, body in list(self.aliases.items()):
            if name not in self.called:
                self._named_for_later(name, body)
        for name, function in list(self.functions.items()):
            if name not in self.called:
                self.called.add(name)
                with self.certainly(Certainty.POSSIBLE):
                    self.call_function(name, function, [], UNKNOWN)

    def _named_for_later(self, name: str, body: Value) -> None:
        """An alias that is not used here: daily work under a short name is no effect yet."""
        before = len(self.effects)
        with self.certainly(Certainty.POSSIBLE):
            self.run_text(body, name, EMPTY)
        found = self.effects[before:]
        kept = [e for e in found if e.kind not in _DAILY or "remove" in e.attributes]
        self.effects[before:] = kept

    def _shown(self, printed: Value) -> None:
        """What the whole text prints may be a secret that a client handed out."""
        if "shown" in printed.taints:
            kinds = sorted(printed.taints & {"everything", "stored"})
            source = shown(printed.source) or "a secret"
            self.emit(EffectKind.SECRET, "bash", source, ("shown", *kinds))

    def step(self) -> None:
        """Count one more thing that may happen. Raises OutOfBudget when they are too many."""
        self._steps += 1
        if self._steps > STEPS_MAX or (self._steps % 64 == 0 and time.monotonic() > self._deadline):
            raise OutOfBudget

    def run(self, node: Node, stdin: Value) -> Value:
        """One node; the result is what it prints."""
        self.step()
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
            if separator == "&" and (self.endless or self.numerous):
                self.emit(EffectKind.RESOURCE, "bash", "a loop", ("fork", "recursive"))
            busy = self.busy
            with self.forked(separator == "&"):
                printed.append(self.run(item, stdin))
            self.busy += "endless" in printed[-1].taints
            if separator == "&" and self.scope.looping and self.busy > busy:
                self.emit(EffectKind.RESOURCE, "bash", "the processors", ("overload",))
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
        with self.opening():
            for stage in node.stages:
                with self.stage():
                    flow = self.run(stage, flow)
        return flow

    def _group(self, node: Group, stdin: Value) -> Value:
        with self.opening():
            stdin, outputs = self.redirections(node.redirects, stdin, "")
            if node.coproc:
                return self._beside(node)
            if node.subshell:
                with self.subshell():
                    printed = self.run(node.body, stdin)
            else:
                printed = self.run(node.body, stdin)
            return self.redirected_output(outputs, printed, "")

    def _beside(self, node: Group) -> Value:
        """A coprocess: the array holds the descriptors of its output and its input."""
        with self.forked(), self.subshell():
            printed = self.run(node.body, EMPTY)
        for index, fd in enumerate(("163", "164")):
            self.descriptors[fd] = Field(known(f"/dev/fd/{fd}"), self.span, node.coproc)
            self.files[f"/dev/fd/{fd}"] = printed
            self.scope.assign(f"{node.coproc}[{index}]", known(fd))
        return EMPTY

    def _branch(self, node: Branch, stdin: Value) -> Value:
        tested(node.words, self.scope)
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
        endless = endless or (node.variable is None and node.words == () and endless_for(node))
        endless = endless or uncounted(node) or self._reads_without_end(node, stdin)
        endless = endless and not pauses(node.body)
        if endless and "chrt" in self.via:
            # Ahead of everything else, and never waiting: nothing else gets the processor.
            self.emit(EffectKind.RESOURCE, "chrt", "the processor", ("overload",))
        if node.condition is not None:
            self.run(node.condition, stdin)
        if node.variable is not None:
            self.scope.assign(node.variable, self._loop_value(node))
        names = set(names_in(node.body)) if endless else set()
        if {"mkdir", "cd"} <= names:
            self.emit(EffectKind.RESOURCE, "mkdir", "a folder in a folder", ("disk",))
        numerous = node.variable is not None and "numerous" in self._taints_of(node.variable)
        self.numerous += numerous
        self.endless += endless
        self.busy += endless
        self.scope.looping += 1
        with self.conditional(not endless and node.words is None):
            printed = self._rounds(node, stdin)
        self.scope.looping -= 1
        self.endless -= endless
        self.numerous -= numerous
        if endless and printed.text:
            printed = replace(printed, taints=printed.taints | {"endless"})
        return printed

    @staticmethod
    def _reads_without_end(node: Loop, stdin: Value) -> bool:
        """`while read` of what never ends."""
        reads = node.condition is not None and "read" in names_in(node.condition)
        return reads and node.kind == "while" and "endless" in stdin.taints

    def _rounds(self, node: Loop, stdin: Value) -> Value:
        """The body, once with all values; one by one where it gathers them into a variable."""
        values = self.scope.lookup(node.variable) if node.variable is not None else None
        if values is None or node.words is None or node.variable is None or not gathers(node.body):
            return self.run(node.body, stdin)
        printed: list[Value] = []
        for item in fields_of(node.words, self.scope)[:ROUNDS_MAX]:
            self.scope.assign(node.variable, item.value)
            printed.append(self.run(node.body, stdin))
        return concatenated(printed) if printed else EMPTY

    def _taints_of(self, variable: str) -> frozenset[str]:
        value = self.scope.lookup(variable)
        return value.taints if value is not None else frozenset()

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
        names = [item.name for item in node.assignments] if node.words else []
        before = {name: self.scope.variables.get(name) for name in names}
        for assignment in node.assignments:
            assign(self, assignment)
        fields = fields_of(node.words, self.scope)
        self.at(node.span)
        name = fields[0].text if fields else ""
        with self.opening():  # words, with the commands in them, are expanded before
            stdin, outputs = self.redirections(node.redirects, stdin, name)
            if not fields or (name == "exec" and len(fields) == 1):
                return self.redirected_output(outputs, UNKNOWN if fields else EMPTY, name)
            if node.assignments and name in DECLARATIONS:
                declared(self, fields, node.assignments)
                before = {}
            printed = dispatch.run(self, fields, stdin)
            self.at(node.span)
            self._restore(before)
            return self.redirected_output(outputs, printed, name)

    def _restore(self, before: dict[str, Value | None]) -> None:
        """Assignments in front of a command end with it."""
        for name, value in before.items():
            if value is None:
                self.scope.forget(name)
            else:
                self.scope.variables[name] = value

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
            if entry == name and 0 < len(args) < len(self.scope.positional or ()):
                continue  # fewer arguments each time: it ends
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
