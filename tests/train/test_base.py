from __future__ import annotations

import json

import pytest

pytest.importorskip("torch", reason="make train-test has it")

import gguf
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer

from cli_tuner.artifacts import SILENT
from cli_tuner.errors import ModelCorrupt, TrainingError
from cli_tuner.train.base import converted, find_base
from cli_tuner.train.config import Base
from cli_tuner.vocabulary import tokenizer_of


def test_every_tensor_is_the_files_dequantized(tiny):
    tensors = load_file(tiny.folder / "model.safetensors")
    reader = gguf.GGUFReader(tiny.gguf)
    assert len(tensors) == len(reader.tensors)
    source = {tensor.name: tensor for tensor in reader.tensors}
    name = "blk.1.attn_output.weight"
    values = gguf.quants.dequantize(source[name].data, source[name].tensor_type)
    made = tensors["model.layers.1.self_attn.o_proj.weight"]
    torch.testing.assert_close(made, torch.from_numpy(values).to(torch.bfloat16))
    assert tensors["model.norm.weight"].dtype == torch.float32


def test_the_folder_has_the_files_own_tokenizer(tiny):
    here = Tokenizer.from_file(str(tiny.folder / "tokenizer.json"))
    text = "<|im_start|>user\nls -la ~/ü<|im_end|>"
    assert here.encode(text).ids == tokenizer_of(tiny.gguf).encode(text).ids


def test_it_is_converted_once(tiny, home):
    stamp = (tiny.folder / "model.safetensors").stat().st_mtime_ns
    assert converted(tiny.gguf, tiny.sha256, home, SILENT) == tiny.folder
    assert (tiny.folder / "model.safetensors").stat().st_mtime_ns == stamp


def test_a_conversion_that_breaks_off_leaves_nothing(tiny, home, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("safetensors.torch.save_file", full)
    with pytest.raises(Exception, match="disk is full"):
        converted(tiny.gguf, "0" * 64, home, SILENT)
    assert not list((home.cache / "bases").glob("0000*"))


def test_a_folder_is_a_base_too(tiny, home):
    found = find_base(Base(model=str(tiny.folder)), None, home, SILENT)
    assert found.folder == tiny.folder
    assert len(found.sha256) == 64


def test_a_file_beside_the_store_must_be_the_catalogues(tiny, home):
    with pytest.raises(ModelCorrupt, match="has the digest"):
        find_base(Base(model="fast"), str(tiny.gguf), home, SILENT)


@pytest.mark.parametrize("name", ["/no/such/folder", "./nowhere/at/all"])
def test_a_base_that_is_not_there_is_said(name, home):
    with pytest.raises(TrainingError, match="there is no base"):
        find_base(Base(model=name), None, home, SILENT)


def test_another_architecture_is_said(tiny, tmp_path):
    from cli_tuner.train.model import Architecture

    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llama"}))
    with pytest.raises(TrainingError, match="this engine trains qwen2"):
        Architecture.of(tmp_path)
