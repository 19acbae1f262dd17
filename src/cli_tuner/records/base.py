"""What every record has in common: frozen, nothing unknown, nothing coerced, no way around.

A record is evidence. Whoever holds one may rely on its validators having run on exactly the
values it holds, so the doors that pydantic leaves open are shut here: `model_copy(update=)` and
unpickling validate, `model_construct` and `copy` are refused.

Python itself leaves others open to whoever means harm in the same process (`object.__setattr__`,
`__dict__`, calling `__init__` again). A record changed that way is found out when it becomes
part of another one, since every record validates the records in it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, NoReturn, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator

from cli_tuner.records.plain import refuse_surrogates


def _in_utc(moment: datetime) -> datetime:
    if moment.utcoffset() != timedelta(0):
        raise ValueError("a moment must be in UTC")
    return moment


UtcMoment = Annotated[datetime, AfterValidator(_in_utc)]
"""A date and time in UTC, said to be so: records of two machines must be comparable."""


class Record(BaseModel):
    """The base of everything that flows. Immutable, strict, closed."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        revalidate_instances="always",
        protected_namespaces=(),
        defer_build=True,
    )

    @model_validator(mode="after")
    def _text_is_unicode(self) -> Self:
        """Refuse lone surrogates: such a text has no UTF-8 form, so no digest and no file."""
        for name, value in self.__dict__.items():
            for text in value if isinstance(value, tuple) else (value,):
                if isinstance(text, str):
                    refuse_surrogates(name, text)
        return self

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

    def copy(self, **options: Any) -> NoReturn:
        """Refused: pydantic's old way to change a copy skips the validators."""
        raise TypeError(f"{type(self).__name__} has model_copy() instead of copy()")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        return self

    def __setstate__(self, state: dict[Any, Any]) -> None:
        """Unpickling validates too, and first: a refused state leaves no trace."""
        type(self).model_validate(state["__dict__"])
        super().__setstate__(state)
