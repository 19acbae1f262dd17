"""Tools that run the command which stands behind their own words: `uv run`, `npx`, `direnv exec .`.

    poetry run rm -rf /etc        what follows is judged as if it stood alone
    nix-shell --run 'rm -rf ~'    so is a text

Covered: environments of languages, stores of secrets, users in containers, watchers and timers. A
program nobody has described may be one as well: it is taken to run a destroyer that is written out
behind it with a path outside the project. Not covered: scripts and tasks that they name
(`npm run x`, `just x`).
"""

from __future__ import annotations

import re

from cli_tuner.records.verdict import Certainty
from cli_tuner.shell.call import Call
from cli_tuner.shell.values import EMPTY, HOME, known
from cli_tuner.shell.words import Field
from cli_tuner.shell.wrappers import _skip_options, _wrapper

# Program -> the words of which one comes first (none: the command follows at once), and how many
# words of its own stand between them and the command.
_RUN: dict[str, tuple[tuple[str, ...], int]] = {
    **dict.fromkeys("poetry pipenv uv pdm rye hatch conda mamba micromamba".split(), (("run",), 0)),
    **dict.fromkeys("op doppler infisical teller dotenvx railway heroku".split(), (("run",), 0)),
    **dict.fromkeys("rbenv pyenv nodenv goenv jenv asdf mise rtx".split(), (("exec", "x"), 0)),
    **dict.fromkeys("npm pnpm yarn bun".split(), (("exec", "x", "dlx"), 0)),
    **dict.fromkeys("perf rr".split(), (("stat", "record"), 0)),
    **dict.fromkeys("direnv chamber aws-vault aws-okta saml2aws nvm fnm".split(), (("exec",), 1)),
    "bundle": (("exec",), 0),
    "volta": (("run",), 0),
    "pueue": (("add",), 0),
    **dict.fromkeys("gosu su-exec setuidgid s6-setuidgid envchain faketime".split(), ((), 1)),
    "logsave": ((), 1),
    **dict.fromkeys(
        "npx bunx shx tini dumb-init cross-env dotenv env-cmd watchexec valgrind eatmydata "
        "catchsegv cpulimit ifne bwrap proot retry systemd-cat ssh-agent heaptrack dockerize tsp "
        "nsjail".split(),
        ((), 0),
    ),
}  # fmt: skip
_VALUES = (
    "-n --name -p --prefix --package --with --python --project --directory --extra --group "
    "--env-file -e -w -i --ignore --watch --exts -l --limit -r --rootfs -b --cwd --config -t --tag "
    "--tool --delay --times --command-timeout --log-file --env"
)
# Versions of tools may stand before the command: `mise exec node@20 -- npm test`.
_VERSIONED = frozenset({"mise", "rtx", "asdf"})
# These take several words each.
_BINDS = {"--bind": 2, "--ro-bind": 2, "--dev-bind": 2, "--symlink": 2, "--setenv": 2}
_TEXTS: dict[str, tuple[str, ...]] = {
    "nix-shell": ("--run", "--command"),
    "nodemon": ("--exec", "-x"),
    "watchexec": (),
    "hyperfine": ("--prepare", "-p", "--setup", "-s", "--cleanup", "-c", "--conclude"),
}
_COMMANDS_AS_WORDS = frozenset({"hyperfine", "concurrently", "pee"})
NAMES = frozenset(
    {*_RUN, *_TEXTS, *_COMMANDS_AS_WORDS, "nix", "git", "gdb", "lldb", "fzf", "launchctl", "snap"}
)

_PACKAGES = frozenset({"npm", "pnpm", "yarn", "bun"})
_SCRIPTS = frozenset(
    {"run", "run-script", "test", "start", "install", "i", "ci", "add", "build", "t"}
)
_DESTROYERS = frozenset("rm dd shred wipefs mkfs chmod chown rimraf".split())


def runs_another(call: Call) -> None:
    """Run what the tool runs; nothing if its words name no command."""
    for option in _TEXTS.get(call.name, ()):
        text = call.after(option)
        if text is not None:
            call.run_text(text.value, stdin=EMPTY)
    if call.name in _COMMANDS_AS_WORDS:
        for arg in call.args:
            if " " in arg.text:
                call.run_text(arg.value, stdin=EMPTY)
        return
    if call.name in _OWN_WAYS:
        _OWN_WAYS[call.name](call)
        return
    if call.name in _PACKAGES:
        _package_scripts(call)
    rest = _command_of(call)
    if len(rest) == 1 and " " in rest[0].text:
        call.run_text(rest[0].value)
    elif rest:
        call.run(_as_program(rest))


_GIT_TEXTS = (
    "--exec -x --tree-filter --index-filter --msg-filter --env-filter --commit-filter "
    "--parent-filter --tag-name-filter --setup"
).split()


