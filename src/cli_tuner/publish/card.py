"""The dataset's card: README.md with metadata, every number and name of it read from the dataset.

The prose around the numbers says what the data stage does with every dataset; whatever is
particular to one comes from its files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from cli_tuner.publish.dataset import SPLITS, Dataset
from cli_tuner.publish.licences import hub_licence, licence_metadata
from cli_tuner.publish.markdown import Cell, code, plain, quote, table, table_of
from cli_tuner.publish.statistics import Spread

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_TOP_UTILITIES = 25

_FIELDS = (
    ("id", "identifier of the row, unique in the dataset"),
    ("query", "the request in English"),
    ("command", "the one Bash command that answers it"),
    ("source", "where the pair comes from; see Sources"),
    ("license", "SPDX identifier of the pair's licence"),
    ("ref", "the pair's place in its source"),
    ("utilities", "programs that the command runs"),
    ("template", "the command's shape, with its values left out; one template is in one split"),
    ("group", "what stays together when splitting: a template, and requests that are alike"),
    ("messages", "the pair as a chat: what a trainer renders with the model's chat template"),
    ("tokens", "length of the rendered prompt and of the answer, in tokens"),
)


def card_of(dataset: Dataset, repo: str, *, jsonl: bool) -> str:
    """The card for a repository `owner/name`. The same dataset gives the same text."""
    sections = (
        _introduction(dataset, repo),
        _splits(dataset),
        _fields(),
        _contents(dataset),
        _licences(dataset),
        _sources(dataset),
        _making(dataset),
        _safety(dataset),
        _leakage(dataset),
        _reproduction(dataset, repo, jsonl=jsonl),
        _limitations(dataset),
    )
    return f"---\n{_metadata(dataset)}---\n\n" + "\n\n".join(sections) + "\n"


def _metadata(dataset: Dataset) -> str:
    data_files = [{"split": name, "path": f"data/{name}.parquet"} for name in SPLITS]
    metadata: dict[str, Any] = {
        **licence_metadata(licence.name for licence in dataset.licences),
        "language": ["en"],
        "pretty_name": dataset.name,
        "task_categories": ["text-generation"],
        "size_categories": [_size(dataset.statistics.rows)],
        "tags": ["bash", "code", "command-line", "nl2bash", "shell", "cli-tuner"],
        "configs": [{"config_name": "default", "data_files": data_files}],
    }
    return yaml.safe_dump(metadata, sort_keys=False, allow_unicode=True, width=100)


def _size(rows: int) -> str:
    return next((name for limit, name in _SIZES if rows < limit), "1M<n<10M")


def _introduction(dataset: Dataset, repo: str) -> str:
    licences = ", ".join(plain(licence.name) for licence in dataset.licences)
    description = plain(dataset.facts.get("config", {}).get("description") or "")
    lines = [
        f"# {plain(dataset.name)}",
        *([description] if description != "-" else []),
        f"{dataset.statistics.rows:,} pairs of an English request and the one Bash command that"
        " answers it, made by [cli-tuner](https://github.com/cli-tuner/cli-tuner). Every command"
        " parses, none is one that cli-tuner's guard calls dangerous, and the splits do not leak"
        f" into each other. Licences: {licences}.",
        f"""```python
from datasets import load_dataset

splits = load_dataset("{repo}")
print(splits["train"][0]["query"], "->", splits["train"][0]["command"])
```""",
    ]
    return "\n\n".join(lines)


def _splits(dataset: Dataset) -> str:
    rows = [
        [
            split.name,
            split.rows,
            split.distinct_commands,
            split.distinct_templates,
            _spread(split.tokens),
            _spread(split.query_characters),
            _spread(split.command_characters),
        ]
        for split in dataset.statistics.splits
    ]
    head = "split rows commands templates tokens request command".split()
    return f"""## Splits

{table(head, rows)}

`commands` and `templates` are distinct ones. The last three columns are lengths, of the rendered
chat in tokens and of request and command in characters: smallest / median / 95th percentile /
largest."""


def _spread(spread: Spread) -> Cell:
    return Cell(f"{spread.low:,} / {spread.median:,} / {spread.p95:,} / {spread.high:,}")


def _fields() -> str:
    rows = [[Cell(code(name)), meaning] for name, meaning in _FIELDS]
    return f"## Fields\n\n{table(('field', 'meaning'), rows)}"


def _contents(dataset: Dataset) -> str:
    total = dataset.statistics.rows
    top = dataset.statistics.utilities[:_TOP_UTILITIES]
    rows = [[Cell(code(name)), count, _share(count, total)] for name, count in top]
    plots = "\n".join(f"![{plain(_title(path))}]({path})" for path in dataset.plots())
    return f"""## Contents

The {len(top)} programs in most rows, of {len(dataset.statistics.utilities):,} in all:

{table(("program", "rows", "share"), rows)}

