"""What names mean while words are expanded: variables, arrays, references, positional parameters.

`lookup` takes a name as it stands in `${...}`, subscript included, and answers None for what the
text does not say. `elements` answers for `$@`, `${name[@]}` and `${name[*]}` with one value each.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from cli_tuner.shell.nodes import Node, ProcessSub
from cli_tuner.shell.values import (
    CWD,
    EMPTY,
    HOLE,
    HOME,
    UNKNOWN,
    Value,
    concatenated,
    known,
)

ELEMENTS_MAX = 256
_SUBSCRIPTED = re.compile(r"([A-Za-z_]\w*)\[(.*)\]$", re.S | re.A)
_REFERENCES_MAX = 8

# Variables that every shell has and whose value, or first character, is a fact.
USUAL = {
    "HOME": known(HOME),
    "PWD": known(CWD),
    "IFS": known(" \t\n"),
    "TMPDIR": known("/tmp"),  # noqa: S108  what the variable usually holds
    "SHELL": known("/bin/bash"),
    "BASH": known("/bin/bash"),
    "PATH": known("/usr/local/bin:/usr/bin:/bin" + HOLE),
    "OSTYPE": known("linux-gnu"),
    "0": Value(("bash",), frozenset({"self"})),
    "XDG_CONFIG_HOME": known(HOME + "/.config"),
    "XDG_CACHE_HOME": known(HOME + "/.cache"),
    "XDG_DATA_HOME": known(HOME + "/.local/share"),
    "BASH_SOURCE": known("./" + HOLE),
}


@dataclass(slots=True)
class Scope:
    """What expansion may look up. The interpreter supplies the two callbacks."""

    substitute: Callable[[Node], Value]
    process: Callable[[ProcessSub], Value]
    variables: dict[str, Value] = field(default_factory=dict)
    positional: tuple[Value, ...] | None = None
    # Replaced, never changed in place: a subshell keeps a shallow copy.
    arrays: dict[str, Mapping[str, Value]] = field(default_factory=dict)
    references: dict[str, str] = field(default_factory=dict)
    looping: int = 0  # loops around the current command, whose values change each time round

    def lookup(self, name: str) -> Value | None:
        """A variable's value, or None if the text does not say."""
        if self.references:
            name = self.pointed(name)
        if name in self.variables:
            return self.variables[name]
        if name.endswith("]") and (match := _SUBSCRIPTED.match(name)):
            return self._element(match[1], match[2])
        if name in ("@", "*") and self.positional is not None:
            return joined_by(list(self.positional), " ")
        if name == "#" and self.positional is not None:
            return known(str(len(self.positional)))
        if name.isdigit() and name != "0" and self.positional is not None:
            index = int(name) - 1
            return self.positional[index] if index < len(self.positional) else EMPTY
        if name in ("@", "*") and not self.positional:
            return Value(("", HOLE), UNKNOWN.taints, "$@")
        return USUAL.get(name)

    def elements(self, name: str) -> tuple[Value, ...] | None:
        """All positional parameters, or all elements of the array that `name[@]` means."""
        if name in ("@", "*"):
            return self.positional
        base = self.pointed(name.partition("[")[0])
        if base in self.arrays:
            return tuple(self.arrays[base].values())
        return (self.variables[base],) if base in self.variables else None

    def keys(self, name: str) -> tuple[Value, ...] | None:
        """What `${!name[@]}` becomes."""
        items = self.arrays.get(self.pointed(name.partition("[")[0]))
        return None if items is None else tuple(known(key) for key in items)

    def pointed(self, name: str) -> str:
        """The name that a reference (`declare -n`) stands for, or the name itself."""
        for _ in range(_REFERENCES_MAX):
            base, bracket, rest = name.partition("[")
            target = self.references.get(base)
            if target is None:
                return name
            name = target + bracket + rest
        return name

    def assign(self, name: str, value: Value) -> None:
        """Set a variable, or an element if the name has a subscript."""
        name = self.pointed(name)
        match = _SUBSCRIPTED.match(name) if name.endswith("]") else None
        if match is None:
            self.variables[name] = value
            if name in self.arrays:
                self.arrays[name] = {**self.arrays[name], "0": value}
            return
        base, key = match[1], self.key(match[2])
        before = self.arrays.get(base)
        if before is None:
            before = {"0": self.variables[base]} if base in self.variables else {}
        self.fill(base, {**before, key if key is not None else str(len(before)): value})

    def fill(self, name: str, items: Mapping[str, Value]) -> None:
        """Make a variable an array of these elements."""
        name = self.pointed(name)
        items = dict(list(items.items())[:ELEMENTS_MAX])
        self.arrays[name] = items
        self.variables[name] = items.get("0", next(iter(items.values()), EMPTY))

    def forget(self, name: str) -> None:
        """Unset a variable, a reference or an array."""
        self.references.pop(name, None)
        self.variables.pop(name, None)
        self.arrays.pop(name, None)

    def _element(self, name: str, subscript: str) -> Value | None:
        items = self.arrays.get(name)
        if items is None:
            self.key(subscript)
            return self.variables.get(name) if subscript in ("0", "@", "*", "-1") else None
        values = list(items.values())
        if subscript in ("@", "*"):
            return joined_by(values, " ")
        if subscript in items:
            return items[subscript]
        key = self.key(subscript)
        if key is None:
            either = values[0] if values else EMPTY
            for value in values[1:]:
                either = either.joined(value)
            return either
        if key.startswith("-") and 0 < int(key[1:] or 0) <= len(values):
            return values[int(key)]
        return items.get(key, EMPTY)

    def key(self, subscript: str) -> str | None:
        """A subscript as the text decides it: a number, a name's number, or a word; else None."""
        from cli_tuner.shell.again import expanded_again, number_of

        plain = subscript.strip("'\"")
        if re.fullmatch(r"-?\d+", plain):
            return str(int(plain))
        if "$" in plain or "`" in plain:
            plain = subscript = expanded_again(known(plain), self).text
        number = number_of(subscript, self)
        if number is not None:
            return str(number)
        return None if HOLE in plain or plain in self.variables else plain


def joined_by(values: list[Value], separator: str) -> Value:
    """The values as one text, with the separator between them."""
    parts: list[Value] = []
    for index, value in enumerate(values):
        parts += [known(separator), value] if index else [value]
    return concatenated(parts) if parts else EMPTY
