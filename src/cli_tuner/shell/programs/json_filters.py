"""jq and yq: what comes out of a document, its names or its values, and constant texts.

    kubectl get secret db -o json | jq '.data | keys'      the names of what is stored
    kubectl get secret db -o json | jq '.data.password'    what is stored

A filter that ends in names, counts, kinds or dates shows nothing of a secret. Not covered: objects
that are built anew, and functions that the filter defines.
"""

from __future__ import annotations

import json
import re

from cli_tuner.shell.call import Call, Handler
from cli_tuner.shell.facts import Facts
from cli_tuner.shell.values import EMPTY, HOLE, Value, concatenated, known

_VALUES = frozenset("--indent --tab -f --from-file -L -I --indent -o -p --output-format".split())
_PAIRS = frozenset("--arg --argjson --slurpfile --rawfile".split())
# What describes a stored secret without being it.
_ABOUT = (
    r"ARN|Arn|arn|Name|CreatedDate|LastChangedDate|LastModifiedDate|LastAccessedDate|VersionIds?|"
    r"VersionStages|Version|KeyId|kind|type|Type|apiVersion|lease_duration|created_time|version|"
    r"request_id|creationTimestamp"
)
_LAST = re.compile(
    r"(?:keys(?:_unsorted)?(?:\s*\[\])?|length|type|has\(.*\)|\.key|"
    r"map\(\s*\.(?:key|metadata[\w.]*|name)\s*\)|"
    r"(?:\.items\[\]\s*)?\.metadata\b[\w.\[\]\"-]*|"
    rf"(?:\.data)?\.metadata[\w.]*|\.(?:(?!data\b|stringData\b)\w+\.)*(?:{_ABOUT}))"
)
_SHAPES = re.compile(
    r"\s*\|\s*(?:sort|unique|join\([^)]*\)|@\w+|tostring|\.\[\]|\.\[\d+\]|add)\s*$"
)
_ABOUT_PATH = re.compile(rf"(?:\w+(?:\[\])?\.)*(?:{_ABOUT})")
_SECRET = frozenset({"secret", "sensitive", "shown", "stored", "everything", "dumped", "dump"})


def names_only(filter_: str) -> bool:
    """Whether a filter of jq prints names, counts or dates, and nothing that is stored."""
    text = filter_.strip()
    while match := _SHAPES.search(text):
        text = text[: match.start()].rstrip()
    return _LAST.fullmatch(text.rpartition("|")[2].strip()) is not None


def about(path: str) -> bool:
    """Whether a path of `--query` asks for what describes a secret."""
    return _ABOUT_PATH.fullmatch(path.strip("'\"` ")) is not None


def _jq(call: Call) -> Value:
    operands = call.parsed(Facts(values=_VALUES)).operands
    texts = [arg.text for arg in call.args]
    skipped = {
        id(arg)
        for index, text in enumerate(texts)
        if text in _PAIRS
        for arg in call.args[index + 1 : index + 3]
    }
    operands = [operand for operand in operands if id(operand) not in skipped]
    if call.name == "yq" and operands and operands[0].text in ("e", "eval", "ea", "eval-all", "r"):
        operands = operands[1:]
    if not operands:
        return call.stdin
    files = operands[1:]
    given = [call.reads(where) for where in files] or [call.stdin]
    constant = _constant(operands[0].text)
    if constant is not None:
        return known(constant + "\n")
    if any(re.match(r"-\w*i|--inplace|--in-place", text) for text in texts) and call.name == "yq":
        for where in files:
            call.writes(where, Value((HOLE,)), "edit", "append")
        return EMPTY
    whole = concatenated(given)
    taints = whole.taints - (_SECRET if names_only(operands[0].text) else {"everything"})
    return Value((HOLE,), taints, whole.source)


def _constant(filter_: str) -> str | None:
    """A filter that is one text without anything put into it."""
    text = filter_.strip()
    if not re.fullmatch(r'"(?:[^"\\]|\\[^(])*"', text):
        return None
    try:
        return str(json.loads(text))
    except ValueError:
        return None


HANDLERS: dict[str, Handler] = dict.fromkeys(("jq", "yq", "gojq", "jaq"), _jq)
