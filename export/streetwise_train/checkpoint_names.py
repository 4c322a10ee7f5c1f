"""Names of the checkpoint files of a run; apart from :mod:`checkpoint`, which imports PyTorch."""

CURRENT = "checkpoint.safetensors"
PREVIOUS = "checkpoint.previous.safetensors"
ALL = (CURRENT, PREVIOUS)
#: Weights of the best epoch, kept where early stopping may go past it.
BEST = "best.safetensors"
