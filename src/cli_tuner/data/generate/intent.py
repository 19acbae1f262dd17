"""What the YAML files say, read and checked."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

from cli_tuner.data.generate.amounts import COUNTED
from cli_tuner.data.generate.grammar import (
    SLOT,
    Sequence,
    certain_slots,
    phrase,
    slots_in,
    template,
    times_said,
)
from cli_tuner.data.generate.listed import SlotType, slot_type
from cli_tuner.errors import IntentError

HERE = Path(__file__).parent
PAIRS = 120
Proof = Literal["run", "network", "daemon", "absent"]
INTENT_KEYS = ("run say slots tree setup each expect proof pairs").split()
DOMAIN_KEYS = ("domain doc proof tree macros types trees intents").split()
TREE_KEYS = ("tree", "setup", "each")


@dataclass(frozen=True)
class Switch:
    """A slot with a few values of its own: phrase to value; an empty phrase is silence."""

    options: tuple[tuple[Sequence, Mapping[str, Sequence]], ...]

    @property
    def silent(self) -> Mapping[str, Sequence] | None:
        """What the command has if the request says nothing."""
        return next((forms for said, forms in self.options if not said), None)


@dataclass(frozen=True)
class Typed:
    """A slot with values of a type; `given` are the type's parameters."""

    type: str
    given: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Intent:
    """One intent. Texts of trees and expectations are templates too."""

    id: str
    domain: str
    file: str
    run: Sequence
    say: tuple[Sequence, ...]
    slots: Mapping[str, Switch | Typed]
    types: Mapping[str, SlotType] = field(repr=False)
    tree: tuple[str, ...]
    setup: tuple[str, ...]
    each: tuple[str, ...]
    expect: Mapping[str, Any]
    proof: Proof
    pairs: int

    def text(self, text: str) -> Sequence:
        """A template in which this intent's slots are known."""
        return template(text, set(self.slots))


@cache
def intents(*domains: str) -> tuple[Intent, ...]:
    """All intents of these domains, or of all; checked.

    Raises IntentError naming the file and the intent.
    """
    files = sorted((HERE / "intents").glob("*.yaml"))
    for name in domains:
        if name not in {path.stem for path in files}:
            raise IntentError(f"no intents/{name}.yaml")
    chosen = [path for path in files if not domains or path.stem in domains]
    return tuple(intent for path in chosen for intent in domain(path))


def domain(path: Path) -> tuple[Intent, ...]:
    """The intents of one file."""
    text = path.read_text(encoding="utf-8")
    try:
        given = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        raise IntentError(f"{path.name}: {error}") from None
    try:
        _known(given, DOMAIN_KEYS)
        shared = _shared()
        macros = {**shared["macros"], **(given.get("macros") or {})}
        own = {name: slot_type(name, each) for name, each in (given.get("types") or {}).items()}
        trees = {**shared["trees"], **(given.get("trees") or {})}
        if given.get("domain") != path.stem:
            raise IntentError(f"domain is not {path.stem}")
    except IntentError as error:
        raise IntentError(f"{path.name}: {error.message}") from None
    found = []
    for name, each in given["intents"].items():
        try:
            found.append(_intent(name, each, given, macros, {**shared["types"], **own}, trees))
        except IntentError as error:
            raise IntentError(f"{path.name}: {name}: {error.message}", hint=error.hint) from None
    return tuple(found)


