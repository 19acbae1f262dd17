"""The person's terminal: what may be written to it, and how it is asked. Standard library only.

Nothing is shown as it came: control bytes, escape sequences and invisible or direction-changing
characters are written out, so that no model, file or endpoint can paint over what a person reads.
Questions are asked on the terminal itself, never on stdin, which may be a pipe.
"""

from __future__ import annotations

import contextlib
import os
import sys
import unicodedata
from typing import TextIO

# Cyan, yellow and red: told apart also by those who see no difference between green and red.
_COLORS = {
    "safe": "36",
    "review": "33",
    "blocked": "1;31",
    "dangerous": "1;31",
    "dim": "2",
    "error": "31",
}
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp", "Co", "Cn"})
# Letters and symbols by category, and yet nothing is seen: Hangul fillers, an empty Braille cell,
# the combining joiner and variation selectors.
_BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800\u034f") | {
    chr(code) for code in (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))
}
_CLIPBOARDS = (
    ("wl-copy",),
    ("xclip", "-selection", "clipboard"),
    ("xsel", "--clipboard", "--input"),
    ("pbcopy",),
    ("clip.exe",),
)


def visible(text: str) -> str:
    """The text with everything that a terminal would obey or hide written out."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(f"\\u{{{ord(char):x}}}" if is_hidden(char) else char for char in text)


def is_hidden(char: str) -> bool:
    """Whether a terminal would obey, reorder by or not show this character."""
    return unicodedata.category(char) in _HIDDEN or char in _BLANK


def wants_color(choice: str, stream: TextIO) -> bool:
    """Whether to colour: `choice` is auto, always, never or plain; NO_COLOR wins over auto."""
    if choice != "auto":
        return choice == "always"
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


class Screen:
    """Writes lines to stderr. There is a word beside every colour.

    With the choice `plain` for screen readers: words and commas, and nothing that is drawn.
    """

    def __init__(self, color: str, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._color = wants_color(color, self._stream)
        self._plain = color == "plain"

    def paint(self, style: str, text: str) -> str:
        """The visible text in a style, or as it is without colours."""
        shown = visible(text)
        return f"\x1b[{_COLORS[style]}m{shown}\x1b[0m" if self._color else shown

    def line(self, text: str) -> None:
        """One line; `text` is already visible or painted.

        What the stream's encoding lacks is written out. Nobody reading is no error here: the
        exit status still tells.
        """
        if self._plain:
            text = _spoken(text)
            if not text:
                return
        encoding = self._stream.encoding or "utf-8"
        shown = text.encode(encoding, "backslashreplace").decode(encoding)
        with contextlib.suppress(BrokenPipeError):
            self._stream.write(f"{shown}\n")
            self._stream.flush()


def _spoken(text: str) -> str:
    """A line as it is read aloud: no marks below a command, no branches of a tree, no dots."""
    if not text.strip(" ^"):
        return ""
    return text.lstrip(" ├└─│").replace(" · ", ", ")


def ask(question: str) -> str | None:
    """The answer typed on the terminal, or None if there is no terminal or no answer."""
    try:
        handle = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    except OSError:
        return None
    try:
        os.write(handle, f"{question} ".encode())
        typed = b""
        while not typed.endswith(b"\n"):
            part = os.read(handle, 4096)
            if not part:
                return None
            typed += part
        return typed.decode("utf-8", "replace").strip()
    finally:
        os.close(handle)


def edit(text: str) -> str | None:
    """The text as the person changed it on the terminal; None without one or on Ctrl-D."""
    try:
        import readline
    except ImportError:
        return ask("edit (type it anew):")
    try:
        handle = os.open("/dev/tty", os.O_RDWR)
    except OSError:
        return None
    sys.stdout.flush()
    saved = os.dup(0), os.dup(1)
    try:
        # readline works on stdin and stdout only, so they are the terminal while it edits.
        os.dup2(handle, 0)
        os.dup2(handle, 1)
        readline.set_startup_hook(lambda: readline.insert_text(text))
        return input("> ").strip()
    except EOFError:
        return None
    finally:
        readline.set_startup_hook(None)
        for number, copy in enumerate(saved):
            os.dup2(copy, number)
            os.close(copy)
        os.close(handle)


def copy(text: str) -> str | None:
    """Put a text on the clipboard; the name of what did it, or None.

    Without a clipboard program the terminal is asked to (OSC 52), which also works over ssh.
    """
    import shutil
    import subprocess
    from base64 import b64encode

    for program in _CLIPBOARDS:
        if shutil.which(program[0]):
            with contextlib.suppress(OSError, subprocess.SubprocessError):
                # xclip stays in the background: with our stdout `$(...)` would wait for it.
                subprocess.run(
                    program,
                    input=text.encode(),
                    check=True,
                    timeout=5,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
                return program[0]
    try:
        handle = os.open("/dev/tty", os.O_WRONLY | os.O_NOCTTY)
    except OSError:
        return None
    try:
        os.write(handle, b"\x1b]52;c;" + b64encode(text.encode()) + b"\x07")
    finally:
        os.close(handle)
    return "the terminal"
