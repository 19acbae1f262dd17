"""A pair as the model is taught it: the one prompt, then the command, then the end of its turn.

    <|im_start|>system ... <|im_end|>
    <|im_start|>user
    {query}<|im_end|>
    <|im_start|>assistant
    {command}<|im_end|>

Only the last line counts in training: the prompt is given, not learned. Data, training and
evaluation take the shape from here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from cli_tuner.prompt import STOP, to_messages, to_prompt

IGNORED = -100
"""The label of a position that is not learned, as PyTorch's cross-entropy has it."""


class _Encoding(Protocol):
    @property
    def ids(self) -> list[int]: ...


class Tokenizer(Protocol):
    """What is needed of `tokenizers.Tokenizer`."""

    def encode(
        self,
        sequence: str,
        pair: None = None,
        is_pretokenized: bool = False,
        add_special_tokens: bool = True,
    ) -> _Encoding:
        """The tokens of a text."""


class Encoded(NamedTuple):
    """One example: `input_ids` and `labels`, equally long; the prompt is `prompt_tokens` of it."""

    input_ids: list[int]
    labels: list[int]
    prompt_tokens: int

    @property
    def answer_tokens(self) -> int:
        """The command's tokens and the end of its turn."""
        return len(self.input_ids) - self.prompt_tokens


def to_conversation(query: str, command: str) -> list[dict[str, str]]:
    """The pair as chat messages. Raises ValueError if either has a chat-template token."""
    to_answer(command)
    return [*to_messages(query), {"role": "assistant", "content": command}]


def to_answer(command: str) -> str:
    """What the model should write: the command and the end of its turn.

    Raises ValueError for a command with a chat-template token, which would end the turn early.
    """
    to_prompt(command)
    return command + STOP


def encode(query: str, command: str, tokenizer: Tokenizer) -> Encoded:
    """The pair's tokens and labels.

    Prompt and answer are encoded apart, as they are at inference: no token spans the border.
    Raises ValueError as `to_conversation` does.
    """
    prompt = tokenizer.encode(to_prompt(query)).ids
    answer = tokenizer.encode(to_answer(command)).ids
    ids = [*prompt, *answer]
    return Encoded(ids, labels_of(ids, len(prompt)), len(prompt))


def labels_of(input_ids: Sequence[int], prompt_tokens: int) -> list[int]:
    """What is learned: the command and its end-of-turn token; every other label is -100."""
    return [IGNORED] * prompt_tokens + list(input_ids[prompt_tokens:])
