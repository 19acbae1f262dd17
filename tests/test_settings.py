"""Where things are, which setting wins, and what a wrong one says."""

from __future__ import annotations

import os
import stat
import tomllib
from pathlib import Path

import pytest

from cli_tuner import settings
from cli_tuner.errors import ConfigError, UsageError
from cli_tuner.settings import (
    Paths,
    Settings,
    api_key,
    load_settings,
    parse_setting,
    private_folder,
    read_config,
    resolve,
    setting_names,
)


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """An environment whose every folder is below the test's own."""
    return {"CLI_TUNER_HOME": str(tmp_path)}


def write_user(home: dict[str, str], text: str) -> Path:
    return _write(Paths.of(home).config_file, text)


def write_system(home: dict[str, str], text: str) -> Path:
    return _write(Paths.of(home).system_config, text)


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


class TestPrecedence:
    def test_without_anything_the_defaults_are_in_force(self, home):
        assert load_settings({}, home) == Settings()
        assert {origin.source for origin in resolve({}, home).values()} == {"default"}

    def test_each_layer_wins_over_the_ones_below(self, home):
        expected = Settings().idle_minutes
        assert load_settings({}, home).idle_minutes == expected
        write_system(home, "idle_minutes = 1.0")
        assert load_settings({}, home).idle_minutes == 1.0
        write_user(home, "idle_minutes = 2.0")
        assert load_settings({}, home).idle_minutes == 2.0
        environ = {**home, "CLI_TUNER_IDLE_MINUTES": "3"}
        assert load_settings({}, environ).idle_minutes == 3.0
        assert load_settings({"idle_minutes": 4.0}, environ).idle_minutes == 4.0

    def test_a_layer_changes_only_what_it_names(self, home):
        write_system(home, 'model = "large"\nthreads = 2')
        write_user(home, "threads = 3")
        found = load_settings({}, {**home, "CLI_TUNER_COLOR": "never"})
        assert (found.model, found.threads, found.color) == ("large", 3, "never")

    def test_a_flag_that_is_not_given_changes_nothing(self, home):
        write_user(home, 'model = "large"')
        assert load_settings({"model": None}, home).model == "large"

    def test_each_value_says_where_it_came_from(self, home):
        system = write_system(home, "threads = 1")
        user = write_user(home, "timeout_s = 5")
        found = resolve({"model": "fast"}, {**home, "CLI_TUNER_COLOR": "never"})
        assert found["threads"].source == str(system)
        assert found["timeout_s"].source == str(user)
        assert found["color"].source == "CLI_TUNER_COLOR"
        assert found["model"].source == "flag"
        assert found["backend"].source == "default"

    def test_safety_is_tightened_by_any_layer_and_loosened_by_none(self, home):
        write_system(home, 'safety = "strict"')
        write_user(home, 'safety = "moderate"')
        environ = {**home, "CLI_TUNER_SAFETY": "moderate"}
        assert load_settings({"safety": "moderate"}, environ).safety == "strict"

    def test_a_flag_tightens_safety(self, home):
        assert load_settings({"safety": "strict"}, home).safety == "strict"


