"""The tokenizer built from a GGUF file is the one that the engine uses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli_tuner.errors import ModelCorrupt
from cli_tuner.trim.container import read_metadata
from cli_tuner.vocabulary import tokenizer_of

TEXTS = [
    "list files",
    "find . -type f -name '*.py' -exec grep -l \"TODO\" {} +",
    "naïve café: résumé.txt → ünïcode 文件 \U0001f600 \U0001f469\u200d\U0001f4bb",
    "it's 12345 o'clock, THEY'RE late",
    "  two  spaces\tand a tab \n\n and lines  ",
    "awk -F'\\t' '{ sum += $3 } END { print sum/NR }' data.tsv",
    "<|im_start|>user\nlist<|im_end|>\n",
    "<tool_call> and </tool_call>, <|fim_prefix|>",
    "",
]


@pytest.mark.model
def test_the_head_says_what_the_gguf_library_reads(fast_model: Path):
    from gguf import GGUFReader

    reader = GGUFReader(fast_model)
    head = read_metadata(fast_model)
    for name in ("tokens", "merges", "token_type", "pre", "eos_token_id"):
        field = reader.get_field(f"tokenizer.ggml.{name}")
        assert head[f"tokenizer.ggml.{name}"] == field.contents()


@pytest.mark.model
def test_token_for_token_it_is_llama_cpp(fast_model: Path, tmp_path: Path, monkeypatch):
    """The engine's own tokenizer says the same about every text."""
    import socket

    from cli_tuner.backends import embedded
    from cli_tuner.backends.embedded import EmbeddedBackend
    from cli_tuner.records import ModelIdentity

    monkeypatch.setattr(embedded.secrets, "token_urlsafe", lambda _: "key")
    name = ModelIdentity(name="fast", backend="local", engine="test")
    backend = EmbeddedBackend(fast_model, name, private=tmp_path)
    try:
        (listener,) = tmp_path.glob("llama-*.sock")
        tokenizer = tokenizer_of(fast_model)
        for text in TEXTS:
            asked = {"content": text, "add_special": False, "parse_special": True}
            body = json.dumps(asked).encode()
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(str(listener))
                connection.sendall(
                    b"POST /tokenize HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                    b"Authorization: Bearer key\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
                )
                reply = b"".join(iter(lambda: connection.recv(65_536), b""))
            assert (
                json.loads(reply.partition(b"\r\n\r\n")[2])["tokens"] == tokenizer.encode(text).ids
            )
    finally:
        backend.close()


@pytest.mark.parametrize(
    "data",
    [b"", b"GGU", b"GGUF", b"no model at all, but long enough", b"GGUF" + b"\xff" * 60],
)
def test_what_is_no_gguf_is_one_line(tmp_path: Path, data):
    path = tmp_path / "m.gguf"
    path.write_bytes(data)
    with pytest.raises(ModelCorrupt, match=r"m\.gguf"):
        tokenizer_of(path)


def test_another_vocabulary_is_refused(tmp_path: Path):
    from gguf import GGUFWriter

    path = tmp_path / "other.gguf"
    writer = GGUFWriter(path, "llama")
    writer.add_tokenizer_pre("llama-bpe")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    with pytest.raises(ModelCorrupt, match="another vocabulary"):
        tokenizer_of(path)
