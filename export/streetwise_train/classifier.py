"""A timm body under fastai's head, and the same network cut in two for training from a cache."""

from __future__ import annotations

import torch
from fastai.torch_core import apply_init
from fastai.vision.learner import create_head
from torch import nn
from torch.nn import functional


class Permute(nn.Module):
    """Reorders the axes of its input."""

    def __init__(self, *order: int) -> None:
        """``order`` as in :func:`torch.permute`."""
        super().__init__()
        self.order = order

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The input with its axes reordered."""
        return x.permute(self.order)


class ConcatPool(nn.Module):
    """fastai's concatenated max and mean pooling to one pixel, of operators every exporter knows.

    torch 2.11 cannot write ``adaptive_max_pool2d``, which fastai uses, as ONNX.
    """

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Maps [batch, channels, height, width] to [batch, 2 * channels, 1, 1]."""
        largest = functional.max_pool2d(maps, maps.shape[2:])
        return torch.cat([largest, maps.mean((2, 3), keepdim=True)], 1)


class VitStem(nn.Module):
    """What a ViT does before its first block: patches, class token, positions."""

    def __init__(self, body: nn.Module) -> None:
        """Shares the parts of ``body``; the blocks are not among them."""
        super().__init__()
        self.patch_embed, self.norm_pre = body.patch_embed, body.norm_pre
        self.pos_embed, self.cls_token = body.pos_embed, body.cls_token
        self.patch_drop, self._embed = body.patch_drop, (body._pos_embed,)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Pictures [batch, 3, size, size] to tokens [batch, tokens, width]."""
        return self.norm_pre(self.patch_drop(self._embed[0](self.patch_embed(x))))


class VitEnd(nn.Module):
    """What a ViT does after its last block: the norm, and one token (or the mean) for all."""

    def __init__(self, body: nn.Module) -> None:
        """Shares the parts of ``body``; the blocks are not among them."""
        super().__init__()
        self.norm, self.fc_norm = body.norm, body.fc_norm
        self._pool = (body.pool,)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Tokens [batch, tokens, width] to features [batch, width]."""
        return self.fc_norm(self._pool[0](self.norm(x)))


def chain(body: nn.Module) -> list[tuple[nn.Module, bool]]:
    """The body as steps in order, each with whether it is one of its blocks.

    Run one after another they are ``forward_features`` (of a ViT: ``forward``). Raises
    ``TypeError`` for an architecture that is not among the presets.
    """
    kind = type(body).__name__
    if kind == "VisionTransformer":
        blocks = [(block, True) for block in body.blocks]
        return [(VitStem(body), False), *blocks, (VitEnd(body), False)]
    if kind == "ResNet":
        stem = [(part, False) for part in (body.conv1, body.bn1, body.act1, body.maxpool)]
        layers = (body.layer1, body.layer2, body.layer3, body.layer4)
        return stem + [(block, True) for layer in layers for block in layer]
    if kind == "EfficientNet":
        blocks = [(block, True) for stage in body.blocks for block in stage]
        ends = [(part, False) for part in (body.conv_stem, body.bn1, body.conv_head, body.bn2)]
        return ends[:2] + blocks + ends[2:]
    if kind == "ConvNeXt":
        return [(body.stem, False), *staged(body.stages), (body.norm_pre, False)]
    if kind == "SwinTransformerV2":
        return [(body.patch_embed, False), *staged(body.layers), (body.norm, False)]
    if kind == "TinyVit":
        return [(body.patch_embed, False), *staged(body.stages)]
    raise TypeError(f"{kind} is not one of the architectures that can be cut into blocks")


def staged(stages: nn.Module) -> list[tuple[nn.Module, bool]]:
    """The steps of stages that first scale down and then run their blocks."""
    steps: list[tuple[nn.Module, bool]] = []
    for stage in stages:
        turned = type(stage).__name__ == "TinyVitStage"
        if hasattr(stage, "downsample"):
            steps.append((stage.downsample, False))
        steps += [(Permute(0, 2, 3, 1), False)] if turned else []
        steps += [(block, True) for block in stage.blocks]
        steps += [(Permute(0, 3, 1, 2), False)] if turned else []
    return steps


class Classifier(nn.Module):
    """Normalised pictures, float32 [batch, 3, size, size], to raw logits [batch, classes].

    ``body`` is the timm model without its classifier, ``head`` what fastai's ``vision_learner``
    puts on it: for bodies that return maps, concatenated max and mean pooling, then two linear
    layers with batch norm and dropout; for ViTs the same layers on the class token.
    """

    def __init__(self, body: nn.Module, classes: int) -> None:
        """Puts a new head (Kaiming initialised, as fastai does) for ``classes`` on ``body``."""
        super().__init__()
        self.pooled = body.default_cfg.get("pool_size") is not None
        # fastai pools the maps itself and so leaves timm's last norm and pooling unused: drop them,
        # so that no parameter is left without a gradient.
        if self.pooled and hasattr(body, "head"):
            body.head = nn.Identity()
        self.body = body
        self.head = create_head(body.num_features, classes, pool=self.pooled)
        if self.pooled:
            self.head[0] = ConcatPool()
        apply_init(self.head, nn.init.kaiming_normal_)
        #: SwinV2 returns maps with the channels last; fastai's pooling wants them second.
        self.last = getattr(body, "output_fmt", "NCHW") == "NHWC"

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Raw logits, before any temperature."""
        return self.head_of(self.features(pictures))

    def features(self, pictures: torch.Tensor) -> torch.Tensor:
        """Pooled features, [batch, width]: what :meth:`head_of` takes."""
        if not self.pooled:
            return self.body(pictures)
        return self.pool(self.body.forward_features(pictures))

    def pool(self, maps: torch.Tensor) -> torch.Tensor:
        """Maps of the body to features [batch, 2 * channels]: the maxima, then the means."""
        return self.head[:2](maps.permute(0, 3, 1, 2) if self.last else maps)

    def head_of(self, features: torch.Tensor) -> torch.Tensor:
        """Logits [batch, classes] of pooled features."""
        return self.head[2:](features) if self.pooled else self.head(features)

    def blocks(self) -> int:
        """How many blocks the body has; :meth:`split` takes at most that many."""
        return sum(block for _, block in chain(self.body))

    def split(self, last: int) -> tuple[nn.Sequential, nn.Sequential]:
        """The way to the features cut before the ``last`` blocks: front, back.

        ``head_of(back(front(pictures)))`` is ``forward(pictures)``. With 0, front gives the
        features and back does nothing. Both share their parameters with this network. Raises
        ``ValueError`` where the body has fewer blocks.
        """
        steps = chain(self.body)
        blocks = [i for i, (_, block) in enumerate(steps) if block]
        if not 0 <= last <= len(blocks):
            raise ValueError(f"the last {last} blocks were asked for, the body has {len(blocks)}")
        parts = [step for step, _ in steps]
        if self.pooled:
            parts += [Permute(0, 3, 1, 2)] if self.last else []
            parts += list(self.head[:2])
        cut = blocks[-last] if last else len(parts)
        return nn.Sequential(*parts[:cut]), nn.Sequential(*parts[cut:])

    def param_groups(self) -> list[list[nn.Parameter]]:
        """Parameters of the body, then of the head: fastai's groups for discriminative rates."""
        return [list(self.body.parameters()), list(self.head.parameters())]
