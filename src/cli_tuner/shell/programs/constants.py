"""Variables of perl, ruby, node, php and lua that hold one constant, and their lists of words.

    $d="/etc"; system("rm -rf $d")            ->  system("rm -rf /etc")
    foreach (["/etc"] as $d) unlink($d);      ->  the body once for each item
    const h = "~"; fs.rmSync(h)               ->  fs.rmSync("~")
    system(qw(rm -rf /etc))                   ->  system("rm","-rf","/etc")

A name that is assigned more than once is left alone. Not covered: functions' arguments.
"""

from __future__ import annotations

import re
from collections import Counter

_PART = r"""(?:"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')"""
_ASSIGNED = re.compile(
    r"(?<![\w.$@>])(?:(?:const|let|var|my|our|local|def|val|final)\s+)?"
    rf"(?P<name>[$@]?[A-Za-z_]\w*)\s*:?=\s*(?P<value>{_PART})(?=\s*(?:[;,)\n}}]|$))"
)
_ANY_ASSIGNMENT = re.compile(r"(?<![\w.])([$@]?[A-Za-z_]\w*)\s*(?:[-+.*/|&]|\|\||\?\?)?=(?![=~>])")
_WORDS = re.compile(r"(?:%[wW]|\bqw)\s*(?:\(([^()]*)\)|\[([^\[\]]*)\]|\{([^{}]*)\}|([/|!])(.*?)\4)")
_TOKEN = re.compile(
    rf"(?P<text>{_PART}|`(?:[^`\\]|\\.)*`)|(?P<name>[$@]?[A-Za-z_]\w*)(?P<after>\s*(?::?=(?!=)|\(|:(?!:))?)"
)
# How a name stands inside a text, by language.
_INSIDE = {
    "perl": (r"[$@]\{?%s\b\}?", '"`'), "php": (r"\{?\$\{?%s\b\}?\}?", '"`'),
    "ruby": (r"#\{\s*%s\s*\}", '"`'), "node": (r"\$\{\s*%s\s*\}", "`"),
}  # fmt: skip
_LANGUAGES = {**{name: name for name in ("perl", "php", "ruby", "node", "lua", "awk")},
              **dict.fromkeys(("deno", "bun", "zx"), "node")}  # fmt: skip


def with_constants(code: str, language: str) -> str:
    """The code with lists of words and constant variables written out."""
    own = _LANGUAGES.get(language)
    if own is None:
        return code
    if own in ("perl", "ruby"):
        code = _WORDS.sub(_listed, code)
        code = re.sub(rf"\(((?:{_PART},?)+)\)\.join\(['\"] ['\"]\)", _joined, code)
    rounds = _rounds(code, own)
    if rounds:
        return "\n".join(_written_out(code, {**values, **_plain(code)}, own) for values in rounds)
    return _written_out(code, _plain(code), own) if "=" in code else code


def _written_out(code: str, values: dict[str, str], language: str) -> str:
    if not values:
        return code
    return _TOKEN.sub(lambda match: _replaced(match, values, language), code)


def _plain(code: str) -> dict[str, str]:
    """Names that hold one constant text; lists of them as perl writes them into a text."""
    counts = Counter(_ANY_ASSIGNMENT.findall(code))
    values = {
        match[1]: '"' + " ".join(_items(match[2])) + '"'
        for match in _LISTED.finditer(code)
        if match[1][:1] == "@"
    }
    values |= {
        match["name"]: match["value"]
        for match in _ASSIGNED.finditer(code)
        if counts[match["name"]] == 1 and not re.search(r"[$#]\{?\w", match["value"])
    }
    return values


_LIST = rf"[\[(]\s*(?:{_PART}\s*(?:,\s*)?)+[\])]"
_LISTED = re.compile(rf"(?<![\w.])([$@]?[A-Za-z_]\w*)\s*:?=\s*({_LIST})")
_OVER = rf"({_LIST}|[$@]?[A-Za-z_]\w*)"
_LOOPS = (
    (re.compile(rf"\bforeach\s*\(\s*{_OVER}\s+as\s+(?:\$\w+\s*=>\s*)?(\$\w+)"), 1, 2),
    (re.compile(rf"\bfor(?:each)?\s+(?:my\s+)?(\$\w+)\s*({_LIST}|\(\s*@\w+\s*\))"), 2, 1),
    (re.compile(rf"\bfor\s*\(\s*(?:const|let|var)\s+(\w+)\s+of\s+{_OVER}"), 2, 1),
    (
        re.compile(
            rf"{_OVER}\s*\.\s*(?:each|forEach|map)\s*(?:[{{(]|do)\s*(?:\|\s*|function\s*\(\s*|\(?\s*)"
            r"(\w+)\s*(?:\||\)?\s*=>|\))"
        ),
        1,
        2,
    ),
)
_ROUNDS_MAX = 6


def _rounds(code: str, language: str) -> list[dict[str, str]]:
    """What the variable of a loop over literals is, round by round; [] without such a loop."""
    lists = {match[1]: match[2] for match in _LISTED.finditer(code)}
    for pattern, over, variable in _LOOPS:
        for match in pattern.finditer(code):
            source = match[over].strip("() ") if "@" in match[over][:3] else match[over]
            items = _items(lists.get(source, source))
            if items:
                return [{match[variable]: f'"{item}"'} for item in items[:_ROUNDS_MAX]]
    return []


def _items(text: str) -> list[str]:
    return [part[1:-1].replace('"', "'") for part in re.findall(_PART, text)]


def _replaced(match: re.Match[str], values: dict[str, str], language: str) -> str:
    text, name = match["text"], match["name"]
    if text is not None:
        return _filled(text, values, language)
    before = match.string[match.start() - 1 : match.start()]
    if name not in values or match["after"].strip() or before in (".", ">", "\\"):
        return match[0]
    return values[name] + match["after"]


def _filled(text: str, values: dict[str, str], language: str) -> str:
    """A text with the names in it replaced, where the language does so."""
    if language not in _INSIDE or text[0] not in _INSIDE[language][1]:
        return text
    for name, value in values.items():
        pattern = _INSIDE[language][0] % re.escape(name.lstrip("$@"))
        inner = value[1:-1].replace('"', "'")
        text = re.sub(pattern, lambda _, inner=inner: inner, text)  # type: ignore[misc]
    return text


def _listed(match: re.Match[str]) -> str:
    words = next(group for group in match.groups()[:3] + match.groups()[4:] if group is not None)
    return "(" + ",".join(f'"{word}"' for word in words.split()) + ")"


def _joined(match: re.Match[str]) -> str:
    return '"' + " ".join(re.findall(r"[\"']([^\"']*)[\"']", match[1])) + '"'
