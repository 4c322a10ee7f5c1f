"""The frozen backbones, built by timm and filled from a safetensors file, alone or side by side."""

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

    ``tokens`` says whether it is a ViT. Features are then taken after the blocks ``depths``
    (counted from 0), of a CNN after each of the stages ``depths``.
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
    depths: tuple[int, ...]


IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
BACKBONES = {
    b.id: b
    for b in (
        Backbone(
            "dinov2-vit-s", "DINOv2 ViT-S/14", "vit_small_patch14_dinov2",
            "vit_small_patch14_dinov2.224.fp16.safetensors",
            224, IMAGENET_MEAN, IMAGENET_STD, "bicubic", True, (2, 5, 8, 11),
        ),
        Backbone(
            "efficientnet-lite0", "EfficientNet-Lite0", "tf_efficientnet_lite0",
            "tf_efficientnet_lite0.fp16.safetensors",
            224, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "bicubic", False, tuple(range(7)),
        ),
    )
}  # fmt: skip


#: Under the root of a variance, so that a map that is flat has a spread and a gradient.
FLAT = 1e-6


def mean_and_spread(values: torch.Tensor, dims: tuple[int, ...]) -> list[torch.Tensor]:
    """Mean and standard deviation of a map over its positions ``dims``, two [batch, channels].

    These first two moments are what "style" is in texture synthesis and style transfer (Huang and
    Belongie 2017): colour of light, soil and asphalt, foliage, sharpness; no objects.
    """
    mean = values.mean(dim=dims, keepdim=True)
    spread = ((values - mean).square().mean(dim=dims) + FLAT).sqrt()
    return [mean.flatten(1), spread]


class Features(nn.Module):
    """Normalised pictures, float32 [batch, 3, size, size], to features, float32 [batch, width].

    Features are taken at every depth of the backbone, which costs next to nothing: what tells
    countries apart is seen by its early layers and forgotten by the last, trained to name objects.
    """

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
        self.tokens, self.depths = backbone.tokens, backbone.depths
        if not self.tokens:
            # What comes after the last stage is not used and would only be carried along.
            del self.body.conv_head, self.body.bn2
        with torch.inference_mode():
            self.width = self.eval()(torch.zeros(1, 3, backbone.size, backbone.size)).shape[1]

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Statistics of the stages (CNN), or class token and statistics of the blocks (ViT)."""
        found = self.of_blocks(pictures) if self.tokens else self.of_stages(pictures)
        return torch.cat(found, dim=1)

    def of_stages(self, pictures: torch.Tensor) -> list[torch.Tensor]:
        """Mean and spread of the stages' channels over the picture."""
        body, found = self.body, []
        maps = body.bn1(body.conv_stem(pictures))
        for depth, stage in enumerate(body.blocks):
            maps = stage(maps)
            if depth in self.depths:
                found += mean_and_spread(maps, (2, 3))
        return found

    def of_blocks(self, pictures: torch.Tensor) -> list[torch.Tensor]:
        """Class token, mean and spread of the patch tokens of the blocks, after the last norm."""
        body, found = self.body, []
        tokens = body.norm_pre(body._pos_embed(body.patch_embed(pictures)))
        for depth, block in enumerate(body.blocks):
            tokens = block(tokens)
            if depth in self.depths:
                normed = body.norm(tokens)
                found += [normed[:, 0], *mean_and_spread(normed[:, 1:], (1,))]
        return found


class SideBySide(nn.Module):
    """Several backbones on one picture, their features one after the other.

    Pictures come normalised as the first backbone wants them, float32 [batch, 3, size, size]; the
    others undo that and apply their own.
    """

    def __init__(self, backbones: tuple[Backbone, ...], weights: Path | None) -> None:
        """Builds every backbone; without ``weights`` parameters are random (tests only)."""
        super().__init__()
        self.parts = nn.ModuleList(Features(backbone, weights) for backbone in backbones)
        self.width = sum(part.width for part in self.parts)
        first, self.maps = backbones[0], []
        for backbone in backbones:
            pairs = zip(first.mean, first.std, backbone.mean, backbone.std, strict=True)
            scaled = [(s1 / s2, (m1 - m2) / s2) for m1, s1, m2, s2 in pairs]
            both = zip(*scaled, strict=True)
            self.maps.append([torch.tensor(v).reshape(1, 3, 1, 1) for v in both])

    @property
    def body(self) -> nn.Module:
        """The first backbone's network, whose attention explains a guess."""
        return self.parts[0].body

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Features of all backbones, float32 [batch, width]."""
        found = [self.parts[0](pictures)]
        for part, (scale, shift) in zip(self.parts[1:], self.maps[1:], strict=True):
            found.append(part(pictures * scale + shift))
        return torch.cat(found, dim=1)
