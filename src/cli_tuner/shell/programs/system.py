"""Programs that touch the machine: processes, schedules, versions under control."""

from __future__ import annotations

import re

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.call import Call, Handler
from cli_tuner.shell.facts import Facts
from cli_tuner.shell.paths import place_of, resolved
from cli_tuner.shell.persistence import graded
from cli_tuner.shell.programs.wholesale import WHOLE, listed, whole_of_branch
from cli_tuner.shell.values import EMPTY, HOLE, UNKNOWN, Value, known
from cli_tuner.shell.words import Field


def _crontab(call: Call) -> Value:
    facts = Facts(
        flags={"-l": "list", "-r": "remove", "-e": "edit", "-i": "ask"}, values=frozenset({"-u"})
    )
    parsed = call.parsed(facts)
    if "list" in parsed.attributes:
        return known("")
    if "remove" in parsed.attributes:
        call.effect(EffectKind.PERSIST, "crontab", "removed")
    elif "edit" in parsed.attributes:
        call.effect(EffectKind.PERSIST, "crontab", "edit")
    elif parsed.operands or call.stdin.texts != ("",):
        from_input = not parsed.operands or parsed.operands[0].text == "-"
        content = call.stdin if from_input else call.reads(parsed.operands[0])
        grade = graded(call.shell, call.name, content)
        if grade == "unknown" and not from_input:
            place = place_of(resolved(parsed.operands[0].text, call.shell.cwd))
            grade = "suspect" if place == "temp" else grade
        call.effect(EffectKind.PERSIST, "crontab", "cron", grade)
    return EMPTY


def _at(call: Call) -> Value:
    if call.has("-l", "-c", "-r", "-d") or call.name in ("atq", "atrm"):
        return UNKNOWN
    content = call.stdin
    where = call.after("-f")
    if where is not None:
        content = call.reads(where)
    grade = graded(call.shell, call.name, content)
    if where is not None and place_of(resolved(where.text, call.shell.cwd)) == "temp":
        grade = "suspect"
    call.effect(EffectKind.PERSIST, "a later time", "later", grade)
    return EMPTY


_WIDE = frozenset({"root", "system", "system-top", "home-root", "parent-root"})


def _work_tree(call: Call, texts: list[str]) -> None:
    """`git -C / clean -fdx` deletes what git does not know, which is everything there."""
    cleans = "clean" in texts and any(re.match(r"-[a-zA-Z]*f|--force", t) for t in texts)
    resets = ("reset" in texts and "--hard" in texts) or (
        texts[:1] == ["checkout"] and "-f" in texts
    )
    if not (cleans or resets) or call.has("-n", "--dry-run"):
        return
    tree = call.after("--work-tree") or call.after("-C")
    text = tree.text if tree is not None else "."
    if place_of(resolved(text, call.shell.cwd)) in _WIDE:
        where = tree or Field(known("."), call.shell.span, ".")
        call.on_path(EffectKind.DELETE, where, "recursive", "untracked")


def _cloned(call: Call) -> None:
    """git clone URL [FOLDER]: what is run from there was fetched."""
    words = [arg.text for arg in call.args if not arg.text.startswith("-")][1:]
    url = next((word for word in words if re.search(r"://|^\w+@|:", word)), None)
    if url is not None:
        named = words[words.index(url) + 1 :]
        folder = named[0] if named else url.rstrip("/").rpartition("/")[2].removesuffix(".git")
        risky = re.match(r"(?:http|git|ftp)://|\w+://(?:\d+\.){3}", url)
        how = "downloaded" if risky else "unpacked"
        call.shell.unpacked[resolved(folder, call.shell.cwd)] = how


def _git(call: Call) -> Value:
    """git: configuration that runs commands, then the sub-command's facts."""
    from cli_tuner.shell.dispatch import apply_facts
    from cli_tuner.shell.facts import facts_of

    for index, arg in enumerate(call.args[:-1]):
        if arg.text == "-c":
            name, _, value = call.args[index + 1].text.partition("=")
            runs = name.startswith(
                (
                    "alias.",
                    "core.pager",
                    "core.editor",
                    "core.sshCommand",
                    "core.fsmonitor",
                    "diff.external",
                    "pager.",
                    "credential.helper",
                )
            )
            if runs and (value.startswith("!") or not name.startswith("alias.")):
                call.run_text(known(value.lstrip("!")), stdin=EMPTY)
        if arg.text == "config" and len(call.args) > index + 2:
            value = call.args[-1].text
            from cli_tuner.shell.hatches import configured

            configured(call, call.args[-2].text, value)
            if value.startswith("!"):
                call.run_text(known(value[1:]), stdin=EMPTY)
    texts = [arg.text for arg in call.args]
    if "clone" in texts[:3]:
        _cloned(call)
    if "credential" in texts[:3] and texts[-1:] == ["fill"]:
        call.effect(EffectKind.SECRET, "the stored passwords", "dump")
        return Value((HOLE,), frozenset({"secret"}), "a stored password")
    _work_tree(call, texts)
    if "checkout" in texts[:3] and any(t in (".", ":/", "*") for t in texts):
        call.effect(EffectKind.REMOTE_STATE, "uncommitted changes", "git", "local")
    if "push" in texts and any(t.startswith(("+", ":")) and len(t) > 1 for t in texts):
        call.effect(EffectKind.REMOTE_STATE, "the remote branch", "forced")
    if whole_of_branch(call, texts):
        call.effect(EffectKind.REMOTE_STATE, "a branch that others share", "git", WHOLE)
    facts = facts_of("git-commands")
    printed = apply_facts(call, facts) if facts else UNKNOWN
    return _branches(call, texts) or printed