class _Loader(yaml.SafeLoader):
    """YAML without surprises: `on`, `0755`, `12:30` and `2024-01-31` are texts.

    A key that appears twice is an error.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise IntentError(f'"{key}" appears twice, line {node.start_mark.line + 1}')
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("null", r"^(null|)$", ["n", ""]),
    ("bool", r"^(true|false)$", ["t", "f"]),
    ("int", r"^(-?[1-9][0-9]*|0)$", list("-0123456789")),
    ("merge", r"^<<$", ["<"]),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), _first)


@cache
def _shared() -> dict[str, Any]:
    text = (HERE / "shared.yaml").read_text(encoding="utf-8")
    given = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    types = {name: slot_type(name, each) for name, each in given["types"].items()}
    return {"macros": given["macros"], "types": types, "trees": given["trees"]}


def _known(given: Mapping[str, Any], keys: Iterable[str]) -> None:
    for key in given:
        if key not in keys:
            near = difflib.get_close_matches(str(key), keys, 1)
            hint = f'did you mean "{near[0]}"?' if near else f"known are {', '.join(keys)}"
            raise IntentError(f'unknown key "{key}"', hint=hint)


def _intent(  # noqa: PLR0913, PLR0917 - what a file shares with its intents
    name: str,
    given: Mapping[str, Any],
    whole: Mapping[str, Any],
    macros: Mapping[str, str],
    types: Mapping[str, SlotType],
    trees: Mapping[str, Any],
) -> Intent:
    _known(given, INTENT_KEYS)
    known = set(types) | set(COUNTED)
    slots = {
        key: _slot(key, each, macros, known) for key, each in (given.get("slots") or {}).items()
    }
    say = tuple(phrase(text, macros) for text in _lines(given.get("say")))
    inner = {slot.name for switch in slots.values() if isinstance(switch, Switch)
             for said, _ in switch.options for slot in slots_in(said)}  # fmt: skip
    said = {slot.name for each in say for slot in slots_in(each)} | inner
    for key in sorted(said | _implied(given.get("run", ""), known)):
        if key not in slots:
            slots[key] = Typed(_base_type(key, known))
    run = template(given["run"].strip(), set(slots) | known)
    tree, setup, each = _tree(given, whole, trees)
    intent = Intent(
        id=f"{whole['domain']}.{name}",
        domain=whole["domain"],
        file=f"{whole['domain']}.yaml",
        run=run,
        say=say,
        slots=slots,
        types=types,
        tree=tree,
        setup=setup,
        each=each,
        expect=given.get("expect") or {},
        proof=given.get("proof", whole.get("proof", "run")),
        pairs=int(given.get("pairs", PAIRS)),
    )
    check(intent, given)
    return intent


def _lines(given: Any) -> tuple[str, ...]:
    lines = given.splitlines() if isinstance(given, str) else given or []
    return tuple(str(line).strip() for line in lines if str(line).strip())


def _implied(text: str, known: set[str]) -> set[str]:
    """Slots of a command that need no declaration, since a type has their name."""
    names = {found[1] for found in SLOT.finditer(text) if not text[: found.start()].endswith("$")}
    return {name for name in names if name.rstrip("0123456789") in known}


def _base_type(name: str, known: set[str]) -> str:
    if not isinstance(name, str):
        raise IntentError(f"a type is a name, not {name!r}")
    base = name if name in known else name.rstrip("0123456789")
    if base not in known:
        near = difflib.get_close_matches(base, known, 1)
        hint = f'did you mean "{near[0]}"?' if near else "declare it under slots"
        raise IntentError(f'unknown slot "{name}"', hint=hint)
    return base


def _slot(name: str, given: Any, macros: Mapping[str, str], known: set[str]) -> Switch | Typed:
    if given is None or isinstance(given, str):
        return Typed(_base_type(given or name, known))
    if "type" in given:
        return Typed(
            _base_type(given["type"], known), {k: v for k, v in given.items() if k != "type"}
        )
    options = []
    for said, forms in given.items():
        table = forms if isinstance(forms, dict) else {"run": forms}
        texts = {k: template(str(v if v is not None else ""), known_slots(said, macros))
                 for k, v in table.items()}  # fmt: skip
        texts.setdefault("run", ())
        options.append((phrase(str(said), macros), texts))
    return Switch(tuple(options))


def known_slots(said: str, macros: Mapping[str, str]) -> set[str]:
    """Names of the slots that a phrase says."""
    return {slot.name for slot in slots_in(phrase(str(said), macros))}


def _tree(
    given: Mapping[str, Any], whole: Mapping[str, Any], trees: Mapping[str, Any]
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Lines, set-up and what runs each time; a line `+name` takes in a named tree."""
    found: dict[str, list[str]] = {key: [] for key in TREE_KEYS}

    def take(each: Mapping[str, Any], depth: int) -> None:
        for line in _lines(each.get("tree")):
            if not line.startswith("+"):
                found["tree"].append(line)
                continue
            if line[1:] not in trees or depth > 4:
                raise IntentError(f'no tree "{line[1:]}"')
            inner = trees[line[1:]]
            take(inner if isinstance(inner, dict) else {"tree": inner}, depth + 1)
        for key in ("setup", "each"):
            if each.get(key):
                found[key].append(each[key].strip() if isinstance(each[key], str)
                                  else "\n".join(each[key]))  # fmt: skip

    take({**given, "tree": given.get("tree", whole.get("tree"))}, 0)
    return tuple(found["tree"]), tuple(found["setup"]), tuple(found["each"])


def check(intent: Intent, given: Mapping[str, Any]) -> None:
    """What can be known to be wrong without making a pair. Raises IntentError."""
    from cli_tuner.data.generate.expect import KEYS

    if not intent.say:
        raise IntentError("no phrases under say")
    if intent.proof not in {"run", "network", "daemon", "absent"}:
        raise IntentError(f'proof is run, network, daemon or absent, not "{intent.proof}"')
    if intent.proof == "run" and not intent.expect:
        raise IntentError("no expect", hint="say what a right command prints or changes")
    _known(intent.expect, KEYS)
    texts = _lines(given["say"])
    for text in texts:
        if texts.count(text) > 1:
            raise IntentError(f'phrase "{text}" appears twice')
    _check_slots(intent, texts)


def _check_slots(intent: Intent, texts: tuple[str, ...]) -> None:
    needed = {slot.name: slot for slot in slots_in(intent.run)}
    inner = {name: _inner(slot) for name, slot in intent.slots.items()}
    reached = set(needed) | {each for name in needed for each in inner[name]}
    for name in intent.slots:
        if name not in reached:
            raise IntentError(f'slot "{name}" is not in the command')
    for text, nodes in zip(texts, intent.say, strict=True):
        sure = certain_slots(nodes)
        for name, kind in intent.slots.items():
            if isinstance(kind, Switch) and times_said(nodes, name) > 1:
                raise IntentError(f'phrase "{text}" may say the switch {{{name}}} twice')
        for name, slot in needed.items():
            switch = intent.slots[name]
            quiet = isinstance(switch, Switch) and switch.silent is not None
            if name not in sure and slot.default is None and not quiet:
                raise IntentError(f'phrase "{text}" may leave out {{{name}}}, which has no default')
    for name, found in intent.slots.items():
        for said, forms in found.options if isinstance(found, Switch) else ():
            for each in {slot.name for form in forms.values() for slot in slots_in(form)}:
                if each not in certain_slots(said):
                    raise IntentError(
                        f'slot "{name}": an option writes {{{each}}} without saying it'
                    )


def _inner(slot: Switch | Typed) -> set[str]:
    if isinstance(slot, Typed):
        return set()
    return {each.name for said, _ in slot.options for each in slots_in(said)}
