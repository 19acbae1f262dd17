"""Whether a command can work on this machine: is the program here, and has it these options?

    problems_in("fnd . -nmae x")         # ("fnd is not installed here",)

It marks, and where there are several candidates it prefers; it never blocks, and nothing of it
goes into the model's prompt. Not covered: what an operand has to look like, programs of which no
complete table of options exists, and what a variable holds.
"""

from cli_tuner.grounding.installed import Installed
from cli_tuner.grounding.problems import problems_in

__all__ = ["Installed", "problems_in"]
