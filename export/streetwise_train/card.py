"""``card.md``: what a model is, what it was measured to do, and its limits, for people."""

from __future__ import annotations

from . import calibrate
from .assemble import Gate
from .backbones import Backbone
from .countries import RULE, Evidence
from .crossval import FOLDS, Study
from .figures import Figures
from .head import Recipe

COMMAND = "python -m streetwise_train shipped --data DATA --weights WEIGHTS --out models"

LIMITS = """\
- It knows only the countries listed and spreads its belief over them even where the picture is
  from another country, indoors, or no street at all.
- It sees texture, light, vegetation and cameras, not text. It does not read signs or plates.
- Pictures of one source share a camera and a time. The figures by place reward recognising the
  source; the figures with sources held out do not. Believe the second table.
- Most pictures of ES, FR, GB, HR and IT come from one or two sources each: their figures by place
  are carried by those cameras. No score that one source alone carries should be believed.
- Countries with few places (see the table) have wide margins: with 20 places, a recall of 0.30
  is uncertain by about 0.20 either way.
- The countries were chosen on the same pictures the figures come from, which flatters them a
  little; so do the depths and the regularisation, chosen among some fifteen recipes, and a
  temperature and a bound fitted on them, by one and two numbers.
"""

LICENCE = """\
The backbone is Apache-2.0. The head's weights were trained on the pictures of the sources in
the table: Google Street View frames published in public repositories (`gsv_*`) and
street-view frames of perception surveys (`survey_*`, `gsv_placepulse`, `gsv_barcelona_es`),
on which Google and the survey authors keep their rights and which nobody may redistribute;
hand-held LabelMe street photographs (`lmf_*`, non-commercial research); Indian market streets
of mixed origin (`web_*`, treat as private); Mapillary and Panoramax pictures (`mly_*`, `pmx_*`,
CC BY-SA 4.0, CC BY-SA and etalab-2.0). No picture is part of the model. These weights are for
study and non-commercial use.
"""


