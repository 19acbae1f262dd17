"""Evaluation: what a model answers, behind the product's own boundaries, and what that is worth.

`config` says what is measured, `runner` asks, `suite` is what every way of judging looks like,
`report` writes it down. A result is an artifact; `comparison` reads two of them.
"""
