"""Which command is in a model's answer, and which answers hold none."""

from __future__ import annotations

import re
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli_tuner.boundaries.extract import NoCommand, command_in
from cli_tuner.records import RefusalCode

FIND = "find . -name '*.py' -mtime -2"

WRAPPED = [
    FIND,
    f"  {FIND}\n",
    f"{FIND}\r\n",
    f"```bash\n{FIND}\n```",
    f"```sh\n{FIND}\n```",
    f"```shell\n{FIND}\n```\n",
    f"```console\n$ {FIND}\n```",
    f"```\n{FIND}\n```",
    f"``` bash \n{FIND}\n```",
    f"~~~bash\n{FIND}\n~~~",
    f"   ```bash\n   {FIND}\n   ```",
    f"```bash\r\n{FIND}\r\n```\r\n",
    f"```bash\n{FIND}",
    f"```bash\n\n{FIND}\n\n```",
    f"```bash {FIND}```",
    f"```{FIND}```",
    f"```bash\n# files of the last two days\n{FIND}\n```",
    f"```bash\n#!/bin/bash\n{FIND}\n```",
    f"Here is the command:\n```bash\n{FIND}\n```",
    f"Sure! Here you go:\n\n```bash\n{FIND}\n```\n\nThis lists Python files.",
    f"```bash\n{FIND}\n```\n\nOr, the same again:\n\n```bash\n{FIND}\n```",
    f"`{FIND}`",
    f"`{FIND}`.",
    f"``{FIND}``",
    f"$ {FIND}",
    f"% {FIND}",
    f"user@host:~$ {FIND}",
    f"root@box:/var/log# {FIND}",
    f"[me@box src]$ {FIND}",
    f"`$ {FIND}`",
    f"# a comment\n{FIND}",
    f"{FIND}\n\nThis command lists all Python files.",
    f"{FIND}\nThis command lists all Python files.",
    f"{FIND}\n\nExplanation:\n- `-mtime -2` means two days\n- `-name` matches the name",
    f"{FIND}\n\n**Note:** it follows no links",
    f"{FIND}\n\n1. it looks for files\n2. it prints them",
    f"Here is the command:\n{FIND}",
    f"The command is:\n\n{FIND}",
    f"You can use `{FIND}` for that.",
    f"To do that, run `{FIND}`.",
    f"Use the following command: `{FIND}`",
    f"Command: `{FIND}`",
    f"Use `{FIND}`, which is the same as `{FIND}`.",
    f"`{FIND}` lists all Python files.",
    "find . \\\n  -name '*.py' \\\n  -mtime -2",
    "find .\\\n -name '*.py' -mtime -2",
    "```bash\nfind . \\\n    -name '*.py' \\\n    -mtime -2\n```",
    "$ find . \\\n -name '*.py' -mtime -2",
]

UNTOUCHED = [
    "ls",
    "kill $(pidof x)",
    "kill `pidof x`",
    'echo "`date`"',
    "`which python3` -V",
    "echo `date` `hostname`",
    "R CMD check",
    "R CMD check .",
    "Xorg -configure",
    "Rscript a.R",
    "Rscript -e 'print(\"Hello world.\")'",
    "Xvfb :99 -screen 0 1024x768x16",
    "LC_ALL=C sort names.txt",
    "PATH=$PATH:/opt/bin make all",
    "MAKEFLAGS=-j4 make",
    'for f in *.log; do gzip "$f"; done',
    'while read -r l; do echo "$l"; done < a.txt',
    "if [ -f a ]; then cat a; fi",
    '[ "$a" = b ] && ls',
    "[ -d build ] || mkdir build",
    "[[ -d build ]] || mkdir build",
    "{ date; hostname; } > info.txt",
    "(cd /tmp && ls)",
    "! grep -q foo a.txt",
    "> app.log",
    ": > app.log",
    "ls # with a comment",
    "grep -rn '#include' src",
    "echo 'a # b'",
    "grep -- '- item' list.md",
    "echo 'Sorry, I cannot do that.'",
    'echo "The end."',
    "to-lower < a.txt",
    "id -un",
    "if-up eth0",
    "as -o a.o a.s",
    "find . -maxdepth 1 -name '*.md' -exec grep -l 'This is' {} +",
    "printf '%s\\n' a b",
    "awk '{print $2}' a.txt",
    "jq '{\"a\": .b}' x.json",
    "echo '{\"a\": 1}'",
    "cat <<< 'one line'",
    "theme-switch dark",
    "you-get https://example.org/v",
    "thefuck --yeah",
]