class TestOneSetting:
    @pytest.mark.parametrize(
        ("name", "value", "parsed"),
        [
            ("threads", 4, 4),
            ("threads", "4", 4),
            ("timeout_s", 5, 5.0),
            ("timeout_s", "0.5", 0.5),
            ("retain_queries", True, True),
            ("retain_queries", "true", True),
            ("retain_queries", "YES", True),
            ("retain_queries", "1", True),
            ("retain_queries", "no", False),
            ("retain_queries", "0", False),
            ("model", "hf:owner/name", "hf:owner/name"),
            ("safety", "strict", "strict"),
        ],
    )
    def test_a_right_value_is_taken(self, name, value, parsed):
        taken = parse_setting(name, value, "here")
        assert taken == parsed
        assert type(taken) is type(parsed)

    @pytest.mark.parametrize(
        ("name", "value", "why"),
        [
            ("threads", "many", "threads must be a whole number"),
            ("threads", 1.5, "threads must be a whole number"),
            ("threads", True, "threads must be a whole number"),
            ("threads", -1, "threads must be between 0 and 256"),
            ("threads", 257, "threads must be between 0 and 256"),
            ("timeout_s", "soon", "timeout_s must be a number"),
            ("timeout_s", True, "timeout_s must be a number"),
            ("timeout_s", 0, "timeout_s must be between 0.1 and 3600"),
            ("timeout_s", float("nan"), "timeout_s must be between"),
            ("timeout_s", "inf", "timeout_s must be between"),
            ("max_new_tokens", 0, "max_new_tokens must be between 1 and 1024"),
            ("idle_minutes", 0, "idle_minutes must be between"),
            ("rate_limit", -1, "rate_limit must be between"),
            ("retain_queries", "perhaps", "retain_queries must be true or false"),
            ("retain_queries", 1, "retain_queries must be true or false"),
            ("model", 5, "model must be a text"),
            ("model", "", "model must be a text"),
            ("model", ["fast"], "model must be a text"),
            ("safety", "off", "safety must be one of moderate, strict"),
            ("safety", "STRICT", "safety must be one of moderate, strict"),
            ("color", "blue", "color must be one of auto, always, never"),
        ],
    )
    def test_a_wrong_value_says_where_and_what(self, name, value, why):
        with pytest.raises(ConfigError, match=f"here: {why}"):
            parse_setting(name, value, "here")

    @pytest.mark.parametrize(
        ("name", "nearest"),
        [("modle", "model"), ("thread", "threads"), ("retain_query", "retain_queries")],
    )
    def test_an_unknown_name_suggests_the_nearest(self, name, nearest):
        with pytest.raises(ConfigError, match=f'unknown key "{name}"; did you mean "{nearest}"'):
            parse_setting(name, 1, "here")

    def test_an_unknown_name_like_no_other_lists_them_all(self):
        with pytest.raises(ConfigError, match="known keys: model, backend, safety"):
            parse_setting("xyz", 1, "here")

    @pytest.mark.parametrize("name", setting_names())
    def test_every_default_is_a_valid_value(self, name):
        default = getattr(Settings(), name)
        assert parse_setting(name, default, "default") == default


class TestFiles:
    def test_no_file_is_no_setting(self, tmp_path):
        assert read_config(tmp_path / "nothing.toml") == {}

    def test_an_empty_file_is_no_setting(self, home):
        assert read_config(write_user(home, "# nothing yet\n")) == {}

    @pytest.mark.parametrize(
        "text",
        ["threads = ", "threads 4", "[section", 'model = "unfinished', "threads = 1\nthreads = 2"],
    )
    def test_broken_toml_is_an_error_that_names_the_file(self, home, text):
        path = write_user(home, text)
        with pytest.raises(ConfigError, match=str(path)):
            load_settings({}, home)

    @pytest.mark.parametrize("content", [b'model = "\xff\xfe"', b"\x00\x80\x81", os.urandom(64)])
    def test_a_file_that_is_not_utf8_is_an_error_that_names_the_file(self, home, content):
        path = write_user(home, "")
        path.write_bytes(content + b"\xff")
        with pytest.raises(ConfigError, match=str(path)):
            load_settings({}, home)

    def test_a_file_that_cannot_be_read_is_an_error_that_names_it(self, home):
        path = Paths.of(home).config_file
        path.mkdir(parents=True)
        with pytest.raises(ConfigError, match=f"cannot read {path}"):
            load_settings({}, home)

    def test_a_wrong_setting_names_its_file(self, home):
        path = write_user(home, "threads = 1000")
        with pytest.raises(ConfigError, match=f"{path}: threads must be between"):
            load_settings({}, home)

    def test_an_unknown_key_names_its_file_and_the_nearest_key(self, home):
        path = write_system(home, 'modle = "fast"')
        with pytest.raises(ConfigError, match=f'{path}: unknown key "modle"; did you mean "model"'):
            load_settings({}, home)

    def test_a_section_is_an_unknown_key(self, home):
        write_user(home, "[engine]\nthreads = 1")
        with pytest.raises(ConfigError, match='unknown key "engine"'):
            load_settings({}, home)

    def test_a_wrong_configuration_ends_with_the_status_for_usage(self, home):
        write_user(home, "threads = ")
        with pytest.raises(UsageError) as caught:
            load_settings({}, home)
        assert caught.value.exit_code == 2


