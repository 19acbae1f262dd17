"""A command's skeleton, which a data set is split by."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli_tuner.shell.template import NO_BASH, template_of, utilities_of

TEMPLATES = {
    "find . -type f -name '*.c' | xargs grep -l main": "find -name -type | xargs | grep -l",
    "ls -la /tmp": "ls -a -l",
    "ls -al": "ls -a -l",
    "ls --color=auto -l": "ls --color -l",
    "/usr/bin/find / -mtime -1 -print": "find -# -mtime -print",
    "find . -size +10M": "find -size",
    "find / -name x 2>/dev/null >> out": "find -name {> >>}",
    "sudo -u root apt-get install -y curl": "apt-get install -y",
    "sudo -i": "sudo -i",
    "git -C repo remote add origin URL": "git remote add -C",
    "git commit -am 'a -b c'": "git commit -a -m",
    "kubectl -n web get pods -o wide": "kubectl get pods -n -o",
    "docker compose up -d": "docker compose up -d",
    "docker run -it ubuntu bash": "docker run -i -t",
    "brew leaves -r": "brew leaves -r",
    "pactree -u python3": "pactree -u",
    "tar xzf a.tgz -C out": "tar -C -f -x -z",
    "tar -xzf a.tgz": "tar -f -x -z",
    "cut -d' ' -f2- a.txt": "cut -d -f",
    "kill -9 42": "kill -#",
    "head -n5 a | tail -1": "head -n | tail -#",
    "cd /tmp && tar cf a.tar . ; ls &": "cd ; tar -c -f ; ls",
    "wc -l $(git ls-files | grep '[.]c$')": "wc -l | git ls-files | grep",
    "x=$(date +%s)": "date",
    "diff <(sort a) <(sort -u b)": "diff | sort | sort -u",
    "find . -exec chmod 644 {} + -name x": "find -exec -name | chmod",
    "find . -exec sh -c 'mv \"$1\" x; ls' _ {} \\;": "find -exec | sh -c | mv ; ls",
    "watch -n1 'ls -l | wc'": "watch -n | ls -l | wc",
    "timeout 5 env A=1 ping -c 1 host": "timeout | env | ping -c",
    'for f in *.txt; do mv "$f" x; done': "mv",
    "if [ -f a ]; then rm a; else touch a; fi": "[ -f ; rm ; touch",
    "$EDITOR file": "$",
    "rm -- -rf": "rm",
    "ffmpeg -i a.avi -vcodec copy b.mp4": "ffmpeg -i -vcodec",
    "echo 'a": NO_BASH,
    "": NO_BASH,
}


@pytest.mark.parametrize("command", TEMPLATES)
def test_the_skeleton_has_programs_sub_commands_and_flags(command):
    assert template_of(command) == TEMPLATES[command]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("find /var -name 'a b'", "find . -name x"),
        ("grep -rn TODO src", 'grep -nr "x y" .'),
        ("sudo systemctl restart nginx", "systemctl restart sshd"),
        ("ls -l > a.txt", "ls -l 2> b.txt"),
        ("cp 'a' b", "cp $x ~/y"),
    ],
)
def test_commands_that_differ_in_arguments_have_one_skeleton(one, other):
    assert template_of(one) == template_of(other)


def test_utilities_are_what_runs_in_order():
    command = "sudo find . -name x -exec grep -l y {} \\; | xargs -n1 sh -c 'wc -l \"$1\"' _"
    assert utilities_of(command) == ("find", "grep", "xargs", "sh", "wc")
    assert utilities_of("x=1") == ()


@settings(deadline=None)
@given(st.text(st.sampled_from("ls -abc|;&$(){}'\"<>\\ \n=*[]find-exec"), max_size=40))
def test_no_text_breaks_it_and_the_skeleton_is_one_line(command):
    shown = template_of(command)
    assert shown
    assert "\n" not in shown
    utilities_of(command)
