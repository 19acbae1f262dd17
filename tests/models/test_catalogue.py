from __future__ import annotations

from pathlib import Path

import pytest

from cli_tuner.errors import ConfigError, UsageError
from cli_tuner.models import load_catalogue
from cli_tuner.models.catalogue import SHIPPED_ADAPTERS
from cli_tuner.models.digest import sha256_of_file
from cli_tuner.models.entry import HubPin
from cli_tuner.settings import Paths

DIGEST = "ab" * 32
ADAPTER = f"""
[adapter.house]
base = "fast"
base_sha256 = "{DIGEST}"
file = "house.gguf"
bytes = 10
sha256 = "{DIGEST}"
source = "team/house@main"
"""
BASE = f"""
[base.mine]
title = "Mine"
licence = "MIT"
licence_url = "https://example.org/licence"
file = "mine.gguf"
bytes = 10
sha256 = "{DIGEST}"
parameters = 1
ram_bytes = 1
"""
WHEEL = f"""
[[base.mine.wheels]]
package = "part"
version = "1.0"
member = "part/data.bin"
wheel_sha256 = "{DIGEST}"
bytes = 10
sha256 = "{DIGEST}"
"""


def write_user_catalogue(paths: Paths, text: str) -> Path:
    paths.config.mkdir(parents=True, exist_ok=True)
    path = paths.config / "catalogue.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_shipped_models_are_the_pinned_files(paths: Paths) -> None:
    catalogue = load_catalogue(paths)
    assert {
        name: (base.file, base.size_bytes, base.sha256[:12])
        for name, base in catalogue.bases.items()
    } == {
        "fast": ("qwen2.5-coder-0.5b-instruct-q4_k_m.gguf", 491_400_064, "1d9614638d18"),
        "balanced": ("qwen2.5-coder-1.5b-instruct-q4_k_m.gguf", 1_117_320_768, "cc324af070c2"),
        "large": ("qwen2.5-coder-7b-instruct-q4_k_m.gguf", 4_683_073_536, "509287f78cb4"),
        "fast-trimmed": (
            "qwen2.5-coder-0.5b-instruct-q4_k_m-western.gguf",
            403_826_048,
            "aabc622aebff",
        ),
        "balanced-trimmed": (
            "qwen2.5-coder-1.5b-instruct-q4_k_m-western.gguf",
            999_571_552,
            "2ac535f24328",
        ),
    }


def test_every_shipped_adapter_is_here_and_is_the_pinned_file(paths: Paths) -> None:
    catalogue = load_catalogue(paths)
    for adapter in catalogue.adapters.values():
        assert adapter.packaged is not None
        assert adapter.packaged.stat().st_size == adapter.size_bytes
        assert sha256_of_file(adapter.packaged) == adapter.sha256
    defaults = {catalogue.base(one.base).default_adapter for one in catalogue.adapters.values()}
    assert defaults == {"fast-v3", "balanced-v4"}
    assert set(catalogue.adapters) == defaults


def test_every_shipped_model_has_a_licence_and_a_pinned_revision(paths: Paths) -> None:
    catalogue = load_catalogue(paths)
    for base in catalogue.bases.values():
        origin = catalogue.origin(base)
        assert base.licence == "Apache-2.0"
        assert origin.hub is not None
        assert base.licence_url.startswith(f"https://huggingface.co/{origin.hub.repo}/")
        assert len(origin.hub.revision) == 40
        assert (base.hub is None) == (base.trim is not None)


def test_the_small_models_come_in_wheels_whose_parts_add_up(paths: Paths) -> None:
    bases = load_catalogue(paths).bases
    assert [len(base.wheels) for base in bases.values()] == [6, 22, 0, 0, 0]
    for base in (bases["fast"], bases["balanced"]):
        assert sum(part.size_bytes for part in base.wheels) == base.size_bytes
        assert len({part.sha256 for part in base.wheels}) == len(base.wheels)
        assert len({part.wheel_sha256 for part in base.wheels}) == len(base.wheels)
        for number, part in enumerate(base.wheels, start=1):
            assert part.package.endswith(f"part{number}")
            assert part.member.endswith(f"/data/part{number:02}.bin")


