"""One policy file: what may be in it, and that what may not stops everything."""

from __future__ import annotations

import os
import time

import pytest

from cli_tuner.errors import Exit, PolicyError
from cli_tuner.guard.policy_file import FILE_MAX

ALLOW = '[[allow]]\nrule = "CT-DEL-005"\npath = "/srv/x/**"\nwhy = "mine"\n'


@pytest.mark.parametrize(
    ("kind", "text", "says"),
    [
        ("user", "alow = []", 'unknown key "alow"; did you mean "allow"?'),
        ("user", 'saftey = "strict"', 'did you mean "safety"?'),
        ("user", 'never_allow = ["CT-DEL-001"]', 'key "never_allow" is not for a user policy'),
        ("project", ALLOW, 'key "allow" is not for a project policy'),
        ("project", "never_allow = []", 'key "never_allow" is not for a project policy'),
        ("project", 'safety = "moderate"', "safety must be strict"),
        ("project", 'safety = "off"', "safety must be strict"),
        ("user", "safety = 1", "safety must be strict or moderate"),
        ("user", 'safety = ["strict"]', "safety must be strict or moderate"),
        ("user", 'allow = "x"', "[[allow]]"),
        ("user", "allow = [1]", "[[allow]]"),
        ("user", ALLOW.replace("why", "wy"), 'unknown key "wy"; did you mean "why"?'),
        ("user", ALLOW.replace('why = "mine"', ""), '"why" is missing'),
        ("user", ALLOW.replace("mine", " "), '"why" is missing'),
        ("user", ALLOW.replace("DEL-005", "DEL-995"), 'did you mean "CT-DEL-0'),
        ("user", '[[tighten]]\nrule = "CT-DEL-008"', '"level" is missing'),
        ("project", '[[tighten]]\nrule = "CT-DEL-008"\nlevel = "safe"', 'must be "dangerous"'),
        ("project", '[[tighten]]\nrule = "nope"\nlevel = "dangerous"', 'no rule "nope"'),
        ("system", 'never_allow = ["CT-XXX-001"]', 'no rule "CT-XXX-001"'),
        ("system", "never_allow = [1]", "never_allow must be a list of texts"),
        ("user", 'rules = "rules/*.yaml"', "rules must be a list of texts"),
        ("user", "a = ", "Invalid value"),
        ("user", "a = 1\na = 2", "Cannot overwrite"),
    ],
)
def test_what_is_wrong_is_said_with_the_file_and_the_key(machine, kind, text, says):
    path = machine.write(kind, text)
    with pytest.raises(PolicyError) as refused:
        machine.load()
    assert str(refused.value).startswith(f"{path}: ")
    assert says in str(refused.value)
    assert refused.value.exit_code == Exit.POLICY


@pytest.mark.parametrize(
    "path",
    ["/**", "/*", "/", "scratch/**", "", "~", "**", "/srv/../etc/**", "/srv//a", "/srv/**/a",
     "/srv/a**", "/*/a", "/srv/[ab]", "/srv/$X/**", "/srv/?", "~root/x", "/srv/./a", "/srv/"],
)  # fmt: skip
def test_an_allow_needs_a_path_that_is_plain_and_not_too_wide(machine, path):
    machine.write("user", ALLOW.replace("/srv/x/**", path))
    with pytest.raises(PolicyError, match="allow: "):
        machine.load()


@pytest.mark.parametrize(
    "pattern",
    ["../x.yaml", "rules/../../x.yaml", "/etc/x.yaml", "rules/**", "**/x.yaml", "*/x.yaml", "",
     "rules//x.yaml", "./x.yaml", "~/x.yaml", "rules/", "rules/..", "a\\u0000b", "rules/[a].yaml",
     "missing.yaml", "rules/*.yml"],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["user", "project"])
def test_rules_lie_below_the_folder_of_the_policy(machine, kind, pattern):
    machine.write(kind, f'rules = ["{pattern}"]')
    with pytest.raises(PolicyError, match=r"policy\.toml|missing\.yaml"):
        machine.load()


