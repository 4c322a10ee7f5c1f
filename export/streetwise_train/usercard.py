"""``card.md`` of a model that a user trained: what it knows, what it was measured to do, limits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from . import calibrate
from .card import table
from .dataset import Samples, Split
from .evaluation import Evaluation
from .gate import PICTURES, Variant
from .outside import Rule
from .presets import Preset
from .recipe import Recipe

LICENCE = """\
The weights were trained on pictures that the user chose. The rights in those pictures, and the
duty to respect their terms, are the user's; whether the weights may be passed on depends on them.
The pretrained weights it started from are those of timm's `{timm_name}` and keep their licence.
No picture is part of the model.
"""

LIMITS = """\
- It knows only the countries listed and spreads its belief over them even where the picture is
  from another country, indoors, or no street at all.
- It sees texture, light, vegetation and cameras, not text.
- The figures come from places that were never trained on, but from the same sources: a camera it
  has not met will be harder. Nothing here says how much.
- The temperature, the bound for `unsure`, and with early stopping the epoch, were chosen on the
  same pictures, which flatters the figures a little.
- With {places} places, a figure of 0.50 is uncertain by about {margin:.2f} either way.
"""


def write(
    name: str,
    preset: Preset,
    recipe: Recipe,
    samples: Samples,
    split: Split,
    found: Evaluation,
    gate: tuple[Variant, Sequence[Variant], int],
    weights: str,
    rule: Rule | None,
) -> str:
    """The whole card; ``gate`` is the chosen variant, all of them, and the pictures compared.

    ``weights`` says what training started from, ``rule`` when a picture is called outside.
    """
    size, known = recipe.size or preset.size, samples.countries
    margin = 1.96 * 0.5 / max(found.metrics["places"], 1) ** 0.5
    return "\n".join(
        [
            f"# {name}\n",
            f"Ranks {len(known)} countries for one street-level picture of {size} x {size} pixels "
            f"(the whole picture, squished). It knows no others: {', '.join(known)}.\n",
            "## What it was measured to do\n",
            f"On pictures of places that were held out of training (a share of "
            f"{recipe.valid_fraction:g} of each country's places, drawn with seed {recipe.seed}); "
            f"views of one place and copies of one picture never stand on both sides. Balanced "
            f"means the mean over countries. Guessing at random is right "
            f"{found.metrics['chance']:.3f} of the time.\n",
            headline(found),
            "## Calibration and `unsure`\n",
            calibration(found),
            unlike(rule),
            "## Per country\n",
            countries_table(samples, split, found),
            "## What it was trained on\n",
            data_text(samples, split),
            "## How it was made\n",
            making(preset, recipe, weights),
            "## What was delivered\n",
            delivered(*gate),
            "## Limits\n",
            LIMITS.format(places=found.metrics["places"], margin=margin),
            "## Licence\n",
            LICENCE.format(timm_name=preset.timm_name),
        ]
    )


def headline(found: Evaluation) -> str:
    """The figures on the validation places, with chance beside them."""
    figures, chance = found.metrics, found.metrics["chance"]
    rows = [[name, figures[key], ""] for name, key in (
        ("countries", "countries"), ("places", "places"), ("pictures", "images"),
    )]  # fmt: skip
    for k in (1, 3, 5):
        guess = float(min(1.0, k * chance))
        rows.append([f"top-{k}, balanced", figures[f"top{k}"], guess])
        rows.append([f"top-{k}, plain", figures[f"top{k}_plain"], guess])
    rows += [["macro F1", figures["macro_f1"], ""]]
    rows += [["ECE before the temperature", figures["ece_before_temperature"], ""]]
    rows += [["ECE after", figures["ece"], ""]]
    return table(["figure", "held-out places", "chance"], rows)


def calibration(found: Evaluation) -> str:
    """The temperature and the unsure rule in words and figures."""
    rule = found.unsure
    done = (rule.coverage, rule.accuracy_when_sure, rule.accuracy_when_unsure)
    return (
        f"Logits are divided by {found.temperature:.3f}, fitted on the held-out places. "
        f"{rule.rule} {calibrate.in_words('There', *done)}\n"
    )


def unlike(rule: Rule | None) -> str:
    """When a picture is called unlike the training pictures."""
    if rule is None:
        return "It cannot tell that a picture is no street: too few pictures to learn that from.\n"
    return (
        f"A picture whose score `outside` is above {rule.bound:.3f} is unlike the training "
        f"pictures, and the guess is unsure. The bound keeps {rule.kept:.1%} of {rule.fitted_on}. "
        f"How many pictures without a street it catches was not measured.\n"
    )


def countries_table(samples: Samples, split: Split, found: Evaluation) -> str:
    """Pictures on both sides and figures of each country."""
    trained = Counter(samples.country[split.train].tolist())
    rows = [
        [code, trained[code], row["support"], row["precision"], row["recall"], row["f1"]]
        for code, row in found.report["per_country"].items()
    ]
    return table(["country", "trained on", "held out", "precision", "recall", "F1"], rows)


def data_text(samples: Samples, split: Split) -> str:
    """How many pictures and places, and of which sources."""
    places = len(np.unique(samples.place[split.train]))
    text = f"{len(split.train)} pictures of {places} places of the user's own data.\n"
    inferred = int(np.sum(~samples.reportable[split.train]))
    if inferred:
        text += f"{inferred} of them have an inferred country; none of those is in the figures.\n"
    sources = Counter(s for s in samples.source[split.train] if s)
    rows = [[source, count] for source, count in sources.most_common()]
    return text + ("\n" + table(["source", "pictures"], rows) if rows else "")


def making(preset: Preset, recipe: Recipe, weights: str) -> str:
    """Architecture, beginning and every field of the recipe."""
    fields = {k: v for k, v in asdict(recipe).items() if k not in ("version", "preset")}
    fields["countries"] = " ".join(recipe.countries) or "all in the data"
    rows = [[f"`{key}`", "not set" if v is None else v] for key, v in fields.items()]
    return (
        f"{preset.name} (timm `{preset.timm_name}`, {preset.params_m:g} million parameters) under "
        f"fastai's head; training started from {weights}. The recipe:\n\n"
        + table(["field", "value"], [[k, str(v)] for k, v in rows])
    )


def delivered(chosen: Variant, found: Sequence[Variant], pictures: int) -> str:
    """The gate's table."""
    rows = [
        [
            v.name,
            f"{v.bytes / 1e6:.1f}",
            f"{v.difference:.1e}",
            f"{v.agreement:.1%}",
            f"{v.loss * 100:+.2f}",
            "delivered" if v is chosen else "within tolerance" if v.passed else v.why,
        ]
        for v in found
    ]
    head = ["weights", "MB", "largest logit difference", "equal guesses", "points lost", "verdict"]
    return (
        f"Every way to store the weights was compared with PyTorch on {pictures} held-out pictures "
        f"(at most {PICTURES}):\n\n" + table(head, rows)
    )
