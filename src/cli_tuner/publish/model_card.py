"""A model's card: README.md with metadata, every number and name of it read from its record.

The prose around the numbers says what holds for every model that the train stage makes; whatever
is particular to one comes from the record.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from cli_tuner.publish.citation import citations
from cli_tuner.publish.environment import cost_of
from cli_tuner.publish.licences import licence_metadata
from cli_tuner.publish.markdown import Cell, code, plain, quote, table, table_of
from cli_tuner.publish.merged import default_of
from cli_tuner.publish.model import TrainedModel
from cli_tuner.publish.model_results import model_index, results_section

_PROJECT = "https://github.com/cli-tuner/cli-tuner"
_TAGS = ("bash", "cli-tuner", "code", "command-line", "gguf", "lora", "nl2bash", "shell")


def model_card(model: TrainedModel, repo: str | None) -> str:
    """The card for a repository `owner/name`, or for the documentation if there is none.

    The same record gives the same text.
    """
    sections = (
        _introduction(model),
        _use(model, repo),
        _intended(),
        _training(model),
        _data(model),
        results_section(model),
        _limitations(model),
        _ethics(),
        _security(model),
        _environment(model),
        f"## Citation\n\n```bibtex\n{citations(model)}\n```",
        _verification(model, repo),
    )
    head = f"---\n{_metadata(model)}---\n\n" if repo is not None else ""
    return head + "\n\n".join(sections) + "\n"


def _metadata(model: TrainedModel) -> str:
    base = model.base.repo
    metadata: dict[str, Any] = {
        **licence_metadata([model.licence]),
        "language": ["en"],
        "library_name": "peft",
        "pipeline_tag": "text-generation",
        **({"base_model": [base], "base_model_relation": "adapter"} if base else {}),
        "tags": list(_TAGS),
    }
    if index := model_index(model):
        metadata["model-index"] = index
    return yaml.safe_dump(metadata, sort_keys=False, allow_unicode=True, width=100)


def _introduction(model: TrainedModel) -> str:
    base, record = model.base, model.record
    description = plain(model.run.get("config", {}).get("description") or "")
    parameters = f"{base.parameters:,} parameters"
    rows: list[tuple[str, object]] = [
        ("base", Cell(f"{plain(base.title)} ({parameters}), {_base_link(model)}")),
        ("base file", Cell(f"{code(base.file)}, SHA-256 {code(base.sha256)}")),
        ("adapter", Cell(f"{code(record['adapter']['file'])}, {model.size_bytes:,} bytes,"
                         f" SHA-256 {code(model.sha256)}")),
        ("kind", f"LoRA, rank {record['adapter']['rank']}, alpha {record['adapter']['alpha']:g}, on"
                 f" {', '.join(record['adapter']['modules'])}"),
        ("licence", Cell(f"adapter {plain(model.licence)}, base {plain(base.licence)}")),
        ("language", "English in, Bash for Linux out"),
        ("trained", f"{record['trained_at']} by {record['trained_by']}"),
    ]  # fmt: skip
    lines = [
        f"# {plain(model.name)}",
        f"An adapter that makes {plain(base.title)} translate a request in English into **one Bash"
        f" command**, and nothing else. Made by [cli-tuner]({_PROJECT}), which shows a command only"
        " after its guard judged it.",
        *([description] if description != "-" else []),
        table(("", ""), rows),
        *_merged(model),
    ]
    return "\n\n".join(lines)


def _base_link(model: TrainedModel) -> str:
    repo = model.base.repo
    if not repo:
        return "not on the Hub"
    return f"[{plain(repo)}](https://huggingface.co/{repo}) at {code(model.base.revision[:12])}"


def _merged(model: TrainedModel) -> Iterator[str]:
    rows = [
        [Cell(code(one.file)), one.type, one.size_bytes, Cell(f"{one.bits_per_weight:.2f}")]
        for one in model.merged
    ]
    if rows:
        yield (
            "Merged files, base and adapter in one. A merged and quantized file is another model"
            " than the base with the adapter applied at run time; numbers for one say nothing of"
            " the other:"
        )
        yield table(("file", "type", "bytes", "bits a weight"), rows)


def _use(model: TrainedModel, repo: str | None) -> str:
    parts = [
        "## How to use it",
        "With cli-tuner, where every answer is judged before it is shown:",
        f"""```console
$ cli-tuner generate --model {model.base.name}+{model.name} "find files bigger than 100MB here"
```""",
    ]
    if repo is not None:
        parts += _use_from_hub(model, repo)
    template = code(str(model.record["template_sha256"])[:16])
    parts.append(
        "Whoever asks the model without cli-tuner has no guard. The prompt must be the one it was"
        f" trained with (SHA-256 of the template {template}), decoding greedy."
    )
    return "\n\n".join(parts)


def _use_from_hub(model: TrainedModel, repo: str) -> Iterator[str]:
    chosen = default_of(model.merged)
    yield "With Ollama; template, stop token and greedy decoding come along:"
    run = f"$ ollama run hf.co/{repo}:{chosen.type}\n" if chosen is not None else ""
    yield f"""```console
{run}$ ollama create {model.name} -f Modelfile        # beside the downloaded files
```"""
    trained_on = model.record["base"]
    lines = [f'"{trained_on.get("repo")}"', f'revision="{trained_on.get("revision")}"']
    if _is_dequantized(model):
        lines.append(f'gguf_file="{model.base.file}"')
    arguments = "".join(f"    {line},\n" for line in lines)
    yield "With transformers, on the weights that it was trained on:"
    yield f"""```python
from peft import PeftModel
from transformers import AutoModelForCausalLM

base = AutoModelForCausalLM.from_pretrained(
{arguments})
model = PeftModel.from_pretrained(base, "{repo}", subfolder="peft")
```"""


def _is_dequantized(model: TrainedModel) -> bool:
    """Whether it was trained on the values of the very file that it is applied to."""
    return bool(model.record["base"]["sha256"] == model.base.sha256)


def _intended() -> str:
    return """## Intended use

