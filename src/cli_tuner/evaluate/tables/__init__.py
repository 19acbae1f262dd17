"""Tables of several evaluations for a document: `python -m cli_tuner.evaluate.tables`."""
