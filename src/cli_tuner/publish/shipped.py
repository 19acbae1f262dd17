"""The records of the adapters that come with the program, and their cards in the documentation.

    python -m cli_tuner.publish.shipped keep RUN --data DIR [--evaluation DIR]... [--licence SPDX]
    python -m cli_tuner.publish.shipped measured ADAPTER --evaluation DIR [--evaluation DIR]...
    python -m cli_tuner.publish.shipped cards docs/models

`keep` writes `<adapter>.record.json` beside the shipped adapter, whose digest must be that of the
run. `measured` puts other evaluations into that record, where the run is gone. `cards` writes
`<adapter>.md` for every adapter of the catalogue that comes with the program.
`make cards` does the last.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from cli_tuner.artifacts.artifact import sha256_of_file
from cli_tuner.errors import CliTunerError, NotPublishable
from cli_tuner.models import load_catalogue
from cli_tuner.models.catalogue import SHIPPED_ADAPTERS
from cli_tuner.models.entry import Adapter
from cli_tuner.publish.evaluations import with_evaluations
from cli_tuner.publish.model import TrainedModel, as_bytes, read_record
from cli_tuner.publish.model_card import model_card
from cli_tuner.publish.model_contents import ModelSources
from cli_tuner.settings import Paths


def keep(model: TrainedModel, folder: Path = SHIPPED_ADAPTERS) -> Path:
    """Write the record beside the shipped adapter; its path.

    Raises NotPublishable if the adapter is not there or is another file.
    """
    file = folder / f"{model.name}.gguf"
    if not file.is_file():
        raise NotPublishable(f"{file} is not there", hint="put the run's adapter there first")
    if sha256_of_file(file) != model.sha256:
        raise NotPublishable(f"{file} is not the adapter of this run", hint="copy it anew")
    path = record_of(file)
    path.write_bytes(as_bytes(model))
    return path


def measured(file: Path, evaluations: Sequence[Path]) -> Path:
    """Put these evaluations in the place of those in a shipped adapter's record; its path.

    Raises as `with_evaluations` does, NotPublishable if the record is missing or of another file.
    """
    model = read_record(record_of(file))
    return keep(with_evaluations(model, evaluations), file.parent)


def record_of(file: Path) -> Path:
    """Where the record of a shipped adapter is."""
    return file.with_name(f"{file.stem}.record.json")


def cards(adapters: Mapping[str, Adapter]) -> dict[str, str]:
    """The card of each adapter that comes with the program, by its name.

    Raises NotPublishable for one without a record, or with the record of another file.
    """
    found = {}
    for name, entry in adapters.items():
        if entry.packaged is None:
            continue
        model = read_record(record_of(entry.packaged))
        if model.sha256 != entry.sha256:
            raise NotPublishable(
                f"the record of {name} is of another file", hint="make it again: shipped keep"
            )
        found[name] = model_card(model, None)
    return found


def write_cards(folder: Path, adapters: Mapping[str, Adapter]) -> tuple[Path, ...]:
    """Bring the folder of cards up to date: one for each shipped adapter and no other."""
    texts = {folder / f"{name}.md": text for name, text in cards(adapters).items()}
    folder.mkdir(parents=True, exist_ok=True)
    for stale in set(folder.glob("*.md")) - set(texts):
        stale.unlink()
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
    return tuple(texts)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write a record, or the cards; the exit status."""
    given = _parser().parse_args(arguments)
    try:
        paths = Paths.of()
        if given.act == "cards":
            written = write_cards(given.folder, load_catalogue(paths).adapters)
        elif given.act == "measured":
            written = (measured(SHIPPED_ADAPTERS / f"{given.adapter}.gguf", given.evaluation),)
        else:
            sources = ModelSources(
                run=given.run,
                data=given.data,
                evaluations=tuple(given.evaluation),
                licence=given.licence,
            )
            written = (keep(sources.open(paths)),)
    except CliTunerError as error:
        sys.stderr.write(f"{error}\n")
        return int(error.exit_code)
    sys.stdout.writelines(f"{path}\n" for path in written)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m cli_tuner.publish.shipped")
    acts = parser.add_subparsers(dest="act", required=True)
    record = acts.add_parser("keep", help="write the record of a shipped adapter")
    record.add_argument("run", type=Path, help="what `cli-tuner run train` made")
    record.add_argument("--data", type=Path, required=True)
    record.add_argument("--evaluation", type=Path, action="append", default=[])
    record.add_argument("--licence", help="SPDX; as the catalogue says if it is missing")
    anew = acts.add_parser("measured", help="put other evaluations into the record of one")
    anew.add_argument("adapter", help="its name")
    anew.add_argument("--evaluation", type=Path, action="append", required=True)
    written = acts.add_parser("cards", help="write the card of each shipped adapter")
    written.add_argument("folder", type=Path)
    return parser


if __name__ == "__main__":
    sys.exit(main())
