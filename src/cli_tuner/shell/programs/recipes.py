"""make, just, task and npm: recipes that the same text wrote, run as the commands they are.

    printf 'all:\\n\\trm -rf $(HOME)\\n' | make -f -       $(HOME) is the environment's
    printf 'x:\\n\\trm -rf /etc\\n' > Makefile; make x     a makefile written before
    make --eval '$(shell rm -rf ~)'                       runs while it is read

All recipes of a file are taken to run, whichever is asked for. Not covered: files that are there
already, and what functions of make compute.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.call import Call, Handler
from cli_tuner.shell.given_code import content_of
from cli_tuner.shell.paths import resolved
from cli_tuner.shell.values import EMPTY, UNKNOWN, Value, known
from cli_tuner.shell.words import Field

_MAKE = re.compile(r"\$[({]MAKE[)}]")
_VARIABLE = re.compile(
    r"^[ \t]*(?:export[ \t]+|override[ \t]+)?(\w+)[ \t]*[:?+]{0,2}=[ \t]*(.*)$", re.M
)
_REFERENCE = re.compile(r"\$[({](\w+)[)}]")
_SHELL = re.compile(r"\$[({]shell\s+((?:[^()]|\([^()]*\))*)[)}]")
_NAMES = ("GNUmakefile", "makefile", "Makefile")
_RECIPES_MAX = 40


def _expanded(text: str, variables: dict[str, str]) -> str:
    """Variables of the makefile by their value; others are the environment's."""
    for _ in range(3):
        text = _REFERENCE.sub(lambda m: variables.get(m[1], f"${{{m[1]}}}"), text)
    return text.replace("$$", "$")


def _recipes(call: Call, makefile: str) -> None:
    variables = dict(_VARIABLE.findall(makefile))
    for arg in call.args:
        name, equals, value = arg.text.partition("=")
        if equals and name.isidentifier():
            variables[name] = value  # given on the command line, it wins
    for match in _SHELL.finditer(makefile):
        call.run_text(known(_expanded(match[1], variables)), stdin=EMPTY)
    targets: set[str] = set()
    for line in makefile.splitlines():
        if not line.startswith("\t"):
            if _VARIABLE.match(line):
                continue
            names, _, rest = line.partition(":")
            targets = set(names.split())
            line = "\t" + rest.partition(";")[2]  # noqa: PLW2901  a recipe on the rule's own line
            if not line.strip():
                continue
        recipe = _MAKE.sub("make", line.strip().lstrip("@-+"))
        if recipe.startswith("make ") and targets & set(recipe.split()):
            call.effect(EffectKind.RESOURCE, "make", "fork", "recursive")
        else:
            call.run_text(known(_expanded(_SHELL.sub("", recipe), variables)), stdin=EMPTY)


def _written(call: Call, option: tuple[str, ...], names: tuple[str, ...]) -> Value | None:
    """The file that is given, or found under its usual name, if this text wrote or fetched it."""
    where = call.after(*option) or _joined(call, option)
    if where is not None:
        return content_of(call, where)
    folder = call.after("-C", "--directory", "--prefix", "-d")
    start = f"{folder.text.rstrip('/')}/" if folder is not None else ""
    paths = (resolved(start + name, call.shell.cwd) for name in names)
    return next((call.shell.files[path] for path in paths if path in call.shell.files), None)


def _joined(call: Call, option: tuple[str, ...]) -> Field | None:
    """The file of `-fNAME`, written as one word."""
    short = next((name for name in option if len(name) == 2), "")
    word = next((a for a in call.args if short and re.match(rf"{short}[^=]", a.text)), None)
    return None if word is None else replace(word, value=known(word.text[2:]), raw=word.raw[2:])


def _fetched(call: Call, content: Value) -> None:
    hidden = content.taints & {"downloaded", "decoded"}
    if hidden and not content.known:
        call.effect(EffectKind.EXECUTE, content.source or None, *sorted(hidden))


def _make(call: Call) -> Value:
    """make runs what the makefile says; one that comes from here is read as recipes."""
    shell = call.after("SHELL", ".SHELLFLAGS")
    if shell is not None and " " in shell.text.strip():
        call.run_text(shell.value, stdin=EMPTY)
    evaluated = call.after("--eval", "-E")
    if evaluated is not None:
        _recipes(call, evaluated.text)
    content = _written(call, ("-f", "--file", "--makefile"), _NAMES)
    if content is not None and not call.has("-n", "--just-print", "--dry-run"):
        _fetched(call, content)
        _recipes(call, content.text)
    if (
        call.shell.as_root
        and any("install" in arg.text for arg in call.args)
        and not call.has("-n")
    ):
        call.effect(EffectKind.PACKAGE, "what the makefile installs", "install")
    return UNKNOWN


_INDENTED = re.compile(r"^[ \t]+(?!#)[@-]*([^\s:].*)$", re.M)
_OF_TASK = re.compile(
    r"^[ \t]*(?:-[ \t]+(?:cmd:\s*|sh:\s*)?|(?:cmd|cmds|sh|\w[\w-]*):\s+)[\"']?(\S.*?)[\"']?\s*$",
    re.M,
)


def _just(call: Call) -> Value:
    """just and task: recipes as indented lines, or as items of YAML."""
    pattern = _INDENTED if call.name == "just" else _OF_TASK
    names = ("justfile", "Justfile", ".justfile", "Taskfile.yml", "Taskfile.yaml")
    content = _written(call, ("-f", "--justfile", "-t", "--taskfile"), names)
    if content is not None and not call.has("-n", "--dry-run", "--dry", "--list", "-l"):
        _fetched(call, content)
        for match in list(pattern.finditer(content.text))[:_RECIPES_MAX]:
            call.run_text(known(re.sub(r"\{\{.*?\}\}", "$X", match[1])), stdin=EMPTY)
    return UNKNOWN


def scripts_of_package(call: Call) -> None:
    """npm run NAME: the script of a package.json that this text wrote."""
    content = _written(call, (), ("package.json",))
    if content is None:
        return
    _fetched(call, content)
    try:
        scripts = json.loads(content.text).get("scripts", {})
    except (ValueError, AttributeError, RecursionError):
        return
    for script in list(scripts.values())[:_RECIPES_MAX] if isinstance(scripts, dict) else ():
        call.run_text(known(str(script)), stdin=EMPTY)


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(("make", "gmake", "bmake", "remake"), _make),
    **dict.fromkeys(("just", "task", "go-task"), _just),
}
