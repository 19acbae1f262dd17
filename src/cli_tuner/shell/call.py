"""One command that is about to run: its name, its arguments, what it reads, and what it may do.

Handlers of single utilities (`wrappers`, `programs/*`) get a `Call` and say through it what
happens. They return what the command prints.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from cli_tuner.records.verdict import Certainty, EffectKind
from cli_tuner.shell.facts import Facts
from cli_tuner.shell.values import HOLE, Value
from cli_tuner.shell.words import Field

if TYPE_CHECKING:
    from cli_tuner.shell.effects import Interpreter


@dataclass(slots=True)
class Parsed:
    """Arguments sorted by what they are."""

    attributes: set[str]
    operands: list[Field]
    arguments: list[tuple[str, Field]]

    def argument(self, *options: str) -> Field | None:
        """The last argument given to one of these options."""
        for option, value in reversed(self.arguments):
            if option in options:
                return value
        return None


@dataclass(slots=True)
class Call:
    """A program or builtin with its arguments. `name` has no folder part.

    Of a sub-command, `before` are the options that stand in front of it. `prints` is what code
    of another language writes, if the text decides it.
    """

    shell: Interpreter
    name: str
    args: list[Field]
    stdin: Value
    before: tuple[Field, ...] = ()
    prints: str | None = None

    def has(self, *options: str) -> bool:
        """Whether one of these words, or long options with a value, is among the arguments."""
        return any(
            arg.text in options or ("=" in arg.text and arg.text.partition("=")[0] in options)
            for arg in self.args
        )

    def after(self, *options: str) -> Field | None:
        """The argument of the first such option, as next word or after `=`."""
        for index, arg in enumerate(self.args):
            if arg.text in options and index + 1 < len(self.args):
                return self.args[index + 1]
            head, equals, rest = arg.text.partition("=")
            if equals and head in options:
                return replace(arg, value=Value((rest,), arg.value.taints, arg.value.source))
        return None

    def effect(
        self,
        kind: EffectKind,
        target: str | None = None,
        *attributes: str,
        certainty: Certainty = Certainty.CERTAIN,
    ) -> None:
        """Say that something happens."""
        if kind is EffectKind.REMOTE_STATE:
            from cli_tuner.shell.programs.wholesale import graded

            attributes = graded(self, target, attributes)
        self.shell.emit(kind, self.name, target, attributes, certainty)

    def on_path(self, kind: EffectKind, where: Field, *attributes: str) -> None:
        """Say that something happens to a path."""
        self.shell.emit_path(kind, self.name, where, attributes)

    def writes(self, where: Field, content: Value, *attributes: str) -> None:
        """Say that a file gets this content."""
        self.shell.write_file(self.name, where, content, attributes)

    def reads(self, where: Field, *attributes: str) -> Value:
        """Say that a file is read; the result is its content as far as the text tells."""
        return self.shell.read_file(self.name, where, attributes)

    def run(
        self, fields: list[Field], *, stdin: Value | None = None, via: str | None = None
    ) -> Value:
        """Run another command from here. `via` defaults to this call's name."""
        return self.shell.run_fields(
            fields, self.stdin if stdin is None else stdin, via=self.name if via is None else via
        )

    def run_text(
        self, code: Value, *, stdin: Value | None = None, same_shell: bool = False
    ) -> Value:
        """Run a text as shell commands."""
        return self.shell.run_text(
            code, self.name, self.stdin if stdin is None else stdin, same_shell=same_shell
        )

    def taints(self) -> frozenset[str]:
        """Where the arguments came from."""
        return frozenset().union(*(arg.value.taints for arg in self.args))

    def parsed(self, facts: Facts) -> Parsed:
        """The arguments sorted by these facts."""
        return sorted_arguments(self.args, facts)


Handler: TypeAlias = Callable[[Call], Value]


def sorted_arguments(args: Iterable[Field], facts: Facts) -> Parsed:
    """Options, their arguments and operands, the way getopt_long reads them."""
    parsed = Parsed(set(), [], [])
    waiting = ""
    only_operands = False
    for arg in args:
        text = arg.text
        if waiting:
            parsed.arguments.append((waiting, arg))
            waiting = ""
        elif (
            only_operands or not text.startswith("-") or text == "-" or text.startswith("-" + HOLE)
        ):
            parsed.operands.append(arg)
        elif text == "--":
            only_operands = True
        elif text.startswith("--"):
            waiting = _long(text, arg, facts, parsed)
        elif facts.single_dash:
            waiting = _whole(text, facts, parsed)
        else:
            waiting = _cluster(text, arg, facts, parsed)
    return parsed


def _with_text(arg: Field, text: str) -> Field:
    return replace(arg, value=Value((text,), arg.value.taints, arg.value.source))


def _long(text: str, arg: Field, facts: Facts, parsed: Parsed) -> str:
    head, equals, rest = text.partition("=")
    name = facts.long_option(head)
    if name in facts.flags:
        parsed.attributes.update(facts.flags[name].split())
    if not facts.takes_argument(name):
        return ""
    if equals:
        parsed.arguments.append((name, _with_text(arg, rest)))
        return ""
    return name


def _whole(text: str, facts: Facts, parsed: Parsed) -> str:
    head, equals, _ = text.partition("=")
    if text in facts.flags:
        parsed.attributes.update(facts.flags[text].split())
    elif head in facts.flags:
        parsed.attributes.update(facts.flags[head].split())
    return text if facts.takes_argument(text) and not equals else ""


def _cluster(text: str, arg: Field, facts: Facts, parsed: Parsed) -> str:
    if text in facts.flags and len(text) > 2:
        parsed.attributes.update(facts.flags[text].split())
        return ""
    if len(text) > 2 and facts.takes_argument(text):
        return text
    for index, letter in enumerate(text[1:], start=1):
        option = "-" + letter
        if option in facts.flags:
            parsed.attributes.update(facts.flags[option].split())
        if facts.takes_argument(option):
            rest = text[index + 1 :]
            if not rest:
                return option
            parsed.arguments.append((option, _with_text(arg, rest)))
            return ""
    return ""
