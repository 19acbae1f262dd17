"""Programs that touch the machine: processes, schedules, versions under control."""

from __future__ import annotations

import re

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.call import Call, Handler
from cli_tuner.shell.facts import Facts
from cli_tuner.shell.paths import place_of, resolved
from cli_tuner.shell.persistence import graded
from cli_tuner.shell.programs.staging import published, staged
from cli_tuner.shell.programs.wholesale import WHOLE, listed, whole_of_branch
from cli_tuner.shell.values import EMPTY, HOLE, STAR, UNKNOWN, Value, known
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
    elif not call.has("-h", "--help", "-V"):  # without a file: what comes in, be it nothing
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
    staged(call, texts)
    if "push" in texts[:4] and not call.has("-n", "--dry-run"):
        published(call)
    if "checkout" in texts[:3] and any(t in (".", ":/", "*") for t in texts):
        call.effect(EffectKind.REMOTE_STATE, "uncommitted changes", "git", "local")
    if "push" in texts and any(t.startswith(("+", ":")) and len(t) > 1 for t in texts):
        call.effect(EffectKind.REMOTE_STATE, "the remote branch", "forced")
    if whole_of_branch(call, texts):
        call.effect(EffectKind.REMOTE_STATE, "a branch that others share", "git", WHOLE)
    facts = facts_of("git-commands")
    printed = apply_facts(call, facts) if facts else UNKNOWN
    return _branches(call, texts) or _tracked(call, texts) or printed


def _branches(call: Call, texts: list[str]) -> Value | None:
    """A list of all branches, or the loss of all that a list printed."""
    every = listed(call.args)
    if "-D" in texts and "branch" in texts[:3] and every:
        call.effect(EffectKind.REMOTE_STATE, "every branch", "git", "local", WHOLE)
    if "update-ref" in texts[:3]:
        made = call.stdin.text if "--stdin" in texts else ""
        deletes = re.search(r"^delete\b", made, re.M) and listed(
            [Field(call.stdin, call.shell.span, "")]
        )
        if deletes or ("-d" in texts and every):
            call.effect(EffectKind.REMOTE_STATE, "every reference", "git", "local", WHOLE)
    if _BRANCH_LISTS & set(texts[:3]) and not _chosen_references(texts):
        shape = call.after("--format")
        line = _FIELD.sub(HOLE, shape.text) if shape is not None else HOLE
        return Value((line,), frozenset({"many"}), "the list of branches")
    return None


def _tracked(call: Call, texts: list[str]) -> Value | None:
    """git ls-files prints paths of the project: all, or those that fit a pattern."""
    if texts[:1] != ["ls-files"]:
        return None
    chosen = [arg for arg in call.args[1:] if arg.text[:1] != "-" and arg.text.strip("*./" + STAR)]
    path, marks = (f"./found{HOLE}", {"many", "filtered"}) if chosen else (f"./{STAR}", {"many"})
    return Value((path,), frozenset(marks), "the files of the project")


_FIELD = re.compile(r"%\([^)]*\)")
_BRANCH_LISTS = frozenset({"for-each-ref", "ls-remote", "branch", "tag"})
_BRANCH_CHOICES = frozenset("--merged --no-merged --contains --points-at".split())


def _chosen_references(texts: list[str]) -> bool:
    """Whether a list of branches or tags is one of some: by a test, or by a pattern of names."""
    if _BRANCH_CHOICES & set(texts):
        return True
    at = next((texts.index(option) for option in ("-l", "--list") if option in texts), None)
    return at is not None and any(text[:1] != "-" and text != "*" for text in texts[at + 1 :])


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
    texts = [arg.text for arg in call.args]
    if "-X" in texts and "stuff" in texts[:-1]:
        # Typed into the session, as if somebody sat there.
        return call.run_text(call.args[texts.index("stuff") + 1].value, stdin=EMPTY)
    if call.name == "screen" and call.args[:1] and call.args[0].text.startswith("-d"):
        rest = [a for a in call.args[1:] if not a.text.startswith("-")]
        skip = 1 if "S" in call.args[0].text else 0
        return call.run(rest[skip:]) if rest[skip:] else EMPTY
    return EMPTY


HANDLERS: dict[str, Handler] = {
    "crontab": _crontab,
    **dict.fromkeys(("at", "batch", "atq", "atrm"), _at),
    "git": _git,
    "mkfifo": _mkfifo,
    **dict.fromkeys(("screen", "tmux"), _screen),
}
