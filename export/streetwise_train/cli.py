"""The command line of the trainer.

PyTorch is imported by the commands that need it, so that ``train`` says hello at once.
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
from pathlib import Path

from . import __version__, options
from .errors import TrainError


def parser() -> argparse.ArgumentParser:
    """All subcommands and their options."""
    top = argparse.ArgumentParser(prog="streetwise_train", description=__doc__)
    top.add_argument("--version", action="version", version=__version__)
    commands = top.add_subparsers(dest="command", required=True)
    text = "train a preset on a folder of pictures, or go on with a run"
    options.add_train(commands.add_parser("train", help=text, description=text))
    text = "paint the pictures that excite the countries of a trained run most"
    options.add_activations(commands.add_parser("activations", help=text, description=text))
    text = "list the architectures that can be trained"
    presets = commands.add_parser("presets", help=text, description=text)
    presets.add_argument("--json", action="store_true", help="one object a line")
    text = "measure what a training step of every preset costs on this machine"
    commands.add_parser("cost", help=text, description=text)
    text = "draw the table that `streetwise train ablation --csv` wrote"
    chart = commands.add_parser("chart", help=text, description=text)
    chart.add_argument("table", type=Path, help="CSV file")
    chart.add_argument("target", type=Path, help="SVG, PNG or PDF file")
    text = "measure how unlike its training pictures a picture is: give a finished model the score"
    unlike = commands.add_parser("outside", help=text, description=text)
    unlike.add_argument("folder", type=Path, help="model folder; its files are written anew")
    unlike.add_argument("--data", type=Path, required=True, help="folder with index.csv")
    unlike.add_argument("--screens", type=Path, help="folder of game screenshots, to measure on")
    for name, text in (
        ("features", "compute and keep the features of every picture"),
        ("evaluate", "hold out whole sources and drives; figures as JSON on stdout"),
        ("build", "build one model folder"),
        ("shipped", "build the models that ship; reproduces every figure of their cards"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--data", type=Path, required=True, help="folder with index.csv")
        command.add_argument("--weights", type=Path, required=True, help="folder of backbones")
        command.add_argument("--cache", type=Path, default=Path(".cache"), help="for features")
        if name != "shipped":
            command.add_argument("--model", required=True, help="the id of a model that ships")
        if name != "features":
            text = "folder of labelled game screenshots, with an index.csv, to measure on"
            command.add_argument("--screens", type=Path, help=text)
        if name in ("build", "shipped"):
            command.add_argument("--out", type=Path, required=True, help="folder of models")
            command.add_argument("--date", default=datetime.date.today().isoformat())
    return top


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; returns the exit status: 0, 1 for an error, 2 for wrong usage."""
    top = parser()
    chosen = top.parse_args(arguments)
    if chosen.command == "train":
        return options.train(chosen, top)
    if chosen.command == "activations":
        return options.activations(chosen)
    if chosen.command == "presets":
        return list_presets(chosen.json)
    if chosen.command == "cost":
        from .cost import all_presets

        all_presets()
        return 0
    if chosen.command == "chart":
        return draw_chart(chosen.table, chosen.target)
    if chosen.command == "outside":
        return give_outside(chosen.folder, chosen.data, chosen.screens)
    return make_shipped(chosen, top)


def give_outside(folder: Path, root: Path, screens: Path | None) -> int:
    """Gives a model folder the score; 1, with a sentence, where that cannot be done."""
    from . import unfamiliar

    try:
        caught = unfamiliar.finish(folder, root, screens)
    except (OSError, ValueError) as error:
        print(f"streetwise_train: {error}", file=sys.stderr)
        return 1
    for kind, (images, share) in caught.items():
        sys.stdout.write(f"{kind}: {share:.1%} of {images} called outside\n")
    return 0


def list_presets(as_json: bool) -> int:
    """Prints the presets, one a line."""
    from .presets import listing

    for preset in listing():
        line = "{id:16} {size:4} px {params_m:6.1f} M  {timm_name}".format(**preset)
        sys.stdout.write((json.dumps(preset) if as_json else line) + "\n")
    return 0


def draw_chart(table: Path, target: Path) -> int:
    """Draws an ablation; 1, with a sentence, where that cannot be done."""
    from . import chart
    from .errors import describe

    try:
        chart.draw(table, target)
    except (TrainError, OSError, ValueError) as error:
        _, message, hint = describe(error)
        print(f"streetwise_train: {message}; {hint}", file=sys.stderr)
        return 1
    return 0


def make_shipped(chosen: argparse.Namespace, top: argparse.ArgumentParser) -> int:
    """The commands that make the models that ship: a linear head on a frozen backbone."""
    import torch

    from . import cache, shipped, unfamiliar

    # Heads are small: one thread is as fast, never waits for another, and sums in a fixed order.
    torch.set_num_threads(1)
    if getattr(chosen, "model", None) not in (None, *shipped.MODELS):
        top.error(f"--model is one of {', '.join(shipped.MODELS)}")
    store = cache.Store(chosen.data, chosen.weights, chosen.cache)
    if chosen.command == "features":
        pictures = shipped.collect(store.root)
        shipped.load_features(store, pictures.files, shipped.MODELS[chosen.model])
    elif chosen.command == "evaluate":
        model, pictures = shipped.MODELS[chosen.model], shipped.gather(store)
        rows = shipped.load_features(store, pictures.files, model)
        measured, _, _ = shipped.evaluate(store, pictures, model, rows, chosen.screens)
        print(json.dumps(measured.metrics, indent=2))
    else:
        names = list(shipped.MODELS) if chosen.command == "shipped" else [chosen.model]
        shipped.build_all(store, chosen.out, names, chosen.date, chosen.screens)
        for name in names:
            unfamiliar.finish(chosen.out / name, chosen.data, chosen.screens)
    return 0