class TestEnvironment:
    def test_a_wrong_variable_is_named(self, home):
        with pytest.raises(ConfigError, match="CLI_TUNER_THREADS: threads must be"):
            load_settings({}, {**home, "CLI_TUNER_THREADS": "many"})

    def test_every_setting_has_a_variable(self, home):
        values = {"model": "fast", "backend": "http://127.0.0.1:8000/v1", "safety": "strict"}
        for name in setting_names():
            value = values.get(name, {"color": "never", "retain_queries": "true"}.get(name, "7"))
            found = resolve({}, {**home, f"CLI_TUNER_{name.upper()}": value})
            assert found[name].source == f"CLI_TUNER_{name.upper()}"

    def test_the_process_environment_is_used_when_none_is_given(self, monkeypatch, tmp_path):
        monkeypatch.setenv("CLI_TUNER_HOME", str(tmp_path))
        monkeypatch.setenv("CLI_TUNER_THREADS", "5")
        assert load_settings().threads == 5
        assert Paths.of().state == tmp_path / "state"

    def test_the_key_comes_from_the_environment_alone(self, home):
        assert api_key({"CLI_TUNER_API_KEY": "s3cret"}) == "s3cret"
        assert api_key({"CLI_TUNER_API_KEY": ""}) is None
        assert api_key({}) is None
        assert "s3cret" not in repr(load_settings({}, {**home, "CLI_TUNER_API_KEY": "s3cret"}))

    def test_a_key_in_a_file_is_an_unknown_setting(self, home):
        write_user(home, 'api_key = "s3cret"')
        with pytest.raises(ConfigError, match='unknown key "api_key"') as caught:
            load_settings({}, home)
        assert "s3cret" not in str(caught.value)


class TestPaths:
    def test_one_variable_puts_everything_below_one_folder(self, tmp_path):
        paths = Paths.of({"CLI_TUNER_HOME": str(tmp_path)})
        for folder in (paths.config, paths.data, paths.state, paths.cache, paths.system_config):
            assert folder.is_relative_to(tmp_path)
        assert paths.models.parent == paths.data
        assert paths.config_file.parent == paths.config
        assert list(tmp_path.iterdir()) == [], "asking creates nothing"

    def test_a_relative_or_tilde_home_becomes_absolute(self, monkeypatch, tmp_path):
        monkeypatch.chdir(tmp_path)
        assert Paths.of({"CLI_TUNER_HOME": "here"}).state == tmp_path / "here" / "state"
        monkeypatch.setenv("HOME", str(tmp_path))
        assert Paths.of({"CLI_TUNER_HOME": "~/there"}).state == tmp_path / "there" / "state"

    @pytest.mark.skipif(os.uname().sysname != "Linux", reason="macOS has folders of its own")
    def test_the_xdg_folders_are_honoured(self, monkeypatch, tmp_path):
        for name in ("CONFIG", "DATA", "STATE", "CACHE", "RUNTIME"):
            folder = tmp_path / name.lower()
            folder.mkdir(mode=0o700)
            kind = "DIR" if name == "RUNTIME" else "HOME"
            monkeypatch.setenv(f"XDG_{name}_{kind}", str(folder))
        monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path / "system"))
        monkeypatch.delenv("CLI_TUNER_HOME", raising=False)
        paths = Paths.of()
        assert paths.config == tmp_path / "config" / "cli-tuner"
        assert paths.system_config == tmp_path / "system" / "cli-tuner" / "config.toml"
        assert paths.models == tmp_path / "data" / "cli-tuner" / "models"
        assert paths.state == tmp_path / "state" / "cli-tuner"
        assert paths.cache == tmp_path / "cache" / "cli-tuner"
        assert paths.runtime in {tmp_path / "runtime" / "cli-tuner", short_stand_in(paths)}

    def test_without_a_session_sockets_go_to_a_folder_of_the_user_in_the_temp_folder(self):
        runtime = Paths.of({}).runtime
        assert runtime.name == f"cli-tuner-{os.getuid()}"

    def test_a_session_folder_that_cannot_be_written_is_not_used(self):
        runtime = Paths.of({"XDG_RUNTIME_DIR": "/nonexistent/run/user/0"}).runtime
        assert not str(runtime).startswith("/nonexistent")

    def test_a_long_path_gets_a_short_stand_in_for_sockets(self, tmp_path):
        deep = tmp_path / ("x" * 120)
        paths = Paths.of({"CLI_TUNER_HOME": str(deep)})
        assert len(os.fsencode(paths.runtime / "engine-0123456789ab.sock")) <= 100
        assert paths.state == deep / "state", "only sockets need it"

    def test_two_long_paths_have_two_stand_ins_and_one_path_always_the_same(self, tmp_path):
        one, other = ({"CLI_TUNER_HOME": str(tmp_path / (char * 120))} for char in "ab")
        assert Paths.of(one).runtime != Paths.of(other).runtime
        assert Paths.of(one).runtime == Paths.of(one).runtime

    def test_a_path_of_many_bytes_is_measured_in_bytes(self):
        runtime = Paths.of({"CLI_TUNER_HOME": "/" + "é" * 40}).runtime
        assert len(os.fsencode(runtime / "engine-0123456789ab.sock")) <= 100


