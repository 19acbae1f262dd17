"""Memory is gathered into huge pages where the kernel does that, and stays what it was."""

import mmap
import sys
import threading

import pytest

from cli_tuner.backends import pages

MB = 1024 * 1024
SIZE = 160 * MB  # more than a heap of the C library
MAPS = """\
7f0000100000-7f0010100000 rw-p 00000000 00:00 0
7f0011000000-7f001f000000 r--p 00000000 00:00 0
7f0020000000-7f002f000000 rw-p 00000000 fe:00 1234                       /model.gguf
7f0030000000-7f0034000000 rw-p 00000000 00:00 0
555500000000-555510000000 rw-p 00000000 00:00 0                          [heap]
7ffc00000000-7ffc10000000 rw-p 00000000 00:00 0                          [stack]
7f0040000000-7f0050000000 rw-s 00000000 00:01 99                         /dev/zero (deleted)
"""


def test_large_private_memory_of_no_file_is_meant_in_whole_huge_pages():
    assert list(pages.large_areas(MAPS)) == [
        (0x7F0000200000, 0x7F0010000000),
        (0x555500000000, 0x555510000000),
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux is asked")
def test_what_is_in_memory_stays():
    pattern = bytes(range(256)) * 4096
    area = mmap.mmap(-1, SIZE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    for at in range(0, SIZE, MB):
        area[at : at + MB] = pattern
    thread = pages.gather_soon(lambda: None)
    thread.join(60)
    assert not thread.is_alive()
    assert all(area[at : at + MB] == pattern for at in range(0, SIZE, MB))
    area.close()


def test_another_system_is_left_alone(monkeypatch, tmp_path):
    monkeypatch.setattr(pages, "_MAPS", tmp_path / "none")
    thread = pages.gather_soon(lambda: None)
    thread.join(10)
    assert not thread.is_alive()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux is asked")
def test_it_waits_until_nobody_is_answered():
    area = mmap.mmap(-1, SIZE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    idle = threading.Event()
    thread = pages.gather_soon(lambda: idle.wait() and None)
    thread.join(0.1)
    assert thread.is_alive()
    idle.set()
    thread.join(60)
    assert not thread.is_alive()
    area.close()
