"""The boundaries over HTTP: one process, one model behind it, many callers.

Nothing here judges or records by itself: a request crosses the six boundaries as anywhere else,
and what is counted is what the journal was given.
"""