def test_a_derived_base_is_smaller_and_has_its_origin_s_layers(paths: Paths) -> None:
    catalogue = load_catalogue(paths)
    for name in ("fast", "balanced"):
        derived = catalogue.base(f"{name}-trimmed")
        assert (derived.derived_from, derived.trim) == (name, "western")
        assert catalogue.origin(derived) is catalogue.base(name)
        assert derived.size_bytes < 0.9 * catalogue.base(name).size_bytes
    assert catalogue.origin(catalogue.base("fast")) is catalogue.base("fast")


@pytest.mark.parametrize(
    ("added", "said"),
    [
        ('derived_from = "fast"', "derived_from and trim belong together"),
        ('trim = "ascii"', "derived_from and trim belong together"),
        ('derived_from = "fast"\ntrim = "klingon"', "trim must be ascii or western"),
        ('derived_from = "fsat"\ntrim = "ascii"', 'did you mean "fast"'),
        ('derived_from = "fast-trimmed"\ntrim = "ascii"', "no base that can be fetched"),
        ('derived_from = "fast"\ntrim = "ascii"' + WHEEL, "a derived model has no wheels"),
    ],
)
def test_a_wrong_derivation_is_an_error(paths: Paths, added: str, said: str) -> None:
    write_user_catalogue(paths, BASE + added + "\n")
    with pytest.raises(ConfigError, match=said):
        load_catalogue(paths)


def test_a_user_can_register_an_adapter_and_a_base(paths: Paths) -> None:
    write_user_catalogue(paths, ADAPTER + BASE + WHEEL)
    catalogue = load_catalogue(paths)
    house = catalogue.adapter("house")
    assert house.hub == HubPin("team/house", "main")
    assert house.local is None
    assert catalogue.base("mine").wheels[0].package == "part"
    assert catalogue.base("fast").sha256.startswith("1d96")


def test_an_adapter_can_come_from_a_file(paths: Paths) -> None:
    write_user_catalogue(paths, ADAPTER.replace("team/house@main", "/srv/house.gguf"))
    house = load_catalogue(paths).adapter("house")
    assert (house.local, house.hub) == (Path("/srv/house.gguf"), None)


def test_an_own_adapter_that_a_later_version_ships_is_the_shipped_one(paths: Paths) -> None:
    shipped = load_catalogue(paths).adapters["fast-v3"]
    own = ADAPTER.replace("adapter.house", "adapter.fast-v3").replace("house.gguf", "own.gguf")
    write_user_catalogue(paths, own.replace(DIGEST, shipped.sha256))
    assert load_catalogue(paths).adapters["fast-v3"] == shipped
    write_user_catalogue(paths, own)
    with pytest.raises(ConfigError, match="'fast-v3' is already defined"):
        load_catalogue(paths)


