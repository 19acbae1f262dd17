"""The grammar of the commands that run and look after a service."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from cli_tuner.cli.parser import Parser

    _Commands = argparse._SubParsersAction[Parser]

SCOPES = ("generate", "check", "feedback", "metrics")


def add_serve(commands: _Commands) -> None:
    """`cli-tuner serve`."""
    parser = commands.add_parser(
        "serve",
        help="answer over HTTP",
        description="Serves until it is told to stop. Other addresses than loopback need an API"
        " key: cli-tuner keys create NAME.",
        allow_abbrev=False,
    )
    parser.add_argument("--host", default="127.0.0.1", metavar="ADDRESS")
    parser.add_argument("--port", type=int, default=8080, metavar="N", help="0: any free one")
    _add_output(parser, as_json=False)
    parser.add_argument("--safety", choices=("strict", "moderate"), help="strict: only safe")
    parser.add_argument("--model", metavar="REF", help="fast, balanced, large or a GGUF file")
    parser.add_argument(
        "--backend",
        metavar="URL",
        action="append",
        default=[],
        help="local, or an OpenAI-compatible endpoint; several share the load",
    )
    parser.add_argument("--tls-cert", metavar="FILE", help="certificate chain in PEM")
    parser.add_argument("--tls-key", metavar="FILE", help="its private key in PEM")
    parser.add_argument("--workers", type=int, default=4, metavar="N", help="answers at a time")
    parser.add_argument("--queue", type=int, default=32, metavar="N", help="requests that may wait")
    parser.add_argument("--quiet", action="store_true", help="no line for each request")
    parser.add_argument(
        "--traces",
        action="store_true",
        help="OpenTelemetry traces, as the OTEL_* variables say; never a query or a command",
    )


def add_keys(commands: _Commands) -> None:
    """`cli-tuner keys`."""
    parser = commands.add_parser("keys", help="create, list or revoke a service's API keys")
    parser.add_argument("action", choices=("create", "list", "revoke"), nargs="?", default="list")
    parser.add_argument("name", nargs="?", help="whose key it is; revoke also takes its id")
    parser.add_argument(
        "--scope",
        action="append",
        choices=SCOPES,
        metavar="SCOPE",
        help=f"{', '.join(SCOPES)}; several may be given; generate, check and feedback if none is",
    )
    parser.add_argument(
        "--rate", type=int, default=120, metavar="N", help="generations a minute; 0: no limit"
    )
    parser.add_argument(
        "--check-rate", type=int, default=30_000, metavar="N", help="judgements a minute"
    )
    _add_output(parser)


def add_feedback(commands: _Commands) -> None:
    """`cli-tuner feedback`."""
    parser = commands.add_parser(
        "feedback",
        help="go through what people reported",
        description="`triage` groups the open reports. `confirm` makes a patch to a rule of one"
        " that was unsafe or blocked wrongly, and a row for training of a correction.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "action", choices=("triage", "confirm", "dismiss"), nargs="?", default="triage"
    )
    parser.add_argument("group", nargs="?", help="a group's id")
    parser.add_argument("--since", default="90d", metavar="SPAN", help="as in 7d, or a date")
    parser.add_argument("--all", action="store_true", help="those decided before, too")
    parser.add_argument("--rule", metavar="ID", help="the rule that was wrong, or silent")
    parser.add_argument("--level", choices=("safe", "review"), help="what it should have said")
    parser.add_argument("--query", metavar="TEXT", help="the question, if it was not kept")
    parser.add_argument("--correction", metavar="COMMAND", help="instead of the reported one")
    parser.add_argument("--license", default="unknown", metavar="SPDX", help="of the row")
    parser.add_argument("--out", default=".", metavar="DIR", help="where patches and rows go")
    _add_output(parser)


def add_watch(commands: _Commands) -> None:
    """`cli-tuner watch`."""
    parser = commands.add_parser(
        "watch",
        help="what the journal says of a week; whether something drifts",
        description="`report` writes a period as Markdown and HTML. `drift` compares a period with"
        " the one before it: status 0 no drift, 10 look at it, 11 train again.",
        allow_abbrev=False,
    )
    parser.add_argument("action", choices=("report", "drift"), nargs="?", default="report")
    parser.add_argument("--since", default="7d", metavar="SPAN", help="as in 7d, or a date")
    parser.add_argument("--out", default=".", metavar="DIR", help="report: where it is written")
    parser.add_argument(
        "--reference", metavar="SPAN", help="drift: how long before; as long as the period itself"
    )
    parser.add_argument(
        "--evaluation", metavar="DIR", help="drift: what `run evaluate` made this week"
    )
    parser.add_argument("--baseline", metavar="DIR", help="drift: what it made for the release")
    parser.add_argument("--trained", metavar="DATE", help="drift: when the model was trained")
    _add_output(parser)


def _add_output(parser: argparse.ArgumentParser, *, as_json: bool = True) -> None:
    if as_json:
        parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.add_argument("--color", choices=("auto", "always", "never"), help="colours on stderr")


BUILDERS = {"serve": add_serve, "keys": add_keys, "feedback": add_feedback, "watch": add_watch}
