"""A compositional generator of everyday requests, each with the one command it determines.

Intents are YAML (`intents/<domain>.yaml`), described in docs/GENERATOR.md; `proof` runs every
command in the sandbox and checks that it does what the request says.
"""

from cli_tuner.data.generate.pairs import Pair, pairs

__all__ = ["Pair", "pairs"]
