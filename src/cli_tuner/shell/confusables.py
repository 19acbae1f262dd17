"""Characters that look like others: Cyrillic and Greek letters, full-width and styled forms.

    plain("\\u0440m")  ->  "pm"      # Cyrillic er

Covered: names and paths made of look-alikes of ASCII; invisible characters. Not covered: text
that a person reads as a word but that spells no program or system folder.
"""
# ruff: noqa: RUF001  look-alikes are the subject

from __future__ import annotations

import re
import unicodedata

_PAIRS = (
    "аaеeоoрpсcуyхxіiјjѕsԁdԛqԝwһhкkмmтtвbнhгrпnиuԍgʼ'ӏlԉnѵvɡgɑaıiƽsοoαaνvρpτtιiκkυuχxγyηnωwβb"
    "ϲcϳjεeσoζzАAВBЕEКKМMНHОOРPСCТTХXΑAΒBΕEΖZΗHΙIΚKΜMΝNΟOΡPΤTΥYΧX∕/⁄/⧸/／/։:׃:∶:‐-‑-‒-–-—-−-﹣-ｰ-"
)
_LOOKS = str.maketrans(dict(zip(_PAIRS[::2], _PAIRS[1::2], strict=True)))
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u2064\u2066-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e007f]"
)
_SPACES = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
_SYSTEM = re.compile(
    r"^/(?:etc|usr|bin|sbin|boot|dev|home|root|var|lib|lib64|proc|sys|opt|srv|tmp)(?:/|$)"
)


def plain(text: str) -> str:
    """The ASCII text that this one looks like, as far as it has such look-alikes."""
    folded = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text)).translate(_LOOKS)
    return _SPACES.sub(" ", folded)


def imitates(name: str, known: frozenset[str]) -> str:
    """The program that a name only looks like, or an empty text."""
    looks = plain(name).strip()
    if looks == name or not looks.isascii():
        return ""
    first = looks.split(" ")[0].rpartition("/")[2]
    return looks if first in known else ""


def imitates_system_path(text: str) -> str:
    """The system path that a path only looks like, or an empty text."""
    looks = plain(text)
    return looks if looks != text and looks.isascii() and _SYSTEM.match(looks) else ""
