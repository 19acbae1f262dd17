"""Files with commands in them: where the commands are, and what the guard says about each.

Shell scripts are judged as a whole; in Dockerfiles each RUN, CMD and ENTRYPOINT, in Makefiles each
line of a recipe, in GitHub workflows and actions each `run` of a bash step. Every judgement knows
its place in the file. In a Dockerfile, what a command does to the image itself is not reported.

Not covered: what a script sources, what an image or an action brings along, included makefiles,
and what a variable of make or an expression of a workflow stands for: they are unknown texts.
"""

from cli_tuner.lint.finding import Finding, findings_in
from cli_tuner.lint.kinds import files_below, kind_of
from cli_tuner.lint.snippet import Snippet

__all__ = ["Finding", "Snippet", "files_below", "findings_in", "kind_of"]
