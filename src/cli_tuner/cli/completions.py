"""`cli-tuner completions SHELL`: made from the grammar itself, so it is never out of date."""

from __future__ import annotations

import argparse
import sys

from cli_tuner.cli.parser import build_parser


def run(given: argparse.Namespace) -> int:
    """Print the script; the shell's manual says where to put it."""
    import shtab

    sys.stdout.write(f"{shtab.complete(build_parser(), shell=given.shell)}\n")
    return 0
