"""The figures of an epoch on the validation pictures."""

from __future__ import annotations

import numpy as np
import torch
from fastai.metrics import accuracy_multi
from sklearn.metrics import f1_score

from . import metrics


def scores(logits: torch.Tensor, labels: torch.Tensor, countries: list[str]) -> dict:
    """Figures of raw logits [pictures, countries] against class numbers [pictures].

    ``accuracy_multi`` and ``f1`` are the study's: each country is a question of its own, answered
    yes from a probability of one half (fastai's ``accuracy_multi``, scikit-learn's F1 of the
    answers, the mean over countries). ``accuracy``, ``top3``, ``top5`` and ``macro_f1`` take the
    most likely country. ``per_country_f1`` is ``None`` for a country without pictures.
    """
    truth, width = labels.numpy(), len(countries)
    probabilities = metrics.softmax(logits.numpy())
    rank, guesses = metrics.ranks(probabilities, truth), probabilities.argmax(1)
    asked = torch.nn.functional.one_hot(labels, width)
    answers = torch.from_numpy(probabilities)
    every = np.arange(width)
    each = f1_score(truth, guesses, labels=every, average=None, zero_division=0)
    present = np.isin(every, truth)
    return {
        "accuracy": float(np.mean(rank < 1)),
        "accuracy_multi": float(accuracy_multi(answers, asked, sigmoid=False)),
        "f1": float(f1_score(asked.numpy(), probabilities > 0.5, average="macro", zero_division=0)),
        "top3": float(np.mean(rank < 3)),
        "top5": float(np.mean(rank < 5)),
        "macro_f1": metrics.macro_f1(guesses, truth),
        "ece": metrics.ece(probabilities, truth),
        "per_country_f1": {
            country: float(value) if there else None
            for country, value, there in zip(countries, each, present, strict=True)
        },
    }
