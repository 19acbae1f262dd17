"""The Modelfile, read back as Ollama reads it (ollama/ollama: parser/parser.go, template/)."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from cli_tuner.prompt import STOP, to_prompt
from cli_tuner.publish.ollama import modelfile, parameters, params, template
from cli_tuner.settings import Paths

ROOT = Path(__file__).parents[2]


def commands_of(text: str) -> list[tuple[str, str]]:
    """What Ollama's parser makes of a Modelfile: values end at a newline outside of quotes."""
    found = []
    for said in re.finditer(
        r'^(?:#.*|(\w+) +("""(?:.|\n)*?"""|"[^"\n]*"|[^\n]*))\n', text, re.MULTILINE
    ):
        if said[1]:
            value = said[2]
            for quotes in ('"""', '"'):
                if len(value) >= 2 * len(quotes) and value[: len(quotes)] == quotes:
                    value = value[len(quotes) : -len(quotes)]
                    break
            found.append((said[1], value))
    return found


def rendered(source: str, query: str) -> str:
    """What Go's text/template makes of a template with nothing but `.Prompt` in it."""
    assert re.findall(r"\{\{.*?\}\}", source) == ["{{ .Prompt }}"]
    return source.replace("{{ .Prompt }}", query)


@pytest.fixture
def model(kit):
    return kit.sources(merged=(kit.make_merged("Q8_0", "Q4_K_M"),)).open(Paths.of())


@pytest.mark.parametrize("query", ["list files", "Was ist 'das'?", "a  b\tc", "{{ .System }}"])
def test_ollama_asks_exactly_as_the_product_does(model, query):
    commands = commands_of(modelfile(model, "adapter/tiny-v1.gguf"))
    [source] = [value for name, value in commands if name == "TEMPLATE"]
    assert rendered(source, query) == to_prompt(query)
    assert rendered(template(), query) == to_prompt(query)


def test_it_samples_greedily_and_stops_where_the_product_stops(model):
    commands = commands_of(modelfile(model, "adapter/tiny-v1.gguf"))
    said = dict(value.split(" ", 1) for name, value in commands if name == "PARAMETER")
    assert said == {
        "temperature": "0",
        "top_k": "1",
        "top_p": "1",
        "repeat_penalty": "1",
        "num_predict": "96",
        "num_ctx": "4096",
        "stop": f'"{STOP}"',
    }
    assert json.loads(params()) == parameters()
    assert parameters()["stop"] == [STOP]


def test_the_merged_file_that_ollama_prefers_is_taken(model):
    commands = commands_of(modelfile(model, "adapter/tiny-v1.gguf"))
    assert ("FROM", "./tiny-v1-Q4_K_M.gguf") in commands
    assert "ADAPTER" not in dict(commands)
    assert ("LICENSE", "Apache-2.0") in commands


def test_without_a_merged_file_it_is_the_base_with_the_adapter_on_it(kit):
    model = kit.sources().open(Paths.of())
    text = modelfile(model, "adapter/tiny-v1.gguf")
    commands = dict(commands_of(text))
    assert commands["FROM"] == "./qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"
    assert commands["ADAPTER"] == "./adapter/tiny-v1.gguf"
    assert f"SHA-256 {kit.base_sha256}" in text


def test_every_line_is_a_command_that_ollama_knows(model):
    known = {"FROM", "ADAPTER", "TEMPLATE", "PARAMETER", "LICENSE"}
    assert {name for name, _ in commands_of(modelfile(model, "a.gguf"))} <= known
