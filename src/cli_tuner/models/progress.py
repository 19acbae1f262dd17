"""What a long work tells its caller. Showing it is the caller's business."""

from __future__ import annotations


class Progress:
    """Listens, silently. Override what you want to show; a call must return quickly."""

    def on_progress(self, done_bytes: int, total_bytes: int, source: str) -> None:
        """`done_bytes` of `total_bytes` are here; `source` says what is going on.

        `done_bytes` may fall back when a part turns out wrong and is fetched again.
        """

    def on_notice(self, message: str) -> None:
        """Something a person may want to know: waiting, a source that was skipped or failed."""


SILENT = Progress()
