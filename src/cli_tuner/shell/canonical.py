"""One spelling for commands that differ only in how they are written.

    ls -l -a "my dir"             ->   ls -a -l my\\ dir
    head --lines=5 < x            ->   head -n=5 < x
    find . -type f -name '*.c'    ->   find . -name=\\*.c -type=f

Brought together: quoting, backquotes, white space, clusters of options, short and long names, the
order of options (and of operands among them where the program permits it), the order of tests in
one conjunction of `find`. Nothing else: a variable is not a value, `cat x | grep y` is not `grep y
x`. Two commands with one form do the same, apart from options of which the last one wins; two with
different forms may do the same all the same.

The form is for comparing. It is not meant to be run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from cli_tuner.shell.arguments import Argument, Option, arguments_of
from cli_tuner.shell.find_tests import find_form
from cli_tuner.shell.nodes import (
    Arith,
    Assignment,
    CommandSub,
    Group,
    Lit,
    Loop,
    Node,
    Param,
    Part,
    Pipeline,
    ProcessSub,
    Redirect,
    Simple,
    Word,
)
from cli_tuner.shell.nodes import Sequence as Commands
from cli_tuner.shell.options import options_of
from cli_tuner.shell.parse import parse
from cli_tuner.shell.template import EXECUTES, inner_command, subcommands_of
from cli_tuner.shell.tokens import tokens_of
from cli_tuner.shell.values import without_marks

_ACTIVE = frozenset(" \t\n;&|<>()$`\\'\"*?[]{}")
_FIRST_ACTIVE = frozenset("~#")
_UNSEEN = frozenset({"!", "time", "|&"})
"""What the tree does not hold."""

# Programs that read options wherever they stand (getopt_long of glibc).
_PERMUTES = frozenset(
    "ls cp mv rm mkdir rmdir sort uniq cut head tail wc cat tac tr tee touch ln df du stat date "
    "chmod chown chgrp grep egrep fgrep sed gzip gunzip bzip2 xz diff cmp comm join paste split ps "
    "free pgrep pkill mount umount lsblk curl wget rsync file column tree systemctl journalctl id "
    "who fold nl od seq shuf basename dirname readlink realpath md5sum sha1sum sha256sum base64 "
    "install mktemp mkfifo truncate gpg uname hostname zip unzip scp useradd usermod userdel "
    "groupadd du df apt apt-get git".split()
)
# Programs in which the order of options is their meaning.
_ORDERED = frozenset(
    "ffmpeg ffprobe magick convert mogrify montage test [ expr dd echo printf java gcc g++ cc "
    "clang ld xrandr sox iptables ip6tables nft ip jq parallel docker-compose".split()
)
_RULES = {  # options that are read as one list: their order among each other stays
    "rsync": frozenset("--include --exclude --filter -f --include-from --exclude-from".split()),
    "curl": frozenset("-d --data --data-binary --data-raw --data-urlencode -F --form".split()),
}


class _Unfaithful(Exception):
    """The tree of this text does not hold all of it."""


@dataclass(frozen=True, slots=True)
class Call:
    """A program as it is called: `arguments` are its own, without what a wrapper runs.

    `path` is its name without a folder, and its sub-commands; `written` its name as it stands.
    """

    written: str
    path: tuple[str, ...]
    arguments: tuple[Argument, ...]

    @property
    def name(self) -> str:
        """The program."""
        return self.path[0]

    @property
    def options(self) -> tuple[Option, ...]:
        """Its options, in their order."""
        return tuple(one for one in self.arguments if isinstance(one, Option))

    @property
    def operands(self) -> tuple[str, ...]:
        """Its operands, in their order."""
        return tuple(one for one in self.arguments if isinstance(one, str))


@lru_cache(maxsize=1024)
def canonical_of(command: str) -> str:
    """The one spelling of a command; for what the parser cannot hold whole, its tokens."""
    text = without_marks(command)
    tokens = tokens_of(text)
    if not _UNSEEN.isdisjoint(tokens):
        return " ".join(tokens)
    try:
        return _Form().node(parse(text))
    except _Unfaithful:
        return " ".join(tokens)


def calls_in(command: str) -> tuple[Call, ...]:
    """Every program that the text runs, as far as it is written there, in order."""
    form = _Form()
    with suppress(_Unfaithful):
        form.node(parse(without_marks(command)))
    return tuple(form.calls)


def are_options_known(command: str) -> bool | None:
    """Whether every option is one that its program has; None if no table is complete enough."""
    found = [
        table.knows(option.name)
        for call in calls_in(command)
        if (table := options_of(call.path)) is not None
        for option in call.options
    ]
    if False in found:
        return False
    return True if True in found else None


class _Form:
    """Writes a tree in the one spelling, and notes the calls that it meets."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def node(self, node: Node) -> str:
        match node:
            case Simple():
                return self._simple(node)
            case Pipeline():
                return " | ".join(self.node(stage) for stage in node.stages)
            case Commands():
                return self._commands(node)
            case Group():
                opens, closes = "()" if node.subshell else "{}"
                inside = f"{node.coproc} {opens} {self.node(node.body)} {closes}".strip()
                return " ".join([inside, *self._redirects(node.redirects)])
            case Loop():
                return self._loop(node)
            case _:
                raise _Unfaithful

    def _commands(self, node: Commands) -> str:
        pairs = list(zip(node.items, node.separators, strict=True))
        if pairs and pairs[-1][1] == ";":
            pairs[-1] = (pairs[-1][0], "")
        return " ".join(f"{self.node(item)} {separator}".rstrip() for item, separator in pairs)

    def _loop(self, node: Loop) -> str:
        condition = [self.node(node.condition)] if node.condition is not None else []
        words = [self._word(word) for word in node.words or ()]
        inside = "" if node.words is None else "in"
        head = [node.kind, node.variable or "", inside, *words, *condition]
        return " ".join(["".join(f"{part} " for part in head if part) + "do", self.node(node.body)])

    def _simple(self, node: Simple) -> str:
        words = [self._word(word) for word in node.words]
        return " ".join(
            [
                *(self._assignment(one) for one in node.assignments),
                *([self.command(words)] if words else []),
                *self._redirects(node.redirects),
            ]
        )

    def _assignment(self, node: Assignment) -> str:
        words = " ".join(self._word(word) for word in node.words)
        value = f"({words})" if node.is_array else words
        subscript = f"[{node.subscript}]" if node.subscript else ""
        return f"{node.name}{subscript}{'+' if node.appends else ''}={value}"

    def _redirects(self, redirects: Iterable[Redirect]) -> Iterator[str]:
        for one in redirects:
            yield f"{one.fd}{one.operator} {self._word(one.target)}"

    def command(self, words: list[str]) -> str:
        """A program with its arguments, and the one that it runs."""
        name = words[0].rpartition("/")[2] or words[0]
        inner, own = inner_command(name, words[1:])
        subs = subcommands_of(name, own)
        path = (name, *subs)
        if name == "find":
            self._called(words[0], path, list(_without_runs(own)))
            return find_form(words[0], own, self.command)
        arguments = self._called(words[0], path, _without(own, subs))
        texts = [words[0], *subs, *_ordered(name, arguments)]
        if inner:
            texts.append(self.command(inner))
        return " ".join(texts)

    def _called(self, written: str, path: tuple[str, ...], words: Sequence[str]) -> list[Argument]:
        arguments = arguments_of(path, words)
        self.calls.append(Call(written, path, tuple(arguments)))
        return arguments

    def _word(self, word: Word) -> str:
        parts = "".join(self._part(part) for part in word.parts)
        if parts[:1] in _FIRST_ACTIVE and isinstance(word.parts[0], Lit) and word.parts[0].quoted:
            parts = f"\\{parts}"
        return parts.replace("\\{\\}", "{}") or "''"

    def _part(self, part: Part) -> str:
        match part:
            case Lit(text=text, quoted=True):
                return "".join(f"\\{char}" if char in _ACTIVE else char for char in text)
            case Lit(text=text):
                return text
            case Param(name=name, op=op, word=word, quoted=quoted):
                inside = f"{name}{op}{self._word(word) if word else ''}"
                return _quoted(f"${{{inside}}}", quoted)
            case CommandSub(body=body, quoted=quoted):
                return _quoted(f"$({self.node(body)})", quoted)
            case ProcessSub(body=body, reads=reads):
                return f"{'<' if reads else '>'}({self.node(body)})"
            case Arith(text=text, quoted=quoted):
                return _quoted(f"$(({''.join(text.split())}))", quoted)


