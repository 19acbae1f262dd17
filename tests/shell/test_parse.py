"""The parser agrees with bash about what is a command, and with tree-sitter about which."""

from __future__ import annotations

import subprocess

import pytest
import tree_sitter_bash
from hypothesis import given, settings
from hypothesis import strategies as st
from tree_sitter import Language, Parser

from cli_tuner.shell.nodes import Function, Loop, Opaque, Pipeline, Simple
from cli_tuner.shell.parse import SIZE_MAX, parse
from cli_tuner.shell.shape import names_in

ACCEPTED = [
    "ls",
    "a | b |& c",
    "a && b || c; d & e",
    "if a; then b; elif c; then d; else e; fi",
    "for i in 1 2; do a $i; done",
    "for ((i=0; i<3; i++)); do a; done",
    "while read -r x; do a; done < f",
    "until a; do b; done",
    "case $x in a|b) c;; (*) d;; esac",
    "select x in a b; do c; done",
    "[[ $a =~ ^(x|y)$ && -f b ]]",
    "(( x++ )) && a",
    "f() { a; }; function g { b; }; function h() ( c )",
    "a=1 b=(x y) c+=2 d",
    "declare -a x=(1 2)",
    "cat <<EOF | bash\nx $y\nEOF",
    "cat <<'A' <<-B > f && c\nx\nA\n\ty\n\tB\nd",
    "exec 3<>/dev/tcp/h/1; a <&3 >&3 2>&1",
    "a >>f 2>&1 <<< 'x' b",
    "a <(b) >(c)",
    'a $(b $(c)) `d \\`e\\`` "$(f)"',
    "a ${b:-c} ${d//x/y} ${#e} ${!f} ${g[@]} $((1+2)) $[3]",
    "! a; time b; coproc c",
    "a \\\n b # c",
    "{ a; b; } > c; (d; e) 2>&1",
    "a 'b c' \"d e\" $'f\\n' $\"g\"",
    "find . -name '*.c' -exec a {} \\;",
    "a{b,c} {1..3} d",
    "echo if then fi",
]
REJECTED = ["a |", "a &&", "(a", "{ a", "if a; then b", "for", "case x in", "a ;; b", "'", '"', ")"]


def _opaque(text: str) -> list[str]:
    return [item.reason for item in parse(text).items if isinstance(item, Opaque)]


@pytest.mark.parametrize("text", ACCEPTED)
def test_what_bash_accepts_is_read(text):
    assert (
        subprocess.run(["bash", "-n", "-c", text], capture_output=True, check=False).returncode == 0
    )
    assert _opaque(text) == []


@pytest.mark.parametrize("text", REJECTED)
def test_what_bash_rejects_is_opaque(text):
    assert (
        subprocess.run(["bash", "-n", "-c", text], capture_output=True, check=False).returncode != 0
    )
    assert _opaque(text)


def _second_opinion(text: str) -> list[str]:
    tree = Parser(Language(tree_sitter_bash.language())).parse(text.encode())
    found: list[str] = []
    todo = [tree.root_node]
    while todo:
        node = todo.pop()
        if node.type == "command_name" and node.text is not None:
            found.append(node.text.decode())
        if node.type not in ("command_substitution", "process_substitution"):
            todo.extend(reversed(node.children))
    return found


@pytest.mark.parametrize(
    "text",
    [
        "a | b | c",
        "a && b || c; d & e",
        "if a; then b; elif c; then d; else e; fi",
        "for i in 1 2; do a; b; done",
        "while a; do b; done",
        "case x in a) b;; *) c;; esac",
        "f() { a; b; }",
        "(a; b) | c",
        "{ a; } > x; b",
        "X=1 a; b 2> c",
    ],
)
def test_the_commands_are_those_that_tree_sitter_finds(text):
    script = parse(text)
    ours = [name for item in script.items for name in _conditions(item)]
    assert sorted(ours) == sorted(_second_opinion(text))


def _conditions(node: object) -> list[str]:
    names = list(names_in(node))  # type: ignore[arg-type]
    return [*names, *names_in(node.condition)] if isinstance(node, Loop) else names


def test_spans_are_in_characters_not_bytes():
    text = "echo 'äöü😀'; rm -rf /"
    second = parse(text).items[1]
    assert text[second.span.start : second.span.end] == "rm -rf /"


def test_a_pipeline_and_a_function_have_their_nodes():
    items = parse("a | b; f() { c; }; d").items
    assert [type(item) for item in items] == [Pipeline, Function, Simple]


def test_a_here_document_belongs_to_its_command():
    (item,) = parse("cat <<E | sh\nrm $x\nE\n").items
    assert isinstance(item, Pipeline)
    first = item.stages[0]
    assert isinstance(first, Simple)
    assert first.redirects[0].target.raw == "rm $x\n"


def test_a_text_beyond_the_limit_is_opaque():
    assert _opaque("a" * (SIZE_MAX + 1)) == ["longer than 64 kB"]


def test_commands_before_a_mistake_are_kept():
    items = parse("rm -rf /; )").items
    assert isinstance(items[0], Simple)
    assert isinstance(items[-1], Opaque)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab $(){}[]'\"\\`|&;<>\n#=~*?!", max_size=40))
def test_any_text_is_parsed_without_an_exception(text):
    parse(text)
