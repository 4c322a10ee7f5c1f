"""The attention of a ViT's last block as a second output, to show what a guess looked at."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from .classifier import Classifier


@dataclass(frozen=True)
class Grid:
    """How attention lies on the picture: ``[batch, heads, tokens, tokens]``.

    The first ``prefix_tokens`` tokens are no patches (the class token); the others are the patches,
    row by row, ``rows`` x ``columns``.
    """

    rows: int
    columns: int
    prefix_tokens: int


def grid(model: Classifier) -> Grid | None:
    """The grid of a ViT; ``None`` for architectures without one attention over the picture."""
    body = model.body
    if type(body).__name__ != "VisionTransformer":
        return None
    return Grid(*body.patch_embed.grid_size, body.num_prefix_tokens)


class Explained(nn.Module):
    """The same network with two outputs: logits, and the last block's attention.

    Fused attention does not tell its weights, so it is switched off in that block alone. The
    weights are those that were used: they are taken where they pass the block's dropout.
    """

    def __init__(self, model: Classifier) -> None:
        """Shares everything with ``model``, whose last block is changed to plain attention."""
        super().__init__()
        self.model, self.seen = model, []
        attention = model.body.blocks[-1].attn
        attention.fused_attn = False
        attention.attn_drop.register_forward_hook(lambda *hook: self.seen.append(hook[2]))

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits [batch, countries], attention [batch, heads, tokens, tokens]."""
        self.seen.clear()
        logits = self.model(pictures)
        return logits, self.seen.pop()
