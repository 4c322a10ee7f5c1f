"""The linear head: multinomial logistic regression on frozen features, with a geographic prior."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from . import metrics, reduction

#: Iterations of L-BFGS; the loss no longer moves in its fourth digit.
STEPS = 60
#: The constant feature whose weights are the bias, in deviations. The bias falls under the prior as
#: well, so that a country without pictures is about as frequent as its neighbours.
CONSTANT = 3.0
#: L2 penalty of the layer that tells the domains apart.
GATE_DECAY = 1e-2


@dataclass(frozen=True)
class Recipe:
    """How a head is trained.

    ``shared`` and ``own`` are the L2 penalties of ``geography.kinship`` on the weights of
    standardised features. ``smoothing`` is label smoothing (Szegedy et al. 2016).
    ``country_power`` 1 gives every country the same total weight, 0 leaves them as they come;
    ``source_power`` does the same for the sources inside a country. ``apart`` says how far the
    domains may have weights of their own; 0 gives all of them the same. ``components`` are the
    principal components kept of each backbone's features. ``views`` are the views of a picture
    the head is trained on, the app's own first.
    """

    shared: float = 8e-3
    own: float = 3.2e-2
    smoothing: float = 0.0
    country_power: float = 0.5
    source_power: float = 0.0
    apart: float = 1.0
    components: tuple[int, ...] = (950,)
    views: tuple[str, ...] = ("squish",)


@dataclass(frozen=True)
class Head:
    """A linear layer for each domain on raw features, mixed by a gate that tells the domains apart.

    ``weight`` is [domains, countries, width] and ``bias`` [domains, countries]; ``gate`` [domains,
    width] and ``gate_bias`` [domains] are a linear layer before a softmax. With one domain this
    is ``features @ weight.T + bias``.
    """

    weight: np.ndarray
    bias: np.ndarray
    gate: np.ndarray
    gate_bias: np.ndarray

    def shares(self, features: np.ndarray) -> np.ndarray:
        """How far each picture is of each domain, [pictures, domains]; rows sum to 1."""
        return metrics.softmax(features @ self.gate.T + self.gate_bias).astype(np.float32)

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Logits, float32 [pictures, countries]."""
        share = self.shares(features)
        parts = zip(share.T, self.weight, self.bias, strict=True)
        return sum(s[:, None] * (features @ w.T + b) for s, w, b in parts)


def sample_weights(
    labels: np.ndarray, sources: np.ndarray, groups: np.ndarray, recipe: Recipe
) -> np.ndarray:
    """A weight for each picture, mean 1: views of a group share one, then source, then country."""
    views = Counter(groups)
    weight = np.array([1.0 / views[g] for g in groups])
    for keys, power in (
        (list(zip(labels, sources, strict=True)), recipe.source_power),
        (list(labels), recipe.country_power),
    ):
        total: Counter = Counter()
        for key, w in zip(keys, weight, strict=True):
            total[key] += w
        weight = np.array([w / total[k] ** power for k, w in zip(keys, weight, strict=True)])
    return weight / weight.mean()


def fit(
    features: np.ndarray,
    labels: np.ndarray,
    domains: np.ndarray,
    kinship: np.ndarray,
    weights: np.ndarray,
    recipe: Recipe,
    widths: tuple[int, ...],
) -> Head:
    """Fits the head by L-BFGS from zero, so that the result depends on nothing random.

    ``features`` is [pictures, views, width]; every view of a picture counts alike. ``domains`` are
    the pictures' domains as numbers from 0. ``kinship`` is the prior covariance of the
    countries' weights, [countries, countries], ``widths`` each backbone's share of the width.
    """
    pictures, views, width = features.shape
    reduced = reduction.fit(features.reshape(-1, width), widths, recipe.components)
    x = torch.from_numpy(reduced(features.reshape(-1, width)))
    target = targets(labels, len(kinship), recipe).repeat_interleave(views, 0)
    scale = torch.from_numpy(np.repeat(weights, views) / (pictures * views)).float()
    part = torch.from_numpy(np.repeat(domains, views))
    parts = solve(x, target, scale, np.linalg.cholesky(kinship), part, recipe.apart)
    unfolded = [reduced.unfold(*layer) for layer in parts]
    gate, gate_bias = reduced.unfold(*tell_domains(x, part))
    return Head(
        np.stack([w for w, _ in unfolded]), np.stack([b for _, b in unfolded]), gate, gate_bias
    )


def tell_domains(x: torch.Tensor, part: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """A linear layer that tells the domains apart, every domain weighing the same."""
    count = torch.bincount(part).double()
    scale = (1 / count / len(count))[part].float()
    target = functional.one_hot(part, len(count)).float()
    root = np.eye(len(count)) / GATE_DECAY**0.5
    return solve(x, target, scale, root, torch.zeros_like(part), 0.0)[0]


def solve(
    x: torch.Tensor,
    target: torch.Tensor,
    scale: torch.Tensor,
    root: np.ndarray,
    part: torch.Tensor,
    apart: float,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Weights [countries, components] and bias for each part that minimise cross-entropy.

    The weights of a part are ``root @ (free[0] + apart * free[1 + part])`` with a unit ridge on
    ``free``: what the parts have in common, and what each has of its own (Daume 2007), both with
    the covariance ``root @ root.T`` between countries.
    """
    mix = torch.from_numpy(root).float()
    x = torch.cat([x, torch.full((len(x), 1), CONSTANT)], 1)
    own = [torch.nonzero(part == number).flatten() for number in range(int(part.max()) + 1)]
    rows = [(x[which], target[which], scale[which]) for which in own]
    free = torch.zeros(1 + len(own), len(mix), x.shape[1], requires_grad=True)
    solver = torch.optim.LBFGS([free], max_iter=STEPS, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        solver.zero_grad()
        loss = free.square().sum() / 2
        for number, (some, wanted, share) in enumerate(rows):
            logits = some @ (mix @ (free[0] + apart * free[1 + number])).T
            loss = loss - (wanted * functional.log_softmax(logits, 1)).sum(1) @ share
        loss.backward()
        return loss

    solver.step(closure)
    layers = [mix @ (free[0] + apart * free[1 + number]) for number in range(len(own))]
    found = [layer.detach().double().numpy() for layer in layers]
    return [(weight[:, :-1], CONSTANT * weight[:, -1]) for weight in found]


def targets(labels: np.ndarray, countries: int, recipe: Recipe) -> torch.Tensor:
    """Smoothed one-hot labels, float32 [pictures, countries]."""
    hard = functional.one_hot(torch.from_numpy(labels), countries).float()
    return hard * (1 - recipe.smoothing) + recipe.smoothing / countries
