"""Merging is exact, quantizing keeps what matters, and a file says what it came from."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from cli_tuner.artifacts import load_config
from cli_tuner.artifacts.artifact import sha256_of_file
from cli_tuner.errors import CliTunerError, ExtraMissing, QuantizationError
from cli_tuner.prompt import TEMPLATE_SHA256, to_messages, to_prompt
from cli_tuner.quantize import program
from cli_tuner.quantize.config import QuantizeConfig

from .conftest import WIDE, tensors, values_of, write_adapter, write_base

Run = Callable[..., Path]
F16 = [{"type": "F16"}]


def test_the_merged_file_is_base_plus_adapter(run: Run, base: Path, tmp_path: Path) -> None:
    adapter = tmp_path / "style.gguf"
    deltas = write_adapter(adapter, sha256_of_file(base))
    folder = run(adapter=str(adapter), files=F16)
    before, after = values_of(base), values_of(folder / "tiny-f16.gguf")
    assert list(after) == list(before)
    for name, values in before.items():
        wanted = values + deltas.get(name, 0)
        assert np.abs(after[name] - wanted).max() <= np.abs(wanted).max() / 1024, name
        if values.ndim == 1:
            assert (after[name] == values).all()


def test_without_an_adapter_the_values_are_the_base_s(run: Run, base: Path) -> None:
    after = values_of(run(files=F16) / "tiny-f16.gguf")
    for name, values in values_of(base).items():
        assert (after[name] == values.astype("f2").astype("f4")).all() or values.ndim == 1


def test_the_file_says_where_it_comes_from_and_keeps_the_base_s_tokenizer(
    run: Run, base: Path, tmp_path: Path
) -> None:
    import gguf

    adapter = tmp_path / "style.gguf"
    write_adapter(adapter, sha256_of_file(base))
    folder = run(adapter=str(adapter), files=F16, author="somebody", description="tiny one")
    reader, was = gguf.GGUFReader(folder / "tiny-f16.gguf"), gguf.GGUFReader(base)
    said = {key: reader.get_field(key).contents() for key in reader.fields if "." in key}
    assert said["cli-tuner.base.sha256"] == sha256_of_file(base)
    assert said["cli-tuner.adapter.sha256"] == sha256_of_file(adapter)
    assert said["cli-tuner.prompt.sha256"] == TEMPLATE_SHA256
    assert (said["general.name"], said["general.license"]) == ("tiny", "apache-2.0")
    assert (said["general.author"], said["general.description"]) == ("somebody", "tiny one")
    for key in was.fields:
        if key.startswith(("tokenizer.", "qwen2.")):
            assert said[key] == was.get_field(key).contents(), key
    provenance = json.loads((folder / "provenance.json").read_text())
    assert provenance["model"]["adapter"]["sha256"] == sha256_of_file(adapter)
    assert provenance["files"]["tiny-f16.gguf"]["bytes"] > 0


def test_a_base_without_a_chat_template_gets_the_products(run: Run, tmp_path: Path) -> None:
    import gguf
    from jinja2 import Template

    bare = tmp_path / "bare.gguf"
    write_base(bare, template=False)
    path = run(base=str(bare), files=F16) / "tiny-f16.gguf"
    template = Template(gguf.GGUFReader(path).get_field("tokenizer.chat_template").contents())
    messages = to_messages("list files")
    wanted = to_prompt("list files")
    assert template.render(messages=messages, add_generation_prompt=True) == wanted
    assert template.render(messages=messages[1:], add_generation_prompt=True) == wanted


@pytest.mark.usefixtures("needs_quantizer")
def test_quantized_files_have_the_types_that_were_asked_for(run: Run) -> None:
    files = [{"type": "Q4_K_M"}, {"type": "Q4_0", "output_matrix": "q4_0"}, {"type": "Q8_0"}]
    folder = run(files=files)
    report = json.loads((folder / "report.json").read_text())["model"]
    found = {one["file"]: one["weights_by_type"] for one in report["files"]}
    assert list(found) == ["tiny-q4_k_m.gguf", "tiny-q4_0-out-q4_0.gguf", "tiny-q8_0.gguf"]
    assert "Q4_K" in found["tiny-q4_k_m.gguf"]
    assert set(found["tiny-q4_0-out-q4_0.gguf"]) == {"Q4_0", "F32"}
    assert set(found["tiny-q8_0.gguf"]) == {"Q8_0", "F32"}
    assert not (folder / "tiny-f16.gguf").exists()
    was = tensors()
    for name, values in values_of(folder / "tiny-q8_0.gguf").items():
        assert np.abs(values - was[name]).max() < 0.03, name
    assert "bits a weight" in (folder / "report.md").read_text()


@pytest.mark.usefixtures("needs_quantizer")
@pytest.mark.parametrize("kind", ["Q4_K_M", "Q5_K_M", "Q5_K_S", "Q6_K", "IQ4_NL", "Q3_K_M"])
def test_the_engine_answers_from_a_quantized_file(run: Run, tmp_path: Path, kind: str) -> None:
    from cli_tuner.backends.embedded import EmbeddedBackend
    from cli_tuner.backends.protocol import Sampling
    from cli_tuner.records import ModelIdentity, NormalizedRequest, new_request_id, sha256_of

    path = run(files=[{"type": kind}]) / f"tiny-{kind.lower()}.gguf"
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    identity = ModelIdentity(name="tiny", backend="local", engine="test")
    prompt = to_prompt("list files")
    request = NormalizedRequest(
        request_id=new_request_id(),
        query="list files",
        prompt=prompt,
        prompt_sha256=sha256_of(prompt),
        template_sha256=TEMPLATE_SHA256,
    )
    backend = EmbeddedBackend(path, identity, private=private)
    try:
        output = backend.complete(request, Sampling(max_new_tokens=4))
    finally:
        backend.close()
    assert 1 <= output.completion_tokens <= 4


def test_an_adapter_of_another_base_is_refused(run: Run, tmp_path: Path) -> None:
    adapter = tmp_path / "style.gguf"
    write_adapter(adapter, "f" * 64)
    with pytest.raises(QuantizationError, match="was made for a base with the digest ffffffffffff"):
        run(adapter=str(adapter), files=F16)
    assert not (tmp_path / "out" / "tiny").exists()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"linear": {"attn_qkv": (WIDE, WIDE)}}, "has no blk.0.attn_qkv.weight"),
        ({"linear": {"attn_q": (WIDE, 2 * WIDE)}}, "does not fit blk.0.attn_q.weight"),
        ({"alpha": False}, "is no GGUF LoRA"),
    ],
)
def test_an_adapter_that_does_not_fit_is_refused(
    run: Run, tmp_path: Path, changed: dict[str, object], said: str
) -> None:
    adapter = tmp_path / "style.gguf"
    write_adapter(adapter, None, **changed)
    with pytest.raises(QuantizationError, match=said):
        run(adapter=str(adapter), files=F16)


def test_what_is_no_model_is_refused_in_one_line(run: Run, base: Path, tmp_path: Path) -> None:
    other, broken = tmp_path / "llama.gguf", tmp_path / "broken.gguf"
    write_base(other, architecture="llama")
    broken.write_bytes(b"GGUF and then nothing of use")
    for path, said in (
        (other, "is a llama model"),
        (broken, "no readable GGUF file"),
        (tmp_path / "nothing.gguf", "there is no file"),
        (tmp_path, "no safetensors"),
    ):
        with pytest.raises(QuantizationError, match=said):
            run(base=str(path), like=str(base), files=F16)


def test_a_type_that_cannot_hold_the_rows_is_said_before_the_work(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli_tuner.quantize.stage._K_BLOCK", 512)
    with pytest.raises(QuantizationError, match=r"q6_K needs rows of whole blocks of 512; .* 256"):
        run(files=[{"type": "Q4_0", "output_matrix": "q6_K"}])


def test_too_little_room_is_said_before_the_work(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "cli_tuner.quantize.stage.shutil.disk_usage", lambda _: SimpleNamespace(free=1_000_000)
    )
    with pytest.raises(QuantizationError, match="are needed below"):
        run(files=F16)


def test_a_quantizer_that_fails_is_quoted(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "llama-quantize"
    fake.write_text("#!/bin/sh\necho '[ 1/ 2] converting'\necho 'no such type'\nexit 3\n")
    fake.chmod(0o755)
    monkeypatch.setenv(program.VARIABLE, str(fake))
    with pytest.raises(QuantizationError, match="llama-quantize ended with 3: no such type"):
        run()
    assert not (tmp_path / "out" / "tiny").exists()
    monkeypatch.setenv(program.VARIABLE, str(tmp_path / "nothing"))
    with pytest.raises(QuantizationError, match="which is no program"):
        run()


def test_a_missing_quantizer_says_how_to_get_it(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv(program.VARIABLE, raising=False)
    monkeypatch.setattr(program, "find_spec", lambda _: None)
    with pytest.raises(ExtraMissing, match="llama-quantize") as caught:
        run()
    assert "pip install 'cli-tuner[quantize]'" in str(caught.value.hint)


def test_a_configuration_names_each_file_once_and_f16_has_one_type() -> None:
    for files in ([{"type": "Q8_0"}] * 2, [{"type": "F16", "embedding": "q8_0"}]):
        with pytest.raises(ValueError, match=r"twice|one type"):
            QuantizeConfig.model_validate({"name": "x", "base": "fast", "files": files})


@pytest.mark.parametrize(
    "path", sorted((Path(__file__).parents[2] / "configs" / "quantize").glob("*.yaml")), ids=str
)
def test_the_shipped_configurations_are_valid(path: Path) -> None:
    assert load_config(path, QuantizeConfig).files


def test_errors_are_the_products_own() -> None:
    assert issubclass(QuantizationError, CliTunerError)
