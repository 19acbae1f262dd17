"""What the configuration leaves out of a source: sampled down, dropped by a field, beyond a number.

Sampling hashes the seed, the source and the row's place, so that a row's fate does not depend on
the rows around it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from cli_tuner.data.config import FieldMap, Selection
from cli_tuner.data.pair import Pair, Skipped
from cli_tuner.data.sources.schema import schema_of, to_pair
from cli_tuner.data.style import fault_of_style

Row = tuple[str, Mapping[str, Any]]


def selected(
    rows: Iterable[Row | Skipped],
    source: Selection,
    fields: FieldMap | None,
    seed: int,
    named: Callable[[str], str],
) -> Iterator[Pair | Skipped]:
    """The pairs of a source's rows, each given as (ref, fields). `named` says where a ref is.

    Raises DataError for an unknown schema; the first row decides.
    """
    schema, known = None, False
    for count, row in enumerate(rows):
        if source.max_rows is not None and count >= source.max_rows:
            return
        if isinstance(row, Skipped):
            yield row
            continue
        ref, values = row
        if not known:
            schema, known = schema_of(values, named(ref), fields), True
        reason = _left_out(values, source, seed, ref)
        pair = None if reason else to_pair(values, schema, source, ref)
        if source.plain and isinstance(pair, Pair):
            reason = fault_of_style(pair.query, pair.command)
        if pair is None or reason:
            yield Skipped(source.name, ref, reason, {"id": str(values.get("id", ref))})
        else:
            yield pair


def _left_out(row: Mapping[str, Any], source: Selection, seed: int, ref: str) -> str:
    for rule in source.drop_where:
        value = row.get(rule.field)
        values = value if isinstance(value, (list, tuple)) else [value]
        found = next((one for one in rule.any_of if one in values), None)
        if found is not None:
            return f"{rule.field} has {found}"
    for sampling in source.sample:
        if row.get(sampling.field) == sampling.value:
            key = f"{seed}\0{source.name}\0{ref}".encode()
            drawn = int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "big") / 2**64
            if drawn >= sampling.keep:
                return f"{sampling.field} {sampling.value} sampled down to {sampling.keep:g}"
    return ""
