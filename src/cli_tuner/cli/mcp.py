"""`cli-tuner mcp`: our tools for MCP clients, over stdin and stdout."""

from __future__ import annotations

import argparse


def run(given: argparse.Namespace) -> int:
    """Serve until the client closes stdin. Raises ExtraMissing without the SDK."""
    del given  # it has no options
    from cli_tuner.mcp.server import server

    server().run("stdio")
    return 0