def _branches(call: Call, texts: list[str]) -> Value | None:
    """A list of all branches, or the loss of all that a list printed."""
    if "-D" in texts and "branch" in texts[:3] and listed(call.args):
        call.effect(EffectKind.REMOTE_STATE, "every branch", "git", "local", WHOLE)
    if _BRANCH_LISTS & set(texts[:3]) and not _BRANCH_CHOICES & set(texts):
        return Value((HOLE,), frozenset({"many"}), "the list of branches")
    return None


_BRANCH_LISTS = frozenset({"for-each-ref", "ls-remote", "branch", "tag"})
_BRANCH_CHOICES = frozenset("--merged --no-merged --contains --points-at --list -l".split())


def _recipes(call: Call, makefile: str) -> None:
    targets: set[str] = set()
    for line in makefile.splitlines():
        if not line.startswith("\t"):
            names, _, rest = line.partition(":")
            targets = set(names.split())
            line = "\t" + rest.partition(";")[2]  # noqa: PLW2901  a recipe on the rule's own line
            if not line.strip():
                continue
        recipe = _MAKE.sub("make", line.strip().lstrip("@-+"))
        if recipe.startswith("make ") and targets & set(recipe.split()):
            call.effect(EffectKind.RESOURCE, "make", "fork", "recursive")
        else:
            call.run_text(known(recipe), stdin=EMPTY)


_MAKE = re.compile(r"\$[({]MAKE[)}]")


def _make(call: Call) -> Value:
    """make runs what the makefile says; one that comes from here is read as recipes."""
    where = call.after("-f", "--file", "--makefile")
    shell = call.after("SHELL", ".SHELLFLAGS")
    if shell is not None and " " in shell.text.strip():
        call.run_text(shell.value, stdin=EMPTY)
    content: Value | None = None
    evaluated = call.after("--eval", "-E")
    if evaluated is not None:
        recipe = re.sub(r"^[^:=\n]*::?[^;\n]*;", "", evaluated.text)
        if recipe != evaluated.text or "\t" in recipe:
            call.run_text(known(recipe.strip().lstrip("@-+")), stdin=EMPTY)
    if where is not None and where.text == "-":
        content = call.stdin
    elif where is not None:
        content = call.shell.files.get(resolved(where.text, call.shell.cwd)) or (
            where.value if where.value.taints & {"downloaded", "decoded"} else None
        )
    if content is not None:
        hidden = content.taints & {"downloaded", "decoded"}
        if hidden and not content.known:
            call.effect(EffectKind.EXECUTE, content.source or None, *sorted(hidden))
        _recipes(call, content.text)
    if (
        call.shell.as_root
        and any("install" in arg.text for arg in call.args)
        and not call.has("-n")
    ):
        call.effect(EffectKind.PACKAGE, "what the makefile installs", "install")
    for arg in call.args:
        if arg.text.startswith("--eval="):
            call.run_text(known(arg.text.partition("\t")[2].lstrip("@-+")), stdin=EMPTY)
    return UNKNOWN


def _mkfifo(call: Call) -> Value:
    for where in call.args:
        if not where.text.startswith("-"):
            path = resolved(where.text, call.shell.cwd)
            call.shell.files[path] = Value((HOLE,), frozenset({"pipe"}), where.raw)
    return EMPTY


def _screen(call: Call) -> Value:
    """screen, tmux: the command that a session starts with."""
    if call.shell.as_root and not call.args:
        call.effect(EffectKind.PRIVILEGE, "root", "interactive")
    for index, arg in enumerate(call.args):
        if arg.text in ("-dmS", "-dm", "-S", "-d", "-m", "-s"):
            continue
        if arg.text in ("bash", "sh", "zsh") or (call.name == "tmux" and " " in arg.text):
            return call.run(call.args[index:]) if " " not in arg.text else call.run_text(arg.value)
    if call.name == "screen" and call.args[:1] and call.args[0].text.startswith("-d"):
        rest = [a for a in call.args[1:] if not a.text.startswith("-")]
        skip = 1 if "S" in call.args[0].text else 0
        return call.run(rest[skip:]) if rest[skip:] else EMPTY
    return EMPTY


HANDLERS: dict[str, Handler] = {
    "crontab": _crontab,
    **dict.fromkeys(("at", "batch", "atq", "atrm"), _at),
    "git": _git,
    **dict.fromkeys(("make", "gmake"), _make),
    "mkfifo": _mkfifo,
    **dict.fromkeys(("screen", "tmux"), _screen),
}
