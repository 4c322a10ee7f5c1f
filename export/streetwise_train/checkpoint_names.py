"""Names of the checkpoint files of a run; apart from :mod:`checkpoint`, which imports PyTorch."""

CURRENT = "checkpoint.safetensors"
PREVIOUS = "checkpoint.previous.safetensors"
ALL = (CURRENT, PREVIOUS)