def _quoted(text: str, quoted: bool) -> str:
    return f'"{text}"' if quoted else text


def _without(words: Sequence[str], subs: Sequence[str]) -> list[str]:
    """The words without the sub-commands among them."""
    left = list(words)
    for sub in subs:
        left.remove(sub)
    return left


def _without_runs(words: Iterable[str]) -> Iterator[str]:
    """The words of `find` without the commands that it runs."""
    inside = False
    for word in words:
        if not inside:
            yield word
        inside = word in EXECUTES or (inside and word not in ("\\;", ";", "+"))


def _ordered(name: str, arguments: Sequence[Argument]) -> list[str]:
    """The arguments in the one order that this program permits."""
    if name in _ORDERED:
        return [_shown(one) for one in arguments]
    if name in _PERMUTES and "--" not in arguments:
        options = [one for one in arguments if isinstance(one, Option)]
        operands = [one for one in arguments if isinstance(one, str)]
        return [*_sorted(name, options), *operands]
    texts: list[str] = []
    for are_options, run in groupby(arguments, lambda one: isinstance(one, Option)):
        part = list(run)
        options = [one for one in part if isinstance(one, Option)]
        texts += _sorted(name, options) if are_options else [_shown(one) for one in part]
    return texts


def _shown(argument: Argument) -> str:
    return argument.shown if isinstance(argument, Option) else argument


def _sorted(name: str, options: Sequence[Option]) -> list[str]:
    """By name; those of one name, or of one list, stay in their order. A flag counts once."""
    rules = _RULES.get(name, frozenset())
    ordered = sorted(options, key=lambda one: "--rules" if one.name in rules else one.name)
    texts = [one.shown for one in ordered]
    flags = {one.shown for one in ordered if one.value is None and one.name not in ("-v", "-d")}
    return [
        text for place, text in enumerate(texts) if text not in flags or text not in texts[:place]
    ]
