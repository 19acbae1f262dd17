"""Bash text to nodes. Never raises: what cannot be read is an `Opaque` at its place.

A recursive-descent parser of our own, written for judging rather than for editing: it keeps
what decides meaning (quoting, redirections, here-documents, spans) and rejects what Bash rejects.
Editor grammars guess, and read `exec 3<>/dev/tcp/h/1` or a here-string after a redirection, which
is how attacks are spelled, as errors. `bash -n` and tree-sitter-bash are second opinions in tests.

Limits: SIZE_MAX characters, COMMANDS_MAX simple commands, DEPTH_MAX levels.
"""

from __future__ import annotations

import re

from cli_tuner.shell.lines import LineScanner
from cli_tuner.shell.nodes import (
    Assignment,
    Branch,
    Function,
    Group,
    Loop,
    Node,
    Opaque,
    Pipeline,
    Range,
    Redirect,
    Sequence,
    Simple,
    Word,
)
from cli_tuner.shell.scan import Unreadable

SIZE_MAX = 65_536
COMMANDS_MAX = 2_000

_ASSIGN = re.compile(r"([A-Za-z_]\w*)(\[[^\]\s]*\])?(\+?)=", re.ASCII)
_IN = re.compile(r"in(?=[\s;&|()<>]|$)")
_COPROC = re.compile(r"[A-Za-z_]\w*\s+(?=[({])")
_CLOSERS = frozenset({"then", "elif", "else", "fi", "do", "done", "esac", "}", "]]"})
DECLARATIONS = frozenset({"export", "declare", "local", "readonly", "typeset"})


def parse(text: str, *, fixed: Range | None = None, depth: int = 0) -> Sequence:
    """The commands of a text. With `fixed`, every span is that one.

    On a syntax error the commands before it are kept and an `Opaque` follows: Bash has run
    them by then when it reads line by line.
    """
    if len(text) > SIZE_MAX:
        span = fixed or Range(0, len(text))
        return Sequence((Opaque("longer than 64 kB", span),), ("",), span)
    return _Parser(text, 0, fixed, depth).whole()


def quoted_word(text: str) -> Word | None:
    """The text as it would be between double quotes; None if that cannot be read."""
    try:
        parser = _Parser(text, fixed=Range(0, 0), depth=8)
        return Word(tuple(parser.double_quoted("")), Range(0, 0), text)
    except (Unreadable, RecursionError):
        return None


