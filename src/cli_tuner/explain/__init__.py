"""What each part of a command does, from its structure and from what is known. No model.

    explanation("ls -la | wc -l").parts

Knowledge comes from `facts/*.yaml`, written for people. For what is not in there, `cli-tuner
explain` looks into the manual pages of this machine, and asks programs that are known to do nothing
else for their `--help`. Every character of the command belongs to some part: what is not known is
said to be unknown, not left out.
"""

from cli_tuner.explain.explanation import Explanation, explanation
from cli_tuner.explain.part import Part, Role, Source

__all__ = ["Explanation", "Part", "Role", "Source", "explanation"]
