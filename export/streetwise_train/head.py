"""The linear head: multinomial logistic regression on frozen features, with a geographic prior."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from . import reduction

#: Iterations of L-BFGS; the loss no longer moves in its fourth digit.
STEPS = 60
#: The constant feature whose weights are the bias, in deviations. The bias falls under the prior as
#: well, so that a country without pictures is about as frequent as its neighbours.
CONSTANT = 3.0


@dataclass(frozen=True)
class Recipe:
    """How a head is trained.

    ``shared`` and ``own`` are the L2 penalties of ``geography.kinship`` on the weights of
    standardised features. ``smoothing`` is label smoothing (Szegedy et al. 2016).
    ``country_power`` 1 gives every country the same total weight, 0 leaves them as they come;
    ``source_power`` does the same for the sources inside a country. ``components`` are the
    principal components kept of each backbone's features. ``views`` are the views of a picture
    the head is trained on, the app's own first.
    """

    shared: float = 2e-3
    own: float = 8e-3
    smoothing: float = 0.0
    country_power: float = 0.5
    source_power: float = 0.0
    components: tuple[int, ...] = (950,)
    views: tuple[str, ...] = ("squish",)


@dataclass(frozen=True)
class Head:
    """A linear layer on raw features: ``logits = features @ weight.T + bias``."""

    weight: np.ndarray
    bias: np.ndarray

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Logits, float32 [pictures, countries]."""
        return features @ self.weight.T + self.bias


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
    kinship: np.ndarray,
    weights: np.ndarray,
    recipe: Recipe,
    widths: tuple[int, ...],
) -> Head:
    """Fits the head by L-BFGS from zero, so that the result depends on nothing random.

    ``features`` is [pictures, views, width]; every view of a picture counts alike. ``kinship`` is
    the prior covariance of the countries' weights, [countries, countries], ``widths`` the share of
    each backbone in the features.
    """
    pictures, views, width = features.shape
    reduced = reduction.fit(features.reshape(-1, width), widths, recipe.components)
    x = torch.from_numpy(reduced(features.reshape(-1, width)))
    target = targets(labels, len(kinship), recipe).repeat_interleave(views, 0)
    scale = torch.from_numpy(np.repeat(weights, views) / (pictures * views)).float()
    weight, bias = solve(x, target, scale, np.linalg.cholesky(kinship))
    return Head(*reduced.unfold(weight, bias))


def solve(
    x: torch.Tensor, target: torch.Tensor, scale: torch.Tensor, root: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Weights [countries, components] and bias that minimise cross-entropy under the prior.

    The weights are ``root @ free`` with a unit ridge on ``free``, which gives them the covariance
    ``root @ root.T``.
    """
    mix = torch.from_numpy(root).float()
    x = torch.cat([x, torch.full((len(x), 1), CONSTANT)], 1)
    free = torch.zeros(len(mix), x.shape[1], requires_grad=True)
    solver = torch.optim.LBFGS([free], max_iter=STEPS, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        solver.zero_grad()
        logits = x @ (mix @ free).T
        loss = -(target * functional.log_softmax(logits, 1)).sum(1) @ scale
        loss = loss + free.square().sum() / 2
        loss.backward()
        return loss

    solver.step(closure)
    weight = (mix @ free).detach().double().numpy()
    return weight[:, :-1], CONSTANT * weight[:, -1]


def targets(labels: np.ndarray, countries: int, recipe: Recipe) -> torch.Tensor:
    """Smoothed one-hot labels, float32 [pictures, countries]."""
    hard = functional.one_hot(torch.from_numpy(labels), countries).float()
    return hard * (1 - recipe.smoothing) + recipe.smoothing / countries
