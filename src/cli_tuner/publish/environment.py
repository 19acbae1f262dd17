"""What training cost: hours and hardware as recorded, energy as an estimate with its assumption.

Nothing measures power while training, so the energy is hours times an assumed power: for a GPU the
board's maximum in its maker's data sheet, for processors a flat number for each thread. A GPU that
is not listed gets no estimate. Carbon is not estimated: it depends on where the power came from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

WATTS_A_THREAD = 10
"""Assumed for each thread of a processor that trains, memory and power supply included."""
_BOARD_WATTS = {"H200": 700, "RTX 4090": 450, "RTX 3090": 350, "L4": 72, "T4": 70}
"""Maximum board power in watts, from NVIDIA's data sheets, for GPUs sold with one limit only."""


@dataclass(frozen=True)
class Cost:
    """Hours of training, and the energy if it can be estimated. `assumption` says how."""

    hours: float
    kwh: float | None
    assumption: str


def cost_of(record: Mapping[str, Any]) -> Cost:
    """What the train stage's record says of time and machine."""
    hours = float(record["seconds"]) / 3600
    watts, assumption = _power(record.get("hardware") or {})
    return Cost(hours, None if watts is None else hours * watts / 1000, assumption)


def _power(hardware: Mapping[str, Any]) -> tuple[float | None, str]:
    if gpu := str(hardware.get("gpu") or ""):
        words = gpu.replace("-", " ").split()
        for name, watts in _BOARD_WATTS.items():
            if set(name.split()) <= set(words):
                return watts, (
                    f"the board's maximum of {watts} W for the whole time, the rest of the machine"
                    " not counted"
                )
        return None, "the power of this GPU is not known here"
    if threads := hardware.get("threads"):
        return threads * WATTS_A_THREAD, (
            f"{WATTS_A_THREAD} W for each of {threads} threads for the whole time"
        )
    return None, "the machine is not known"
