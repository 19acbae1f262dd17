from __future__ import annotations

import pytest

from cli_tuner.shell.canonical import calls_in, canonical_of
from cli_tuner.shell.options import options_of

SAME = [
    ("ls -la", "ls -l -a"),
    ("ls -l 'my dir'", r"ls -l my\ dir"),
    ('grep "a b" f', "grep 'a b'   f"),
    ("head -5 f", "head --lines=5 f"),
    ("tail -n5 f", "tail -n 5 f"),
    ("find . -type f -name '*.c'", 'find -name "*.c" -type f -print'),
    ("find . -maxdepth 1 -type d", "find . -type d -maxdepth 1"),
    (r"find . -name x -exec rm -f {} \;", "find . -name 'x' -exec rm -f '{}' ';'"),
    (r"find . \! -name x -delete", "find . -not -name x -delete"),
    ("find . -name x -a -size +1M", "find . -size +1M -name x"),
    ("tar xzf a.tgz", "tar -x -z -f a.tgz"),
    ("tar --extract --gzip --file a.tgz", "tar -xzf a.tgz"),
    ("grep -rn foo .", "grep foo . -n -r"),
    ("sudo apt-get install -y vim", "sudo apt-get -y install vim"),
    ("git commit --all --message=x", "git commit -am x"),
    ("echo `date`", "echo $(date)"),
    ("sort -k2 -n f", "sort -nk 2 f"),
    ("docker ps -aq", "docker ps -q -a"),
    ("xargs -I{} cp {} x", "xargs -I {} cp {} x"),
    ("cat a|wc -l", "cat a | wc -l"),
    ("cat x;", "cat x"),
    ("for f in *; do ls -la; done", "for f in * ; do ls -al ; done"),
    ("sed -i.bak s/a/b/ f", "sed --in-place=.bak s/a/b/ f"),
    ("echo ${HOME}", "echo $HOME"),
]
DIFFERENT = [
    ("ls *.c", "ls '*.c'"),
    ("rm -r a", "rm a"),
    ("grep a b", "grep b a"),
    ("cp a b", "cp b a"),
    ("cp -t a b", "cp -t b a"),
    ("find . -name a -o -name b", "find . -name a -name b"),
    ("find . -delete -name x", "find . -name x -delete"),
    ("find . -name a -prune -o -print", "find . -name a -prune -o"),
    ("cmd >a 2>&1", "cmd 2>&1 >a"),
    ("! ls", "ls"),
    ("time ls", "ls"),
    ("ls |& cat", "ls | cat"),
    ('echo "$x"', "echo $x"),
    ("grep -e a -e b f", "grep -e b -e a f"),
    ("rsync --include a --exclude b x y", "rsync --exclude b --include a x y"),
    ("ffmpeg -i a -ss 1 b", "ffmpeg -ss 1 -i a b"),
    ("sort -k 1 -k 2 f", "sort -k 2 -k 1 f"),
    ("somebody -n 5 -x", "somebody -n -x 5"),
    ("ls &", "ls"),
    ("if a; then b; fi", "if a; then c; fi"),
    ("echo 'a b'", "echo a b"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_what_is_only_written_otherwise_has_one_form(one, other):
    assert canonical_of(one) == canonical_of(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_what_means_something_else_has_another_form(one, other):
    assert canonical_of(one) != canonical_of(other)


def test_what_is_no_bash_still_has_a_form():
    assert canonical_of("ls | (") == canonical_of("ls   | (")
    assert canonical_of("") == ""


def test_calls_are_found_behind_wrappers_and_in_substitutions():
    found = calls_in(r"sudo find . -exec grep -c x {} \; | xargs -n 1 echo $(date +%s)")
    assert sorted(call.name for call in found) == [
        "date", "echo", "find", "grep", "sudo", "xargs",
    ]  # fmt: skip
    xargs = next(call for call in found if call.name == "xargs")
    assert [(one.name, one.value) for one in xargs.options] == [("-n", "1")]
    find = next(call for call in found if call.name == "find")
    assert "-c" not in [one.name for one in find.options]


@pytest.mark.parametrize(
    ("path", "option", "known"),
    [
        (("grep",), "-r", True),
        (("grep",), "--recursive", True),
        (("grep",), "--frobnicate", False),
        (("git", "commit"), "--amend", True),
        (("git", "log"), "--frobnicate", None),
    ],
)
def test_an_option_is_wrong_only_where_all_are_known(path, option, known):
    table = options_of(path)
    assert table is not None
    assert table.knows(option) is known


def test_nothing_is_known_of_an_invented_program():
    assert options_of(("frobnicate",)) is None