One request in English from a person at a Linux shell, one Bash command back, which the person reads
and then decides about. Also in tools that judge the command before anybody sees it.

Not intended: running commands without a person or a guard between model and shell, scripts of
several lines, other shells, macOS and BSD options, other languages than English, conversations,
and any use in which a wrong command does harm that cannot be undone."""


def _training(model: TrainedModel) -> str:
    record, config = model.record, model.run.get("config", {})
    optimizer = config.get("optimizer", {})
    rows: list[tuple[str, object]] = [
        ("engine", record["engine"]),
        ("method", _method(model)),
        *_start(record.get("start")),
        ("steps", f"{record['steps']:,}, step {record['chosen_step']:,} was chosen"),
        ("examples a step", config.get("examples_per_step")),
        ("epochs", config.get("epochs")),
        ("tokens seen", record.get("tokens")),
        ("highest learning rate", Cell(f"{optimizer.get('learning_rate', 0):g}")),
        ("schedule", f"AdamW, warm-up {optimizer.get('warmup_share', 0):.0%} of the steps, then"
                     " half a cosine"),
        ("precision", config.get("precision")),
        ("seed", str(record["seeds"]["all"])),
        ("configuration's digest", Cell(code(str(record["config_sha256"])))),
        ("run's address", Cell(code(str(model.run["address"])))),
        ("code", record["code"]),
        ("packages", record["packages"]),
    ]  # fmt: skip
    parts = [
        "## Training procedure",
        f"The base stays frozen. {_weights_of(model)} Only the command and the end of its turn are"
        " learned, the prompt is not.",
        table(("", ""), rows),
        *_looks(model),
    ]
    return "\n\n".join(parts)


def _weights_of(model: TrainedModel) -> str:
    if _is_dequantized(model):
        return (
            "Its official quantized file is dequantized, and those values are what the adapter is"
            " trained on, so that it also makes up for the quantization."
        )
    found = model.record["base"]
    return (
        f"It was trained on {plain(found['name'])}, and is applied to another quantization of the"
        " same weights."
    )


def _start(start: Mapping[str, Any] | None) -> Iterator[tuple[str, Cell]]:
    """The adapter that training began with, if it did: what it learned is in this one, too."""
    if start:
        digest = code(str(start["sha256"]))
        yield "goes on from", Cell(f"the adapter {code(str(start['name']))}, SHA-256 {digest}")


def _method(model: TrainedModel) -> str:
    config = model.run.get("config", {})
    dropout = config.get("lora", {}).get("dropout", 0)
    in_4_bits = model.record["engine"] == "axolotl" and config.get("axolotl", {}).get(
        "load_in_4bit"
    )
    return f"supervised, {'QLoRA, base in 4 bits' if in_4_bits else 'LoRA'}, dropout {dropout:g}"


def _looks(model: TrainedModel) -> Iterator[str]:
    if model.looks:
        yield "On the validation split, before and at the step that was chosen:"
        rows = [
            [one.step, Cell(f"{one.dev_loss:.3f}"), Cell(f"{100 * one.dev_exact:.1f} %")]
            for one in model.looks
        ]
        yield table(("step", "loss a token", "exact answers"), rows)


def _data(model: TrainedModel) -> str:
    data, trained = model.data, model.record["data"]
    seen: Mapping[str, int] = trained.get("sources") or {}
    rows = [
        [one.source, one.licence, one.rows, seen.get(one.source, "") if seen else ""]
        for one in model.shares
    ]
    description = plain(data.get("config", {}).get("description") or "")
    parts = [
        "## Training data",
        f"The data set {code(str(data['name']))}, address {code(str(data['address']))}, made by"
        " cli-tuner's data stage: every command parses, none is one that the guard calls"
        " dangerous, and training shares no command template with the other splits.",
        *([description] if description != "-" else []),
        table(("source", "licence", "rows of the training split", "rows trained on"), rows),
        "The last column counts a source's rows under all its licences. Attribution:",
        *_attribution(model),
    ]
    if leaks := data.get("leakage"):
        parts += ["Rows of the second split with a partner in the first:"]
        parts += [table_of(leaks, head=("splits", ""))]
    return "\n\n".join(parts)


def _attribution(model: TrainedModel) -> Iterator[str]:
    for source in dict.fromkeys(share.source for share in model.shares):
        if text := model.attributions.get(source):
            yield f"{code(source)}:\n\n{quote(text)}"


def _limitations(model: TrainedModel) -> str:
    smallest = model.base.parameters < 1_000_000_000
    size = (
        "a very small model: requests with several conditions are often answered in part"
        if smallest
        else "a small model"
    )
    return f"""## Limitations