class _Parser(LineScanner):
    """The grammar. Each method reads one construct at the current position."""

    def __init__(
        self, text: str, offset: int = 0, fixed: Range | None = None, depth: int = 0
    ) -> None:
        super().__init__(text, offset, fixed, depth)
        self._commands = 0

    def whole(self) -> Sequence:
        """The complete text."""
        top: list[tuple[Node, str]] = []
        try:
            self._collect(top, frozenset())
            if self.pos < self.size:
                raise self.fail(f"unexpected {self.peek()!r}")
            self.read_heredocs()
        except Unreadable as problem:
            where = self.span(min(problem.position, self.size), self.size)
            top.append((Opaque(problem.reason, where), ""))
        except RecursionError:
            top.append((Opaque("nested too deeply", self.span(0, self.size)), ""))
        return _sequence(top, self.span(0, self.size))

    def script_until(self, closer: str) -> Node:
        """Commands up to `closer`, inside a substitution or group."""
        self.deeper()
        start = self.pos
        items: list[tuple[Node, str]] = []
        self._collect(items, frozenset(closer))
        if closer and self.peek() != closer:
            raise self.fail(f"{closer!r} is missing")
        if not closer and self.pos < self.size:
            raise self.fail(f"unexpected {self.peek()!r}")
        span = self.span(start, self.pos)
        self.pos += len(closer)
        self.depth -= 1
        return _sequence(items, span)

    # --- lists and pipelines

    def _collect(self, items: list[tuple[Node, str]], closers: frozenset[str]) -> None:
        while True:
            self.newlines()
            if self.pos >= self.size or self.peek() in closers or self.reserved() in _CLOSERS:
                return
            if self.peek(2) == ";;" or (self.peek(2) == ";&"):
                return
            node = self._pipeline()
            separator = self._separator()
            items.append((node, separator))
            if not separator:
                return
            if separator in ("&&", "||"):
                self.newlines()
                if self.pos >= self.size or self.peek() in closers:
                    raise self.fail(f"nothing follows {separator}")

    def _separator(self) -> str:
        self.blanks()
        two = self.peek(2)
        if two in ("&&", "||"):
            self.pos += 2
            return two
        if two in (";;", ";&"):
            return ""
        char = self.peek()
        if char == "\n":
            return ";"
        if char in (";", "&") and char:
            self.pos += 1
            return char
        return ""

    def _pipeline(self) -> Node:
        start = self.pos
        while (word := self.reserved()) in ("!", "time"):
            self.pos += len(word)
            self.blanks()
            if word == "time" and self.peek(3) in ("-p ", "-p\t"):
                self.pos += 2
                self.blanks()
        if start != self.pos and self.peek() in ("", "\n", ";"):
            return Simple((), (), (), self.span(start, self.pos))
        stages = [self._command()]
        while True:
            self.blanks()
            if self.peek() != "|" or self.peek(2) == "||":
                break
            self.pos += 2 if self.peek(2) == "|&" else 1
            self.newlines()
            stages.append(self._command())
        if len(stages) == 1:
            return stages[0]
        return Pipeline(tuple(stages), self.span(start, self.pos))

    # --- commands

    def _command(self) -> Node:
        self._commands += 1
        if self._commands > COMMANDS_MAX:
            raise self.fail("too many commands")
        self.blanks()
        start = self.pos
        if self.peek(2) == "((" and (node := self.arithmetic()):
            return self._redirected(node, start)
        if self.peek() == "(":
            self.pos += 1
            body = self.script_until(")")
            if isinstance(body, Sequence) and not body.items:
                raise self.fail("nothing between parentheses")
            return self._redirected(body, start, subshell=True)
        word = self.reserved()
        if _IN.match(self.text, self.pos):
            raise self.fail("unexpected 'in'")
        if word in _CLOSERS and word != "]]":
            raise self.fail(f"unexpected {word!r}")
        if word is None or word in ("]]", "!", "time"):
            return self._simple()
        self.deeper()
        node = self._compound(word)
        self.depth -= 1
        if isinstance(node, Simple | Function):
            return node
        return self._redirected(node, start)

    def _compound(self, word: str) -> Node:
        start = self.pos
        self.pos += len(word)
        if word == "{":
            body = self._body("}")
            return Group(body, (), False, self.span(start, self.pos))
        if word == "if":
            return self._if(start)
        if word in ("while", "until"):
            condition = self._body("do")
            body = self._body("done")
            return Loop(word, None, None, condition, body, self.span(start, self.pos))
        if word in ("for", "select"):
            return self._for(word, start)
        if word == "case":
            return self._case(start)
        if word == "function":
            self.blanks()
            name = self.word().raw
            self.blanks()
            if self.peek() == "(":
                self.empty_parens()
            return self._function(name, start)
        if word == "coproc":
            return self._coproc()
        return self.test(start)

    def _body(self, closer: str) -> Node:
        start = self.pos
        items: list[tuple[Node, str]] = []
        self._collect(items, frozenset())
        if not items:
            raise self.fail(f"nothing before {closer}")
        self._expect(closer)
        return _sequence(items, self.span(start, self.pos))

    def _expect(self, word: str) -> None:
        self.newlines()
        if self.reserved() != word:
            raise self.fail(f"{word!r} is missing")
        self.pos += len(word)

    def _if(self, start: int) -> Node:
        bodies = [self._body("then")]
        while True:
            items_start = self.pos
            items: list[tuple[Node, str]] = []
            self._collect(items, frozenset())
            if not items:
                raise self.fail("nothing after then")
            bodies.append(_sequence(items, self.span(items_start, self.pos)))
            word = self.reserved()
            if word not in ("elif", "else", "fi"):
                raise self.fail("'fi' is missing")
            self.pos += len(word)
            if word == "fi":
                return Branch((), tuple(bodies), self.span(start, self.pos))
            if word == "elif":
                bodies.append(self._body("then"))

    def _for(self, kind: str, start: int) -> Node:
        self.blanks()
        variable: str | None = None
        words: tuple[Word, ...] | None = None
        condition: Node | None = None
        if self.peek(2) == "((":
            condition = self.arithmetic()
            words = ()
        else:
            variable = self.word().raw
            self.newlines()
            if self.text.startswith("in", self.pos) and self.peek(3)[2:] in ("", *" \t\n;"):
                self.pos += 2
                words = tuple(self.words_until_end())
        self.blanks()
        if self.peek() == ";":
            self.pos += 1
        self.newlines()
        opener = self.reserved()
        if opener not in ("do", "{"):
            raise self.fail("'do' is missing")
        self.pos += len(opener)
        body = self._body("done" if opener == "do" else "}")
        return Loop(kind, variable, words, condition, body, self.span(start, self.pos))

    def _case(self, start: int) -> Node:
        self.blanks()
        words = [self.word()]
        self.newlines()
        if self.peek(2) != "in":
            raise self.fail("'in' is missing")
        self.pos += 2
        bodies: list[Node] = []
        while True:
            self.newlines()
            if self.reserved() == "esac":
                self.pos += 4
                return Branch(tuple(words), tuple(bodies), self.span(start, self.pos))
            if self.peek() == "(":
                self.pos += 1
            self._pattern(words)
            items: list[tuple[Node, str]] = []
            item_start = self.pos
            self._collect(items, frozenset())
            bodies.append(_sequence(items, self.span(item_start, self.pos)))
            self.newlines()
            for end in (";;&", ";;", ";&"):
                if self.text.startswith(end, self.pos):
                    self.pos += len(end)
                    break
            else:
                if self.reserved() != "esac":
                    raise self.fail("'esac' is missing")

    def _pattern(self, words: list[Word]) -> None:
        while True:
            self.blanks()
            words.append(self.word())
            self.blanks()
            char = self.peek()
            self.pos += 1
            if char == ")":
                return
            if char != "|":
                raise self.fail("')' is missing after a pattern")

    def _coproc(self) -> Node:
        self.blanks()
        start = self.pos
        name = _COPROC.match(self.text, self.pos)
        if name:
            self.pos = name.end()
        body = self._command()
        span = self.span(start, self.pos)
        return Group(body, (), True, span, name.group().strip() if name else "COPROC")

    def _function(self, name: str, start: int) -> Function:
        self.newlines()
        body = self._command()
        if isinstance(body, Simple):
            raise self.fail("a function's body is missing")
        return Function(name, body, self.span(start, self.pos))

    def _redirected(self, node: Node, start: int, *, subshell: bool = False) -> Node:
        redirects: list[Redirect] = []
        while True:
            self.blanks()
            redirect = self.redirect()
            if redirect is None:
                break
            redirects.append(redirect)
        if self.pos < self.size and self.peek() not in "\n;&|)`}" and self.peek() != "#":
            word = self.reserved()
            if word not in _CLOSERS:
                raise self.fail(f"unexpected {self.peek()!r}")
        if not redirects and not subshell:
            return node
        return Group(node, tuple(redirects), subshell, self.span(start, self.pos))

    def _takes_assignments(self, words: list[Word]) -> bool:
        return not words or words[0].literal in DECLARATIONS

    def _simple(self) -> Node:
        start = end = self.pos
        assignments: list[Assignment] = []
        words: list[Word] = []
        redirects: list[Redirect] = []
        while True:
            self.blanks()
            if self.pos >= self.size:
                break
            redirect = self.redirect()
            if redirect is not None:
                redirects.append(redirect)
            elif self.peek() in "\n;&|)":
                break
            elif self.peek() == "(":
                if len(words) != 1 or assignments or redirects:
                    raise self.fail("unexpected '('")
                self.empty_parens()
                return self._function(words[0].raw, start)
            elif (match := _ASSIGN.match(self.text, self.pos)) and self._takes_assignments(words):
                assignments.append(self.assignment(match))
            else:
                self.closed_subscript(words)
                words.append(self.word())
            end = self.pos
        if not (assignments or words or redirects):
            raise self.fail(
                f"unexpected {self.peek()!r}" if self.peek() else "a command is missing"
            )
        return Simple(tuple(assignments), tuple(words), tuple(redirects), self.span(start, end))


def _sequence(items: list[tuple[Node, str]], span: Range) -> Sequence:
    return Sequence(tuple(node for node, _ in items), tuple(sep for _, sep in items), span)
