"""What Ollama needs to ask exactly as cli-tuner does: the prompt as a Go template, greedy sampling.

The system text is part of the template and `.System` is not used, so whatever a client sends as a
system message, the model sees the prompt it was trained with. The template names `.Prompt` and no
`.Messages`, so Ollama renders the last request into it (ollama/ollama, template/template.go).

    Modelfile          for `ollama create`, beside the downloaded files
    template, params   for `ollama run hf.co/OWNER/NAME` (Hub documentation, "Ollama")
"""

from __future__ import annotations

import json

from cli_tuner.prompt import PREFIX, STOP, SUFFIX
from cli_tuner.publish.merged import default_of
from cli_tuner.publish.model import TrainedModel
from cli_tuner.settings import Settings

_CONTEXT_TOKENS = 4096
"""As the embedded engine has it; the longest request with its answer takes a fraction of it."""


def template() -> str:
    """The one prompt as a Go template."""
    text = f"{PREFIX}{{{{ .Prompt }}}}{SUFFIX}"
    if '"""' in text or text.count("{{") != 1:
        raise AssertionError("the prompt cannot be written as a Modelfile's template")
    return text


def parameters() -> dict[str, object]:
    """Greedy: the likeliest token each time, repetitions not punished, the product's stop token."""
    return {
        "temperature": 0,
        "top_k": 1,
        "top_p": 1,
        "repeat_penalty": 1,
        "num_predict": Settings().max_new_tokens,
        "num_ctx": _CONTEXT_TOKENS,
        "stop": [STOP],
    }


def modelfile(model: TrainedModel, adapter: str) -> str:
    """The Modelfile of a repository in which the adapter lies at `adapter`.

    It takes the merged file if there is one, else the official base with the adapter on it.
    """
    chosen = default_of(model.merged)
    if chosen is not None:
        source = [f"FROM ./{chosen.file}"]
    else:
        source = [
            f"# {model.base.file}, SHA-256 {model.base.sha256}:",
            f"# from https://huggingface.co/{model.base.repo}, put beside this file.",
            f"FROM ./{model.base.file}",
            f"ADAPTER ./{adapter}",
        ]
    lines = [
        f"# ollama create {model.name} -f Modelfile",
        *source,
        f'TEMPLATE """{template()}"""',
        *(f"PARAMETER {name} {value}" for name, value in _each(parameters())),
        f'LICENSE "{model.licence}"',
    ]
    return "\n".join(lines) + "\n"


def _each(values: dict[str, object]) -> list[tuple[str, str]]:
    found = []
    for name, value in values.items():
        for one in value if isinstance(value, list) else [value]:
            found.append((name, f'"{one}"' if isinstance(one, str) else str(one)))
    return found


def params() -> str:
    """The file `params`, as the Hub hands it to Ollama."""
    return f"{json.dumps(parameters(), indent=2)}\n"
