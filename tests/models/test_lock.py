from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from cli_tuner.models.lock import held


def test_the_lock_file_is_gone_afterwards_also_after_an_error(tmp_path: Path) -> None:
    path = tmp_path / "m.lock"
    with held(path, on_wait="waiting", notice=print):
        assert path.exists()
    assert not path.exists()
    with pytest.raises(KeyboardInterrupt), held(path, on_wait="waiting", notice=print):
        raise KeyboardInterrupt
    assert not path.exists()


def test_a_lock_file_that_somebody_left_is_no_lock(tmp_path: Path) -> None:
    (tmp_path / "m.lock").touch()
    notices: list[str] = []
    with held(tmp_path / "m.lock", on_wait="waiting", notice=notices.append):
        assert notices == []


def test_only_one_holds_it_and_the_others_are_told_once(tmp_path: Path) -> None:
    path = tmp_path / "m.lock"
    inside, most, notices = 0, 0, []

    def work() -> None:
        nonlocal inside, most
        for _ in range(5):
            with held(path, on_wait="waiting", notice=notices.append):
                inside += 1
                most = max(most, inside)
                time.sleep(0.005)
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert 0 < len(notices) <= 30
    assert not path.exists()