def short_stand_in(paths: Paths) -> Path | None:
    """The runtime folder, if it is a stand-in because the test's own folder is deep."""
    return paths.runtime if paths.runtime.name.startswith("cli-tuner-") else None


class TestPrivateFolder:
    def test_it_is_made_for_the_user_alone(self, tmp_path):
        folder = private_folder(tmp_path / "a" / "b")
        assert folder == tmp_path / "a" / "b"
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700

    def test_one_that_is_open_to_others_is_closed(self, tmp_path):
        (tmp_path / "open").mkdir()
        (tmp_path / "open").chmod(0o755)
        assert stat.S_IMODE(private_folder(tmp_path / "open").stat().st_mode) == 0o700

    def test_one_of_somebody_else_is_refused_and_left_as_it_is(self, tmp_path, monkeypatch):
        (tmp_path / "theirs").mkdir()
        (tmp_path / "theirs").chmod(0o777)
        monkeypatch.setattr(settings, "_uid", lambda: os.getuid() + 1)
        with pytest.raises(ConfigError, match="theirs is not a folder of this user"):
            private_folder(tmp_path / "theirs")
        assert stat.S_IMODE((tmp_path / "theirs").stat().st_mode) == 0o777

    def test_a_link_to_a_folder_is_refused_and_the_folder_left_as_it_is(self, tmp_path):
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "elsewhere").chmod(0o755)
        (tmp_path / "link").symlink_to("elsewhere")
        with pytest.raises(ConfigError, match="link is not a folder of this user"):
            private_folder(tmp_path / "link")
        assert stat.S_IMODE((tmp_path / "elsewhere").stat().st_mode) == 0o755

    @pytest.mark.parametrize("below", [(), ("deeper",)])
    def test_a_file_in_its_place_is_an_error_with_a_way_out(self, tmp_path, below):
        (tmp_path / "file").write_text("")
        with pytest.raises(ConfigError, match="CLI_TUNER_HOME"):
            private_folder((tmp_path / "file").joinpath(*below))
        assert (tmp_path / "file").is_file()

    def test_a_link_to_nowhere_is_an_error(self, tmp_path):
        (tmp_path / "link").symlink_to("nowhere")
        with pytest.raises(ConfigError):
            private_folder(tmp_path / "link")


def test_settings_cannot_be_changed():
    with pytest.raises(AttributeError):
        Settings().threads = 3


def test_every_default_has_a_toml_form_so_that_a_file_can_be_made_of_it():
    for name in setting_names():
        value = getattr(Settings(), name)
        text = str(value).lower() if isinstance(value, bool) else repr(value)
        assert tomllib.loads(f"{name} = {text}") == {name: value}
