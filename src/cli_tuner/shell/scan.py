"""Words of Bash: from characters to parts. The half of the parser that knows quoting.

Covered: all quotes, `$'..'` escapes, parameter expansions with operators, `$(..)`, backquotes,
`$((..))`, process substitution, extended globs, line continuation. Not covered: history
expansion and aliases, which non-interactive shells do not have.
"""

from __future__ import annotations

import re

from cli_tuner.shell.nodes import Arith, CommandSub, Lit, Node, Param, Part, ProcessSub, Range, Word

DEPTH_MAX = 40

_PLAIN = re.compile(r"[^\s\\'\"$`;&|()<>?*+@!#]+")
_IN_DOUBLE = re.compile(r'[^\\"$`]+')
_IN_HERE = re.compile(r"[^\\$`]+")
_NAME = re.compile(r"[A-Za-z_]\w*|\d|[@*#?$!-]", re.ASCII)
_BRACED = re.compile(r"([!#]?)([A-Za-z_]\w*(?:\[[\w@*$+-]*\])?|\d+|[@*#?$!-])", re.ASCII)
_OPERATOR = re.compile(r":?[-=+?]|##?|%%?|//?|\^\^?|,,?|@|:")
_META = frozenset(" \t\n;&|()<>")
_ESCAPES = {
    "n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "e": "\x1b", "E": "\x1b",
    "f": "\f", "v": "\v", "\\": "\\", "'": "'", '"': '"', "?": "?",
}  # fmt: skip
_ANSI = re.compile(
    r"\\(?:x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{1,4})|U([0-9A-Fa-f]{1,8})|([0-7]{1,3})|c(.)|(.))", re.S
)


