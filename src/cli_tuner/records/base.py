"""What every record has in common: frozen, nothing unknown, nothing coerced, no way around.

A record is evidence. Whoever holds one may rely on its validators having run on exactly the
values it holds, so the two doors that pydantic leaves open are shut here: `model_copy(update=)`
validates again, and `model_construct` does not exist.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Annotated, Any, NoReturn, Self

from pydantic import BaseModel, ConfigDict, StringConstraints

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""A SHA-256 digest as 64 lower-case hexadecimal digits."""


def sha256_of(text: str) -> str:
    """The SHA-256 of a text's UTF-8 bytes, as 64 hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


class Record(BaseModel):
    """The base of everything that flows. Immutable, strict, closed."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        revalidate_instances="always",
        protected_namespaces=(),
    )

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A validated copy; `update` goes through the same validators as everything else.

        Raises ValidationError if the changed record would not be valid. `deep` has no meaning
        for records, whose fields are immutable, and is accepted for compatibility.
        """
        return type(self).model_validate({**dict(self), **(update or {})})

    @classmethod
    def model_construct(cls, _fields_set: set[str] | None = None, **values: Any) -> NoReturn:
        """Refused: a record that skipped its validators is not a record."""
        raise TypeError(f"{cls.__name__} cannot be made without validation")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        return self

    def __setstate__(self, state: dict[Any, Any]) -> None:
        """Unpickling validates too."""
        super().__setstate__(state)
        type(self).model_validate(dict(self))
