"""Spans of time as people write them: 7d, 12h, 30m, or a day."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from cli_tuner.errors import UsageError

_SPAN = re.compile(r"(\d{1,5})([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def since(text: str, now: datetime | None = None) -> datetime:
    """The moment that is so long ago, or that day's beginning, in UTC. Raises UsageError."""
    now = now or datetime.now(UTC)
    span = _SPAN.fullmatch(text.strip())
    if span is not None:
        return now - timedelta(**{_UNITS[span[2]]: int(span[1])})
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(
            f'--since "{text}" is no span of time', hint="as in 7d, 12h or 2026-01-31"
        ) from None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