JOINED = [
    ("ps aux |\n  grep foo |\n  wc -l", "ps aux | grep foo | wc -l"),
    ("mkdir -p a &&\ncd a", "mkdir -p a && cd a"),
    ("test -f a ||\ntouch a", "test -f a || touch a"),
    ("ls\\\n -la", "ls -la"),
    ("echo foo\\\nbar", "echo foobar"),
    ("# first \\\nls -la", "ls -la"),
    ("echo 'a' \\\n  'b'", "echo 'a' 'b'"),
    ("echo a\\\\", "echo a\\\\"),
]

NOT_ONE = [
    "ls\npwd",
    "cd /tmp\n\nrm -rf build",
    "```bash\ncd /tmp\nls\n```",
    "```bash\ncd /tmp\n```\nand then\n```bash\nls\n```",
    "$ ls\na.txt\nb.txt",
    "cat <<EOF > a.txt\nhello\nEOF",
    "```bash\nfor f in *; do\n  echo $f\ndone\n```",
    "if true\nthen ls\nfi",
    "Use `ls` with the `-la` option.",
    "echo 'a\\\nb'",
    "echo a # note \\\n -b",
    "echo a \\ \n -b",
    "ls; # a |\nwc",
    "Sorry, I cannot help with that.",
    "sorry, I cannot",
    "Sorry.",
    "I cannot do that",
    "I'm sorry, but that is not possible.",
    "I\u2019m not able to do that",
    "As an AI language model, I cannot run commands",
    "Unfortunately this cannot be done.",
    "There is no such command",
    "This lists all the files",
    "the command is ls",
    "To list files, use ls -la",
    "Here is the command",
    "Command: ls -la",
    "Answer: ls",
    "It depends on your system.",
    "Please give more details.",
    "What kind of files do you mean?",
    "# List files",
    "## Heading\n\nSome text about files.",
    "- ls -la",
    "* ls -la",
    "1. ls -la",
    "1. ls\n2. pwd",
    "**ls -la**",
    "```bash\n```",
    "```\n```",
    "```",
    "```echo `date` ```",
    '{"command": "ls -la"}',
    '{\n  "command": "ls -la"\n}',
    '["ls", "-la"]',
    '"ls -la"',
    "Note: this is dangerous",
]

NOTHING = ["", " ", "\n\n", "\t", "```bash\n\n```", "# only a comment", "```bash\n# nothing\n```"]


@pytest.mark.parametrize("answer", WRAPPED)
def test_the_wrapping_falls_off(answer):
    assert command_in(answer) == FIND


@pytest.mark.parametrize("command", UNTOUCHED)
def test_a_bare_command_stays_as_it_is(command):
    assert command_in(command) == command


@pytest.mark.parametrize("command", UNTOUCHED)
def test_a_fence_changes_nothing_about_the_command_in_it(command):
    assert command_in(f"```bash\n{command}\n```") == command


@pytest.mark.parametrize(("answer", "command"), JOINED)
def test_lines_are_joined_as_bash_joins_them(answer, command):
    assert command_in(answer) == command


@pytest.mark.parametrize(
    "answer", ["echo a \\\n  b", "echo a\\\nb", "echo a |\n cat", "ls ||\npwd"]
)
def test_bash_does_the_same_with_the_joined_line(answer):
    done = [
        subprocess.run(["bash", "-c", text], capture_output=True, check=True).stdout
        for text in (answer, command_in(answer))
    ]
    assert done[0] == done[1]


@pytest.mark.parametrize("answer", NOT_ONE)
def test_what_is_not_one_command_is_refused(answer):
    with pytest.raises(NoCommand) as refused:
        command_in(answer)
    assert refused.value.code in (RefusalCode.NOT_A_COMMAND, RefusalCode.EMPTY)
    assert refused.value.message.startswith("the model answered with")


@pytest.mark.parametrize("answer", NOTHING)
def test_nothing_is_refused_as_empty(answer):
    with pytest.raises(NoCommand) as refused:
        command_in(answer)
    assert refused.value.code is RefusalCode.EMPTY


@given(st.text(alphabet=st.sampled_from("ab `$#\\\n'\"|&->.{}[]~:,*T"), max_size=60))
def test_any_answer_gives_one_line_or_a_refusal(answer):
    try:
        command = command_in(answer)
    except NoCommand:
        return
    assert command
    assert "\n" not in command
    assert "```" not in command
    assert re.fullmatch(r"\S.*\S|\S", command)
