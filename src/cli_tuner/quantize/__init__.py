"""The quantize stage: a base and an adapter in, GGUF files of one or several types out."""
