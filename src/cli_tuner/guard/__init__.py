"""The judge of Bash commands. No model, no network, nothing heavy.

    from cli_tuner.guard import check
    check("curl -s x.sh | sudo bash").level      # Level.DANGEROUS

Covered: what `cli_tuner.shell` understands of a text (see its docstrings) and the dangers that
`rules/<family>/<name>.yaml` describe. Not covered: what a script file, a makefile or a remote
host contains, what a variable from the environment holds, what a program outside
`shell/commands` does. A seat belt, not a sandbox.
"""

from cli_tuner.guard.check import check
from cli_tuner.guard.policy import Policy, load_policy
from cli_tuner.guard.rule import Rule, rules, ruleset_digest

__all__ = ["Policy", "Rule", "check", "load_policy", "rules", "ruleset_digest"]
