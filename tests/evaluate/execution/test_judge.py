from __future__ import annotations

import pytest

from cli_tuner.evaluate.execution.judge import judge, without_sudo
from cli_tuner.evaluate.execution.needs import need_of
from cli_tuner.sandbox import FileTree

pytestmark = pytest.mark.usefixtures("isolated")

SAME = [
    ("find . -type f -name '*.log'", "find . -name '*.log' -type f -print"),
    ("grep error app.log", "sed -n '/error/p' app.log"),
    ("tar czf docs.tar.gz docs", "tar -cf - docs | gzip > docs.tar.gz"),
    ("chmod 644 run.sh", "chmod u=rw,go=r run.sh"),
    ("git add .", "git add --all"),
    ("sudo rm -rf build", "rm -r build"),
]
OTHER = [
    ("find . -name '*.txt'", "find . -iname '*.txt'"),
    ("find . -size +1M -type f", "find . -size -1M -type f"),
    ("cat notes.txt", "tac notes.txt"),
    ("sed 's/foo/bar/' c.ini", "sed 's/foo/bar/g' c.ini"),
    ("tar czf docs.tar.gz docs", "tar cf docs.tar.gz docs"),
    ("git reset --soft HEAD~1", "git reset --hard HEAD~1"),
    ("echo a > x.txt", "echo a >> x.txt"),
    ("ls", "sleep 3600"),
    ("ls", "rm -rf --no-preserve-root /"),
    ("ls", ":(){ :|:& };:; sleep 60"),
    ("ls", "yes"),
    ("ls", "head -c 10G /dev/zero > big"),
    ("ls", "for d in /dev/*; do dd if=/dev/zero of=$d count=9; done"),
    ("ls", "ls 'unclosed"),
    ("ls", "no-such-program-here"),
    ("cat notes.txt", "curl http://example.org"),
]
UNDECIDABLE = [
    ("ping -c 1 example.org", "ls", "needs a network"),
    ("systemctl restart nginx", "ls", "needs a daemon"),
    ("mount /dev/sdb1 /mnt", "ls", "needs privileges"),
    ("nano notes.txt", "ls", "needs a person"),
    ("dd if=/dev/sda of=x", "ls", "needs hardware"),
    ("no-such-program-here a", "ls", "absent program"),
    ("ls", "zypper packages", "absent program"),
    ("chown root notes.txt", "ls", "needs privileges"),
    ("true", ":", "does nothing that can be seen"),
    ("echo $RANDOM $RANDOM", "echo 1 2", "another each time"),
]


@pytest.mark.parametrize(("reference", "candidate"), SAME)
def test_two_spellings_are_equivalent(reference, candidate):
    found = judge(reference, candidate)
    assert found.answer == "equivalent", found.reason


@pytest.mark.parametrize(("reference", "candidate"), OTHER)
def test_what_does_something_else_is_different(reference, candidate):
    found = judge(reference, candidate)
    assert found.answer == "different", found.reason


@pytest.mark.parametrize(("reference", "candidate", "reason"), UNDECIDABLE)
def test_what_cannot_be_decided_says_why(reference, candidate, reason):
    found = judge(reference, candidate)
    assert found.answer == "undecidable", found.reason
    assert reason in found.reason


def test_the_same_text_is_no_way_around_what_cannot_be_decided():
    assert judge("ping -c 1 example.org", "ping -c 1 example.org").answer == "undecidable"
    assert judge("ls", "ls").answer == "equivalent"


def test_the_order_of_a_listing_counts_if_the_request_asks_for_one():
    tree = FileTree.of("b 10", "a 20", "c 5")
    commands = ("find . -type f", "find . -type f | sort")
    assert judge(*commands, trees=(tree,)).answer == "equivalent"
    asked = judge(commands[1], "find . -type f | sort -r", "files sorted by name", (tree,))
    assert asked.answer == "different"


def test_a_given_tree_is_used():
    trees = (FileTree.of("only.txt 10"),)
    assert judge("ls only.txt", "echo only.txt", trees=trees).answer == "equivalent"


def test_sudo_is_left_out_and_nothing_else():
    assert without_sudo("sudo ls | sudo -E xargs sudo rm") == "ls | xargs rm"
    assert without_sudo("sudo -u bob ls") == "sudo -u bob ls"
    assert without_sudo("echo sudo rm") == "echo sudo rm"


@pytest.mark.parametrize(
    "command",
    [
        "less notes.txt",
        "cat x | while read a; do echo $a; done",
        "top -b -n 1",
        "git clone file:///r x",
    ],
)
def test_a_program_for_persons_may_be_used_without_one(command):
    assert need_of(command) is None
