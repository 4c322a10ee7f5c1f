"""``card.md``: what a model is, what it was measured to do, and its limits, for people."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from . import calibrate, holdout, world
from .assemble import Gate
from .backbones import Backbone
from .crossval import Study
from .figures import FEW_PLACES, TOO_FEW, Figures
from .geography import REGION, REGIONS
from .views import HUD

if TYPE_CHECKING:
    from .shipped import Model

COMMAND = """\
python -m streetwise_train shipped --data DATA --weights WEIGHTS --screens SCREENS \\
    --out models"""

LIMITS = """\
- It ranks the countries of the world and spreads its belief over them even where the picture is
  indoors, or no street at all.
- It sees texture, light, vegetation and cameras, not text. It does not read signs or plates.
- Most of what it knows comes from dashcams (`mly_osv5m_test`): those figures are higher because its
  training pictures are of that kind. The game shows Street View frames: believe that line.
- The countries of the dashcam pictures were inferred, not recorded. 97.5 to 98.5 % of those that
  are reported on are right; those figures can be no surer than that.
- A country with few training pictures is placed by where it lies, near its neighbours. It is
  ranked, not known.
- Most pictures of ES, FR, GB, HR and IT come from one or two sources each.
- The recipe, the temperature and the bound were chosen on the pictures that the figures come
  from, which flatters them a little.
"""

LICENCE = """\
The backbones are Apache-2.0. Where countries lie comes from GeoCLIP's location encoder (MIT) at
towns of GeoNames (CC BY 4.0). The head's weights were trained on the pictures of the sources in
the table: Google Street View frames published in public repositories (`gsv_*`) and street-view
frames of perception surveys (`survey_*`, `gsv_placepulse`, `gsv_barcelona_es`), on which Google and
the survey authors keep their rights and which nobody may redistribute; hand-held LabelMe street
photographs (`lmf_*`, non-commercial research); car-camera benchmarks (`dash_*`, research);
Indian market streets, signs and phone pictures of public repositories (`web_*`, `sign_*`,
`phone_*`, treat as private); a motorcycle's camera (`moto_*`, CC BY 4.0); Mapillary and Panoramax
pictures (`mly_*`, `pmx_*`, CC BY-SA 4.0, CC BY-SA and etalab-2.0). No picture is part of the model.
These weights are for study and non-commercial use.
"""


def table(head: list[str], rows: list[list[object]]) -> str:
    """A Markdown table; floats with three digits, nothing where there is no figure."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in rows:
        cells = [f"{c:.3f}" if isinstance(c, float) else "" if c is None else str(c) for c in row]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def rounds(metrics: dict) -> str:
    """Figures over whole rounds with their intervals, balanced ones beside them."""
    rows = []
    for name, part in metrics["whole_rounds"].items():
        shown = [
            "{:.3f} ({:.3f} to {:.3f})".format(part[k], *part[f"{k}_interval"])
            for k in ("top1", "top5")
        ]
        counts = [part["images"], part["places"], part["countries"]]
        rows.append([name, *counts, *shown, part["balanced_top1"], part["balanced_top5"]])
    head = ["pictures of", "pictures", "places or drives", "countries", "first", "among five"]
    return table([*head, "first, balanced", "among five, balanced"], rows)


def by_region(metrics: dict) -> str:
    """What is known, by region of the world and kind of picture."""
    rows = []
    for name, part in metrics["whole_rounds"].items():
        if name.startswith(world.SCREENSHOTS):
            continue
        for region, found in part["per_region"].items():
            rows.append([name, region, found["images"], found["top1"], found["top5"]])
    return table(["pictures of", "region", "pictures", "first", "among five"], rows)


def by_country(metrics: dict) -> str:
    """What is known of every country, region by region; words where there are too few pictures."""
    rows, found = [], metrics["per_country"]
    for region in (*REGIONS, None):
        for code in (c for c in found if REGION.get(c) == region):
            part = found[code]
            scores = [part["top1"], part["top5"]] if part["places"] >= FEW_PLACES else [TOO_FEW, ""]
            rows.append(
                [region or "", code, part["trained_on"], part["images"], part["places"], *scores]
            )
    head = ["region", "country", "trained on", "tested on", "places", "first", "among five"]
    return table(head, rows)


def by_source(metrics: dict) -> str:
    """Figures of every source that was tested on."""
    rows = []
    for source, part in metrics["per_source"].items():
        scores = [part["top1"], part["top5"]] if part["places"] >= FEW_PLACES else [TOO_FEW, ""]
        rows.append([source, part["images"], part["places"], *scores])
    return table(["source", "pictures", "places or drives", "first", "among five"], rows)


