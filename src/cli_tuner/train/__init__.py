"""Training: a base that stays frozen, an adapter that learns, and a record of how.

The torch engine reads like a paper, in this order: `base` (weights), `model` (Qwen2), `lora`,
`loss`, `examples` (what a step sees), `schedule`, `loop`, `answers` (greedy decoding), `export`.
"""
