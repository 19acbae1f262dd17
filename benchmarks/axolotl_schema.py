"""Does Axolotl's own schema accept our configurations? Run in an environment that has axolotl.

    python -m venv axolotl && axolotl/bin/pip install axolotl==0.19.0      # on a machine with a GPU
    axolotl/bin/python benchmarks/axolotl_schema.py configs/axolotl*.yaml

Its schema ignores keys that it does not know, so these are looked for here first. Nothing of
cli-tuner is imported.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import yaml
from axolotl.utils.config import validate_config
from axolotl.utils.dict import DictDefault
from axolotl.utils.schemas.config import AxolotlInputConfig
from axolotl.utils.schemas.datasets import SFTDataset
from axolotl.utils.schemas.fsdp import FSDPConfig

# What a GPU of 24 GB (compute capability 8.6) would say of itself.
CAPABILITIES = {"bf16": True, "fp8": False, "tf32": True, "n_gpu": 1, "n_node": 1}
CAPABILITIES["compute_capability"] = "sm_86"


def unknown(config: dict) -> Iterator[str]:
    parts = [("", config, AxolotlInputConfig)]
    parts += [("datasets.", one, SFTDataset) for one in config["datasets"]]
    parts += [("test_datasets.", one, SFTDataset) for one in config["test_datasets"]]
    parts += [("fsdp_config.", config.get("fsdp_config") or {}, FSDPConfig)]
    for prefix, given, schema in parts:
        yield from (prefix + key for key in given if key not in schema.model_fields)


def main() -> int:
    wrong = 0
    for path in map(Path, sys.argv[1:]):
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
        strange = list(unknown(config))
        try:
            capabilities = {**CAPABILITIES, "n_gpu": 2 if "fsdp_config" in config else 1}
            checked = validate_config(
                DictDefault(config), capabilities, {"torch_version": version("torch")}
            )
        except ValueError as error:
            strange.append(str(error))
            checked = {}
        changed = [key for key in config if key in checked and checked[key] != config[key]]
        print(f"{path}: {'; '.join(strange) or 'accepted'} by axolotl {version('axolotl')}")
        if changed := [key for key in changed if not isinstance(config[key], dict | list)]:
            print("  read otherwise:", {key: (config[key], checked[key]) for key in changed})
        wrong += bool(strange)
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main())
