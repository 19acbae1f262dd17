"""A trimmed file has its source's bytes in fewer rows, and cuts texts as its source does."""

from __future__ import annotations

import hashlib
from pathlib import Path

import gguf
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cli_tuner.errors import ModelCorrupt, QuantizationError
from cli_tuner.trim import BASE_KEY, SOURCE_KEY
from cli_tuner.trim.alphabet import Alphabet
from cli_tuner.trim.container import read_head, read_metadata, written_head
from cli_tuner.trim.file import ALPHABET_KEY, differences, trim
from cli_tuner.vocabulary import tokenizer_of

from .conftest import spelt, tokens, write_model

DIGEST = "ab" * 32


@pytest.fixture
def western(model: Path, tmp_path: Path) -> Path:
    path = tmp_path / "western.gguf"
    trim(model, path, Alphabet.WESTERN, source_sha256=DIGEST)
    return path


def test_the_kept_rows_are_the_same_bytes_and_so_is_everything_else(tmp_path: Path) -> None:
    model, target = tmp_path / "m.gguf", tmp_path / "t.gguf"
    arrays = write_model(model)
    made = trim(model, target, Alphabet.ASCII, source_sha256=DIGEST)
    reader = gguf.GGUFReader(target)
    assert [one.name for one in reader.tensors] == list(arrays)
    kept = reader.get_field("tokenizer.ggml.tokens").contents()
    assert (made.rows, made.rows_before, made.bytes) == (
        len(kept), len(tokens()), target.stat().st_size
    )  # fmt: skip
    rows = [tokens().index(text) for text in kept]
    for one in reader.tensors:
        whole = arrays[one.name]
        wanted = whole[rows] if one.name in ("token_embd.weight", "output.weight") else whole
        assert np.array_equal(one.data.reshape(wanted.shape), wanted), one.name
    assert differences(model, target, Alphabet.ASCII) == ()


def test_texts_over_the_alphabet_need_what_is_kept_and_no_more(model: Path, western: Path) -> None:
    dropped = set(tokens()) - set(read_metadata(western)["tokenizer.ggml.tokens"])
    assert dropped == {
        spelt(b"\xe6\x96"), spelt("\u6587"), spelt(b"\xe4\xbb"), spelt("\u4ef6"),
        spelt("\u6587\u4ef6"), spelt("is\u6587"), "[PAD0]", "[PAD1]",
    }  # fmt: skip


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.sampled_from("ls it\u00e9\u6587\u4ef6"), max_size=12))
def test_the_same_tokens_inside_the_alphabet_and_the_same_text_outside(
    model: Path, western: Path, text: str
) -> None:
    before, after = tokenizer_of(model).encode(text), tokenizer_of(western).encode(text)
    if Alphabet.WESTERN.characters.issuperset(text):
        assert after.tokens == before.tokens
    assert tokenizer_of(western).decode(after.ids) == text


def test_merges_keep_their_order_and_ids_follow_their_tokens(model: Path, western: Path) -> None:
    was, now = read_metadata(model), read_metadata(western)
    left = [one for one in was["tokenizer.ggml.merges"] if one in now["tokenizer.ggml.merges"]]
    assert left == now["tokenizer.ggml.merges"]
    for name, text in (("eos", "<|im_end|>"), ("padding", "<|im_start|>")):
        assert now["tokenizer.ggml.tokens"][now[f"tokenizer.ggml.{name}_token_id"]] == text
    assert now["qwen2.vocab_size"] == len(now["tokenizer.ggml.tokens"])
    assert len(now["tokenizer.ggml.token_type"]) == len(now["tokenizer.ggml.tokens"])
    for key in ("a.number", "a.truth", "general.architecture", "tokenizer.ggml.pre"):
        assert now[key] == was[key]


def test_a_trimmed_file_says_where_it_comes_from(model: Path, western: Path) -> None:
    said = read_metadata(western)
    assert said[BASE_KEY] == said[SOURCE_KEY] == DIGEST
    assert said[ALPHABET_KEY] == "western"
    merged, small = model.with_name("merged.gguf"), model.with_name("small.gguf")
    write_model(merged, base="cd" * 32)
    trim(merged, small, Alphabet.WESTERN, source_sha256=DIGEST)
    assert read_metadata(small)[BASE_KEY] == "cd" * 32
    assert read_metadata(small)[SOURCE_KEY] == DIGEST


def test_the_same_file_gives_the_same_bytes(model: Path, western: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.gguf"
    heard: list[tuple[int, int]] = []
    trim(
        model,
        again,
        Alphabet.WESTERN,
        source_sha256=DIGEST,
        on_written=lambda done, total: heard.append((done, total)),
    )
    assert again.read_bytes() == western.read_bytes()
    assert heard[-1] == (again.stat().st_size, again.stat().st_size)
    # Pinned: the catalogue relies on every version writing the same.
    assert hashlib.sha256(written_head(read_head(model))).digest() == (
        hashlib.sha256(model.read_bytes()[: read_head(model).data_start]).digest()
    )


def test_rows_are_filled_up_with_unused_tokens(tmp_path: Path) -> None:
    model, target = tmp_path / "m.gguf", tmp_path / "t.gguf"
    write_model(model, unused=200)
    made = trim(model, target, Alphabet.ASCII, source_sha256=DIGEST)
    assert made.rows == 384
    assert read_metadata(target)["tokenizer.ggml.token_type"].count(5) < 200


def test_a_changed_row_is_found(model: Path, western: Path) -> None:
    data = bytearray(western.read_bytes())
    data[read_head(western).data_start + 40] ^= 1
    western.write_bytes(data)
    assert differences(model, western, Alphabet.WESTERN) == ("the tensors' bytes",)
    assert differences(model, western, Alphabet.ASCII) == ("the list of tensors",)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"model": "llama"}, "only a byte-level vocabulary"),
        ({"rows": 64}, "has 64 rows, the vocabulary"),
        ({"pad": len(tokens()) - 1}, "padding_token_id names the token"),
    ],
)
def test_what_cannot_be_trimmed_is_said(
    tmp_path: Path, changed: dict[str, object], said: str
) -> None:
    path = tmp_path / "m.gguf"
    write_model(path, **changed)
    with pytest.raises(QuantizationError, match=said):
        trim(path, tmp_path / "t.gguf", Alphabet.ASCII, source_sha256=DIGEST)


def test_a_trimmed_file_is_not_trimmed_again(western: Path, tmp_path: Path) -> None:
    with pytest.raises(QuantizationError, match="is trimmed already, to western"):
        trim(western, tmp_path / "t.gguf", Alphabet.ASCII, source_sha256=DIGEST)


def test_what_is_no_model_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(b"GGUF" + b"\xff" * 60)
    with pytest.raises(ModelCorrupt, match=r"m\.gguf"):
        trim(path, tmp_path / "t.gguf", Alphabet.ASCII, source_sha256=DIGEST)
