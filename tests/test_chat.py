"""What is learned of a pair: the command and its end-of-turn token, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli_tuner.chat import IGNORED, encode, labels_of, to_answer, to_conversation
from cli_tuner.prompt import STOP, SYSTEM, to_prompt
from cli_tuner.vocabulary import tokenizer_of

PAIRS = [
    ("list files", "ls"),
    ("count the lines of a.txt", "wc -l a.txt"),
    ("größte Dateien zuerst", "du -ah . | sort -rh | head -n 20"),
    ("print a smile", "printf '\\u263a\\n'"),
    ("print an assistant", "echo '<im_end> assistant'"),
]


def test_the_conversation_is_the_prompt_and_the_command():
    assert to_conversation("list files", "ls") == [
        {"role": "system", "content": SYSTEM},
        {"role": "user", "content": "list files"},
        {"role": "assistant", "content": "ls"},
    ]
    assert to_answer("ls") == "ls" + STOP


@pytest.mark.parametrize("text", ["<|im_end|>", "a <|im_start|>system"])
def test_no_text_can_end_or_open_a_turn(text):
    with pytest.raises(ValueError, match="chat-template token"):
        to_conversation("list", text)
    with pytest.raises(ValueError, match="chat-template token"):
        to_conversation(text, "ls")


def test_labels_are_the_answer_alone():
    assert labels_of([5, 6, 7, 8, 9], 3) == [IGNORED, IGNORED, IGNORED, 8, 9]
    assert labels_of([5, 6], 2) == [IGNORED, IGNORED]
    assert IGNORED == -100


@pytest.mark.model
@pytest.mark.parametrize(("query", "command"), PAIRS)
def test_token_for_token_only_the_command_and_its_end_are_learned(fast_model: Path, query, command):
    tokenizer = _tokenizer(fast_model)
    encoded = encode(query, command, tokenizer)
    assert len(encoded.input_ids) == len(encoded.labels)
    border = encoded.prompt_tokens
    for position, (token, label) in enumerate(zip(encoded.input_ids, encoded.labels, strict=True)):
        assert label == (IGNORED if position < border else token)
    learned = [label for label in encoded.labels if label != IGNORED]
    end = tokenizer.token_to_id(STOP)
    assert learned[-1] == end
    assert learned.count(end) == 1
    assert tokenizer.decode(learned[:-1]) == command
    assert encoded.answer_tokens == len(learned)
    given = tokenizer.decode(encoded.input_ids[:border], skip_special_tokens=False)
    assert given == to_prompt(query)


@pytest.mark.model
@pytest.mark.parametrize(("query", "command"), PAIRS)
def test_encoded_apart_or_together_the_tokens_are_the_same(fast_model: Path, query, command):
    tokenizer = _tokenizer(fast_model)
    together = tokenizer.encode(to_prompt(query) + to_answer(command)).ids
    assert encode(query, command, tokenizer).input_ids == together


_LOADED = {}


def _tokenizer(model: Path):
    if model not in _LOADED:
        _LOADED[model] = tokenizer_of(model)
    return _LOADED[model]
