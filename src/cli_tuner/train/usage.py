"""What a step uses of the machine: memory everywhere, the GPU's utilisation where there is one; and
whether the processor multiplies bfloat16 itself."""

from __future__ import annotations

import re
import resource
import sys
from pathlib import Path

from cli_tuner.artifacts import require


class Usage:
    """What one device is asked after every step. `device` as PyTorch names it: cpu, cuda, cuda:1.

    Utilisation is the driver's: the share of the last sample, a sixth of a second to a second
    long, in which the GPU did anything at all. It says whether the GPU waited, not how much of it
    was used. A driver that cannot say it once is not asked again.
    """

    def __init__(self, device: str) -> None:
        self._device = device
        self._on_gpu = self._tells = device.startswith("cuda")

    def now(self) -> dict[str, float]:
        """`memory_gb`, the most so far in 10^9 bytes; `gpu_percent`, 0 to 100, if it is known."""
        found = {"memory_gb": self._memory_gb()}
        percent = self._percent()
        return found if percent is None else {**found, "gpu_percent": percent}

    def _memory_gb(self) -> float:
        """Allocated on the GPU, or resident."""
        if self._on_gpu:
            return float(require("torch", "train").cuda.max_memory_allocated(self._device)) / 1e9
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9

    def _percent(self) -> float | None:
        if not self._tells:
            return None
        try:
            return float(require("torch", "train").cuda.utilization(self._device))
        except Exception:  # noqa: BLE001  # NVML is not installed, its own errors, AMD's: no number
            self._tells = False
            return None


def bfloat16_products(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool | None:
    """Whether the processor has instructions that multiply bfloat16; None where nothing says it.

    Without them PyTorch computes the same in many more steps: the 0.5B took 3.6 times as long as in
    float32 on a Xeon of 2017 (docs/TRAINING.md).
    """
    try:
        said = re.search(r"^(?:flags|Features)\s*:(.*)$", cpuinfo.read_text(), re.MULTILINE)
    except OSError:
        return None
    if said is None:
        return None
    return bool({"avx512_bf16", "amx_bf16", "bf16"} & set(said[1].split()))