def test_a_base_can_name_its_default_adapter(paths: Paths) -> None:
    own = ADAPTER.replace('base = "fast"', 'base = "mine"')
    write_user_catalogue(paths, BASE + 'default_adapter = "house"\n' + own)
    assert load_catalogue(paths).base("mine").default_adapter == "house"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[base", "catalogue.toml"),
        ("base = 1", "base is not a table"),
        ("[bases.x]\n", 'did you mean "base"?'),
        ("[base]\nmine = 1\n", "base.mine: not a table"),
        ("[adapter.none]\n", "adapter.none: not a name"),
        ("[adapter.'A B']\n", "not a name"),
        (
            ADAPTER.replace("base_sha256", "base_sha265"),
            'unknown key "base_sha265"; did you mean "base_sha256"?',
        ),
        (ADAPTER + "xyz = 1\n", "known keys: base"),
        (ADAPTER.replace("bytes = 10\n", ""), "adapter.house: bytes missing"),
        (ADAPTER.replace("bytes = 10", "bytes = -1"), "bytes must be a whole number above 0"),
        (ADAPTER.replace("bytes = 10", "bytes = true"), "bytes must be a whole number above 0"),
        (ADAPTER.replace("bytes = 10", 'bytes = "10"'), "bytes must be a whole number above 0"),
        (ADAPTER.replace(DIGEST, DIGEST.upper()), "64 lower-case hexadecimal digits"),
        (ADAPTER.replace("house.gguf", "../house.gguf"), "a plain file name"),
        (ADAPTER.replace("house.gguf", "house.bin"), "a plain file name"),
        (ADAPTER.replace("house.gguf", "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"), "the same file"),
        (ADAPTER.replace("team/house@main", "house.gguf"), "source must be an absolute path"),
        (ADAPTER.replace("team/house@main", "https://x.org/a.gguf"), "source must be"),
        (ADAPTER.replace('"fast"', '"fasst"'), "no base is called 'fasst'; did you mean \"fast\"?"),
        (ADAPTER.replace("adapter.house", "adapter.fast"), "'fast' is already defined"),
        (BASE.replace("base.mine", "base.fast"), "'fast' is already defined"),
        (BASE + ADAPTER.replace("adapter.house", "adapter.mine"), "'mine' is already defined"),
        (BASE + 'repo = "a/b"\n', "repo and revision belong together"),
        (BASE + 'default_adapter = "house"\n', "no adapter is called 'house'"),
        (BASE + 'title = " "\n', "catalogue.toml"),
        (BASE.replace('"Mine"', '" "'), "title must be a text"),
        (BASE + "wheels = 1\n", "wheels must be an array"),
        (BASE + "wheels = [1]\n", "wheels[1]: not a table"),
        (BASE + WHEEL + "url = 1\n", 'wheels[1]: unknown key "url"'),
        (BASE + WHEEL.replace("bytes = 10", "bytes = 9"), "do not add up"),
        (BASE + WHEEL.replace('"part"', '"part --index-url=x"'), "package must be"),
        (BASE + WHEEL.replace('"1.0"', '"1.0 --pre"'), "version must be"),
    ],
)
def test_a_wrong_user_catalogue_is_an_error_that_says_where(
    paths: Paths, text: str, said: str
) -> None:
    path = write_user_catalogue(paths, text)
    with pytest.raises(ConfigError) as caught:
        load_catalogue(paths)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_user_catalogue_that_is_not_text_is_an_error(paths: Paths) -> None:
    write_user_catalogue(paths, "").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"cannot read .*catalogue.toml"):
        load_catalogue(paths)


def test_a_wrong_user_catalogue_does_not_stick(paths: Paths) -> None:
    path = write_user_catalogue(paths, "[base")
    with pytest.raises(ConfigError):
        load_catalogue(paths)
    path.unlink()
    assert "house" not in load_catalogue(paths).adapters


def test_an_unknown_name_suggests_the_nearest(paths: Paths) -> None:
    with pytest.raises(UsageError, match="unknown model 'blanced'; did you mean \"balanced\""):
        load_catalogue(paths).entry("blanced")
    with pytest.raises(UsageError, match="known models: fast, balanced, large"):
        load_catalogue(paths).base("zzz")
    with pytest.raises(UsageError, match=r"known adapters: .*balanced-v4"):
        load_catalogue(paths).adapter("zzz")


def test_a_packaged_adapter_lies_beside_the_catalogue(paths: Paths) -> None:
    write_user_catalogue(paths, ADAPTER.replace("team/house@main", "package"))
    entry = load_catalogue(paths).adapter("house")
    assert entry.packaged == SHIPPED_ADAPTERS / "house.gguf"
    assert (entry.hub, entry.local) == (None, None)
