"""The dataset's card: README.md with metadata, every number and name of it read from the dataset.

The prose around the numbers says what the data stage does with every dataset; whatever is
particular to one comes from its files.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from cli_tuner.publish.dataset import SPLITS, Dataset
from cli_tuner.publish.licences import licence_metadata
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
    ("template", "digest of the command's shape; rows of one template share a split"),
    ("group", "what is kept together when splitting: template and near-duplicate requests"),
    ("messages", "the pair as a chat: what a trainer renders with the model's chat template"),
    ("tokens", "length of the rendered chat in tokens"),
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
        _safety(),
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
    return f"""# {plain(dataset.name)}

{dataset.statistics.rows:,} pairs of an English request and the one Bash command that answers it,
made by [cli-tuner](https://github.com/cli-tuner/cli-tuner). Cleaned, checked with ShellCheck and
`bash -n`, free of commands that cli-tuner's guard calls dangerous, and split so that nothing leaks
from training into validation or test. Licences: {licences}.

```python
from datasets import load_dataset

splits = load_dataset("{repo}")
print(splits["train"][0]["query"], "->", splits["train"][0]["command"])
```"""


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
            "Every row names its own licence in `license`. Who passes rows on keeps to theirs.",
            table(("licence", "rows", "share"), rows),
            *_attributions(dataset),
        ]
    )


def _attributions(dataset: Dataset) -> Iterator[str]:
    for licence in dataset.licences:
        if licence.attribution:
            yield f"Attribution for the rows under {plain(licence.name)}:"
            yield "\n>\n".join(quote(text) for text in licence.attribution)


def _sources(dataset: Dataset) -> str:
    total = dataset.statistics.rows
    shares = [
        [source, licence, rows, _share(rows, total)]
        for licence, source, rows in dataset.statistics.shares
    ]
    return f"""## Sources

{table(("source", "licence", "rows", "share"), shares)}

Where each came from, as it was when it was collected:

{table_of(dataset.facts["sources"])}"""


def _making(dataset: Dataset) -> str:
    parts = ["## How it was made"]
    for key, title in (
        ("counts", "Rows, step by step"),
        ("filters", "Filters, and how many rows each dropped"),
        ("validation", "How the commands were validated"),
        ("seeds", "Seeds"),
        ("packages", "Versions of the packages"),
    ):
        if dataset.facts.get(key):
            parts += [f"{title}:", table_of(dataset.facts[key], head=("name", "value"))]
    return "\n\n".join(parts)


def _safety() -> str:
    return """## Safety filtering

Every command was judged by cli-tuner's guard, which parses Bash and judges what a command would
do, not how it is spelled. No command with the verdict `dangerous` is in the dataset; a second pass
over the written splits checked that. Commands with the verdict `review`, which may lose work or
administer the machine, are part of ordinary shell use and may be here. The rows that were filtered
out are not published. **Do not run a command of this dataset without reading it.**"""


def _leakage(dataset: Dataset) -> str:
    return f"""## Leakage

Rows of validation or test that are, in the named sense, also in another split. A dataset with
anything but zeros here is not published.

{table_of(dataset.leaks, head=("kind", "rows"))}"""


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
