"""Every part of a command is explained, and rightly."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cli_tuner.explain import Role, Source, explanation
from cli_tuner.guard import check

AGENT = Path(__file__).parents[1] / "hook" / "agent_commands.yaml"
COMMANDS = [c for commands in yaml.safe_load(AGENT.read_text("utf-8")).values() for c in commands]


def meanings(command):
    """The text of each part -> what it means."""
    found = explanation(command)
    return {command[part.start : part.end]: part.meaning for part in found.parts}


def uncovered(command):
    covered = set()
    for part in explanation(command).parts:
        assert 0 <= part.start <= part.end <= len(command)
        assert part.meaning.strip()
        covered.update(range(part.start, part.end))
    return [char for i, char in enumerate(command) if i not in covered and not char.isspace()]


@pytest.mark.parametrize("command", COMMANDS, ids=[c.partition("\n")[0][:50] for c in COMMANDS])
def test_every_character_belongs_to_a_part(command):
    assert uncovered(command) == []


@given(
    st.lists(
        st.sampled_from(
            "ls -la rm $x \"$(a b)\" '`' `c` | && || ; & ( ) { } if then fi for do done in > < <<"
            " 2>&1 [[ ]] (( )) case esac ;; #r \n \\ ! ~ *.txt a=b =( <(d) ${x%y} $((1+2)) -c '-c'"
            " bash sudo find -exec + \\; é \ud800".split(" ")
        ),
        max_size=12,
    ).map(" ".join)
)
def test_any_text_is_covered_and_none_is_an_error(command):
    assert uncovered(command) == []


@pytest.mark.parametrize(
    ("command", "part", "meaning"),
    [
        ("ls -la", "-l", "one a line, with rights, owner, size and time"),
        ("ls -la", "a", "also those whose name begins with a dot"),
        ("head -n5 x", "-n5", "the first 5 lines (with a minus: all but the last ones)"),
        (
            "head --lines=7 x",
            "--lines=7",
            "the first 7 lines (with a minus: all but the last ones)",
        ),
        ("head --line 7 x", "--line 7", "the first 7 lines (with a minus: all but the last ones)"),
        ("find . -mtime +7", "-mtime +7", "whose content changed more than 7 days ago"),
        ("find . -size -2G", "-size -2G", "whose size is less than 2 GiB"),
        ("find . -type f", "-type f", "only files"),
        ("find . -exec rm {} +", "rm", "deletes files"),
        ("find . ! -name x", "!", "not:"),
        ("chmod 640 x", "640", "the rights: 640 (rw-r-----)"),
        ("cp a b c", "c", "where to: c"),
        ("cp a b c", "b", "what is copied: b"),
        ("tar czf x.tgz d", "x.tgz", "that archive"),
        ("tar czf x.tgz d", "c", "makes an archive"),
        ("tar -C /srv -xf a.tar", "-C /srv", "in the folder /srv"),
        ("git push --force", "push", "sends commits elsewhere"),
        ("git push --force", "--force", "replaces what is there"),
        ("docker compose up -d", "-d", "in the background"),
        ("sudo -u www rm x", "rm", "deletes files"),
        ("timeout 5 ls -a", "5", "after: 5"),
        ("timeout 5 ls -a", "-a", "also those whose name begins with a dot"),
        ("dd if=/dev/zero of=x", "of=x", "to x, replacing what is there"),
        ("grep x y 2>/dev/null", "2>/dev/null", "its errors are thrown away"),
        ("ls > x", "> x", "its output goes into x, replacing what is there"),
        ("ls >> x", ">> x", "its output is added to the end of x"),
        ("ls 2> e", "2> e", "its errors go into e, replacing what is there"),
        ("ls &> e", "&> e", "its output and its errors go into e, replacing what is there"),
        ("ls 2>&1", "2>&1", "its errors go where its output goes"),
        ("a && b", "&&", "what follows runs only if this succeeded"),
        ("a | b", "|", "its output is the input of what follows"),
        ("[[ -f a && -d b ]]", "&&", "and"),
        ("bash -c 'rm -rf x'", "rm", "deletes files"),
        ("echo $(cat a | wc -l)", "-l", "lines"),
        ("echo $(cat a | wc -l)", "|", "its output is the input of what follows"),
        ("X=1 ls", "X=1", "sets the variable X to 1, for this command alone"),
        ("X=1", "X=1", "sets the variable X to 1"),
        ("ls # all", "# all", "a remark; it does nothing"),
        ("ls -- -x", "--", "what follows are no options"),
        ("ls -- -x", "-x", "what to list: -x"),
        ("xargs -0 rm", "-0", "they end with zero bytes"),
        ("! ls", "!", "the opposite result: success if it failed"),
    ],
)
def test_what_a_part_does(command, part, meaning):
    assert meanings(command)[part] == meaning


@pytest.mark.parametrize(
    ("command", "part", "note"),
    [
        ("rm *.log", "*.log", "* stands for any characters of a name"),
        ("ls ~/x", "~/x", "~ is your home folder"),
        ('rm "$HOME"', '"$HOME"', "$HOME is your home folder"),
        ("rm '*'", "'*'", ""),
        ("cp a.{x,y} b", "a.{x,y}", "{...} makes several words"),
        ("echo ${x:-y}", "${x:-y}", "or another value if it is empty"),
    ],
)
def test_what_the_shell_makes_of_a_word_is_said(command, part, note):
    said = meanings(command)[part]
    assert note in said
    assert bool(note) == ("(" in said)


def test_what_is_not_known_is_said_and_not_left_out():
    found = explanation("frobnicate --zap 3")
    assert [part.source for part in found.parts] == [Source.NONE] * 3
    assert found.parts[0].role is Role.PROGRAM
    assert "nothing is known here about it" in found.parts[0].meaning


def test_an_unknown_option_is_asked_of_the_programs_own_help():
    found = explanation("ls --zap", help_of=lambda name: {"--zap": f"zaps ({name})"})
    assert found.parts[1].meaning == "zaps (ls)"
    assert found.parts[1].source is Source.HELP


def test_a_text_that_cannot_be_read_says_so():
    found = explanation("echo 'open")
    assert any(part.meaning.startswith("not valid") for part in found.parts)
    assert found.verdict.level == "review"


def test_the_verdict_is_the_guards():
    assert explanation("rm -rf /").verdict == check("rm -rf /")


def test_the_document_is_json():
    document = json.loads(json.dumps(explanation("ls -la | wc -l").as_json()))
    assert document["parts"][0] == {
        "start": 0,
        "end": 2,
        "text": "ls",
        "depth": 0,
        "role": "program",
        "meaning": "lists files and folders",
        "source": "facts",
    }
    assert document["verdict"]["level"] == "safe"
