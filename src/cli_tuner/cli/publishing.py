"""The grammar of `cli-tuner publish`."""

from __future__ import annotations

from cli_tuner.cli import grammar

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from cli_tuner.cli.parser import Parser

    _Commands = argparse._SubParsersAction[Parser]


def add_publish(commands: _Commands) -> None:
    """`cli-tuner publish`."""
    parser = commands.add_parser(
        "publish",
        help="put a dataset or a model on the Hugging Face Hub",
        description="Verifies a dataset or a trained adapter, writes its card and uploads both. An"
        " upload that was cut off goes on when the same command runs again. `verify` looks at a"
        " download.",
        allow_abbrev=False,
    )
    parser.add_argument("what", choices=("dataset", "model", "verify"))
    parser.add_argument(
        "folder",
        help="what `run data` or `run train` made, or its name below data/processed or runs;"
        " verify: what was downloaded",
    )
    parser.add_argument("--repo", metavar="OWNER/NAME", help="where it goes")
    visibility = parser.add_mutually_exclusive_group()
    visibility.add_argument(
        "--public", dest="private", action="store_false", default=None, help="everybody may read it"
    )
    visibility.add_argument(
        "--private", dest="private", action="store_true", help="a new repository is, by default"
    )
    parser.add_argument("--tag", metavar="VERSION", help="name this content, as in v1.0.0")
    parser.add_argument(
        "--git-tag", action="store_true", help="the same name for the commit checked out here"
    )
    parser.add_argument("--message", metavar="TEXT", help="the commit's first line")
    parser.add_argument(
        "--dry-run", action="store_true", help="write what would be uploaded; no network, no token"
    )
    parser.add_argument("--out", metavar="FOLDER", help="where --dry-run writes: FOLDER.publish")
    parser.add_argument(
        "--jsonl", action="store_true", help="dataset: also the splits as JSON Lines"
    )
    _add_model(parser)
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    grammar.add_color(parser)


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", metavar="DIR", help="model: the data set it was trained on")
    for name, stage in (("--evaluation", "evaluate"), ("--merged", "quantize")):
        parser.add_argument(
            name,
            metavar="DIR",
            action="append",
            default=[],
            help=f"model: what `run {stage}` made, repeatable",
        )
    parser.add_argument(
        "--licence", metavar="SPDX", help="model: of an adapter that no catalogue knows"
    )
    parser.add_argument(
        "--key", metavar="FILE", help="model: the private key; release.key if missing"
    )
    parser.add_argument(
        "--unsigned", action="store_true", help="model: do not sign; verify: ask for no signature"
    )


BUILDERS = {"publish": add_publish}
