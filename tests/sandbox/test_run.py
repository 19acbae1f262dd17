"""What a run says about a command."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from cli_tuner.errors import ConfigError
from cli_tuner.sandbox import Change, FileTree, Limits, image, run
from cli_tuner.sandbox.tree import HOME

TREE = FileTree.of(
    "notes.txt 20 @3d",
    "logs/app.log 10K @10d",
    "big.iso 700M",
    "'a b.txt' 100",
    "link -> notes.txt",
)


def changed(command: str, tree: FileTree = TREE) -> set[tuple[str, str]]:
    return {(each.what, each.path.removeprefix(HOME + "/")) for each in run(command, tree).changes}


def test_output_and_status_come_back() -> None:
    done = run("echo out; echo err >&2; exit 3", TREE)
    assert (done.stdout, done.stderr, done.status) == (b"out\n", b"err\n", 3)
    assert done.changes_known and done.changes == ()


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("true", set()),
        ("cat notes.txt big.iso > /dev/null", set()),
        ("touch new", {("created", "new")}),
        ("rm notes.txt", {("deleted", "notes.txt")}),
        ("rm -r logs", {("deleted", "logs"), ("deleted", "logs/app.log")}),
        ("echo x >> notes.txt", {("modified", "notes.txt")}),
        ("chmod 600 notes.txt", {("mode", "notes.txt")}),
        ("chmod 000 notes.txt", {("mode", "notes.txt")}),
        ("mkdir d && chmod 000 d", {("created", "d")}),
        ("touch notes.txt", {("touched", "notes.txt")}),
        ("ln -sf big.iso link", {("link", "link")}),
        ("ln notes.txt hard", {("created", "hard"), ("link", "notes.txt")}),
        ("mv notes.txt old.txt", {("deleted", "notes.txt"), ("created", "old.txt")}),
        ("rm notes.txt; mkdir notes.txt", {("modified", "notes.txt"), ("mode", "notes.txt")}),
        ("printf '\\xff' > $'\\xfe'", {("created", "\udcfe")}),
        ("touch /etc/new", {("created", "/etc/new")}),
    ],
)
def test_changes_are_seen(command: str, expected: set[tuple[str, str]]) -> None:
    assert changed(command) == expected


def test_a_change_carries_mode_digest_and_target() -> None:
    done = run("cp notes.txt copy; chmod 640 copy; ln -s x sym", TREE)
    copy, sym = done.changes
    assert (copy.mode, copy.digest) == (0o640, done.after[f"{HOME}/notes.txt"].digest)
    assert sym == Change("created", f"{HOME}/sym", "link", 0o777, "", "x")


def test_the_same_content_has_the_same_digest_with_and_without_holes() -> None:
    tree = FileTree.of("sparse 300K", "edge 65537")
    done = run("cp --sparse=never sparse a; cp --sparse=always sparse b; cat edge > c", tree)
    digests = {path.rsplit("/", 1)[-1]: node.digest for path, node in done.after.items()}
    assert digests["sparse"] == digests["a"] == digests["b"]
    assert digests["edge"] == digests["c"] != digests["a"]


def test_two_runs_of_one_image_print_the_same() -> None:
    start = image(FileTree.of("a 10 @3d", "b/c 5 @2h", "b/d 5 0755", "l -> a"))
    command = "ls -lR --full-time; find . -printf '%p %m %s %T@\\n'; id; hostname; date +%Z"
    first, second = run(command, start), run(command, start)
    assert first.stdout == second.stdout
    assert b"sandbox\nUTC\n" in first.stdout


def test_set_up_runs_once_and_each_before_every_command() -> None:
    tree = FileTree.of("a 1", setup=["mkdir made; echo once > made/x"], each=["sleep 77 &"])
    done = run("cat made/x; pgrep -c sleep", tree)
    assert (done.stdout, done.changes) == (b"once\n1\n", ())


def test_a_git_repository_can_be_set_up() -> None:
    tree = FileTree.of(
        setup=["git init -q -b main r; cd r; git config user.name U; git config user.email u@x;"
               "echo 1 > f; git add f; git commit -qm one"]
    )  # fmt: skip
    assert run("git -C r log --format=%s%an", tree).stdout == b"oneU\n"


def test_a_set_up_that_fails_is_said() -> None:
    with pytest.raises(ConfigError, match=r"set-up of a tree failed.*nosuch"):
        run("true", FileTree.of(setup=["nosuch --x"]))


def test_a_probe_looks_at_what_is_left() -> None:
    done = run("export A=1; touch x", TREE, probe="ls x; echo é; exit 4")
    assert (done.probe.decode(), done.probe_status) == ("x\né", 4)


def test_standard_input_is_empty() -> None:
    assert run("cat; read x || echo none", TREE).stdout == b"none\n"


def test_a_limit_on_the_length_of_a_file_holds() -> None:
    done = run("truncate -s 3G x", TREE, Limits(file_size=1 << 30))
    assert done.status != 0
    assert run("truncate -s 3G x", TREE).status == 0


def test_long_names_and_deep_trees_come_through() -> None:
    long = "x" * 150
    tree = FileTree.of(f"d/{long}/{long}.txt 10", f"l -> {long}")
    assert changed(f"rm d/{long}/{long}.txt", tree) == {("deleted", f"d/{long}/{long}.txt")}
    assert run("readlink l", tree).stdout.decode().strip() == long


def test_a_process_found_by_its_command_line_is_not_the_sandbox_itself() -> None:
    tree = FileTree.of(each=["sleep 4711 & until pgrep -x sleep; do sleep 0.01; done"])
    assert run("pgrep -af 4711", tree).stdout.endswith(b" sleep 4711\n")
    assert len(run("pgrep -af 4711", tree).stdout.splitlines()) == 1
    done = run("pkill -f 4711", tree, probe="pgrep -c sleep")
    assert (done.status, done.probe) == (0, b"0")


def test_threads_may_run_commands_at_the_same_time() -> None:
    trees = [FileTree.of(f"f{n} 10") for n in range(8)]
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(run, ["ls"] * 24, trees * 3))
    assert [each.stdout.decode() for each in done] == [f"f{n}\n" for n in range(8)] * 3
