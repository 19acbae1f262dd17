"""The shape of the house, kept by machine: layers, single makers, names, sizes, a cheap import."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import cli_tuner

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "cli_tuner"
FILES = sorted(SOURCE.rglob("*.py"))

MADE_IN = {"Verdict": "guard/check.py", "ValidatedCommand": "boundaries/validation.py"}
"""The one place that makes each proof."""

NO_NOUN = {"utils", "util", "helpers", "helper", "common", "misc", "shared", "tools", "stuff"}
LONGEST_FILE = 400
HEAVY = {
    "fastapi",
    "httpx",
    "huggingface_hub",
    "llama_cpp",
    "numpy",
    "rich",
    "torch",
    "transformers",
    "uvicorn",
    "xllamacpp",
}


def place(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def test_arrows_point_downwards_and_every_other_import_contract_holds():
    script = Path(sys.executable).with_name("lint-imports")
    command = [str(script), "--no-cache", "--no-logo"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize("proof", MADE_IN)
def test_a_proof_is_made_in_one_place(proof):
    made = {place(path) for path in FILES if any(makers_of(proof, path))}
    assert made == {MADE_IN[proof]}


@pytest.mark.parametrize("proof", MADE_IN)
def test_a_proof_has_no_second_name_that_could_hide_its_making(proof):
    for path in FILES:
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.ImportFrom):
                renamed = [name for name in node.names if name.name == proof and name.asname]
                assert not renamed, f"{place(path)}:{node.lineno}"
            if isinstance(node, ast.Assign):
                assert not names(node.value, proof), f"{place(path)}:{node.lineno}"


def makers_of(proof: str, path: Path) -> Iterator[ast.Call]:
    """Every call in a file that makes a record of this kind: by name, or out of other data."""
    for node in ast.walk(parsed(path)):
        if not isinstance(node, ast.Call):
            continue
        validates = (
            isinstance(node.func, ast.Attribute)
            and node.func.attr.startswith(("model_validate", "model_construct", "parse_"))
            and names(node.func.value, proof)
        )
        if validates or names(node.func, proof):
            yield node


def names(node: ast.expr, proof: str) -> bool:
    """Whether an expression is the class itself: `Verdict` or `records.Verdict`."""
    return (isinstance(node, ast.Name) and node.id == proof) or (
        isinstance(node, ast.Attribute) and node.attr == proof
    )


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def test_every_module_is_named_after_what_it_holds():
    for path in FILES:
        assert not NO_NOUN & set(path.relative_to(SOURCE).with_suffix("").parts), place(path)


def test_no_file_needs_a_table_of_contents():
    lengths = {place(path): len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert {name: length for name, length in lengths.items() if length > LONGEST_FILE} == {}


def test_a_folder_exists_only_when_it_holds_a_working_file():
    for folder in (path for path in SOURCE.rglob("*") if path.is_dir()):
        if folder.name != "__pycache__":
            content = [path for path in folder.rglob("*") if "__pycache__" not in path.parts]
            assert any(path.is_file() and path.stat().st_size for path in content), place(folder)


@pytest.mark.parametrize("name", cli_tuner.__all__)
def test_every_public_name_is_there(name):
    assert getattr(cli_tuner, name).__name__ == name
    assert name in dir(cli_tuner)


def test_the_public_names_are_exactly_these():
    assert cli_tuner.__all__ == [
        "CliTunerError",
        "CommandRequest",
        "CommandResponse",
        "Explanation",
        "NormalizedRequest",
        "ProvenanceRecord",
        "RawModelOutput",
        "Refusal",
        "ValidatedCommand",
        "Verdict",
        "acheck",
        "agenerate",
        "check",
        "explanation",
        "generate",
    ]


def test_a_name_that_is_not_public_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Journal'"):
        _ = cli_tuner.Journal


def loaded_by(*modules: str) -> set[str]:
    """The top-level packages that importing these loads in a fresh interpreter."""
    imports = "; ".join(f"import {module}" for module in modules)
    script = f"import sys; before = set(sys.modules); {imports}; " + (
        "print(*{name.partition('.')[0] for name in set(sys.modules) - before})"
    )
    command = [sys.executable, "-c", script]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return set(ended.stdout.split())


def foreign(packages: set[str]) -> set[str]:
    # An underscore is the interpreter's own, such as the data of sysconfig.
    named = {package for package in packages if not package.startswith("_")}
    return named - sys.stdlib_module_names - {"cli_tuner"}


def test_importing_the_package_loads_nothing_else():
    assert foreign(loaded_by("cli_tuner")) == set()


def test_settings_errors_and_prompt_need_the_standard_library_alone():
    loaded = loaded_by("cli_tuner.settings", "cli_tuner.errors", "cli_tuner.prompt")
    assert foreign(loaded) == set()


def test_records_need_pydantic_alone():
    loaded = loaded_by("cli_tuner.records")
    assert foreign(loaded) <= {
        "annotated_types",
        "pydantic",
        "pydantic_core",
        "typing_extensions",
        "typing_inspection",
    }


@pytest.mark.parametrize("room", ["guard", "shell", "journal"])
def test_rooms_without_a_model_load_nothing_heavy(room):
    assert loaded_by(f"cli_tuner.{room}") & HEAVY == set()
