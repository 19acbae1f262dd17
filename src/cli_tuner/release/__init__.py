"""Releases: signed sets of digests, two slots, a gated switch and the way back.

    from cli_tuner.release import active
    active(Paths.of())          # what answers now, or None; one stat for each call

Covered: which weights, prompt, rules, policy, evaluation and code belong together, that nothing of
it was changed, and that a switch is whole at every instant. Not covered: the program itself, which
is installed and rolled back by its package manager.
"""

from cli_tuner.release.slots import Held, InForce, active

__all__ = ["Held", "InForce", "active"]
