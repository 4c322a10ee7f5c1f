"""Pictures that excite one logit most: gradient ascent on the input (Olah et al. 2017).

A picture is not optimised pixel by pixel, which ends in noise, but through its Fourier
coefficients in decorrelated colours (Olah, Mordvintsev and Schubert, "Feature Visualization",
Distill 2017, and its library lucid, whose constants these are). Each step sees it shifted, scaled
and turned a little, so that only what survives such changes pays.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from .errors import TrainError

#: Square root of the covariance of the colours of ImageNet, rows red, green, blue (lucid).
COLOURS = ((0.26, 0.09, 0.02), (0.27, 0.00, -0.05), (0.27, -0.09, 0.03))
#: Standard deviation of the coefficients at the start (lucid): a nearly even grey.
START = 0.01
#: lucid divides what comes back from the coefficients by this, so that Adam's steps fit.
DAMPING = 4.0
#: Adam's rate (lucid).
RATE = 0.05
#: Largest shift as a share of the side, change of scale, and turn in degrees, either way.
SHIFT, SCALE, TURN = 0.06, 0.1, 8.0


@dataclass(frozen=True)
class Excited:
    """A picture, uint8 [size, size, 3], and what the network says of it as it is written.

    ``start`` and ``end`` are logits of the country on the first and the last picture, both whole
    and of 8 bits a colour; ``probability`` is the softmax of the last one's logits, temperature 1.
    """

    pixels: np.ndarray
    start: float
    end: float
    probability: float


class Painting(nn.Module):
    """A picture by its Fourier coefficients in decorrelated colours."""

    def __init__(self, size: int, generator: torch.Generator) -> None:
        """Draws the coefficients of a picture of ``size`` pixels a side from ``generator``."""
        super().__init__()
        self.size = size
        shape = (1, 3, size, size // 2 + 1, 2)
        self.waves = nn.Parameter(torch.randn(shape, generator=generator) * START)
        rows, columns = torch.fft.fftfreq(size)[:, None], torch.fft.rfftfreq(size)[None]
        frequency = torch.sqrt(rows**2 + columns**2).clamp_min(1 / size)
        colours = torch.tensor(COLOURS)
        self.register_buffer("weight", (size / frequency)[..., None])
        self.register_buffer("colours", colours / colours.norm(dim=0).max())

    def forward(self) -> torch.Tensor:
        """The picture, float32 [1, 3, size, size] in 0 to 1."""
        waves = torch.view_as_complex((self.waves * self.weight).contiguous())
        planes = torch.fft.irfft2(waves, s=(self.size, self.size)) / DAMPING
        return torch.sigmoid(torch.einsum("cd,bdhw->bchw", self.colours, planes))


class Eye(nn.Module):
    """A network and how it wants its pictures: logits [batch, countries] of colours in 0 to 1."""

    def __init__(self, network: nn.Module, size: int, mean: tuple, std: tuple) -> None:
        """``network`` takes normalised pictures of ``size`` pixels a side."""
        super().__init__()
        self.network, self.size = network, size
        self.register_buffer("mean", torch.tensor(mean).reshape(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std).reshape(1, 3, 1, 1))

    def forward(self, colours: torch.Tensor) -> torch.Tensor:
        """Logits of pictures of any side, float32 [batch, 3, side, side]."""
        if colours.shape[-1] != self.size:
            colours = functional.interpolate(
                colours, self.size, mode="bilinear", antialias=True, align_corners=False
            )
        return self.network((colours - self.mean) / self.std)


def moved(colours: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """The picture shifted, scaled and turned by chance; what comes in at the edges is mirrored."""
    draw = (torch.rand(4, generator=generator) * 2 - 1).tolist()
    angle, scale = math.radians(draw[0] * TURN), 1 + draw[1] * SCALE
    cosine, sine = scale * math.cos(angle), scale * math.sin(angle)
    shift = [2 * SHIFT * value for value in draw[2:]]  # the sides lie at -1 and 1
    turn = torch.tensor([[cosine, -sine, shift[0]], [sine, cosine, shift[1]]])
    places = functional.affine_grid(
        turn[None].to(colours.device), list(colours.shape), align_corners=False
    )
    return functional.grid_sample(
        colours, places, mode="bilinear", padding_mode="reflection", align_corners=False
    )


def variation(colours: torch.Tensor) -> torch.Tensor:
    """Half the squared differences of neighbours, summed (Mahendran et al. 2015)."""
    down, right = colours.diff(dim=2), colours.diff(dim=3)
    return (down.square().sum() + right.square().sum()) / 2


def margin(logits: torch.Tensor, country: int) -> torch.Tensor:
    """What is climbed: the country's logit minus the mean of the others', [batch]."""
    others = (logits.sum(1) - logits[:, country]) / (logits.shape[1] - 1)
    return logits[:, country] - others


def ascent(
    eye: Eye, colours: torch.Tensor, country: int, smoothness: float, generator: torch.Generator
) -> torch.Tensor:
    """The direction, shaped like ``colours``, in which one step should change them.

    That of the margin is brought to a root mean square of 1, so that ``smoothness``, the weight of
    the total variation, means the same for networks with small and with large logits.
    """
    seen = colours.detach().requires_grad_()
    (up,) = torch.autograd.grad(margin(eye(moved(seen, generator)), country).sum(), seen)
    (rough,) = torch.autograd.grad(variation(seen), seen)
    return up / up.square().mean().sqrt().clamp_min(1e-20) - smoothness * rough


def to_bytes(colours: torch.Tensor) -> np.ndarray:
    """Colours [1, 3, size, size] in 0 to 1 as pixels, uint8 [size, size, 3]."""
    return (colours[0].detach().cpu() * 255).round().byte().permute(1, 2, 0).numpy()


def logits_of(eye: Eye, pixels: np.ndarray) -> torch.Tensor:
    """Logits [countries] of pixels as they are written."""
    device = eye.mean.device
    colours = torch.from_numpy(pixels).to(device).permute(2, 0, 1)[None] / 255
    with torch.no_grad():
        return eye(colours)[0].float().cpu()


def excite(
    eye: Eye,
    country: int,
    size: int,
    steps: int,
    seed: tuple[int, ...],
    smoothness: float,
    step: Callable[[int], None] = lambda _: None,
) -> Excited:
    """Paints what excites ``country`` (a position in the logits) most, ``size`` pixels a side.

    ``eye`` is in evaluation mode; :func:`ascent` explains ``smoothness``. ``step`` is told
    how many of the ``steps`` are done and may end the work by
    raising. The same ``seed`` gives the same picture on a processor with the same number of
    threads. Raises :class:`TrainError` of kind ``not-finite`` where the network answers with a
    number that is none.
    """
    number = int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0])
    generator = torch.Generator().manual_seed(number % 2**63)
    painting = Painting(size, generator).to(eye.mean.device)
    first = logits_of(eye, to_bytes(painting()))
    optimiser = torch.optim.Adam(painting.parameters(), lr=RATE)
    for done in range(steps):
        optimiser.zero_grad()
        colours = painting()
        direction = ascent(eye, colours, country, smoothness, generator)
        if not torch.isfinite(direction).all():
            raise not_finite(done)
        colours.backward(-direction)
        optimiser.step()
        step(done + 1)
    pixels = to_bytes(painting())
    last = logits_of(eye, pixels)
    share = float(last.softmax(0)[country])
    if not math.isfinite(share):
        raise not_finite(steps)
    return Excited(pixels, float(first[country]), float(last[country]), share)


def not_finite(done: int) -> TrainError:
    """The error of a network that answers with numbers that are none."""
    message = f"after {done} steps the network gives logits or gradients that are not finite"
    return TrainError("not-finite", message, "its weights are damaged: resume or repeat its run")
