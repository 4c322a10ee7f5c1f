"""The two frozen backbones that ship, built by timm and filled from a safetensors file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import timm
import torch
from safetensors.torch import load_file
from torch import nn


@dataclass(frozen=True)
class Backbone:
    """What the trainer must know of a backbone.

    ``tokens`` says whether the features are the class token beside the mean of the patch tokens
    (ViT) or the pooled channels (CNN).
    """

    id: str
    name: str
    timm_name: str
    weights: str
    size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    interpolation: str
    tokens: bool


IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
BACKBONES = {
    b.id: b
    for b in (
        Backbone(
            "dinov2-vit-s", "DINOv2 ViT-S/14", "vit_small_patch14_dinov2",
            "vit_small_patch14_dinov2.224.fp16.safetensors",
            224, IMAGENET_MEAN, IMAGENET_STD, "bicubic", True,
        ),
        Backbone(
            "efficientnet-lite0", "EfficientNet-Lite0", "tf_efficientnet_lite0",
            "tf_efficientnet_lite0.fp16.safetensors",
            224, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "bicubic", False,
        ),
    )
}  # fmt: skip


class Features(nn.Module):
    """Normalised pictures, float32 [batch, 3, size, size], to features, float32 [batch, width]."""

    def __init__(self, backbone: Backbone, weights: Path | None) -> None:
        """Builds the backbone; without ``weights`` its parameters are random (tests only)."""
        super().__init__()
        extra = {"img_size": backbone.size} if backbone.tokens else {}
        self.body = timm.create_model(backbone.timm_name, pretrained=False, num_classes=0, **extra)
        if weights:
            state = {k: v.float() for k, v in load_file(weights / backbone.weights).items()}
            missing = self.body.load_state_dict(state, strict=False).missing_keys
            if missing:
                raise ValueError(f"{backbone.weights} lacks {len(missing)} tensors: {missing[:3]}")
        self.tokens = backbone.tokens
        self.width = self.body.num_features * (2 if backbone.tokens else 1)
        self.eval()

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Class token beside the mean patch token (ViT), or the pooled channels (CNN)."""
        maps = self.body.forward_features(pictures)
        if not self.tokens:
            return self.body.forward_head(maps, pre_logits=True)
        return torch.cat([maps[:, 0], maps[:, 1:].mean(dim=1)], dim=1)