- It is {size}. It guesses where it does not know, with the same confidence.
- One command on one line, at most 200 characters, GNU tools on Linux.
- It does not see your files, your working directory or what is installed.
- Exact match understates and overstates: a request often has several right answers, and an answer
  that looks right may do something else. Read the command.
- Programs that are rare in the training data are answered worse than those that are frequent.
- A number above holds for the set, the engine and the quantization that it was measured with."""


def _ethics() -> str:
    return """## Ethical considerations

- A command runs with the rights of whoever runs it. The model has no notion of damage; the person
  decides, and cli-tuner runs nothing by itself.
- The training pairs come from the sources named above. Requests asked of cli-tuner stay on the
  machine where they were asked.
- Public commands reflect who writes them, mostly administrators and developers who write English.
- Somebody may ask for harm. The model was trained on no command that the guard called dangerous,
  but that is no safeguard: its base knows such commands. The guard is the safeguard."""


def _security(model: TrainedModel) -> str:
    return f"""## Security considerations

The model's text is untrusted. In cli-tuner a request crosses six trust boundaries:

1. ingress: length, control characters, chat-template tokens, rate;
2. normalization: the one prompt template;
3. inference: bounded in time and tokens; the answer is untrusted again;
4. validation: one finished command, parsed, its effects judged by rules that are no model; what
   cannot be read is never called safe, and a dangerous command is never shown or run;
5. egress: the verdict's proof is checked again, and recorded;
6. handoff: a person reads it and decides.

None of this is in the weights. Used otherwise, say through Ollama or transformers, the answer has
been judged by nobody: check it with `cli-tuner check`, or run it where nothing can be lost. Prompt
injection is possible, as with every language model: treat text that others wrote as such.

An adapter changes exactly the base it was trained on; cli-tuner refuses it on any other
({code(model.base.sha256[:16])}). GGUF and safetensors are data; cli-tuner loads no
pickled files. The guard's limits: {_PROJECT}/blob/main/docs/SECURITY.md"""


def _environment(model: TrainedModel) -> str:
    cost = cost_of(model.record)
    hardware = {k: v for k, v in (model.record.get("hardware") or {}).items() if v is not None}
    energy = (
        f"about {cost.kwh:.2g} kWh, an estimate and not measured: {cost.assumption}"
        if cost.kwh is not None
        else f"not estimated: {cost.assumption}"
    )
    rows: list[tuple[str, object]] = [
        ("hardware", ", ".join(f"{name} {value}" for name, value in hardware.items())),
        ("wall hours", f"{cost.hours:.2f}, in {model.record.get('sittings', 1)} sittings"),
        ("energy", energy),
        ("carbon", "not estimated: where the power came from is not recorded"),
    ]
    return (
        "## Environmental note\n\n"
        f"{table(('', ''), rows)}\n\n"
        "The hardware is that of the last sitting. Making the data, evaluating, and runs that were"
        " thrown away are not counted."
    )


def _verification(model: TrainedModel, repo: str | None) -> str:
    if repo is None:
        return f"""## How to verify

```console
$ cli-tuner models verify {model.base.name}+{model.name}
```

compares base and adapter with the catalogue's SHA-256, which are those above. This card was written
by a program from the adapter's record; a test compares them."""
    return f"""## How to verify

```console
$ hf download {repo} --local-dir {model.name} && cd {model.name} && sha256sum -c SHA256SUMS
$ cli-tuner publish verify .
```

The second command also checks `SHA256SUMS.sig`, an Ed25519 signature over `SHA256SUMS`, against
the public keys that you trust (`release.pub` in cli-tuner's configuration folder); get the signer's
key from another place than this repository. [`bom.json`](bom.json) is the bill of materials
(CycloneDX), [`provenance.json`](provenance.json) the run that trained the adapter,
[`data-provenance.json`](data-provenance.json) its data, [`record.json`](record.json) what this card
was written from."""
