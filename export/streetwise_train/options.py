"""Options of ``train``: every field of the recipe and of the job has one."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

from . import country_names, recipe
from .errors import TrainError
from .recipe import Job, Recipe

COUNTRIES = "codes or names separated by commas"
#: What each field of the recipe does, for ``--help``. A field without a line here has no option.
HELP = {
    "preset": "architecture; `presets` lists them",
    "countries": f"{COUNTRIES}; all in the data unless given",
    "per_label": "training pictures of each country at most",
    "valid_fraction": "share of the places that is held out",
    "seed": "of the split, the head, order and augmentation",
    "pre_resize": "side in pixels that pictures are squished to once",
    "size": "side of the network's input in pixels; the preset's unless given",
    "min_scale": "least share of the picture in a random crop",
    "brightness": "largest change of brightness",
    "contrast": "largest change of contrast",
    "unfreeze_last": "0: the head alone, N: head and last N blocks, from cached activations",
    "crops": "augmented crops of each picture in that cache",
    "freeze_epochs": "epochs of the head alone",
    "epochs": "epochs after those",
    "batch": "pictures a step; the preset's unless given",
    "lr": "base learning rate; the finder's suggestion unless given",
    "lr_iterations": "batches that the finder tries",
    "weight_decay": "of AdamW",
    "mixed_precision": "auto, off, bf16 or fp16",
    "early_stopping": "epochs without a better macro-F1 after which to end",
    "ema": "decay of a moving average of the weights",
    "label_smoothing": "share of the label spread over all countries",
    "mixup": "alpha of mixup",
}


def add_train(command: argparse.ArgumentParser) -> None:
    """Adds the options of ``train``."""
    add = command.add_argument
    add("--run", type=Path, required=True, help="folder of the run")
    add("--resume", action="store_true", help="go on with a run that was begun")
    add("--detached", action="store_true", help="do not end when stdin does")
    add("--recipe", type=Path, help="recipe.json to begin from; options change it")
    add("--data", type=Path, help="folder of pictures or index.csv; begins a new run")
    add("--weights", type=Path, help="pretrained weights, safetensors in timm's naming")
    add("--from-scratch", action="store_true", help="begin with random weights")
    add("--allow", action="append", default=[], metavar="KIND", help="accept a problem of the data")
    add("--cache", type=Path, help="of pixels and activations; `cache` beside the run")
    add("--threads", type=int, help="of the processor")
    add("--no-export", action="store_true", help="end with the evaluation; make no model")
    add("--name", default="", help="of the model")
    add("--model-id", help="folder name of the model; the run's unless given")
    for field in fields(Recipe):
        if field.name in HELP:
            flag = "--" + field.name.replace("_", "-")
            add(flag, type=kind_of(field), default=None, help=HELP[field.name])


def number(least: int, most: int) -> Callable[[str], int]:
    """A converter of options to whole numbers from ``least`` to ``most``."""

    def whole(text: str) -> int:
        value = int(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{value} is not from {least} to {most}")
        return value

    return whole


def countries(text: str) -> tuple[str, ...]:
    """The codes of a list of countries, for an option."""
    try:
        return country_names.read_list(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error}; name codes such as AU,JP") from error


def add_activations(command: argparse.ArgumentParser) -> None:
    """Adds the options of ``activations``."""
    add = command.add_argument
    add("--run", type=Path, required=True, help="folder of a run with a checkpoint")
    add("--out", type=Path, required=True, help="folder for the pictures and activations.json")
    add("--countries", type=countries, default=(), help=f"{COUNTRIES}; all the run knows")
    add("--steps", type=number(1, 100_000), default=256, help="of gradient ascent on a picture")
    add("--size", type=number(32, 2048), help="side in pixels; that of the network's input")
    add("--seed", type=number(0, 2**32 - 1), default=0, help="of the first picture and the shifts")
    add("--threads", type=number(1, 1024), help="of the processor")
    add("--detached", action="store_true", help="do not end when stdin does")


def activations(chosen: argparse.Namespace) -> int:
    """Paints; returns the exit status."""
    from . import activations

    wanted = activations.Wanted(
        chosen.countries,
        chosen.steps,
        chosen.size,
        chosen.seed,
        chosen.threads,
    )
    return activations.main(chosen.run, chosen.out, wanted, chosen.detached)


def kind_of(field: object) -> Callable[[str], object]:
    """What the text of an option becomes."""
    if "tuple" in str(field.type):
        return countries
    return next(kind for kind in (int, float, str) if kind.__name__ in str(field.type))


def new_run(chosen: argparse.Namespace) -> tuple[Recipe, Job]:
    """The recipe and job of the options. Raises :class:`TrainError` for what they do not allow."""
    given = {name: getattr(chosen, name) for name in HELP}
    given = {name: value for name, value in given.items() if value is not None}
    if chosen.recipe is not None:
        made = recipe.override(recipe.load(Recipe, chosen.recipe), given)
    elif "preset" in given:
        made = Recipe(**given)
    else:
        raise TrainError("recipe", "a new run needs --preset or --recipe", "`presets` lists them")
    folder = chosen.run.absolute()
    job = Job(
        data=str(chosen.data.absolute()),
        cache=str((chosen.cache or folder.parent / "cache").absolute()),
        weights=str(chosen.weights.absolute()) if chosen.weights else None,
        from_scratch=chosen.from_scratch,
        allow=tuple(chosen.allow),
        name=chosen.name,
        threads=chosen.threads,
        export=not chosen.no_export,
        model_id=chosen.model_id or re.sub(r"[^a-z0-9-]+", "-", folder.name.lower()).strip("-"),
    )
    return made, job


def train(chosen: argparse.Namespace, top: argparse.ArgumentParser) -> int:
    """Writes a new run's files where options give one, then trains; returns the exit status."""
    from . import session

    run = chosen.run
    if chosen.data is not None:
        if (run / "recipe.json").exists():
            top.error(f"{run} has a recipe already: leave --data out, or choose another folder")
        try:
            made, job = new_run(chosen)
        except TrainError as error:
            top.error(f"{error}; {error.hint}")
        run.mkdir(parents=True, exist_ok=True)
        recipe.save(made, run / "recipe.json")
        recipe.save(job, run / "job.json")
    elif not (run / "recipe.json").exists():
        top.error(f"{run} has no recipe.json: begin a run with --data and --preset")
    elif chosen.recipe or any(getattr(chosen, name) is not None for name in HELP):
        top.error(f"the recipe of {run} is fixed: begin a new run with --data to change it")
    return session.main(run, chosen.resume, chosen.detached)
