"""Blanks, line ends, reserved words, redirections and here-documents: below the grammar."""

from __future__ import annotations

import re

from cli_tuner.shell.nodes import Arith, Assignment, Branch, Lit, Node, Range, Redirect, Word
from cli_tuner.shell.scan import Scanner, Unreadable

_BLANK = re.compile(r"(?:[ \t]|\\\n)+")
_REDIRECT = re.compile(r"(\d+|\{\w+\})?(&>>|&>|<<<|<<-|<<|<>|<&|>>|>&|>\||<(?!\()|>(?!\())")
_SUBSCRIPT = re.compile(r"[A-Za-z_]\w*\[", re.ASCII)
_RESERVED = re.compile(
    r"(if|then|elif|else|fi|while|until|for|select|do|done|case|esac|function|coproc|time|"
    r"\{|\}|!|\[\[|\]\])(?=[\s;&|()<>]|$)"
)


class LineScanner(Scanner):
    """A scanner that also knows what ends a word, a line and a here-document."""

    def __init__(
        self, text: str, offset: int = 0, fixed: Range | None = None, depth: int = 0
    ) -> None:
        super().__init__(text, offset, fixed, depth)
        self._heredocs: list[tuple[Redirect, str, bool]] = []

    def redirect(self) -> Redirect | None:
        """The redirection that starts here, if one does."""
        match = _REDIRECT.match(self.text, self.pos)
        if match is None:
            return None
        start = self.pos
        fd, operator = match.group(1) or "", match.group(2)
        self.pos = match.end()
        self.blanks()
        if operator not in ("<<", "<<-"):
            target = self.word()
            return Redirect(operator, target, fd, self.span(start, self.pos))
        delimiter = self.word()
        quoted = delimiter.raw != delimiter.literal
        name = "".join(part.text for part in delimiter.parts if isinstance(part, Lit))
        empty = Word((), self.span(self.pos, self.pos), "")
        redirect = Redirect(operator, empty, fd, self.span(start, self.pos))
        self._heredocs.append((redirect, name, quoted))
        return redirect

    def read_heredocs(self) -> None:
        """The bodies of the here-documents announced on the line that just ended."""
        pending, self._heredocs = self._heredocs, []
        for redirect, name, quoted in pending:
            start = self.pos
            lines: list[str] = []
            while self.pos < self.size:
                end = self.text.find("\n", self.pos)
                end = self.size if end < 0 else end
                line = self.text[self.pos : end]
                self.pos = min(end + 1, self.size)
                if redirect.operator == "<<-":
                    line = line.lstrip("\t")
                if line == name:
                    break
                lines.append(line + "\n")
            body = self._here_word("".join(lines), quoted, start)
            # The body comes after the redirection was built; nobody has seen it yet.
            object.__setattr__(redirect, "target", body)

    def _here_word(self, text: str, quoted: bool, start: int) -> Word:
        span = self.span(start, self.pos)
        if quoted:
            return Word((Lit(text, quoted=True),), span, text)
        inner = type(self)(text, fixed=span, depth=self.depth)
        inner.deeper()
        return Word(tuple(inner.double_quoted("")), span, text)

    def blanks(self) -> None:
        """Skip spaces, line continuations and a comment."""
        match = _BLANK.match(self.text, self.pos)
        if match:
            self.pos = match.end()
        if self.peek() == "#" and (self.pos == 0 or self.text[self.pos - 1] in " \t\n;&|()<>"):
            end = self.text.find("\n", self.pos)
            self.pos = self.size if end < 0 else end

    def newlines(self) -> None:
        """Skip blanks and line ends; here-documents begin after a line end."""
        self.blanks()
        while self.peek() == "\n":
            self.pos += 1
            if self._heredocs:
                self.read_heredocs()
            self.blanks()

    def reserved(self) -> str | None:
        """The reserved word at this position, not consumed."""
        match = _RESERVED.match(self.text, self.pos)
        return match.group(1) if match else None

    def assignment(self, match: re.Match[str]) -> Assignment:
        """The assignment whose name and operator were matched."""
        start = self.pos
        name, subscript, plus = match.groups()
        self.pos = match.end()
        words: list[Word] = []
        is_array = self.peek() == "("
        if is_array:
            self.pos += 1
            while True:
                self.newlines()
                if self.peek() == ")":
                    self.pos += 1
                    break
                words.append(self.word())
        elif self.peek() not in ("", *" \t\n;&|)<>") or self.peek(2) in ("<(", ">("):
            words.append(self.word())
        span = self.span(start, self.pos)
        return Assignment(name, tuple(words), bool(plus), is_array, span, subscript or "")

    def words_until_end(self) -> list[Word]:
        """The words up to the end of the command."""
        words: list[Word] = []
        while True:
            self.blanks()
            if self.peek() in ("", ";", "\n"):
                return words
            words.append(self.word())

    def test(self, start: int) -> Node:
        """`[[ ... ]]` from behind its opening: the words in it."""
        words: list[Word] = []
        while True:
            self.newlines()
            if self.pos >= self.size:
                raise self.fail("']]' is missing")
            if self.reserved() == "]]":
                self.pos += 2
                return Branch(tuple(words), (), self.span(start, self.pos))
            if self.peek() in "()<>&|;" and self.peek(2) not in ("<(", ">("):
                self.pos += 1
            else:
                words.append(self.word())

    def arithmetic(self) -> Node | None:
        """`(( ... ))`, or None where these are two subshells; then nothing is consumed."""
        start = self.pos
        try:
            body = self._balanced()
        except Unreadable:
            self.pos = start
            return None
        if not (body.startswith("(") and body.endswith(")")):
            self.pos = start
            return None
        span = self.span(start, self.pos)
        part = Arith(body[1:-1], self._inner_word(body[1:-1]))
        return Branch((Word((part,), span, body),), (), span)

    def empty_parens(self) -> None:
        """The `()` of a function's definition, from its opening parenthesis."""
        self.pos += 1
        self.blanks()
        if self.peek() != ")":
            raise self.fail("')' is missing")
        self.pos += 1

    def closed_subscript(self, words: list[Word]) -> None:
        """Raise Unreadable for `name[` without its `]` where an assignment could stand."""
        head = _SUBSCRIPT.match(self.text, self.pos)
        if words or head is None:
            return
        level = 1
        for char in self.text[head.end() :]:
            level += (char == "[") - (char == "]")
            if level == 0:
                return
        raise self.fail("a bracket is not closed")
