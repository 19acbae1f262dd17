"""General benchmarks through lm-evaluation-harness: did tuning cost the model its other abilities.

The texts of a benchmark are no requests, so no boundary and no template is around them: the same
weights in the same engine continue them greedily.
"""
