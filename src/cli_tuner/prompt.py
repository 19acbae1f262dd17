"""The ONE prompt template: for data, training, evaluation and serving alike.

ChatML as Qwen2.5-Coder's own chat template renders it for a system and a user message followed
by the generation prompt; a test compares token for token. The system text is short on purpose:
its tokens are read once and cached, and a tuned model needs no more.

A query is data between two markers. `to_prompt` refuses a query that contains anything shaped
like a marker, so no text can open a turn of its own; boundary 1 says so politely beforehand.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

SYSTEM = (
    "You translate a request into one Bash command for Linux. "
    "Answer with the command only, on one line. Use the current directory unless a path is given."
)
PREFIX = f"<|im_start|>system\n{SYSTEM}<|im_end|>\n<|im_start|>user\n"
SUFFIX = "<|im_end|>\n<|im_start|>assistant\n"
STOP = "<|im_end|>"

TEMPLATE_SHA256 = hashlib.sha256(f"{PREFIX}{{query}}{SUFFIX}".encode()).hexdigest()

# Everything in angle brackets and bars (<|im_start|>, <|eot|>, <|fim_prefix|>, ...) is a token of
# some chat template. The other two are tokens of Qwen's vocabulary of another shape.
_MARKER = re.compile(r"<\|[^<>|\n]{0,40}\|>|</?tool_call>|</?think>", re.IGNORECASE)
_BARS = str.maketrans(
    dict.fromkeys(
        "\u2502\u01c0\u2223\u23d0\u2758\uffe8\u00a6\u2503\u254e\u2506\u250a\u2759\u275a\u2551", "|"
    )
)
_ANGLES = str.maketrans(
    dict.fromkeys("\u2039\u27e8\u3008\u2329\u276e\u1438\u02c2\u276c\u2770", "<")
    | dict.fromkeys("\u203a\u27e9\u3009\u232a\u276f\u1433\u02c3\u276d\u2771", ">")
)
_INVISIBLE_LETTERS = "\u115f\u1160"  # Hangul fillers; NFKC turns the other two into U+1160


def _is_visible(char: str) -> bool:
    # Cf: zero-width and direction marks; Mn: variation selectors and marks over a letter.
    return unicodedata.category(char) not in ("Cf", "Mn") and char not in _INVISIBLE_LETTERS


def template_token_in(text: str) -> str | None:
    """The first chat-template token in a text, or what looks like one, else None.

    Lookalikes are found by compatibility folding (full-width forms), by dropping invisible
    characters, which a later step might drop too, and by folding similar brackets and bars.
    """
    visible = "".join(filter(_is_visible, unicodedata.normalize("NFKC", text)))
    found = _MARKER.search(visible.translate(_BARS).translate(_ANGLES))
    return found.group() if found else None


def to_prompt(query: str) -> str:
    """The prompt for one normalized query.

    Raises ValueError if the query contains a chat-template token: half the defence is that
    nobody can forget the other half.
    """
    token = template_token_in(query)
    if token is not None:
        raise ValueError(f"a query must not contain the chat-template token {token}")
    return f"{PREFIX}{query}{SUFFIX}"


def to_messages(query: str) -> list[dict[str, str]]:
    """The same prompt as chat messages, for endpoints that apply the template themselves.

    Raises ValueError as `to_prompt` does.
    """
    to_prompt(query)
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": query}]