class TestAHostileProject:
    def load(self, machine):
        began = time.perf_counter()
        with pytest.raises(PolicyError) as refused:
            machine.load()
        assert time.perf_counter() - began < 2
        return str(refused.value)

    @pytest.mark.parametrize("where", ["/dev/zero", "/etc/passwd", "/nowhere", "user"])
    def test_cannot_be_a_link(self, machine, where):
        path = machine.write("project", "")
        path.unlink()
        path.symlink_to(machine.write("user", ALLOW) if where == "user" else where)
        assert "is a symbolic link" in self.load(machine)

    def test_cannot_be_in_a_folder_that_is_a_link(self, machine, tmp_path):
        (tmp_path / "else").mkdir()
        (tmp_path / "else" / "policy.toml").write_text("")
        (machine.project / ".cli-tuner").symlink_to(tmp_path / "else")
        assert "is a symbolic link" in self.load(machine)

    def test_cannot_be_a_link_to_itself(self, machine):
        (machine.project / ".cli-tuner").symlink_to(machine.project / ".cli-tuner")
        assert ".cli-tuner" in self.load(machine)

    def test_cannot_be_a_folder(self, machine):
        (machine.project / ".cli-tuner" / "policy.toml").mkdir(parents=True)
        assert "is not a plain file" in self.load(machine)

    def test_cannot_be_a_pipe_that_nobody_writes_to(self, machine):
        (machine.project / ".cli-tuner").mkdir()
        os.mkfifo(machine.project / ".cli-tuner" / "policy.toml")
        assert "is not a plain file" in self.load(machine)

    def test_cannot_be_huge(self, machine):
        path = machine.write("project", "")
        with path.open("wb") as file:
            file.truncate(20 << 30)  # sparse
        assert f"is longer than {FILE_MAX} bytes" in self.load(machine)

    @pytest.mark.parametrize(
        "text",
        [
            "a" + ".a" * 30_000 + " = 1",
            "\n".join("a" + ".a" * 40 + f" = {{ b{n} = 1 }}" for n in range(600)),
            "[" * 30_000,
            "a = " + "[" * 30_000,
            "a = [" + "\n[" * 30_000,
            "a = " + "{a=" * 15_000,
            "a = " + "9" * 60_000,
            'a = """' + "\\" * 60_000,
            "# " + "." * 60_000,
        ],
        ids=range(9),
    )
    def test_cannot_be_a_bomb(self, machine, text):
        machine.write("project", text)
        assert "policy.toml: " in self.load(machine)

    @pytest.mark.parametrize("raw", [b"\xff\xfe", b"# \xc3\x28", b"a = '\xed\xa0\x80'", b"a\x00b"])
    def test_cannot_be_something_else_than_utf8_toml(self, machine, raw):
        machine.write("project", "").write_bytes(raw)
        assert "policy.toml: " in self.load(machine)

    @pytest.mark.skipif(os.getuid() == 0, reason="root may read everything")
    def test_cannot_be_hidden_by_its_permissions(self, machine):
        path = machine.write("project", "")
        path.chmod(0)
        assert "cannot be read" in self.load(machine)


def test_a_users_file_may_be_a_link_but_nobody_else_may_write_to_it(machine, tmp_path):
    path = machine.write("user", "")
    path.unlink()
    (tmp_path / "dotfiles.toml").write_text('safety = "strict"')
    path.symlink_to(tmp_path / "dotfiles.toml")
    assert machine.load().safety == "strict"
    (tmp_path / "dotfiles.toml").chmod(0o666)
    with pytest.raises(PolicyError, match="everybody may write"):
        machine.load()


def test_a_dangling_link_is_an_error_and_not_no_policy(machine):
    path = machine.write("user", "")
    path.unlink()
    path.symlink_to("/nowhere")
    with pytest.raises(PolicyError, match="cannot be read"):
        machine.load()
