"""Frozen records that need no Pydantic: what the guard's verdict is made of.

Importing Pydantic takes longer than judging a thousand commands, and whoever asks the guard once,
from a hook or a script, would wait for it each time. So these records are dataclasses that check
themselves as strictly as `records.base.Record` does: exact types, no unknown field, no lone
surrogates, and again when unpickled. As a field of a `Record` they are validated by Pydantic
too, with the same settings, and once more by their own checks.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, fields, replace
from enum import Enum
from typing import Annotated, Any, ClassVar, Self

_DIGEST = "^[0-9a-f]{64}$"
_IS_DIGEST = re.compile(_DIGEST[:-1] + r"\Z")


class _Schema:
    """Tells Pydantic what a value looks like, if and when Pydantic asks."""

    def __init__(self, kind: str, **bounds: Any) -> None:
        self.schema = {"type": kind, "strict": True, **bounds}

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> dict[str, Any]:
        return dict(self.schema)


Sha256 = Annotated[str, _Schema("str", pattern=_DIGEST)]
"""A SHA-256 digest as 64 lower-case hexadecimal digits."""

Offset = Annotated[int, _Schema("int", ge=0)]
"""A position in a text, in characters from its start."""


def sha256_of(text: str) -> str:
    """The SHA-256 of a text's UTF-8 bytes, as 64 hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def refuse_surrogates(name: str, text: str) -> None:
    """Raise ValueError for a text without a UTF-8 form: it has no digest and fits in no file."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        code = ord(text[error.start])
        raise ValueError(f"{name} has a lone surrogate (U+{code:04X}); remove it") from None


def require_digest(name: str, text: str) -> None:
    """Raise ValueError unless this is a SHA-256 in lower-case hexadecimal digits."""
    if not _IS_DIGEST.match(text):
        raise ValueError(f"{name} is not a SHA-256 digest")


class Kind:
    """The exact types that a field may have; `of` is that of a tuple's members."""

    __slots__ = ("of", "types")

    def __init__(self, *types: type, of: type | None = None) -> None:
        self.types = types
        self.of = of

    def check(self, name: str, value: object) -> None:
        """Raise ValueError, naming the field, for a value of another type."""
        if type(value) not in self.types:
            expected = " or ".join(kind.__name__ for kind in self.types)
            raise ValueError(f"{name} is a {expected}, not a {type(value).__name__}")
        if type(value) is str:
            if not value.isascii():
                refuse_surrogates(name, value)
        elif isinstance(value, Plain):
            value.__post_init__()  # it may have been changed behind Python's back
        elif self.of is not None and isinstance(value, tuple):
            member = Kind(self.of)
            for one in value:
                member.check(name, one)


TEXT = Kind(str)
TEXTS = Kind(tuple, of=str)


@dataclass(frozen=True, slots=True)
class Plain:
    """The base: subclasses are frozen dataclasses with slots that list their fields' kinds."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {
        "extra": "forbid",
        "strict": True,
        "allow_inf_nan": False,
        "revalidate_instances": "always",
    }
    kinds: ClassVar[dict[str, Kind]] = {}

    def __post_init__(self) -> None:
        for name, kind in self.kinds.items():
            kind.check(name, getattr(self, name))

    def as_json(self) -> dict[str, Any]:
        """The fields as JSON knows them: texts, numbers, lists and objects."""
        return {name: _as_json(getattr(self, name)) for name in self.kinds}

    def changed(self, **changes: Any) -> Self:
        """A copy with other values in some fields, validated. Raises ValueError, TypeError."""
        return replace(self, **changes)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Unpickling goes through the constructor, so it validates."""
        return _made, (type(self), {one.name: getattr(self, one.name) for one in fields(self)})


def _made(kind: type[Plain], values: dict[str, Any]) -> Plain:
    return kind(**values)


def _as_json(value: Any) -> Any:
    if isinstance(value, Plain):
        return value.as_json()
    if isinstance(value, tuple):
        return [_as_json(one) for one in value]
    return value.value if isinstance(value, Enum) else value
