from __future__ import annotations

from pathlib import Path

import pytest

from cli_tuner.errors import FetchError
from cli_tuner.models import BaseModel, Progress
from cli_tuner.models.sources import Order
from cli_tuner.models.sources.given import Given


@pytest.fixture
def order(tmp_path: Path, base: BaseModel, recorder: Progress) -> Order:
    return Order(base, tmp_path / "m.partial", recorder, {})


def test_a_given_file_is_copied_and_stays_what_it_was(
    order: Order, tmp_path: Path, content: bytes
) -> None:
    given = tmp_path / "given.gguf"
    given.write_bytes(content)
    Given(given).bring(order)
    assert order.partial.read_bytes() == given.read_bytes() == content
    assert given.stat().st_nlink == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda data: data[:-1], "has 3,000,003 bytes, not 3,000,004"),
        (lambda data: b"HTML" + data[4:], "is not a GGUF file"),
        (lambda data: data[:-1] + b"x", "has the digest"),
    ],
)
def test_another_file_is_refused_and_not_copied(order, tmp_path, content, change, said):
    given = tmp_path / "given.gguf"
    given.write_bytes(change(content))
    with pytest.raises(FetchError, match=said):
        Given(given).bring(order)
    assert not order.partial.exists()


def test_a_file_that_cannot_be_read_is_a_reason(order: Order, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match=r"cannot read .*gone.gguf: No such file"):
        Given(tmp_path / "gone.gguf").bring(order)
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(FetchError):
        Given(folder).bring(order)
