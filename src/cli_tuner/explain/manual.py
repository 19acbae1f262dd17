r"""What a program and its options do, in the words of its manual page. Nothing is run for it.

A page is read as its author wrote it, in one of the two dialects of roff:

    .TP                                 .It Fl a , Fl Fl all
    \fB\-a\fR, \fB\-\-all\fR            Include names that begin with a dot.
    Include names that begin with a dot.

of which `.IP "\-a"`, and a line of options before `.RS` as DocBook makes it, are variants. The
first sentence is the meaning. Not covered: pages that define macros of their own for this, and
options that a page describes in running text alone.
"""

from __future__ import annotations

import gzip
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

_SECTIONS = ("1", "8")
_SIZE_MAX = 4 << 20
_SENTENCE_MAX = 140
_OPTION = re.compile(r"(?<![\w-])--?[A-Za-z0-9?@#][\w-]*")
_ENDS = re.compile(r"\.(SH|SS|PP|P|LP|HP|RE|Sh|Ss|El|Pp|Bl|sp)\b")
_MDOC = re.compile(r"^\.Sh NAME", re.MULTILINE)
_NAME = re.compile(r"^\.S[Hh] +\"?NAME\"?\n(.*?)^\.S[Hh]", re.MULTILINE | re.DOTALL)
_FONT = re.compile(r"\\f(\[[^\]]*\]|\(..|.)|\\s[-+]?\d|\\m\[[^\]]*\]|\\[&:/,|^%)]|\\c$")
_GLYPHS = {"aq": "'", "cq": "'", "oq": "'", "dq": '"', "lq": '"', "rq": '"', "ga": "`", "ha": "^"}
_GLYPHS |= {"em": "-", "en": "-", "hy": "-", "mi": "-", "ti": "~", "rs": "\\", "bu": "*"}
_ESCAPE = re.compile(r"\\\*?(?:\((..)|\[([^\]]*)\]|(.))")
_WORDS = re.compile(r'"((?:[^"]|"")*)"|(\S+)')


def described(name: str, folders: Iterable[Path] | None = None) -> Mapping[str, str]:
    """Option -> what it does, from the page of a program, or of its sub-command ("git log").

    Under the empty text stands what the program does. All is empty if there is no page.
    """
    stem = name.replace(" ", "-")
    for folder in manual_folders() if folders is None else folders:
        text = _page(folder, stem)
        if text is not None:
            summary = summary_in(text)
            return options_in(text) | ({"": summary} if summary else {})
    return {}


def manual_folders(environ: Mapping[str, str] | None = None) -> tuple[Path, ...]:
    """Where pages are: MANPATH, beside the folders of PATH, and the system's own place."""
    environ = os.environ if environ is None else environ
    given = [Path(one) for one in environ.get("MANPATH", "").split(":") if one]
    beside = [
        Path(one).parent / place
        for one in environ.get("PATH", "").split(":")
        if one.startswith("/")
        for place in ("share/man", "man")
    ]
    return tuple(dict.fromkeys((*given, *beside, Path("/usr/share/man"))))


def options_in(text: str) -> dict[str, str]:
    """Option -> the first sentence about it, of a page's source."""
    entries = _mdoc_entries(text) if _MDOC.search(text) else _man_entries(text)
    found: dict[str, str] = {}
    for tag, body in entries:
        meaning = first_sentence(body)
        if tag.startswith(("-", "[-")) and meaning:
            for option in _OPTION.findall(tag):
                found.setdefault(option, meaning)
    return found


def summary_in(text: str) -> str:
    """What the program does, from the section NAME: what stands behind the dash."""
    found = _NAME.search(text)
    if found is None:
        return ""
    lines = found[1].splitlines()
    described = [_mdoc_text(line[4:]) for line in lines if line.startswith(".Nd ")]
    if described:
        return first_sentence(described[0])
    whole = " ".join(_text(line) for line in lines)
    return first_sentence(whole.partition(" - ")[2])


def first_sentence(text: str) -> str:
    """As part of a line: without its full stop, and short."""
    whole = " ".join(text.split())
    sentence = re.split(r"(?<=[a-z0-9)\]'\"])\.(?:\s|$)", whole, maxsplit=1)[0]
    sentence = re.sub(r"(?<=\S)[.:]$", "", sentence)
    if len(sentence) > _SENTENCE_MAX:
        sentence = f"{sentence[:_SENTENCE_MAX].rpartition(' ')[0]} ..."
    starts_a_word = sentence[:1].isupper() and sentence[1:2].islower()
    return sentence[:1].lower() + sentence[1:] if starts_a_word else sentence


