"""What a step used, with a stand-in for PyTorch: the tests have no GPU, and here not even that."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from cli_tuner.train.track import Tracker, read_rows
from cli_tuner.train.usage import Usage, bfloat16_products


@pytest.fixture
def gpu(monkeypatch):
    """A PyTorch whose GPU says one utilisation after the other; an exception is raised."""
    said, asked = [], []

    def utilization(device):
        asked.append(device)
        value = said.pop(0)
        if isinstance(value, Exception):
            raise value
        return value

    cuda = SimpleNamespace(
        utilization=utilization, max_memory_allocated=lambda device: 6_500_000_000
    )
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    return SimpleNamespace(said=said, asked=asked)


class Run:
    """The run of Weights & Biases, as much of it as the tracker uses."""

    def __init__(self):
        self.rows = []

    def log(self, row):
        self.rows.append(row)

    def finish(self):
        pass


def test_the_utilisation_of_every_step_is_in_the_file_and_in_the_run(gpu, tmp_path):
    gpu.said += [93, 0]
    usage, run = Usage("cuda:1"), Run()
    tracker = Tracker(tmp_path, -1, run)
    for step in (1, 2):
        tracker.worked(step, seconds=0.5, **usage.now())
    tracker.close()
    wanted = [
        {"step": 1, "seconds": 0.5, "memory_gb": 6.5, "gpu_percent": 93.0},
        {"step": 2, "seconds": 0.5, "memory_gb": 6.5, "gpu_percent": 0.0},
    ]
    assert list(read_rows(tmp_path / "speed.jsonl")) == wanted
    assert run.rows == wanted
    assert gpu.asked == ["cuda:1", "cuda:1"]


@pytest.mark.parametrize(
    "error", [ModuleNotFoundError("nvidia-ml-py"), RuntimeError("no driver"), OSError("NVML")]
)
def test_a_driver_that_cannot_say_it_is_asked_once_and_stops_nothing(gpu, error):
    gpu.said += [error, 50]
    usage = Usage("cuda")
    assert usage.now() == {"memory_gb": 6.5}
    assert usage.now() == {"memory_gb": 6.5}
    assert gpu.asked == ["cuda"]


def test_on_a_processor_no_gpu_is_asked(gpu):
    found = Usage("cpu").now()
    assert list(found) == ["memory_gb"]
    assert 0 < found["memory_gb"] < 1_000
    assert gpu.asked == []


@pytest.mark.parametrize(
    ("said", "has"),
    [
        ("flags\t\t: fpu avx512f avx512_bf16 amx_tile\n", True),
        ("processor\t: 0\nflags : sse2 amx_bf16\n", True),
        ("Features\t: fp asimd bf16\n", True),
        ("flags\t\t: fpu avx2 avx512f avx512vl\n", False),
        ("bugs : spectre\n", None),
        (None, None),
    ],
)
def test_whether_a_processor_multiplies_bfloat16(tmp_path, said, has):
    cpuinfo = tmp_path / "cpuinfo"
    if said is not None:
        cpuinfo.write_text(said)
    assert bfloat16_products(cpuinfo) is has
