from __future__ import annotations

import subprocess
import sys

import pytest

import cli_tuner.models
from cli_tuner.errors import ModelMissing
from cli_tuner.models import (
    BaseModel,
    State,
    installed,
    inventory,
    load_catalogue,
    obtain,
    verify,
)
from cli_tuner.settings import Paths


def test_every_exported_name_exists() -> None:
    for name in cli_tuner.models.__all__:
        assert getattr(cli_tuner.models, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = cli_tuner.models.nothing  # type: ignore[attr-defined]


def test_importing_loads_nothing_heavy_and_no_fetching() -> None:
    code = (
        "import sys, cli_tuner.models;"
        "heavy = {'huggingface_hub', 'httpx', 'httpx2', 'pip', 'rich', 'pydantic',"
        " 'cli_tuner.models.fetch', 'zipfile', 'subprocess'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_importing_the_fetch_loads_no_client() -> None:
    code = (
        "import sys, cli_tuner.models.fetch;"
        "print(sorted({'huggingface_hub', 'httpx', 'pip', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_empty_machine(paths: Paths) -> None:
    with_the_program = load_catalogue(paths).adapters.values()
    assert {holding.entry for holding in installed(paths)} == set(with_the_program)
    others = [one for one in inventory(paths) if one.entry not in with_the_program]
    assert {holding.state for holding in others} == {State.ABSENT}
    with pytest.raises(ModelMissing, match="setup --model fast"):
        verify("fast", paths)


def test_what_is_installed_can_be_listed_and_verified(
    paths: Paths, base: BaseModel, content: bytes
) -> None:
    given = paths.data.parent / "given.gguf"
    given.parent.mkdir(parents=True, exist_ok=True)
    given.write_bytes(content)
    paths.config.mkdir(parents=True)
    (paths.config / "catalogue.toml").write_text(
        f'[base.tiny]\ntitle="T"\nlicence="MIT"\nlicence_url="u"\nfile="{base.file}"\n'
        f'bytes={base.size_bytes}\nsha256="{base.sha256}"\nparameters=1\nram_bytes=1\n'
    )
    obtain("tiny", paths, given_file=given)
    (holding,) = (one for one in installed(paths) if one.entry.name == "tiny")
    assert (holding.entry.name, holding.state) == ("tiny", State.VERIFIED)
    assert verify("tiny", paths) == holding
