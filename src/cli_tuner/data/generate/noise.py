"""How real requests differ from tidy ones: seeded slips, politeness and carelessness.

Values are never touched: a request with a misspelled path asks for another path. The rates are
the constants below.
"""

from __future__ import annotations

import random
import re

from cli_tuner.data.generate.render import Piece, tidy

POLITE = 0.10
TYPO = 0.07
LOWER = 0.25
CAPITAL = 0.45
END = 0.30

VERBS = frozenset(
    """add append apply archive attach back backup build calculate change check clean clear clone
    combine commit compare compress compute concatenate connect convert copy count create cut
    decompress delete deploy describe detach disable discard display download drop dump duplicate
    edit empty enable erase execute export extract fetch figure filter find fix follow force format
    generate get give go grep group hash import insert install join keep kill launch limit link list
    load locate look lookup make mark measure merge monitor mount move open output pack pause ping
    play print prune pull push put query read rebuild reload remove rename repeat replace report
    reset restart restore resume retrieve reverse revert rollback rotate run save scale scan search
    see select send set show shrink shuffle shut sort split squash start stop strip sum swap sync
    tag tail take tell terminate test touch track transform translate trim truncate turn undo
    uninstall unmount unpack unzip update upgrade upload use verify view wait watch wipe write zip
    """.split()
)
BEFORE = ("please", "pls", "can you", "could you", "could you please", "can u", "how do I",
          "how do i", "how to", "how can I", "I want to", "i need to", "I'd like to", "I need to",
          "help me", "quickly", "command to", "bash command to", "what's the command to",
          "hey,", "is there a way to", "what command would")  # fmt: skip
AFTER = ("please", "pls", "thanks", "for me", "thx", "if you can", "quickly")
ASKING = frozenset("how is what's can could".split())
NEIGHBOURS = dict(zip("abcdefghilmnoprstuvw", "svxsdrfgjokmbpoteaybce", strict=False))


def noisy(pieces: tuple[Piece, ...], rng: random.Random) -> str:
    """The request as somebody might have typed it."""
    first = "".join(piece.text for piece in pieces).split(" ", 1)[0].lower().strip(",")
    if rng.random() < TYPO:
        pieces = _misspelled(pieces, rng)
    lower = rng.random() < LOWER
    text = tidy("".join(_cased(piece, lower) for piece in pieces))
    asks = text.endswith("?")
    if first in VERBS and rng.random() < POLITE * 2:
        text, asks = _polite(text, rng)
    if not lower and rng.random() < CAPITAL and not pieces[0].fixed:
        text = text[:1].upper() + text[1:]
    if rng.random() < END and text[-1:].isalnum():
        text += "?" if asks else rng.choice("....!")
    return text


def _cased(piece: Piece, lower: bool) -> str:
    return piece.text.lower() if lower and not piece.fixed else piece.text


def _polite(text: str, rng: random.Random) -> tuple[str, bool]:
    if rng.random() < 0.3:
        return f"{text} {rng.choice(AFTER)}", False
    before = rng.choice([each for each in BEFORE if each != "what command would"])
    if before == "help me" and rng.random() < 0.5:
        before = "please help me"
    return f"{before} {text}", before.split(" ", 1)[0] in ASKING


def _misspelled(pieces: tuple[Piece, ...], rng: random.Random) -> tuple[Piece, ...]:
    """One slip in one word of five letters or more that is not a value."""
    places = [
        (number, found.start(), found.end())
        for number, piece in enumerate(pieces)
        if not piece.fixed
        for found in re.finditer(r"(?<![\w./*~'\"-])[a-z]{5,}(?![\w./*~'\"-])", piece.text)
    ]
    if not places:
        return pieces
    number, start, end = rng.choice(places)
    text = pieces[number].text
    changed = text[:start] + _slip(text[start:end], rng) + text[end:]
    return (*pieces[:number], Piece(changed), *pieces[number + 1 :])


def _slip(word: str, rng: random.Random) -> str:
    at = rng.randrange(1, len(word) - 1)
    kind = rng.choice(("swap", "drop", "double", "neighbour"))
    if kind == "swap":
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    if kind == "drop":
        return word[:at] + word[at + 1 :]
    if kind == "double":
        return word[:at] + word[at] + word[at:]
    return word[:at] + NEIGHBOURS.get(word[at], word[at]) + word[at + 1 :]
