"""Constant strings of perl, ruby, node, php, lua and awk, put together and decoded.

    "rm -r"."f /"      base64_decode('cm0=')      ("/ fr- mr"):reverse()      ->  one literal

The result is the same code with literals where the text decides them, for patterns to read.
Not covered: variables, loops, and functions of the code itself.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib

from cli_tuner.shell.values import HOLE

_PART = r"""(?:"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')"""
_JOIN = {
    "php": r"\s*\.\s*", "perl": r"\s*\.\s*", "lua": r"\s*\.\.\s*", "ruby": r"\s*\+\s*|[ \t]+",
    "awk": r"[ \t]+", "node": r"\s*\+\s*",
}  # fmt: skip
_BASE64 = re.compile(
    r"(?:base64_decode|decode_base64|atob|Base64\.(?:strict_|urlsafe_)?decode64|unb64|from_base64)"
    r"\s*\(?\s*(" + _PART + r")\s*\)?"
    r"|Buffer\.from\(\s*(" + _PART + r")\s*,\s*['\"]base64['\"]\s*\)"
    r"|(" + _PART + r")\.unpack1?\(\s*['\"]m0?['\"]\s*\)(?:\[0\]|\.first)?"
    r"|unpack\s*\(?\s*['\"]u['\"]\s*,\s*(?!)"
)
_HEX = re.compile(
    r"(?:hex2bin)\s*\(\s*(" + _PART + r")\s*\)"
    r"|Buffer\.from\(\s*(" + _PART + r")\s*,\s*['\"]hex['\"]\s*\)"
    r"|\[\s*(" + _PART + r")\s*\]\.pack\(\s*['\"]H\*['\"]\s*\)"
    r"|pack\s*\(?\s*['\"]H\*['\"]\s*,\s*(" + _PART + r")\s*\)?"
)
_REVERSED = re.compile(
    r"(?:strrev|string\.reverse|scalar\s+reverse|reverse)\s*\(?\s*(" + _PART + r")\s*\)?"
    r"|\(?\s*(" + _PART + r")\s*\)?\s*[.:]reverse(?:\(\))?"
    r"|(" + _PART + r")\.split\(['\"]{2}\)\.reverse\(\)\.join\(['\"]{2}\)"
)
_ROT13 = re.compile(r"str_rot13\s*\(\s*(" + _PART + r")\s*\)")
_CODES = re.compile(
    r"(?:String\.fromCharCode|string\.char)\(\s*(\d+(?:\s*,\s*\d+)*)\s*\)"
    r"|\[\s*(\d+(?:\s*,\s*\d+)*)\s*\]\.pack\(\s*['\"][cCU]\*['\"]\s*\)"
    r"|pack\s*\(?\s*['\"][cCU]\*['\"]\s*,\s*(\d+(?:\s*,\s*\d+)*)\s*\)?"
)
_CHR = re.compile(r"\bchr\s*\(?\s*(\d{1,3})\s*\)?")
_ESCAPE = re.compile(r"\\x([0-9a-fA-F]{2})|\\([0-7]{3})|\\u\{?([0-9a-fA-F]{4})\}?")
_OWN_HOME = re.compile(
    r"(?:require\(\s*['\"](?:node:)?os['\"]\s*\)|\bos)\.homedir\(\)|process\.env\.HOME\b|\bDir\.home\b(?:\(\))?|"
    r"\bENV\[['\"]HOME['\"]\]|\$ENV\{['\"]?HOME['\"]?\}|\bgetenv\(\s*['\"]HOME['\"]\s*\)|\bos\.getenv\(\s*['\"]HOME['\"]\s*\)|"
    r"\$_(?:ENV|SERVER)\[['\"]HOME['\"]\]|\bENVIRON\[\"HOME\"\]"
)
_ROUNDS = 4


def folded(code: str, language: str) -> str:
    """The code with constant string expressions replaced by their value."""
    code = _OWN_HOME.sub('"~"', _ESCAPE.sub(_character, code)).replace('${"~"}', "~")
    joiner = _JOIN.get(language)
    pair = re.compile(f"({_PART})(?:{joiner})(?={_PART})({_PART})") if joiner else None
    for _ in range(_ROUNDS):
        before = code
        code = _CODES.sub(lambda m: _quoted(_codes(_first(m))), code)
        code = _CHR.sub(lambda m: _quoted(chr(int(m[1]))), code) if language != "awk" else code
        code = _BASE64.sub(lambda m: _quoted(_base64(_inner(_first(m)))), code)
        code = _HEX.sub(lambda m: _quoted(_hex(_inner(_first(m)))), code)
        code = _REVERSED.sub(lambda m: _quoted(_inner(_first(m))[::-1]), code)
        code = _ROT13.sub(lambda m: _quoted(_rot13(_inner(m[1]))), code)
        if pair is not None:
            code = pair.sub(lambda m: _quoted(_inner(m[1]) + _inner(m[2])), code)
        if code == before:
            break
    return re.sub(r"(" + _PART + r")\.toString\([^)]*\)", r"\1", code)


def _first(match: re.Match[str]) -> str:
    return next((group for group in match.groups() if group is not None), "")


def _inner(literal: str) -> str:
    return literal[1:-1]


def _quoted(text: str) -> str:
    return '"' + text.replace('"', "'").replace("\n", ";") + '"'


def _character(match: re.Match[str]) -> str:
    one, octal, wide = match.groups()
    char = chr(int(octal, 8) if octal else int(one or wide, 16))
    return char if char.isprintable() and char not in "\"'\\" else match.group(0)


def _codes(numbers: str) -> str:
    return "".join(chr(int(n) % 0x110000) for n in numbers.split(","))


def _base64(text: str) -> str:
    try:
        return base64.b64decode(text + "==").decode("utf-8", "replace")
    except (ValueError, binascii.Error):
        return text


def _hex(text: str) -> str:
    try:
        return bytes.fromhex(text).decode("utf-8", "replace")
    except ValueError:
        return text


def _rot13(text: str) -> str:
    import codecs

    return codecs.encode(text, "rot13")


def inflated(text: str) -> str:
    """What zlib had packed; unknown if it did not."""
    try:
        return zlib.decompressobj().decompress(text.encode("latin-1"), 8_192).decode("latin-1")
    except (zlib.error, ValueError):
        return HOLE