def table(head: list[str], rows: list[list[object]]) -> str:
    """A Markdown table; floats with three digits."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in rows:
        cells = [f"{c:.3f}" if isinstance(c, float) else str(c) for c in row]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def headline(figures: Figures) -> str:
    """The two ways of holding out beside each other."""
    rows = []
    for name, key in (
        ("countries", "countries"), ("chance", "chance"), ("places", "places"),
        ("pictures", "images"), ("top-1", "top1"), ("top-3", "top3"), ("top-5", "top5"),
        ("balanced top-1", "balanced_top1"), ("balanced top-3", "balanced_top3"),
        ("balanced top-5", "balanced_top5"), ("macro F1", "macro_f1"),
        ("ECE before the temperature", "ece_before_temperature"), ("ECE after", "ece"),
    ):  # fmt: skip
        rows.append([name, figures.place[key], figures.source[key]])
    chances = [min(1.0, k * figures.place["chance"]) for k in (3, 5)]
    rows[2:2] = [[f"chance, top-{k}", c, c] for k, c in zip((3, 5), chances, strict=True)]
    return table(["figure", "by place", "whole source held out"], rows)


def views(figures: Figures) -> str:
    """What pooling several views of a place brings."""
    rows, keys = [], ("balanced_top1", "balanced_top5")
    for name, part in (("by place", figures.place), ("source held out", figures.source)):
        pool = part["views_of_a_place"]
        if pool:
            one, both = pool["one_view"], pool["all_views"]
            rows.append([name, pool["places"], *(v[k] for k in keys for v in (one, both))])
    names = [f"balanced top-{k}, {of}" for k in (1, 5) for of in ("one view", "all")]
    return table(["held out", "places", *names], rows)


def split_table(figures: Figures, key: str, head: str) -> str:
    """Figures per country or per source, for both ways of holding out."""
    place, source = figures.place[key], figures.source[key]
    rows = [
        [k, v["images"], v["top1"], v["top5"], source[k]["top1"], source[k]["top5"]]
        for k, v in place.items()
    ]
    names = [head, "pictures", "top-1 by place", "top-5 by place"]
    return table([*names, "top-1, source held out", "top-5, source held out"], rows)


def candidates(found: list[Evidence]) -> str:
    """Every country that was considered and what spoke for it."""
    rows = [
        [e.country, e.places, e.recall, e.p_value, e.held_out, "yes" if e.learnable else "no"]
        for e in found
    ]
    head = ["country", "places", "top-1 by place", "p", "top-5, source held out", "in the model"]
    return table(head, rows)


def calibration(figures: Figures) -> str:
    """The temperature and the unsure rule in words and figures."""
    u = figures.unsure
    place = (u.coverage, u.accuracy_when_sure, u.accuracy_when_unsure)
    source = (u.source_coverage, u.source_accuracy_when_sure, u.source_accuracy_when_unsure)
    return (
        f"Logits are divided by {figures.temperature:.3f}, the temperature that fits best where "
        f"the whole source was held out. Fitted by place it would be "
        f"{figures.temperature_by_place:.3f}, and far too sure of itself on a camera it has never "
        f"met. With this choice the model is too modest on places like those it trained on.\n\n"
        f"{u.rule} {calibrate.in_words('Held out by place', *place)} "
        f"{calibrate.in_words('With the source held out', *source)}\n"
    )


def training(backbone: Backbone, recipe: Recipe, study: Study, gate: Gate) -> str:
    """How the model was made, and what the gate found."""
    depths = ", ".join(str(depth + 1) for depth in backbone.depths)
    kind = (
        f"class token, mean and standard deviation of the patch tokens after blocks {depths}"
        if backbone.tokens
        else f"mean and standard deviation of the channels after stages {depths}"
    )
    stored = f"{gate.stored} per output channel" if gate.stored == "int8" else gate.stored
    return (
        f"The frozen backbone (timm `{backbone.timm_name}`, features: {kind}) carries one linear "
        f"layer, fitted by logistic regression on {len(study.labels)} pictures "
        f"({', '.join(recipe.views)} view of each; L2 {recipe.decay}, label smoothing "
        f"{recipe.smoothing}; countries weigh the same, sources inside a country to the power "
        f"{1 - recipe.source_power:g}, views of one place share one weight). Pictures whose "
        f"country was inferred (`mly_osv5m_test`) are trained on and never reported on.\n\n"
        f"Weights are stored as {stored} and widened to float32 when the "
        f"model is loaded. PyTorch and the float32 graph differ by at most "
        f"{gate.float_difference:.1e} on a logit; against float32, the shipped weights give the "
        f"same top guess on {gate.agreement:.1%} of {gate.pictures} held-out pictures and lose "
        f"{gate.loss * 100:.2f} points of balanced top-1.\n"
    )


def write(
    backbone: Backbone, recipe: Recipe, study: Study, figures: Figures, gate: Gate,
    found: list[Evidence],
) -> str:  # fmt: skip
    """The whole card."""
    known = figures.place["countries"]
    u = figures.source["balanced_top1"] / figures.source["chance"]
    yoss = figures.source["per_source"].get("gsv_yosshstd")
    alone = (
        f" Trained without `gsv_yosshstd` and tested on its {yoss['images']} pictures: top-1 "
        f"{yoss['top1']:.3f}, top-5 {yoss['top5']:.3f}."
        if yoss
        else ""
    )
    return "\n".join(
        [
            f"# {backbone.name}\n",
            f"Ranks {known} countries for one street-level picture of {backbone.size} x "
            f"{backbone.size} pixels (the whole picture, squished). This model knows {known} "
            f"countries and no others: {', '.join(study.countries)}.\n",
            "## What it was measured to do\n",
            f"Two ways of holding pictures out: {FOLDS}-fold cross-validation in which no place "
            f"(and no copy of a picture) is both trained on and tested, and every source held out "
            f"in turn. The second is the honest one: {u:.1f} times chance.{alone} Balanced means "
            f"the mean over countries. All figures are on recorded labels only.\n",
            headline(figures),
            "Pooling the views of a place (mean log probability):\n",
            views(figures),
            "## Calibration and `unsure`\n",
            calibration(figures),
            "## Per country\n",
            split_table(figures, "per_country", "country"),
            "## Per source\n",
            split_table(figures, "per_source", "source"),
            "## How the countries were chosen\n",
            f"A country is in the list when it has {RULE}.\n",
            candidates(found),
            "## How it was made\n",
            training(backbone, recipe, study, gate),
            "The command that reproduces both models and every figure here:\n",
            f"```\n{COMMAND}\n```\n",
            "## Limits\n",
            LIMITS,
            "## Licence\n",
            LICENCE,
        ]
    )
