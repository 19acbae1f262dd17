"""What a text would do: words, wrappers, data flow and facts, in tables of one-liners."""

from __future__ import annotations

import pytest

from cli_tuner.errors import PolicyError
from cli_tuner.shell.effects import effects_of
from cli_tuner.shell.facts import FOLDER, _facts, facts_of, utility_names
from cli_tuner.shell.labels import labels_of
from cli_tuner.shell.paths import PLACES, place_of, resolved
from cli_tuner.shell.programs import HANDLERS
from cli_tuner.shell.values import HOLE, HOME, STAR


@pytest.mark.parametrize(
    ("command", "target"),
    [
        ("rm a", "a"),
        ("rm ./a/../b", "b"),
        ("rm ~/a", "~/a"),
        ('rm "$HOME/a"', "~/a"),
        ("X=a; rm $X", "a"),
        ("X=a; rm ${X}b", "ab"),
        ("rm ${X:-a}", "a"),
        ("X=abc; rm ${X%c}", "ab"),
        ("X=abc; rm ${X/b/x}", "axc"),
        ("X=abc; rm ${X:1:1}", "b"),
        ("rm $(echo a)", "a"),
        ("rm `printf a`", "a"),
        ("rm {a,a}", "a"),
        ("rm $'\\x61'", "a"),
        ("cd d && rm a", "d/a"),
        ("cd / && rm a", "/a"),
        ("(cd /); rm a", "a"),
        ("rm $((1+2))", "3"),
        ("echo a | xargs rm", "a"),
        ("echo a | xargs -I% rm %", "a"),
        ("for x in a; do rm $x; done", "a"),
        ("f() { rm $1; }; f a", "a"),
        ("sh -c 'rm a'", "a"),
        ("sh -c 'rm $1' _ a", "a"),
        ("eval rm a", "a"),
        ("echo 'rm a' > s; sh s", "a"),
        ("echo a | while read x; do rm $x; done", "a"),
        ("rm -- -a", "-a"),
        ("rm /usr//x/../a", "/usr/a"),
        ("find . -exec sh -c 'rm a' \\;", "a"),
    ],
)
def test_the_deleted_path_is_found(command, target):
    deleted = [effect.target for effect in effects_of(command) if effect.kind == "delete"]
    assert deleted[0] == target


@pytest.mark.parametrize(
    ("command", "via"),
    [
        ("sudo rm a", ("sudo",)),
        ("sudo -u root env X=1 nice -n 3 rm a", ("sudo", "env", "nice")),
        ("timeout -s KILL 5 nohup rm a", ("timeout", "nohup")),
        ("sudo sh -c 'rm a'", ("sudo", "sh")),
        ("find . -exec rm a \\;", ("find",)),
        ("busybox rm a", ("busybox",)),
        ("echo a | sudo xargs rm", ("sudo", "xargs")),
    ],
)
def test_wrappers_are_seen_through_and_named(command, via):
    effect = next(effect for effect in effects_of(command) if effect.kind == "delete")
    assert effect.utility == "rm"
    assert effect.via == via
    assert effect.as_root is ("sudo" in via)


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/", "root"),
        ("/etc", "system-top"),
        ("/etc/x", "system"),
        ("/usr/lib", "system-top"),
        ("/var/lib", "system-top"),
        ("/var/app-data", "data-top"),
        ("/var/app-data/files", "data"),
        ("/data/tmp", "data"),
        ("/home/x", "home-root"),
        ("/home/x/y", "home-top"),
        ("~", "home-root"),
        ("~/.bashrc", "home-config"),
        ("~/.cache/x", "cache"),
        ("/tmp/x", "temp"),
        ("/tmp", "temp-root"),
        (".", "project-root"),
        (STAR, "project-root"),
        ("a/b", "project"),
        ("..", "parent-root"),
        ("../a", "parent"),
        ("../../../etc/x", "system"),
        ("/dev/sda", "device"),
        ("/dev/null", "harmless"),
        ("/dev/tcp/h/1", "net"),
        (HOLE, "unknown"),
        ("/data/x", "data"),
        ("/data", "data-top"),
        (".git", "project-vcs"),
        ("/var/log/syslog", "log"),
        ("/e" + STAR, "system-top"),
    ],
)
def test_a_path_is_in_its_place(path, place):
    assert place_of(path) == place
    assert place in PLACES


@pytest.mark.parametrize(
    ("text", "cwd", "path"),
    [
        ("a", ".", "a"),
        ("../a", "b", "a"),
        ("..", ".", ".."),
        ("a/./b//c", "/x", "/x/a/b/c"),
        ("/a/../../b", ".", "/b"),
        (HOME + "/..", ".", "/home"),
        ("/proc/1/root/etc", ".", "/etc"),
    ],
)
def test_a_path_has_one_spelling(text, cwd, path):
    assert resolved(text, cwd) == path


@pytest.mark.parametrize(
    ("path", "label"),
    [
        ("/etc/shadow", "secret"),
        ("~/.ssh/id_rsa", "secret"),
        ("/home/x/.bashrc", "startup"),
        ("/root/.ssh/authorized_keys", "keys"),
        ("/var/log/auth.log", "audit"),
        (f"/etc/sha{STAR}", "secret"),
    ],
)
def test_a_well_known_file_has_its_label(path, label):
    assert label in labels_of(path)


def test_a_glob_in_the_project_is_no_secret():
    assert labels_of(f"{STAR}/{STAR}/{STAR}") == frozenset()
    assert "secret" not in labels_of("~/.ssh/id_rsa.pub")


@pytest.mark.parametrize("name", utility_names())
def test_every_utility_is_described_validly(name):
    assert facts_of(name) is not None
    assert name not in HANDLERS, f"{name} has a handler; its facts are never read"


def test_many_utilities_are_known():
    assert len({*utility_names(), *HANDLERS}) >= 250
    assert list(FOLDER.glob("*.yaml"))


def test_an_unknown_key_names_the_nearest_one():
    with pytest.raises(PolicyError, match='did you mean "operands"'):
        _facts({"operand": "delete"}, "commands/x.yaml: rm")
    with pytest.raises(PolicyError, match='did you mean "delete"'):
        _facts({"operands": "delet"}, "commands/x.yaml: rm")


def test_a_long_option_may_be_abbreviated():
    (effect,) = effects_of("rm --recurs --forc a")
    assert {"recursive", "forced"} <= set(effect.attributes)


def test_what_comes_from_the_network_is_followed_through_a_file():
    effects = effects_of("curl -o a http://x; mv a b; sh b")
    assert any(e.kind == "execute" and "downloaded" in e.attributes for e in effects)


def test_effects_of_a_quoted_text_point_at_the_command_that_runs_it():
    text = "ls; bash -c 'rm -rf /'"
    effect = next(effect for effect in effects_of(text) if effect.kind == "delete")
    assert text[effect.span.start : effect.span.end] == "bash -c 'rm -rf /'"
