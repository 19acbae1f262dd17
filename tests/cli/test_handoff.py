"""Boundary 6 on a real terminal: asked, edited, copied, and never run by itself."""

from __future__ import annotations

import base64

import pytest


@pytest.fixture
def generate(on_terminal, endpoint):
    """`generate("--run", "list files", answer="ls", typed=[...])` with a terminal."""

    def run(*arguments, answer="ls -la", typed=(), **variables):
        endpoint.answers[:] = [answer]
        return on_terminal(["generate", "--backend", endpoint.url, *arguments], typed, **variables)

    return run


@pytest.fixture
def touch(tmp_path):
    """A command that leaves a mark, and the mark."""
    return f"touch {tmp_path}/ran", tmp_path / "ran"


class TestRun:
    def test_a_yes_runs_the_command(self, generate, touch):
        command, mark = touch
        ended = generate("--run", "mark it", answer=command, typed=[("run it?", "y\n")])
        assert ended.status == 0
        assert mark.exists()
        assert command in ended.terminal

    @pytest.mark.parametrize("reply", ["n\n", "\n", "no\n", "yep\n", "Y E S\n"])
    def test_anything_else_does_not(self, generate, touch, reply):
        command, mark = touch
        ended = generate("--run", "mark it", answer=command, typed=[("run it?", reply)])
        assert ended.status == 130
        assert "not run" in ended.terminal
        assert not mark.exists()

    def test_ctrl_c_does_not(self, generate, touch):
        command, mark = touch
        ended = generate("--run", "mark it", answer=command, typed=[("run it?", "\x03")])
        assert ended.status == 130
        assert not mark.exists()

    def test_ctrl_d_does_not(self, generate, touch):
        command, mark = touch
        ended = generate("--run", "mark it", answer=command, typed=[("run it?", "\x04")])
        assert ended.status == 2
        assert not mark.exists()

    def test_the_output_and_the_status_are_the_commands(self, generate):
        typed = [("run it?", "y\n")]
        ended = generate("--run", "fail", answer="echo out; exit 7", typed=typed)
        assert (ended.status, ended.out) == (7, "out\n")

    def test_a_signal_is_a_status_as_in_a_shell(self, generate):
        typed = [("run it?", "yes\n")]
        assert generate("--run", "end", answer="kill -TERM $$", typed=typed).status == 143

    def test_review_wants_the_whole_word(self, generate, tmp_path):
        mark = tmp_path / "ran"
        command = f"git -C {tmp_path} push --force || touch {mark}"
        ended = generate("--run", "push it", answer=command, typed=[("type yes", "y\n")])
        assert ended.status == 130
        assert not mark.exists()
        generate("--run", "push it", answer=command, typed=[("type yes", "yes\n")])
        assert mark.exists()

    def test_a_dangerous_command_is_not_even_asked_about(self, generate):
        ended = generate("--run", "wipe it", answer="rm -rf /")
        assert (ended.status, ended.out) == (11, "")
        assert "run it?" not in ended.terminal

    def test_quiet_still_shows_what_would_run(self, generate, touch):
        command, _ = touch
        ended = generate("-q", "--run", "mark it", answer=command, typed=[("run it?", "n\n")])
        assert command in ended.terminal

    def test_without_a_terminal_nothing_runs(self, cli, endpoint, touch):
        command, mark = touch
        endpoint.answers[:] = [command]
        ended = cli("generate", "--backend", endpoint.url, "--run", "mark it", stdin=b"y\n")
        assert (ended.status, ended.out) == (2, "")
        assert "terminal" in ended.err
        assert not mark.exists()