def _page(folder: Path, stem: str, follow: bool = True) -> str | None:
    if "/" in stem or "\0" in stem or stem.startswith("."):
        return None
    for section in _SECTIONS:
        for ending in (f"{section}.gz", section):
            path = folder / f"man{section}" / f"{stem}.{ending}"
            text = _read(path)
            if text is None:
                continue
            other = re.match(r"\.so (?:man\d/)?([\w.+-]+)\.\d", text)
            return _page(folder, other[1], follow=False) if other and follow else text
    return None


def _read(path: Path) -> str | None:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            return file.read(_SIZE_MAX).decode("utf-8", "replace")
    except (OSError, EOFError):
        return None


def _man_entries(text: str) -> Iterator[tuple[str, str]]:
    """(tag, body) of each tagged paragraph of a page in the man dialect."""
    tag, body, wants_tag = "", list[str](), False
    for line in text.splitlines():
        if line.startswith((".\\", "'")):
            continue
        if line.strip() == ".IP" and (tag or body):  # another paragraph about the same
            continue
        if line.startswith((".TP", ".TQ", ".IP")) or _ENDS.match(line):
            if not line.startswith(".TQ"):
                yield _entry(tag, body)
                tag, body = "", []
            wants_tag = line.startswith((".TP", ".TQ"))
            if line.startswith(".IP"):
                tag = plain(" ".join(_arguments(line)[:1]))
        elif line.startswith(".RS"):
            if not tag and body and all(one.startswith("-") for one in body):
                tag, body = " ".join(body), []  # DocBook: options, and indented what they do
        elif wants_tag:
            tag = f"{tag} {_text(line)}".strip()
            wants_tag = False
        elif said := _text(line):
            body.append(said)
    yield _entry(tag, body)


def _entry(tag: str, body: list[str]) -> tuple[str, str]:
    """A bullet is no tag; the options then stand in the first line."""
    if not tag.startswith("-") and body and body[0].startswith("-"):
        tag, body = body[0], body[1:]
    return tag, " ".join(body)


def _mdoc_entries(text: str) -> Iterator[tuple[str, str]]:
    """(tag, body) of each item of a list in a page in the mdoc dialect."""
    tag, body = "", list[str]()
    for line in text.splitlines():
        if line.startswith(".\\"):
            continue
        if line.startswith(".It") or _ENDS.match(line):
            yield tag, " ".join(body)
            tag, body = _mdoc_text(line[3:]) if line.startswith(".It") else "", []
        elif tag:
            body.append(_mdoc_text(line[1:]) if line.startswith(".") else plain(line))
    yield tag, " ".join(body)


def _mdoc_text(line: str) -> str:
    """A line of mdoc macros as text: `Fl a , Fl Fl all Ns = Ns Ar x` is `-a, --all=x`."""
    said, joins = "", True
    for quoted, bare in _WORDS.findall(line):
        word = plain(quoted or bare)
        if word == "Ns":
            joins = True
        elif bare == "Fl":
            said += ("" if joins else " ") + "-"
            joins = True
        elif bare in (".", ",", ";", ":", ")", "?", "!"):
            said += word
            joins = False
        elif not re.fullmatch(r"[A-Z][a-z]", bare):
            said += ("" if joins else " ") + word
            joins = False
    return said.strip()


def _text(line: str) -> str:
    """A line of the man dialect as text: fonts alternate or not, other requests say nothing."""
    if not line.startswith("."):
        return plain(line)
    macro = line[1:].split(" ", 1)[0]
    if macro in ("B", "I", "SM", "SB"):
        return plain(" ".join(_arguments(line)))
    if macro in ("BR", "BI", "IR", "RB", "IB", "RI"):
        return plain("".join(_arguments(line)))
    return ""


def _arguments(line: str) -> list[str]:
    return [quoted or bare for quoted, bare in _WORDS.findall(line)][1:]


def plain(text: str) -> str:
    r"""The text without roff's escapes: `\fB\-a\fR` is `-a`."""
    return _ESCAPE.sub(_glyph, _FONT.sub("", text))


def _glyph(found: re.Match[str]) -> str:
    name = found[1] or found[2]
    if name is not None:
        return _GLYPHS.get(name, "")
    return {"e": "\\", "~": " ", "0": " ", "t": " "}.get(found[3], found[3])
