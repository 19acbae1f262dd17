"""The words of one command: its program, options, operands, and a command inside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from cli_tuner.explain.facts import Known, Option, known
from cli_tuner.explain.part import Part, Role, Source
from cli_tuner.explain.values import filled, notes_on, plain, short, shown
from cli_tuner.shell.facts import Facts, facts_of
from cli_tuner.shell.nodes import Word

Help = Callable[[str], Mapping[str, str]]
"""A program's options and what it says about them itself, and about itself under the empty text."""

_GENERAL = {
    "--help": "shows how it is used",
    "--version": "shows which version it is",
    "--": "what follows are no options",
    "-": "standard input or output",
}
_END_OF_EXEC = frozenset({";", "+"})


def parts_of_words(words: tuple[Word, ...], depth: int, help_of: Help) -> Iterator[Part]:
    """The parts of a command with this name and these arguments."""
    if not words:
        return
    name = plain(words[0]).rpartition("/")[2]
    found = known(name)
    guard = facts_of(name)
    if found is not None:
        meaning, source = found.does, Source.FACTS
    elif "$" in name:
        meaning, source = "a program whose name is known only when it runs", Source.NONE
    elif said := "/" not in plain(words[0]) and help_of(name).get(""):
        meaning, source = said, Source.HELP
    else:
        meaning = f"a program or script{_place(plain(words[0]))}; nothing is known here about it"
        source = Source.NONE
    yield _part(words[0], depth, Role.PROGRAM, meaning, source)
    reader = _Reader(found or Known(name, ""), guard, help_of, depth + 1)
    yield from reader.read(list(words[1:]))


def _place(text: str) -> str:
    if text.startswith(("./", "../", "/")) or "/" in text:
        return f" in the file {short(text)}"
    return f' called "{short(text)}"'


def _part(word: Word, depth: int, role: Role, meaning: str, source: Source) -> Part:
    notes = notes_on(word)
    if notes:
        meaning = f"{meaning} ({notes})"
    return Part(word.span.start, word.span.end, depth, role, meaning, source)


