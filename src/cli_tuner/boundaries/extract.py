"""The command inside a model's answer: out of fences, inline code, prompts and prose.

A tuned model answers with the command alone. A base model wraps it, and what is wrapped is
recognised by structure, never by guessing at words: a fenced block, else the whole text if it is
one line, else inline code in the text, else the first paragraph.
"""

from __future__ import annotations

import re

from cli_tuner.records import RefusalCode

_FENCE = re.compile(r"```[ \t]*[\w+-]*[ \t]*\n(.*?)(?:\n[ \t]*```|\Z)", re.DOTALL)
_FENCE_ON_ONE_LINE = re.compile(r"```(?:(?:bash|sh|shell|console)\s)?\s*([^`\n]+?)\s*```")
_INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_ALL_INLINE = re.compile(r"^(`{1,2})([^`\n]+)\1$")
_SHELL_PROMPT = re.compile(r"^(?:\$|%|>|[\w.-]+@[\w.-]+[:~/\w .-]*[$#])\s+(?=\S)")
_PROSE_START = re.compile(
    r"^(?:sorry|sure|certainly|here(?:'s| is| are)|this|the|to|you|i(?:'m| am| can|'ll)?|it|we|note"
    r"|please|as an?|use|run|if)\b[ ,:]",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"[A-Za-z]{2}[.!:]$")


class NoCommand(Exception):
    """The answer holds no single command. `code` says in which way."""

    def __init__(self, code: RefusalCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def command_in(text: str) -> str:
    """The one command in an answer.

    Raises NoCommand if there is none, or more than one: half an answer is a different command.
    """
    body = text.replace("\r\n", "\n").strip()
    if not body:
        raise NoCommand(RefusalCode.EMPTY, "the model answered with nothing")
    command = _one_line(_unwrapped(body))
    if not command:
        raise NoCommand(RefusalCode.EMPTY, "the model answered with nothing")
    if "```" in command or re.match(r"^(?:\*\*|#{1,6} |[-*] |\d+[.)] )", command):
        raise NoCommand(RefusalCode.NOT_A_COMMAND, "the model answered with markdown")
    if _is_prose(command):
        raise NoCommand(RefusalCode.NOT_A_COMMAND, "the model answered with prose")
    return command


def _unwrapped(body: str) -> str:
    for fence in (_FENCE, _FENCE_ON_ONE_LINE):
        found = fence.search(body)
        if found:
            return found.group(1).strip()
    whole = _ALL_INLINE.match(body)
    if whole:
        return whole.group(2).strip()
    first = body.split("\n\n", 1)[0]
    if _is_prose(first) or _is_prose(first.split("\n", 1)[0]):
        inline = _INLINE.search(body)
        if inline:
            return inline.group(1).strip()
    return first


def _one_line(body: str) -> str:
    """Continuations joined, comments and shell prompts dropped; what is left must be one line."""
    joined = re.sub(r"\\\n[ \t]*", "", body)
    lines = [line.strip() for line in joined.split("\n")]
    lines = [line for line in lines if line and not line.startswith("#")]
    if len(lines) > 1:
        raise NoCommand(
            RefusalCode.NOT_A_COMMAND,
            f"the model answered with {len(lines)} lines, not one command",
        )
    return _SHELL_PROMPT.sub("", lines[0]) if lines else ""


def _is_prose(line: str) -> bool:
    """Whether a line reads as a sentence: it starts like one and ends like one."""
    words = line.split()
    if len(words) < 3:
        return False
    if words[0][0].isupper() and words[0].isalpha() and _SENTENCE_END.search(line):
        return True
    return bool(_PROSE_START.match(line)) and words[0][0].isupper()
