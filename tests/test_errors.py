"""The tree that the docstring of cli_tuner.errors draws is the tree of the classes."""

from __future__ import annotations

import re

from cli_tuner import errors
from cli_tuner.errors import CliTunerError

LINE = re.compile(r"^    ((?:[│ ]   )*)(?:[├└]── )?(\w+) +exit (\d+) ", re.MULTILINE)


def drawn() -> dict[str, tuple[str, int]]:
    """Of each drawn class: the class above it, and its exit status."""
    found, above = {}, []
    for indent, name, status in LINE.findall(errors.__doc__):
        depth = 0 if name == CliTunerError.__name__ else 1 + len(indent) // 4
        above[depth:] = [name]
        found[name] = (above[depth - 1] if depth else "Exception", int(status))
    return found


def test_every_error_is_drawn_below_its_own_class_with_its_exit_status():
    classes = [
        one for one in vars(errors).values()
        if isinstance(one, type) and issubclass(one, CliTunerError)
    ]  # fmt: skip
    real = {one.__name__: (one.__base__.__name__, int(one.exit_code)) for one in classes}
    assert drawn() == real
