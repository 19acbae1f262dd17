"""The six trust boundaries. `generate.py` is the diagram; each other module is one of its boxes."""
