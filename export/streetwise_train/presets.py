"""The architectures that can be trained: the study's sixteen and five more, built by timm.

A preset names the architecture and how it likes its pictures; :func:`build` makes the network, and
fills it from timm's hub, from a safetensors file, or (only when asked for) with random numbers.
"""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import timm
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from .classifier import Classifier
from .errors import TrainError

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
HALF = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
#: fastai's `fine_tune` default; what is used where the finder is not run.
CNN_LR = 2e-3
#: Transformers diverge at that rate; a quarter of it is stable in all presets.
TRANSFORMER_LR = 5e-4

#: Smaller pictures leave nothing of the last maps.
MIN_SIZE = 28


@dataclass(frozen=True)
class Preset:
    """An architecture with its defaults.

    ``timm_name`` carries timm's tag, so that the weights are named exactly. ``size`` is the side of
    the square input in pixels, ``batch`` pictures a step, ``lr`` the base learning rate where the
    finder is not run; ``mean``, ``std`` and ``interpolation`` are timm's for these weights;
    ``params_m`` is the number of parameters of the body (no classifier) in millions.
    """

    id: str
    name: str
    timm_name: str
    size: int
    batch: int
    lr: float
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    interpolation: str
    params_m: float


def _rows() -> list[Preset]:
    """All presets; normalisation and interpolation are those of timm's pretrained configuration."""
    table = (
        ("resnet18", "ResNet-18", "resnet18.a1_in1k", 64, IMAGENET, 11.2),
        ("resnet50", "ResNet-50", "resnet50.a1_in1k", 64, IMAGENET, 23.5),
        ("resnet101", "ResNet-101", "resnet101.a1h_in1k", 32, IMAGENET, 42.5),
        ("resnet18d", "ResNet-18-D", "resnet18d.ra2_in1k", 64, IMAGENET, 11.2),
        ("resnet50d", "ResNet-50-D", "resnet50d.ra2_in1k", 64, IMAGENET, 23.5),
        ("resnet101d", "ResNet-101-D", "resnet101d.ra2_in1k", 32, IMAGENET, 42.5),
        ("convnext-tiny", "ConvNeXt-T", "convnext_tiny.in12k_ft_in1k", 32, IMAGENET, 27.8),
        ("convnext-small", "ConvNeXt-S", "convnext_small.in12k_ft_in1k", 32, IMAGENET, 49.5),
        ("vit-tiny", "ViT-Ti/16", "vit_tiny_patch16_224.augreg_in21k_ft_in1k", 64, HALF, 5.5),
        ("vit-small", "ViT-S/16", "vit_small_patch16_224.augreg_in21k_ft_in1k", 64, HALF, 21.7),
        ("vit-base", "ViT-B/16", "vit_base_patch16_224.augreg2_in21k_ft_in1k", 32, HALF, 85.8),
        ("deit-tiny", "DeiT-Ti/16", "deit_tiny_patch16_224.fb_in1k", 64, IMAGENET, 5.5),
        ("deit-small", "DeiT-S/16", "deit_small_patch16_224.fb_in1k", 64, IMAGENET, 21.7),
        ("deit-base", "DeiT-B/16", "deit_base_patch16_224.fb_in1k", 32, IMAGENET, 85.8),
        ("swinv2-tiny", "SwinV2-T", "swinv2_tiny_window8_256.ms_in1k", 32, IMAGENET, 27.6),
        ("swinv2-small", "SwinV2-S", "swinv2_small_window8_256.ms_in1k", 32, IMAGENET, 49.0),
        ("dinov2-vit-s", "DINOv2 ViT-S/14", "vit_small_patch14_dinov2.lvd142m", 64, IMAGENET, 21.6),
        ("tiny-vit-5m", "TinyViT-5M", "tiny_vit_5m_224.dist_in22k", 64, IMAGENET, 5.1),
        ("tiny-vit-11m", "TinyViT-11M", "tiny_vit_11m_224.dist_in22k", 64, IMAGENET, 10.5),
        ("tiny-vit-21m", "TinyViT-21M", "tiny_vit_21m_224.dist_in22k", 32, IMAGENET, 20.6),
        ("efficientnet-lite0", "EfficientNet-Lite0", "tf_efficientnet_lite0.in1k", 64, HALF, 3.4),
    )
    rows = []
    for key, name, timm_name, batch, (mean, std), params in table:
        size = 256 if key.startswith("swinv2") else 224
        cnn = key.startswith(("resnet", "efficientnet"))
        rate = CNN_LR if cnn else TRANSFORMER_LR
        rows.append(Preset(key, name, timm_name, size, batch, rate, mean, std, "bicubic", params))
    return rows


PRESETS: dict[str, Preset] = {preset.id: preset for preset in _rows()}