def headline(metrics: dict) -> str:
    """Everything over all pictures that were tested on, whatever their kind."""
    rows = [
        [name, metrics[key]]
        for name, key in (
            ("countries ranked", "countries"), ("chance", "chance"),
            ("countries tested on", "countries_tested"), ("pictures", "images"),
            ("places or drives", "places"), ("top-1", "top1"),
            ("top-3", "top3"), ("top-5", "top5"),
            ("balanced top-1", "balanced_top1"),
            ("balanced top-3", "balanced_top3"), ("balanced top-5", "balanced_top5"),
            ("macro F1", "macro_f1"), ("ECE before the temperature", "ece_before_temperature"),
            ("ECE after", "ece"),
        )
    ]  # fmt: skip
    pool = metrics["views_of_a_place"]
    if pool:
        one, every = pool["one_view"], pool["all_views"]
        rows += [
            [f"balanced top-5, one view of {pool['places']} places", one["balanced_top5"]],
            ["balanced top-5, all their views pooled", every["balanced_top5"]],
        ]
    return table(["figure", "held out"], rows)


def calibration(figures: Figures) -> str:
    """The temperature and the unsure rule in words and figures."""
    u = figures.unsure
    found = (u.coverage, u.accuracy_when_sure, u.accuracy_when_unsure)
    return (
        f"Logits are divided by {figures.temperature:.3f}, fitted on the held-out pictures, every "
        f"kind of picture weighing the same. {u.rule} {calibrate.in_words('Held out', *found)}\n"
    )


def seen(backbone: Backbone) -> str:
    """What features are taken from a backbone, in words."""
    depths = ", ".join(str(depth + 1) for depth in backbone.depths)
    if backbone.tokens:
        kind = f"class token, mean and standard deviation of the patch tokens after blocks {depths}"
    else:
        kind = f"mean and standard deviation of the channels after stages {depths}"
    return f"timm `{backbone.timm_name}` ({kind})"


def training(model: Model, study: Study, gate: Gate) -> str:
    """How the model was made, and what the gate found."""
    recipe = model.recipe
    return (
        f"Frozen {' and '.join(seen(b) for b in model.backbones)} under one linear layer, fitted "
        f"by logistic regression on {len(study.labels)} pictures ({', '.join(recipe.views)} view "
        f"of each; {' and '.join(map(str, recipe.components))} principal components; label "
        f"smoothing {recipe.smoothing:g}; countries weigh n to the power "
        f"{1 - recipe.country_power:g}, views of one place or drive share one weight). The weights "
        f"of a country are a linear map of "
        f"where it lies (L2 {recipe.shared:g}) plus its own (L2 {recipe.own:g}), so that "
        f"neighbours begin alike.\n\nWeights are stored as {gate.stored} and widened to "
        f"float32 when the model is loaded. PyTorch and the float32 graph differ by at most "
        f"{gate.float_difference:.1e} on a logit; against float32, the shipped weights give the "
        f"same top guess on {gate.agreement:.1%} of {gate.pictures} held-out pictures and lose "
        f"{gate.loss * 100:.2f} points of balanced top-1.\n"
    )


def known(study: Study) -> str:
    """How many training pictures the countries have, in one sentence."""
    counts = Counter(study.labels.tolist())
    many = sum(n >= 20 for n in counts.values())
    return (
        f"It ranks {len(study.countries)} countries, all that GeoNames has a town in; "
        f"{len(counts)} of them have a training picture and {many} have 20 or more. The "
        f"others are placed by where they lie."
    )


def write(model: Model, study: Study, figures: Figures, gate: Gate) -> str:
    """The whole card."""
    size, metrics = model.network.size, figures.metrics
    left, top, right, bottom = (f"{share:.0%}" for share in HUD)
    return "\n".join(
        [
            f"# {model.name}\n",
            f"Ranks the countries of the world for one street-level picture of {size} x {size} "
            f"pixels (the whole picture, squished). {known(study)}\n",
            "## What it was measured to do\n",
            f"All figures are on pictures that the head never met: {holdout.FOLDS} folds, in which "
            f"whole sources are held out, and pictures of dashcam sets with their whole drive. "
            f"Over whole rounds: every picture counts, whatever its country. In brackets the 95 % "
            f"interval over places (drives). Balanced means the mean over countries; chance is 1 "
            f"in {metrics['countries']}. Without HUD: {left}, {top}, {right} and {bottom} cut "
            f"away at the left, top, right and bottom.\n",
            rounds(metrics),
            "All pictures together:\n",
            headline(metrics),
            "## What is known of the world\n",
            by_region(metrics),
            "## Calibration and `unsure`\n",
            calibration(figures),
            "## Per country\n",
            by_country(metrics),
            "## Per source\n",
            by_source(metrics),
            "## How it was made\n",
            training(model, study, gate),
            "The command that reproduces every model that ships and every figure here:\n",
            f"```\n{COMMAND}\n```\n",
            "## Limits\n",
            LIMITS,
            "## Licence\n",
            LICENCE,
        ]
    )
