"""Model files with fewer tokens: the same rows, byte for byte, and the same answers.

    container.py   GGUF files read and written as bytes, without a library
    alphabet.py    which tokens texts over an alphabet can ever need
    tokens.py      the choice for one vocabulary: rows, merges, new ids
    file.py        one file in, the smaller one out

Standard library only: `cli-tuner setup` makes such a file where nothing else is installed.
"""

BASE_KEY = "cli-tuner.base.sha256"
"""Where a GGUF file that was made here says which base it belongs to."""

SOURCE_KEY = "cli-tuner.trim.source.sha256"
"""Where a trimmed file says which file its layers are from. An adapter made for that file fits."""
