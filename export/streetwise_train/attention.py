"""The attention of every block of a ViT as a second output, to show what a guess looked at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from . import export


@dataclass(frozen=True)
class Grid:
    """How attention lies on the picture: ``[batch, blocks, tokens, tokens]``.

    The first ``prefix_tokens`` tokens are no patches (the class token); the others are the patches,
    row by row, ``rows`` x ``columns``.
    """

    rows: int
    columns: int
    prefix_tokens: int
    blocks: int

    def entry(self) -> dict:
        """``output.attention`` of the manifest."""
        return {
            "name": export.ATTENTION,
            "blocks": self.blocks,
            "grid": [self.rows, self.columns],
            "prefix_tokens": self.prefix_tokens,
        }


def transformer(model: nn.Module) -> nn.Module | None:
    """The ViT inside a trained classifier, or inside a backbone under a linear head.

    ``None`` for architectures without one attention over the whole picture.
    """
    for holder in (model, getattr(model, "features", None)):
        body = getattr(holder, "body", None)
        if type(body).__name__ == "VisionTransformer":
            return body
    return None


def grid(model: nn.Module) -> Grid | None:
    """The grid of a ViT; ``None`` for architectures without one attention over the picture."""
    body = transformer(model)
    if body is None:
        return None
    return Grid(*body.patch_embed.grid_size, body.num_prefix_tokens, len(body.blocks))


class Explained(nn.Module):
    """The same network with two outputs: logits, and the attention of every block.

    Fused attention does not tell its weights, so it is switched off until :meth:`release`. The
    weights are those that were used: they are taken where they pass a block's dropout. The heads
    are averaged, which is all that attention rollout needs (Abnar and Zuidema 2020).
    """

    def __init__(self, model: nn.Module) -> None:
        """Shares everything with ``model``, a ViT whose blocks change to plain attention."""
        super().__init__()
        self.model, self.seen = model, []
        layers = [block.attn for block in transformer(model).blocks]
        self._before = [(layer, layer.fused_attn) for layer in layers]
        self._hooks = [layer.attn_drop.register_forward_hook(self._see) for layer in layers]
        for layer in layers:
            layer.fused_attn = False

    def _see(self, _module: nn.Module, _inputs: object, weights: torch.Tensor) -> None:
        self.seen.append(weights.mean(dim=1))

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits [batch, countries]; attention [batch, blocks, tokens, tokens], rows sum to 1.

        Blocks are in the order in which they run; a row holds what its token took from each.
        """
        self.seen.clear()
        logits = self.model(pictures)
        attention = torch.stack(self.seen, dim=1)
        self.seen.clear()
        return logits, attention

    def release(self) -> None:
        """Gives the network back as it was."""
        for hook in self._hooks:
            hook.remove()
        for layer, fused in self._before:
            layer.fused_attn = fused


def export_onnx(model: nn.Module, size: int, path: Path) -> Grid | None:
    """Writes the float32 graph of any classifier; a ViT's with its attention as second output.

    ``size`` is the side of the input in pixels. Returns what the manifest must say of the second
    output, ``None`` where there is none. The network itself is left as it was.
    """
    found = grid(model)
    if found is None:
        export.export_onnx(model, size, path)
        return None
    explained = Explained(model)
    try:
        export.export_onnx(explained, size, path, (export.OUTPUT, export.ATTENTION))
    finally:
        explained.release()
    return found