class _Reader:
    """Reads a program's arguments one after the other."""

    def __init__(self, found: Known, guard: Facts | None, help_of: Help, depth: int) -> None:
        self._known = found
        self._guard = guard
        self._help_of = help_of
        self._depth = depth
        self._operands = 0

    def read(self, words: list[Word]) -> Iterator[Part]:
        """The parts of the arguments."""
        if self._known.style == "bare" and words and not plain(words[0]).startswith("-"):
            yield from self._letters(words.pop(0), "", words)
        only_operands = False
        while words:
            word = words[0]
            text = plain(word)
            if not only_operands and text == "--":
                only_operands = True
                yield self._said(words.pop(0), Role.OPTION, _GENERAL["--"], Source.SYNTAX)
            elif not only_operands and self._is_option(text):
                yield from self._option(words)
            elif self._known.runs == self._operands:
                yield from parts_of_words(tuple(words), self._depth, self._help_of)
                return
            elif self._known.subs and text in self._known.subs and self._operands == 0:
                yield from self._sub_command(words, text)
                return
            else:
                yield self._operand(words.pop(0), len(words))

    def _is_option(self, text: str) -> bool:
        if self._known.style == "find" and text in ("!", "(", ")", ","):
            return True
        if text.startswith("+") and self._known.option(text) is not None:
            return True
        return text.startswith("-") and len(text) > 1 and not text.startswith("-$")

    def _option(self, words: list[Word]) -> Iterator[Part]:
        word = words.pop(0)
        text = plain(word)
        head, equals, value = text.partition("=")
        option = self._known.option(text) or (self._known.option(head) if equals else None)
        if option is None and not text.startswith("--"):
            option = self._attached(text)
            if option is None and self._is_cluster(text):
                yield from self._letters(word, "-", words)
                return
            value = text[len(option.names[0]) :] if option is not None else value
            equals = equals or value
        if option is None:
            yield from self._unknown(word, head, words)
        elif option.meaning.startswith("runs:"):
            yield from self._running(word, option, words)
        elif option.argument and not equals and not option.attached and words:
            yield self._valued(word, words.pop(0), option)
        else:
            meaning = filled(option.meaning, value or option.argument)
            yield self._said(word, Role.OPTION, meaning, Source.FACTS)

    def _attached(self, text: str) -> Option | None:
        """A short option with its argument in the same word, as `-n5`."""
        if self._known.style in ("dashed", "find"):
            return None
        option = self._known.option(text[:2])
        if option is None or not option.argument or len(text) <= 2:
            return None
        return option._replace(names=(text[:2],))

    def _is_cluster(self, text: str) -> bool:
        return len(text) > 2 and self._known.style not in ("dashed", "find")

    def _letters(self, word: Word, dash: str, words: list[Word]) -> Iterator[Part]:
        """Several one-letter options in a word: one part for each, where the text allows it."""
        letters = plain(word).removeprefix(dash)
        exact = word.raw == plain(word)
        for index, letter in enumerate(letters):
            option = self._known.option(f"-{letter}")
            start, end = word.span.start, word.span.end
            if exact and index:
                start += len(dash) + index
            if exact:
                end = word.span.start + len(dash) + index + 1
            if option is None:
                meaning, source = self._from_help(f"-{letter}")
                yield Part(start, end, self._depth, Role.OPTION, meaning, source)
                continue
            takes = bool(option.argument) and not option.attached
            rest = letters[index + 1 :]
            if takes and rest and dash:
                yield self._letter(start, word.span.end, option, rest)
                return
            value = words.pop(0) if takes and words else None
            yield self._letter(start, end, option, shown(value) if value else option.argument)
            if value is not None:
                name = option.argument.lower()
                yield self._said(value, Role.OPTION, f"that {name}", Source.FACTS)

    def _letter(self, start: int, end: int, option: Option, value: str) -> Part:
        meaning = filled(option.meaning, value)
        return Part(start, end, self._depth, Role.OPTION, meaning, Source.FACTS)

    def _valued(self, word: Word, value: Word, option: Option) -> Part:
        meaning = filled(option.meaning, shown(value))
        notes = notes_on(value)
        if notes:
            meaning = f"{meaning} ({notes})"
        end = value.span.end
        return Part(word.span.start, end, self._depth, Role.OPTION, meaning, Source.FACTS)

    def _running(self, word: Word, option: Option, words: list[Word]) -> Iterator[Part]:
        """An option whose argument is a command, as find's -exec."""
        meaning = option.meaning.removeprefix("runs:").strip()
        yield self._said(word, Role.OPTION, meaning, Source.FACTS)
        inner: list[Word] = []
        while words and plain(words[0]) not in _END_OF_EXEC:
            inner.append(words.pop(0))
        yield from parts_of_words(tuple(inner), self._depth + 1, self._help_of)
        if words:
            last = words.pop(0)
            often = "once for many files" if plain(last) == "+" else "once for each file"
            said = f"the end of that command; it runs {often}"
            yield self._said(last, Role.SYNTAX, said, Source.SYNTAX)

    def _unknown(self, word: Word, head: str, words: list[Word]) -> Iterator[Part]:
        meaning, source = self._from_help(head)
        yield self._said(word, Role.OPTION, meaning, source)
        takes = self._guard is not None and self._guard.takes_argument(head)
        if takes and "=" not in plain(word) and words:
            value = words.pop(0)
            yield self._said(value, Role.OPTION, f"the argument of {head}", Source.NONE)

    def _from_help(self, option: str) -> tuple[str, Source]:
        if option in _GENERAL:
            return _GENERAL[option], Source.SYNTAX
        said = self._help_of(self._known.name).get(option)
        if said:
            return said, Source.HELP
        return f"an option of {self._known.name} that is not described here", Source.NONE

    def _sub_command(self, words: list[Word], text: str) -> Iterator[Part]:
        inner = self._known.subs[text]
        yield self._said(words.pop(0), Role.SUBCOMMAND, inner.does, Source.FACTS)
        merged = inner._replace(
            name=f"{self._known.name} {text}", options={**self._known.options, **inner.options}
        )
        guard = self._guard.sub.get(text) if self._guard is not None else None
        yield from _Reader(merged, guard, self._help_of, self._depth + 1).read(words)

    def _operand(self, word: Word, left: int) -> Part:
        index = self._operands
        self._operands += 1
        text = plain(word)
        phrases = self._known.operands
        if self._known.last and index > 0 and left == 0:
            meaning = filled(self._known.last, shown(word))
            return self._said(word, Role.OPERAND, meaning, Source.FACTS)
        if self._known.style == "equals" and "=" in text:
            name, _, value = text.partition("=")
            option = self._known.option(name)
            if option is not None:
                meaning = filled(option.meaning, value)
                return self._said(word, Role.OPERAND, meaning, Source.FACTS)
        if phrases:
            phrase = phrases[min(index, len(phrases) - 1)]
            return self._said(word, Role.OPERAND, filled(phrase, shown(word)), Source.FACTS)
        return self._said(word, Role.OPERAND, f"an argument: {short(shown(word))}", Source.NONE)

    def _said(self, word: Word, role: Role, meaning: str, source: Source) -> Part:
        return _part(word, self._depth, role, meaning, source)