def _package_scripts(call: Call) -> None:
    """npm and its like: scripts of a package that this text wrote, or writes into it."""
    words = [arg.text for arg in call.args[:2]]
    if _SCRIPTS & set(words):
        from cli_tuner.shell.programs.recipes import scripts_of_package

        scripts_of_package(call)
    for arg in call.args[2:] if words == ["pkg", "set"] else ():
        name, _, script = arg.text.partition("=")
        if name.startswith("scripts."):
            with call.shell.certainly(Certainty.POSSIBLE):
                call.run_text(known(script), stdin=EMPTY)


def _nix_runs(call: Call) -> None:
    texts = [arg.text for arg in call.args]
    for option in ("-c", "--command"):
        if option in texts[:-1]:
            call.run(call.args[texts.index(option) + 1 :])


def _git_runs(call: Call) -> None:
    """git: a command for each commit or each submodule."""
    texts = [arg.text for arg in call.args[:5]]
    if "bisect" in texts and "run" in texts:
        call.run(call.args[texts.index("run") + 1 :])
    elif "submodule" in texts and "foreach" in texts:
        rest, _ = _skip_options(call.args[texts.index("foreach") + 1 :], _wrapper())
        if len(rest) == 1:
            call.run_text(rest[0].value, stdin=EMPTY)
        elif rest:
            call.run(rest)
    elif {"rebase", "filter-branch"} & set(texts):
        for index, arg in enumerate(call.args[:-1]):
            if arg.text in _GIT_TEXTS:
                call.run_text(call.args[index + 1].value, stdin=EMPTY)


def _debugger_runs(call: Call) -> None:
    """gdb --args program ..., lldb -- program ..."""
    texts = [arg.text for arg in call.args]
    mark = "--args" if call.name == "gdb" else "--"
    if mark in texts:
        call.run(call.args[texts.index(mark) + 1 :])


# What a key or an event of the finder starts: execute(...), reload(...), become(...).
_BOUND = re.compile(
    r"\b(?:execute(?:-silent)?|reload(?:-sync)?|become|transform)(?:\((.*)\)|:(.*))"
)


def _finder_runs(call: Call) -> None:
    for arg in call.args:
        if match := _BOUND.search(arg.text):
            call.run_text(known(match[1] or match[2] or ""), stdin=EMPTY)


def _submitted(call: Call) -> None:
    """launchctl submit -l name -- program ..."""
    texts = [arg.text for arg in call.args]
    if texts[:1] in (["submit"], ["asuser"], ["bsexec"]) and "--" in texts:
        call.run(call.args[texts.index("--") + 1 :])


def _snap_runs(call: Call) -> None:
    """snap run --shell name -c text"""
    texts = [arg.text for arg in call.args]
    if texts[:1] == ["run"] and "--shell" in texts:
        words = [arg for arg in call.args[1:] if arg.text != "--shell"]
        call.run([Field(known("sh"), call.shell.span, "sh"), *words[1:]])


_OWN_WAYS = {
    "nix": _nix_runs,
    "git": _git_runs,
    "gdb": _debugger_runs,
    "lldb": _debugger_runs,
    "fzf": _finder_runs,
    "launchctl": _submitted,
    "snap": _snap_runs,
}


def _command_of(call: Call) -> list[Field]:
    """The words of the command, or none."""
    if call.name not in _RUN:
        return []
    words, own = _RUN[call.name]
    rest, _ = _skip_options(_without_binds(call.args), _wrapper(_VALUES))
    if words:
        if not rest or rest[0].text not in words:
            return []
        rest, _ = _skip_options(rest[1:], _wrapper(_VALUES))
    rest = rest[own:]
    texts = [field.text for field in rest]
    if "--" in texts and (own or call.name in _VERSIONED):
        rest = rest[texts.index("--") + 1 :]
    while rest and "=" in rest[0].text and rest[0].text.partition("=")[0].isidentifier():
        rest = rest[1:]
    return rest


def _without_binds(args: list[Field]) -> list[Field]:
    kept: list[Field] = []
    skip = 0
    for arg in args:
        if skip:
            skip -= 1
        elif arg.text in _BINDS:
            skip = _BINDS[arg.text]
        else:
            kept.append(arg)
    return kept


def _as_program(rest: list[Field]) -> list[Field]:
    """`rimraf@5` is rimraf, and a Python file is run by Python."""
    head = rest[0]
    if head.text.endswith(".py"):
        return [Field(known("python"), head.span, "python"), *rest]
    name, at, _ = head.text.partition("@")
    return [Field(known(name), head.span, head.raw), *rest[1:]] if at and name else rest


def perhaps_runs(call: Call) -> None:
    """An unknown program with a destroyer and an outside path among its words may run it."""
    for index, arg in enumerate(call.args[:-1]):
        if arg.text not in _DESTROYERS and not arg.text.startswith("mkfs."):
            continue
        rest = call.args[index:]
        if any(word.text.startswith(("/", HOME, "of=/")) for word in rest[1:]):
            with call.shell.certainly(Certainty.POSSIBLE):
                call.run(rest)
            return