{plots}""".rstrip()


def _title(path: str) -> str:
    return path.rpartition("/")[2].removesuffix(".png").replace("_", " ").replace("-", " ")


def _share(part: int, whole: int) -> Cell:
    return Cell(f"{100 * part / whole:.1f} %")


def _licences(dataset: Dataset) -> str:
    total = dataset.statistics.rows
    rows = [
        [licence.name, licence.rows, _share(licence.rows, total)] for licence in dataset.licences
    ]
    return "\n\n".join(
        [
            "## Licences and attribution",
            "Every row names its own licence in `license`; who passes rows on keeps to theirs. The"
            " rows are not as their authors published them: they were cleaned, filtered and split"
            " as told below.",
            table(("licence", "rows", "share"), rows),
            *_attributions(dataset),
        ]
    )


def _attributions(dataset: Dataset) -> Iterator[str]:
    for licence in dataset.licences:
        if licence.attribution:
            yield f"The rows under {_linked(licence.name)} are the work of:"
            yield "\n>\n".join(quote(text) for text in licence.attribution)


def _linked(licence: str) -> str:
    """An SPDX licence with a link to its text; anything else as it is."""
    if hub_licence(licence) in (None, "unknown", "other"):
        return plain(licence)
    return f"[{plain(licence)}](https://spdx.org/licenses/{licence}.html)"


def _sources(dataset: Dataset) -> str:
    total = dataset.statistics.rows
    shares = [
        [source, licence, rows, _share(rows, total)]
        for licence, source, rows in dataset.statistics.shares
    ]
    origins = [_without(entry, "attribution") for entry in dataset.facts["sources"]]
    parts = [
        "## Sources",
        table(("source", "licence", "rows", "share"), shares),
        "Where they came from, as it was when it was collected:",
        table_of(origins),
    ]
    if held := dataset.facts.get("held_out"):
        parts += ["Splits that were fixed elsewhere:", table_of(held, head=("split", "origin"))]
    return "\n\n".join(parts)


def _without(entry: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key != name}


def _making(dataset: Dataset) -> str:
    facts = dataset.facts
    parts = ["## How it was made"]
    for title, value in (
        ("Steps, and how many rows each dropped", facts.get("filters")),
        ("How the commands were validated", facts.get("validation")),
        ("How the splits were made", facts.get("split")),
        ("Seed and tokenizer", _seed(facts)),
        ("Versions of the packages", facts.get("packages")),
    ):
        if value:
            parts += [f"{title}:", table_of(value, head=("name", "value"))]
    return "\n\n".join(parts)


def _seed(facts: Mapping[str, Any]) -> dict[str, Any]:
    seed = facts.get("config", {}).get("seed")
    named = {"seed": None if seed is None else str(seed), **(facts.get("tokenizer") or {})}
    return {name: value for name, value in named.items() if value is not None}


def _safety(dataset: Dataset) -> str:
    guard = dataset.report.get("guard", {})
    parts = [
        "## Safety filtering",
        "Every command was judged by cli-tuner's guard, which parses Bash and judges what a command"
        " would do, not how it is spelled. No command with the verdict `dangerous` is in the"
        " dataset; a second pass over the written splits checked that. Commands with the verdict"
        " `review`, which may lose work or administer the machine, are part of ordinary shell use"
        " and may be here. What was filtered out is not published. **Do not run a command of this"
        " dataset without reading it.**",
    ]
    for title, counts, head in (
        ("Verdicts before filtering", guard.get("levels"), ("verdict", "rows")),
        ("Rules by which rows left", guard.get("rules"), ("rule", "rows")),
    ):
        if counts:
            parts += [f"{title}:", table_of(counts, head=head)]
    return "\n\n".join(parts)


def _leakage(dataset: Dataset) -> str:
    checks = list(dict.fromkeys(name for counts in dataset.leaks.values() for name in counts))
    rows = [[pair, *(counts.get(c, 0) for c in checks)] for pair, counts in dataset.leaks.items()]
    clean = not any(any(counts.values()) for counts in dataset.leaks.values())
    meaning = (
        "All zero; a dataset that leaks is not published."
        if clean
        else "Training leaks into nothing. Validation and test were both fixed elsewhere and are"
        " what they are: what they share with each other is counted here and was not removed."
    )
    return f"""## Leakage

Rows of the second split that have a partner in the first, counted in the written files.
{meaning}

{table(("splits", *(plain(check) for check in checks)), rows)}"""


def _reproduction(dataset: Dataset, repo: str, *, jsonl: bool) -> str:
    facts = dataset.facts
    name = dataset.name
    also = " The rows are also there as JSON Lines, below `jsonl/`." if jsonl else ""
    rows: list[tuple[str, object]] = [
        ("address", Cell(code(str(facts.get("address", "-"))))),
        ("configuration's digest", Cell(code(str(facts.get("config_sha256", "-"))))),
        ("code", facts.get("code")),
        ("finished", facts.get("finished_at")),
    ]
    return f"""## How to reproduce and to verify

```console
$ cli-tuner run data configs/data/{name}.yaml
$ hf download {repo} --repo-type dataset --local-dir {name} && cd {name} && sha256sum -c SHA256SUMS
```

The same configuration, code and sources give the same rows and the same address.
[`provenance.json`](provenance.json) holds the whole configuration, every source with its revision,
and the SHA-256 of every file; [`report.md`](report.md) is the validation report.{also}

{table(("provenance", ""), rows)}"""


def _limitations(dataset: Dataset) -> str:
    most = dataset.statistics.utilities[:3]
    named = ", ".join(
        f"{code(name)} in {_share(count, dataset.statistics.rows)}" for name, count in most
    )
    return f"""## Limitations

- English only, one command per request, GNU tools on Linux; a command may not work on macOS.
- The programs are not evenly spread: {named} of the rows.
- A request often has several right answers, and each row holds one of them: exact match against
  `command` understates what a model can do.
- A pair that passed every check parses and is not dangerous. That it does what the request says
  was not proven for each row.
- The guard covers what it says it covers; that a command passed is no promise that it is harmless
  everywhere."""
