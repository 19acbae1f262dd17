"""The exported adapter in llama.cpp, on the very file that it was trained against."""

from __future__ import annotations

import json
import math
import tempfile
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="make train-test has it")

import gguf
import numpy as np
import torch
import xllamacpp
from tokenizers import Tokenizer

from cli_tuner.chat import Encoded
from cli_tuner.errors import TrainingError
from cli_tuner.prompt import to_prompt
from cli_tuner.train.export import read_peft, write_gguf, write_peft
from cli_tuner.train.packed import pack

QUERIES = ("list files", "show a.txt", "what is in x.json", "count lines of readme")


def test_the_keys_and_values_are_what_llama_cpp_reads(model, tmp_path):
    write_gguf(model.adapter.pairs(), 8.0, "ab" * 32, tmp_path / "a.gguf")
    reader = gguf.GGUFReader(tmp_path / "a.gguf")
    keys = {name: reader.get_field(name).contents() for name in reader.fields if "." in name}
    assert keys["general.type"] == "adapter"
    assert keys["adapter.type"] == "lora"
    assert keys["adapter.lora.alpha"] == 8.0
    tensors = {tensor.name: tensor for tensor in reader.tensors}
    assert len(tensors) == 2 * 7 * 2
    pairs = {(layer, module): (a, b) for layer, module, a, b in model.adapter.pairs()}
    a, b = pairs[1, "k_proj"]
    for side, values in (("a", a), ("b", b)):
        tensor = tensors[f"blk.1.attn_k.weight.lora_{side}"]
        assert tensor.data.dtype == np.float16
        np.testing.assert_array_equal(tensor.data, values.half().numpy())


def test_values_that_float16_cannot_hold_are_refused(model, tmp_path):
    model.adapter.values.fill_(1e6)
    with pytest.raises(TrainingError, match="float16 cannot hold"):
        write_gguf(model.adapter.pairs(), 8.0, "ab" * 32, tmp_path / "a.gguf")


def test_what_peft_reads_can_be_read_back(model, make_model, tmp_path):
    write_peft(model.adapter, "tiny", tmp_path / "peft")
    other = make_model(b=0.0)
    other.adapter.put(read_peft(tmp_path / "peft"))
    torch.testing.assert_close(other.adapter.values, model.adapter.values)


def most_likely(path, adapter, prompts, private):
    """llama.cpp's most likely next tokens: by id, the log-probability."""
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    if adapter is not None:
        params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(str(adapter), 1.0)]
    params.hostnames = [str(private / f"{adapter and adapter.stem}.sock")]
    params.n_ctx, params.warmup, params.fit_params, params.verbosity = 1024, False, False, -1
    params.n_parallel, params.n_gpu_layers = 1, 0
    server = xllamacpp.Server(params)
    found = []
    for prompt in prompts:
        # An "a" is forced, since half a letter would not be reported; the log-probabilities are
        # those before that.
        asked = {"prompt": prompt, "max_tokens": 1, "logprobs": 10, "logit_bias": [[97, 1000]]}
        answer = server.handle_completions(asked)
        answer = json.loads(answer) if isinstance(answer, str) else answer
        (place,) = answer["choices"][0]["logprobs"]["content"]
        found.append({int(one["id"]): float(one["logprob"]) for one in place["top_logprobs"]})
    return found


@pytest.fixture
def private():
    """A folder whose name is short enough for a socket in it."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.mark.parametrize("modules", [None, ("q_proj", "v_proj")])
def test_llama_cpp_computes_what_was_trained(modules, exact, make_model, tmp_path, private):
    model = make_model(modules, b=0.5, folder=exact.folder)
    write_gguf(model.adapter.pairs(), 8.0, "ab" * 32, tmp_path / "a.gguf")
    tokenizer = Tokenizer.from_file(str(exact.folder / "tokenizer.json"))
    prompts = [to_prompt(query) for query in QUERIES]
    with_it = most_likely(exact.gguf, tmp_path / "a.gguf", prompts, private)
    without = most_likely(exact.gguf, None, prompts, private)
    for prompt, theirs, plain in zip(prompts, with_it, without, strict=True):
        ids = tokenizer.encode(prompt).ids
        packed = pack([Encoded(ids, [], len(ids))], 0, model.device)
        with torch.no_grad():
            hidden = model(packed.ids, packed.positions, packed.attend)[-1]
            ours = (hidden @ model.head.T).log_softmax(-1)
        apart = [abs(float(ours[token]) - logprob) for token, logprob in theirs.items()]
        assert max(apart) < 0.1
        assert int(ours.argmax()) == max(theirs, key=theirs.get) or math.isclose(
            *sorted(theirs.values())[-2:], abs_tol=0.1
        )
        moved = [abs(float(ours[token]) - logprob) for token, logprob in plain.items()]
        assert max(moved) > 0.3