class PresetError(TrainError):
    """An unknown preset, or one that cannot be built as asked; the message says the way out."""

    def __init__(self, message: str, hint: str = "", kind: str = "preset") -> None:
        """``kind`` is the event's."""
        super().__init__(kind, message, hint)


class WeightsMissing(PresetError):  # noqa: N818  (a state of the machine, not a mistake)
    """Pretrained weights are neither at hand nor to be had."""


def get(preset: str | Preset) -> Preset:
    """The preset of an id. Raises :class:`PresetError` that lists the known ones."""
    if isinstance(preset, Preset):
        return preset
    if preset not in PRESETS:
        raise PresetError(f"preset {preset!r} is not known; choose one of {', '.join(PRESETS)}")
    return PRESETS[preset]


def listing() -> list[dict]:
    """Every preset as a plain object, for ``presets --json``."""
    return [asdict(preset) for preset in PRESETS.values()]


def build(
    preset: str | Preset,
    classes: int,
    size: int | None = None,
    weights: Path | str | None = None,
    from_scratch: bool = False,
) -> Classifier:
    """A network that takes float32 [batch, 3, size, size] and returns logits [batch, classes].

    ``weights`` is a safetensors file in timm's naming (float16 is widened). Without it, timm's own
    weights come from its hub or the hub's cache; ``from_scratch`` leaves random numbers instead.
    Raises :class:`PresetError` for an unknown preset, a size the architecture cannot take, or
    a file that does not fit, :class:`WeightsMissing` where the hub cannot be reached.
    """
    known = get(preset)
    side = size or known.size
    if side < MIN_SIZE or side % step(known):
        raise PresetError(
            f"{known.id} cannot take pictures of {side} pixels: the side must be a multiple of "
            f"{step(known)} and at least {MIN_SIZE}"
        )
    try:
        body = timm.create_model(
            known.timm_name, pretrained=False, num_classes=0, **extra(known, side)
        )
    except (AssertionError, ValueError, RuntimeError) as error:
        raise PresetError(f"{known.id} cannot take pictures of {side} pixels: {error}") from error
    if weights is not None:
        fill(body, Path(weights))
    elif not from_scratch:
        fill(body, from_hub(known))
    return Classifier(body, classes)


def step(preset: Preset) -> int:
    """The side of a picture must be a multiple of this: a ViT's patch, else the whole stride."""
    return next((n for n in (14, 16) if f"patch{n}" in preset.timm_name), 32)


def extra(preset: Preset, side: int) -> dict:
    """What timm must be told of the input's side; convolutional networks take any."""
    return {"img_size": side} if preset.timm_name.startswith(("vit", "deit", "swin")) else {}


def from_hub(preset: Preset) -> Path:
    """The safetensors file of the preset in the hub's cache, fetched where it is not there yet.

    Only safetensors is fetched: no pickle is opened. Raises :class:`WeightsMissing`.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    where = {"repo_id": f"timm/{preset.timm_name}", "filename": "model.safetensors"}
    try:
        return Path(hf_hub_download(**where, local_files_only=True))
    except LocalEntryNotFoundError:
        pass
    try:
        return Path(hf_hub_download(**where))
    except (OSError, HfHubHTTPError) as error:
        raise WeightsMissing(
            f"the pretrained weights of {preset.id} ({preset.timm_name}) could not be fetched from "
            f"timm's hub: {str(error).splitlines()[0]}",
            "give them as `--weights FILE.safetensors` (timm's naming), or train without any by "
            "`--from-scratch`",
            "weights-missing",
        ) from error


def fill(body: torch.nn.Module, path: Path) -> None:
    """Loads a safetensors file into a timm model; its classifier, which is not used, is dropped.

    Position embeddings and window tables are resampled by timm's own filter where the side differs.
    Raises :class:`PresetError` naming the file and the first tensors that are missing or misshapen.
    """
    try:
        state = {k: v.float() if v.is_floating_point() else v for k, v in load_file(path).items()}
    except (OSError, SafetensorError) as error:
        raise PresetError(
            f"{path} cannot be read as safetensors ({error}); "
            "only timm's weights in that format are loaded"
        ) from error
    adapt = getattr(sys.modules[type(body).__module__], "checkpoint_filter_fn", None)
    try:
        own = body.state_dict()
        state = {k: v for k, v in (adapt(state, body) if adapt else state).items() if k in own}
        missing = sorted(own.keys() - state.keys())
        if not missing:
            body.load_state_dict(state)
            return
    except (KeyError, RuntimeError, ValueError, AttributeError) as error:
        raise PresetError(f"{path} does not fit this architecture: {error}") from error
    raise PresetError(
        f"{path} lacks {len(missing)} tensors of this architecture, first "
        f"{', '.join(missing[:3])}; give the weights of the same preset in timm's naming"
    )