class TestEdit:
    def test_an_unchanged_command_is_the_answer(self, generate):
        ended = generate("--edit", "list files", typed=[("> ", "\n")])
        assert (ended.status, ended.out) == (0, "ls -la\n")

    def test_a_changed_command_is_judged_anew(self, generate):
        ended = generate("--edit", "list files", typed=[("> ", " /tmp\n")])
        assert (ended.status, ended.out) == (0, "ls -la /tmp\n")
        assert "judged anew" in ended.terminal

    def test_a_command_edited_into_a_dangerous_one_is_blocked(self, generate):
        ended = generate("--edit", "list files", typed=[("> ", "\x15rm -rf /\n")])
        assert (ended.status, ended.out) == (11, "")
        assert "blocked" in ended.terminal

    def test_a_command_edited_into_a_dangerous_one_is_not_run(self, generate):
        ended = generate("--edit", "--run", "list files", typed=[("> ", "\x15rm -rf /\n")])
        assert (ended.status, ended.out) == (11, "")
        assert "run it?" not in ended.terminal

    def test_review_after_editing_is_withheld_at_strict(self, generate):
        typed = [("> ", "\x15git push --force\n")]
        ended = generate("--edit", "--strict", "list files", typed=typed)
        assert (ended.status, ended.out) == (10, "")

    def test_the_policy_in_force_judges_the_edited_command(self, generate, home):
        (home / "config").mkdir(parents=True)
        tighten = '[[tighten]]\nrule = "CT-DEL-008"\nlevel = "dangerous"\n'
        (home / "config" / "policy.toml").write_text(tighten)
        typed = [("> ", "\x15rm -rf /srv/x/a\n")]
        ended = generate("--edit", "list files", typed=typed)
        assert (ended.status, ended.out) == (11, "")

    def test_the_effects_shown_are_those_of_the_edited_command(self, generate):
        typed = [("> ", "\x15cat a.txt\n")]
        ended = generate("--edit", "--explain", "list files", typed=typed)
        assert "read a.txt" in ended.terminal

    def test_an_invisible_character_is_refused(self, generate):
        ended = generate("--edit", "list files", typed=[("> ", "\u200b\n")])
        assert (ended.status, ended.out) == (2, "")
        assert "U+200B" in ended.terminal

    @pytest.mark.parametrize(("key", "status"), [("\x15\n", 2), ("\x15\x04", 2), ("\x03", 130)])
    def test_giving_up_prints_nothing(self, generate, key, status):
        ended = generate("--edit", "list files", typed=[("> ", key)])
        assert (ended.status, ended.out) == (status, "")

    def test_without_a_terminal_it_is_a_usage_error(self, cli, endpoint):
        endpoint.answers[:] = ["ls"]
        ended = cli("generate", "--backend", endpoint.url, "--edit", "list files", stdin=b"ls\n")
        assert (ended.status, ended.out) == (2, "")


class TestCopy:
    @pytest.fixture
    def clipboard(self, tmp_path, environ):
        """A clipboard program that, like xclip, stays behind and holds on to its stdout."""
        program = tmp_path / "bin" / "xclip"
        program.parent.mkdir()
        program.write_text(f"#!/bin/sh\ncat > {tmp_path}/clip\nsleep 20 &\n")
        program.chmod(0o755)
        return {"PATH": f"{program.parent}:{environ['PATH']}"}, tmp_path / "clip"

    def test_a_clipboard_program_gets_exactly_the_command(self, generate, clipboard):
        variables, clip = clipboard
        ended = generate("--copy", "list files", **variables)
        assert (ended.status, ended.out) == (0, "ls -la\n")
        assert clip.read_text() == "ls -la"
        assert "copied by xclip" in ended.terminal

    def test_quiet_says_nothing_about_it(self, generate, clipboard):
        variables, clip = clipboard
        assert generate("-q", "--copy", "list files", **variables).terminal == ""
        assert clip.read_text() == "ls -la"

    def test_a_clipboard_program_that_fails_is_not_the_end(self, generate, clipboard, tmp_path):
        variables, _ = clipboard
        (tmp_path / "bin" / "xclip").write_text("#!/bin/sh\nexit 1\n")
        ended = generate("--copy", "list files", **variables)
        assert "copied by the terminal" in ended.terminal

    def test_without_one_the_terminal_is_asked(self, generate):
        ended = generate("--copy", "list files")
        encoded = base64.b64encode(b"ls -la").decode()
        assert f"\x1b]52;c;{encoded}\x07" in ended.terminal

    def test_without_either_it_says_so_and_still_answers(self, cli, endpoint):
        endpoint.answers[:] = ["ls -la"]
        ended = cli("generate", "--backend", endpoint.url, "--copy", "list files")
        assert (ended.status, ended.out) == (0, "ls -la\n")
        assert "not copied" in ended.err

    def test_a_blocked_command_is_not_copied(self, generate, clipboard):
        variables, clip = clipboard
        assert generate("--copy", "wipe it", answer="rm -rf /", **variables).status == 11
        assert not clip.exists()


class TestColours:
    def test_are_on_a_terminal(self, generate):
        assert "\x1b[36msafe\x1b[0m" in generate("list files").terminal

    @pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
    def test_are_not_where_nobody_wants_them(self, generate, variables):
        assert "\x1b[" not in generate("list files", **variables).terminal

    def test_are_not_with_never(self, generate):
        assert "\x1b[" not in generate("--color", "never", "list files").terminal

    def test_are_never_on_stdout(self, generate):
        assert generate("--color", "always", "list files").out == "ls -la\n"


def test_a_first_use_offers_to_fetch_and_takes_no_for_an_answer(on_terminal):
    ended = on_terminal(["generate", "--no-daemon", "list files"], [("fetch it now?", "n\n")])
    assert (ended.status, ended.out) == (3, "")
    assert "cli-tuner setup" in ended.terminal


def test_a_report_asks_on_the_terminal_for_what_is_missing(generate, on_terminal, home):
    generate("list files")
    typed = [("(w)rong", "u\n"), ("what was wrong?", "it is too open\n")]
    ended = on_terminal(["generate", "--report-issue"], typed)
    assert ended.status == 0
    kept = (home / "state/monitoring/feedback.jsonl").read_text()
    assert '"kind":"unsafe"' in kept
    assert "it is too open" in kept
