"""Packages that only a stage needs: imported when it runs, and asked for in one line."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from cli_tuner.errors import ExtraMissing


def require(module: str, extra: str) -> Any:
    """The module, which an extra of cli-tuner brings.

    Raises ExtraMissing with the command that installs it.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        missing = error.name or module
        if missing.partition(".")[0] == "cli_tuner":
            raise
        raise ExtraMissing(
            f"the {extra} stage needs the package {missing}",
            hint=f"install it with: pip install 'cli-tuner[{extra}]'",
        ) from error
