"""What a shell evaluates to have us at hand: a hot key in its line editor, and `cli-tuner fix`.

    eval "$(cli-tuner init bash)"            in ~/.bashrc; zsh alike in ~/.zshrc
    cli-tuner init fish | source             in ~/.config/fish/config.fish

The scripts are `bash.sh`, `zsh.sh` and `fish.fish` beside this file. The key replaces the sentence
in the line by the command, and never runs it.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from cli_tuner.errors import UsageError

_FILES = {"bash": "bash.sh", "zsh": "zsh.sh", "fish": "fish.fish"}
_KEY = re.compile(r"(alt|ctrl)-([a-z0-9])")
_TAKEN = {
    "ctrl-l": "clears the screen",
    "ctrl-c": "interrupts",
    "ctrl-d": "ends the shell",
    "ctrl-z": "stops a program",
    "ctrl-m": "is Enter",
    "ctrl-j": "is Enter",
    "ctrl-i": "is Tab",
    "ctrl-h": "is Backspace",
    "ctrl-s": "stops the terminal",
    "ctrl-q": "lets the terminal go on",
}


def snippet(shell: str, key: str, program: str) -> str:
    """What this shell has to evaluate. `key` is like alt-e or ctrl-g, `program` a path to us.

    Raises UsageError for a key that is none, or that has another meaning in every terminal.
    """
    found = _KEY.fullmatch(key.lower())
    if found is None:
        raise UsageError(f'"{key}" is no key', hint="say it like alt-e or ctrl-g")
    if key.lower() in _TAKEN:
        raise UsageError(f"{key} {_TAKEN[key.lower()]}", hint="choose another, such as alt-e")
    text = (Path(__file__).parent / _FILES[shell]).read_text("utf-8")
    return text.replace("@KEY@", _sequence(shell, *found.groups())).replace(
        "@PROGRAM@", shlex.quote(program)
    )


def _sequence(shell: str, modifier: str, letter: str) -> str:
    """The key as this shell's line editor writes it."""
    if modifier == "alt":
        return f"\\e{letter}"
    return {"bash": f"\\C-{letter}", "zsh": f"^{letter.upper()}", "fish": f"\\c{letter}"}[shell]