class Unreadable(Exception):
    """The text is not what Bash would accept, or is beyond a limit. Stays inside this room."""

    def __init__(self, reason: str, position: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.position = position


def ansi_c(body: str) -> str:
    """The characters that `$'body'` stands for."""

    def one(match: re.Match[str]) -> str:
        two, four, eight, octal, control, other = match.groups()
        if octal is not None:
            return chr(int(octal, 8) & 0xFF)
        if control is not None:
            return chr(ord(control) & 0x1F)
        if other is not None:
            return _ESCAPES.get(other, "\\" + other)
        code = int(two or four or eight, 16)
        return chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else "\ufffd"

    return _ANSI.sub(one, body)


_NULL_OCTAL = re.compile(r"(?<!\\)((?:\\\\)*)\\0([0-7]{1,3})")


def echoed(text: str) -> str:
    """The escapes of `echo -e` and `printf %b`, where a zero stands before an octal number."""
    return ansi_c(_NULL_OCTAL.sub(r"\1\\\2", text))


class Scanner:
    """A position in a text, and what can be read from there.

    `offset` moves spans, for text cut out of a larger one; `fixed` replaces them, for text
    that has no place of its own in the judged text (a `bash -c` argument, an unescaped
    backquote).
    """

    def __init__(
        self, text: str, offset: int = 0, fixed: Range | None = None, depth: int = 0
    ) -> None:
        self.text = text
        self.size = len(text)
        self.pos = 0
        self.depth = depth
        self._offset = offset
        self._fixed = fixed

    # The grammar lives in a subclass; substitutions need it.
    def script_until(self, closer: str) -> Node:
        """The commands up to the closing character, which is consumed."""
        raise NotImplementedError

    def span(self, start: int, end: int) -> Range:
        """Where that is in the judged text."""
        if self._fixed is not None:
            return self._fixed
        return Range(start + self._offset, end + self._offset)

    def fail(self, reason: str) -> Unreadable:
        """The exception to raise about the current position."""
        return Unreadable(reason, self.pos)

    def peek(self, count: int = 1) -> str:
        """The next characters, fewer at the end."""
        return self.text[self.pos : self.pos + count]

    def deeper(self) -> None:
        """Count one level of nesting. Raises Unreadable beyond the limit."""
        self.depth += 1
        if self.depth > DEPTH_MAX:
            raise self.fail("nested too deeply")

    def word(self) -> Word:
        """The word that starts here; it has at least one character."""
        start = self.pos
        parts: list[Part] = []
        while self.pos < self.size:
            char = self.text[self.pos]
            if char in "<>" and self.peek(2)[1:] == "(":
                parts.append(self._process_sub())
            elif char in _META:
                break
            else:
                self._unquoted_part(char, parts)
        if self.pos == start:
            raise self.fail(f"unexpected {self.peek()!r}" if self.peek() else "unexpected end")
        return Word(tuple(parts), self.span(start, self.pos), self.text[start : self.pos])

    def _unquoted_part(self, char: str, parts: list[Part]) -> None:
        plain = _PLAIN.match(self.text, self.pos)
        if plain:
            self.pos = plain.end()
            _add(parts, plain.group(), quoted=False)
        elif char == "\\":
            escaped = self.text[self.pos + 1 : self.pos + 2]
            self.pos += 2
            if escaped != "\n":
                _add(parts, escaped or "\\", quoted=True)
            self.pos = min(self.pos, self.size)
        elif char == "'":
            _add(parts, self._until("'"), quoted=True)
        elif char == '"':
            self.pos += 1
            parts.extend(self.double_quoted('"'))
        elif char == "$":
            self._dollar(parts, quoted=False)
        elif char == "`":
            parts.append(self._backquote(quoted=False))
        elif char in "?*+@!" and self.peek(2)[1:] == "(":
            self.pos += 1
            self._balanced()
            _add(parts, "*", quoted=False)
        else:
            self.pos += 1
            _add(parts, char, quoted=False)

    def _until(self, closer: str) -> str:
        end = self.text.find(closer, self.pos + 1)
        if end < 0:
            raise self.fail("a quote is not closed")
        body = self.text[self.pos + 1 : end]
        self.pos = end + 1
        return body

    def _balanced(self) -> str:
        """Text from an opening parenthesis to its match, without them. Quotes are respected."""
        start, level = self.pos, 0
        while self.pos < self.size:
            char = self.text[self.pos]
            if char == "'":
                self._until("'")
                continue
            if char == "\\":
                self.pos += 1
            level += (char == "(") - (char == ")")
            self.pos += 1
            if level == 0:
                return self.text[start + 1 : self.pos - 1]
        raise self.fail("a parenthesis is not closed")

    def double_quoted(self, closer: str) -> list[Part]:
        """Parts up to the closing quote; with closer "" up to the end, as in a here-document."""
        parts: list[Part] = []
        run = _IN_DOUBLE if closer else _IN_HERE
        escapable = '$`"\\' if closer else "$`\\"
        while self.pos < self.size:
            plain = run.match(self.text, self.pos)
            if plain:
                self.pos = plain.end()
                _add(parts, plain.group(), quoted=True)
                continue
            char = self.text[self.pos]
            if char == closer:
                self.pos += 1
                if not parts:
                    parts.append(Lit("", quoted=True))
                return parts
            if char == "\\":
                escaped = self.text[self.pos + 1 : self.pos + 2]
                self.pos = min(self.pos + 2, self.size)
                if escaped != "\n":
                    _add(parts, escaped if escaped in escapable else "\\" + escaped, quoted=True)
            elif char == "$":
                self._dollar(parts, quoted=True)
            else:
                parts.append(self._backquote(quoted=True))
        if closer:
            raise self.fail("a quote is not closed")
        return parts

    def _dollar(self, parts: list[Part], *, quoted: bool) -> None:
        following = self.text[self.pos + 1 : self.pos + 2]
        if following == "(":
            parts.append(self._paren_expansion(quoted))
        elif following == "{":
            parts.append(self._braced(quoted))
        elif following == "[":
            end = self.text.find("]", self.pos)
            if end < 0:
                raise self.fail("an arithmetic expansion is not closed")
            parts.append(Arith(self.text[self.pos + 2 : end], None, quoted))
            self.pos = end + 1
        elif following == "'" and not quoted:
            self.pos += 1
            start = self.pos
            end = start + 1
            while end < self.size and self.text[end] != "'":
                end += 2 if self.text[end] == "\\" else 1
            if end >= self.size:
                raise self.fail("a quote is not closed")
            self.pos = end + 1
            _add(parts, ansi_c(self.text[start + 1 : end]), quoted=True)
        elif following == '"' and not quoted:
            self.pos += 2
            parts.extend(self.double_quoted('"'))
        elif name := _NAME.match(self.text, self.pos + 1):
            self.pos = name.end()
            parts.append(Param(name.group(), quoted=quoted))
        else:
            self.pos += 1
            _add(parts, "$", quoted=True)

    def _paren_expansion(self, quoted: bool) -> Part:
        if self.text.startswith("$((", self.pos):
            mark = self.pos
            self.pos += 1
            body = self._balanced()
            if body.startswith("(") and body.endswith(")"):
                return Arith(body[1:-1], self._inner_word(body[1:-1]), quoted)
            self.pos = mark
        self.pos += 2
        return CommandSub(self.script_until(")"), quoted)

    def _inner_word(self, text: str) -> Word | None:
        if "$" not in text and "`" not in text:
            return None
        inner = type(self)(text, fixed=self.span(self.pos, self.pos), depth=self.depth)
        inner.deeper()
        return Word(tuple(inner.double_quoted("")), self.span(self.pos, self.pos), text)

    def _backquote(self, *, quoted: bool) -> CommandSub:
        start = self.pos
        end = start + 1
        while end < self.size and self.text[end] != "`":
            end += 2 if self.text[end] == "\\" else 1
        if end >= self.size:
            raise self.fail("a backquote is not closed")
        body = self.text[start + 1 : end]
        self.pos = end + 1
        plain = re.sub(r"\\([\\`$" + ('"' if quoted else "") + "])", r"\1", body)
        fixed = self._fixed if plain == body else self.span(start, end + 1)
        inner = type(self)(plain, self._offset + start + 1, fixed, self.depth)
        inner.deeper()
        return CommandSub(inner.script_until(""), quoted)

    def _process_sub(self) -> ProcessSub:
        reads = self.text[self.pos] == "<"
        self.pos += 2
        return ProcessSub(self.script_until(")"), reads)

    def _braced(self, quoted: bool) -> Param:
        self.deeper()
        head = _BRACED.match(self.text, self.pos + 2)
        if not head:
            raise self.fail("bad substitution")
        prefix, name = head.groups()
        self.pos = head.end()
        if self.peek() == "[" and name.isidentifier():
            name += self._subscript()
        if self.peek() == "}":
            self.pos += 1
            self.depth -= 1
            return Param(name, prefix, None, quoted)
        operator = _OPERATOR.match(self.text, self.pos)
        if prefix and self.text.startswith(("*}", "@}"), self.pos):
            self.pos += 2
            self.depth -= 1
            return Param(name, "names", None, quoted)
        if not operator:
            raise self.fail("bad substitution")
        self.pos = operator.end()
        word = self._until_brace(quoted)
        self.depth -= 1
        return Param(name, prefix + operator.group(), word, quoted)

    def _subscript(self) -> str:
        """`[...]` of any content, as it is spelled; what is in it is expanded when it is used."""
        start, level = self.pos, 0
        while self.pos < self.size:
            char = self.text[self.pos]
            if char == "'":
                self._until("'")
                continue
            level += (char in "[(") - (char in "])")
            self.pos += 1
            if level == 0:
                return self.text[start : self.pos]
        raise self.fail("a bracket is not closed")

    def _until_brace(self, quoted: bool) -> Word:
        start = self.pos
        parts: list[Part] = []
        while self.pos < self.size:
            char = self.text[self.pos]
            if char == "}":
                self.pos += 1
                span = self.span(start, self.pos - 1)
                return Word(tuple(parts), span, self.text[start : self.pos - 1])
            if char in _META:
                self.pos += 1
                _add(parts, char, quoted=quoted)
            elif char == "'" and quoted:
                self.pos += 1
                _add(parts, char, quoted=True)
            elif (brace := self.text.find("}", self.pos)) >= 0 and _PLAIN.match(
                self.text, self.pos
            ):
                plain = _PLAIN.match(self.text, self.pos)
                end = min(plain.end(), brace) if plain else brace
                _add(parts, self.text[self.pos : end], quoted=quoted)
                self.pos = end
            else:
                self._unquoted_part(char, parts)
        raise self.fail("a brace is not closed")


def _add(parts: list[Part], text: str, *, quoted: bool) -> None:
    """Append literal text, joined with a neighbour of the same kind."""
    last = parts[-1] if parts else None
    if isinstance(last, Lit) and last.quoted is quoted:
        parts[-1] = Lit(last.text + text, quoted)
    else:
        parts.append(Lit(text, quoted))
