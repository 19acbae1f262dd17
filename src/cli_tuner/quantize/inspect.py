"""What a finished file holds, and whether that is what was asked for."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli_tuner.quantize.source import open_gguf

EXPECTED_BITS = {
    "F16": (15.9, 16.1), "Q8_0": (8.4, 8.6), "Q6_K": (6.5, 6.9), "Q5_K_M": (5.5, 6.2),
    "Q5_K_S": (5.4, 6.1), "Q5_0": (5.4, 6.1), "Q4_K_M": (4.6, 6.4), "Q4_K_S": (4.4, 6.2),
    "Q4_0": (4.4, 5.4), "IQ4_NL": (4.4, 5.9), "IQ4_XS": (4.2, 5.9), "Q3_K_M": (3.6, 5.6),
    "Q2_K": (2.6, 4.9),
}  # fmt: skip
"""Bits a weight, lowest and highest. Small models lie at the upper end: their embeddings and
their output matrix are a large share and keep more bits, and a row that is no multiple of 256
falls back to a larger type (0.5B: 896)."""


@dataclass(frozen=True)
class Finding:
    """One file. `types` counts the weights by tensor type; `remarks` are what is odd."""

    file: str
    bytes: int
    weights: int
    types: dict[str, int]
    remarks: tuple[str, ...]

    @property
    def bits(self) -> float:
        """Bits a weight, metadata and tokenizer included."""
        return 8 * self.bytes / self.weights

    def as_json(self) -> dict[str, Any]:
        """For the report."""
        return {
            "file": self.file,
            "bytes": self.bytes,
            "weights": self.weights,
            "bits_per_weight": round(self.bits, 3),
            "weights_by_type": self.types,
            "remarks": list(self.remarks),
        }


def inspect(path: Path, type_name: str, wanted: dict[str, str], shapes: set[str]) -> Finding:
    """Read a file back. `wanted` are keys that its metadata must have with these values.

    Raises QuantizationError if it is no GGUF file.
    """
    reader = open_gguf(path)
    types: Counter[str] = Counter()
    for tensor in reader.tensors:
        types[tensor.tensor_type.name] += int(tensor.n_elements)
    weights = sum(types.values())
    found = Finding(path.name, path.stat().st_size, weights, dict(types.most_common()), ())
    remarks = [
        f"the metadata does not say {key} = {value}"
        for key, value in wanted.items()
        if (field := reader.get_field(key)) is None or field.contents() != value
    ]
    missing = shapes - {tensor.name for tensor in reader.tensors}
    remarks += [f"the tensor {name} is missing" for name in sorted(missing)]
    low, high = EXPECTED_BITS.get(type_name, (0.0, 33.0))
    if not low <= found.bits <= high:
        remarks.append(f"{found.bits:.2f} bits a weight; {low} to {high} are usual for {type_name}")
    return Finding(found.file, found.bytes, weights, found.types, tuple(remarks))
