"""The grammar of `cli-tuner release`."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from cli_tuner.cli.parser import Parser

    _Commands = argparse._SubParsersAction[Parser]

ACTIONS = (
    "keygen", "build", "verify", "status", "promote", "canary", "rollback", "watch", "log",
)  # fmt: skip


def add_release(commands: _Commands) -> None:
    """`cli-tuner release`."""
    parser = commands.add_parser(
        "release",
        help="build, verify, promote and roll back signed releases",
        description="`build` collects and signs, `promote` switches to a release that passed every"
        " gate, `rollback` switches back. `watch` rolls back by itself: status 0 fine or over,"
        " 10 too few requests, 11 rolled back.",
        allow_abbrev=False,
    )
    parser.add_argument("action", choices=ACTIONS, nargs="?", default="status")
    parser.add_argument(
        "wanted", metavar="VERSION", nargs="?", help="as in 1.2.0; verify also takes a folder"
    )
    build = parser.add_argument_group("build")
    build.add_argument("--model", metavar="REF", help="the weights, as generate takes them")
    build.add_argument("--evaluation", metavar="DIR", help="what `run evaluate` made")
    build.add_argument(
        "--data", metavar="DIR", action="append", default=[], help="a data set they learned from"
    )
    build.add_argument("--policy-version", metavar="VERSION", default="1.0.0")
    build.add_argument("--licence", metavar="SPDX", help="of weights no catalogue knows")
    build.add_argument(
        "--accept", metavar="GATE", action="append", default=[], help="a failed evaluation gate"
    )
    build.add_argument("--bounds", metavar="FILE", help="TOML: latency, smoke and watch bounds")
    build.add_argument("--key", metavar="FILE", help="the private key; release.key if missing")
    switch = parser.add_argument_group("promote, canary, rollback, watch")
    switch.add_argument("--share", type=int, metavar="PERCENT", help="canary: of all requests")
    switch.add_argument(
        "--backend", metavar="URL", help="the endpoint that has these weights loaded"
    )
    switch.add_argument("--reason", metavar="TEXT", default="", help="rollback: for the log")
    switch.add_argument("--no-rollback", action="store_true", help="watch: only look")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.add_argument("--color", choices=("auto", "always", "never"), help="colours on stderr")


BUILDERS = {"release": add_release}
