"""The table of what quantizing costs says what was measured, and no more."""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def program() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "quantization", ROOT / "benchmarks/quantization.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["quantization"] = module
    spec.loader.exec_module(module)
    return module


def row(ms: float) -> dict[str, float]:
    return {"total_ms": ms, "rss_mb": 900.0, "prompt_tokens_s": 50.0, "decode_tokens_s": 20.0}


@pytest.fixture
def measured(tmp_path: Path) -> Path:
    """f16 passes 8 of 10; q4 loses two of them and wins one; `other` was not evaluated."""
    engine = tmp_path / "engine"
    engine.mkdir()
    variants = {
        name: {"bytes": 1e9, "load_s": 1.0, "rows": [row(ms), row(ms + 2)]}
        for name, ms in (("f16", 400.0), ("q4", 200.0), ("other", 100.0))
    }
    (engine / "engine.json").write_text(json.dumps({"variants": variants}))
    for name, passed in (("f16", range(8)), ("q4", (0, 1, 2, 3, 4, 5, 8))):
        folder = tmp_path / "evaluation" / f"tiny-{name}"
        folder.mkdir(parents=True)
        lines = [
            {"set": "execution-dev", "suite": suite, "id": str(item), "measures": measures}
            for item in range(10)
            for suite, measures in (
                ("execution", {"passed": item in passed}),
                ("domain", {"command_only": True, "template": None}),
            )
        ]
        lines.append(
            {
                "set": "dev",
                "suite": "domain",
                "id": "a",
                "measures": {"template": True, "exact_canonical": False},
            }
        )
        text = "".join(f"{json.dumps(line)}\n" for line in lines)
        (folder / "outcomes.jsonl").write_text(text)
    return tmp_path


def made(program: ModuleType, measured: Path) -> list[list[str]]:
    return program.rows_of(
        program.read_variants("tiny", measured / "engine", measured / "evaluation")
    )


def test_loss_is_the_share_of_good_answers_that_is_gone(
    program: ModuleType, measured: Path
) -> None:
    f16, q4, _ = made(program, measured)
    assert f16[-1] == ""
    assert q4[-1] == "11.1% (1 fixed, 2 broken, p 1): FAIL"
    assert q4[9].startswith("70.0% [")


def test_speed_is_held_against_the_first_line(program: ModuleType, measured: Path) -> None:
    assert [line[6] for line in made(program, measured)] == [
        "401 (1.00x)",
        "201 (2.00x)",
        "101 (3.97x)",
    ]


def test_what_was_not_evaluated_has_no_quality(program: ModuleType, measured: Path) -> None:
    assert made(program, measured)[2][7:] == ["", "", "", "", ""]


def test_the_page_is_renewed_between_its_markers(program: ModuleType, measured: Path) -> None:
    page = measured / "page.md"
    page.write_text(f"before\n{program.BEGIN}\nold\n{program.END}\nafter\n")
    arguments = [f"tiny={measured / 'engine'}", "--evaluations", str(measured / "evaluation")]
    arguments += ["--out", str(measured / "out"), "--into", str(page)]
    assert program.main(arguments) == 0
    text = page.read_text()
    assert "old" not in text
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "| q4 |" in text
    assert (measured / "out" / "quantization.png").stat().st_size > 1000
    page.write_text("no markers\n")
    assert program.main(arguments) == 1
    assert page.read_text() == "no markers\n"
