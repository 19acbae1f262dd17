"""llama.cpp's quantizer: `llama_model_quantize`, through the program that its builds ship.

$CLI_TUNER_LLAMA_QUANTIZE, `llama-quantize` on the PATH, or the one inside the wheel of
ik-llama-cpp-python (MIT), a fork whose files of the usual types llama.cpp reads.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections import deque
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from cli_tuner.artifacts import Progress
from cli_tuner.errors import ExtraMissing, QuantizationError
from cli_tuner.quantize.config import Output

VARIABLE = "CLI_TUNER_LLAMA_QUANTIZE"
_TENSOR = re.compile(r"\[\s*(\d+)/\s*(\d+)\]")
_NAMED = re.compile(r"\]\s+(\S+) - \[")
_CONVERTED = re.compile(r"converting to (\w+)")
_READABLE = {"q6_0": "q5_1", "iq6_k": "q6_K", "iq5_k": "q5_K", "iq4_k": "q4_K", "iq3_k": "q3_K"}
"""Types of the fork's own, and llama.cpp's nearest, which are a little smaller and worse."""
_SAID_LINES = 8


class Quantizer(NamedTuple):
    """The program, and what it is for the provenance."""

    path: Path
    origin: str
    threads: int


def find_quantizer(threads: int = 0) -> Quantizer:
    """The program, to be run with so many threads; 0 is one per core.

    Raises ExtraMissing with what to install.
    """
    threads = threads or os.cpu_count() or 1
    if given := os.environ.get(VARIABLE):
        if not os.access(given, os.X_OK):
            raise QuantizationError(f"{VARIABLE} names {given}, which is no program")
        return Quantizer(Path(given), VARIABLE, threads)
    if found := shutil.which("llama-quantize"):
        return Quantizer(Path(found), "PATH", threads)
    package = find_spec("ik_llama_cpp")
    for place in package.submodule_search_locations or () if package else ():
        program = Path(place) / "bin" / "llama-quantize"
        if os.access(program, os.X_OK):
            return Quantizer(program, f"ik-llama-cpp-python {_version()}", threads)
    raise ExtraMissing(
        "the quantize stage needs llama.cpp's llama-quantize",
        hint="install it with: pip install 'cli-tuner[quantize]', or put it on the PATH",
    )


def _version() -> str:
    try:
        return version("ik-llama-cpp-python")
    except PackageNotFoundError:
        return "?"


def quantize(
    quantizer: Quantizer, output: Output, source: Path, target: Path, progress: Progress
) -> None:
    """Quantize a float16 file. Raises QuantizationError with the program's last words.

    A mixture gives some tensors another type, and so do rows that a type cannot hold. The fork
    takes types of its own there, which llama.cpp does not read: those tensors get llama.cpp's.
    """
    command = [str(quantizer.path)]
    if output.output_matrix:
        command += ["--output-tensor-type", output.output_matrix]
    if output.embedding:
        command += ["--token-embedding-type", output.embedding]
    files = [str(source), str(target), output.type, str(quantizer.threads)]
    progress.step(f"quantize to {output.label}", None)
    own = _run([*command, *files], progress)
    if own:
        rules = (f"^{re.escape(name)}$={kind}" for name, kind in own.items())
        _run([*command, "--custom-q", ",".join(rules), *files], progress)
    if not target.is_file():
        raise QuantizationError(f"llama-quantize wrote no {target.name}")


def _run(command: list[str], progress: Progress) -> dict[str, str]:
    """The tensors that it gave a type of its own, and llama.cpp's type for each."""
    said: deque[str] = deque(maxlen=_SAID_LINES)
    name, own = "", {}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as child:
        try:
            for line in child.stdout or ():
                said.append(line.strip())
                if found := _TENSOR.search(line):
                    progress.note(f"tensor {found[1]} of {found[2]}")
                if found := _NAMED.search(line):
                    name = found[1]
                if (found := _CONVERTED.search(line)) and found[1] in _READABLE:
                    own[name] = _READABLE[found[1]]
        except BaseException:
            child.kill()
            raise
    if child.returncode:
        last = next((line for line in reversed(said) if line), "it said nothing")
        raise QuantizationError(f"llama-quantize ended with {child.returncode}: {last}")
    return own
