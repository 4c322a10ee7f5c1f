"""The command line of the trainer."""

from __future__ import annotations

import argparse
import datetime
import json
from pathlib import Path

import torch

from . import __version__, cache, crossval, figures, shipped
from .backbones import BACKBONES


def parser() -> argparse.ArgumentParser:
    """All subcommands and their options."""
    top = argparse.ArgumentParser(prog="streetwise_train", description=__doc__)
    top.add_argument("--version", action="version", version=__version__)
    commands = top.add_subparsers(dest="command", required=True)
    for name, text in (
        ("features", "compute and keep the features of every picture"),
        ("evaluate", "cross-validate by place and by source; figures as JSON on stdout"),
        ("build", "build one model folder"),
        ("shipped", "build both models that ship; reproduces every figure of their cards"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--data", type=Path, required=True, help="folder with index.csv")
        command.add_argument("--weights", type=Path, required=True, help="folder of backbones")
        command.add_argument("--cache", type=Path, default=Path(".cache"), help="for features")
        if name != "shipped":
            command.add_argument("--model", choices=sorted(BACKBONES), required=True)
        if name in ("build", "shipped"):
            command.add_argument("--out", type=Path, required=True, help="folder of models")
            command.add_argument("--date", default=datetime.date.today().isoformat())
    return top


def evaluate(store: cache.Store, name: str) -> dict:
    """Figures of one model on the countries it chooses on its own."""
    pictures = shipped.collect(store.root)
    rows = shipped.load_features(store, pictures, BACKBONES[name])
    chosen, _ = shipped.choose(pictures, {name: rows})
    study, recipe = pictures.study(chosen, rows), shipped.RECIPES[name]
    held = crossval.by_place(study, recipe)
    measured = figures.measure(study, held.logits, crossval.by_source(study, recipe))
    return {"countries": chosen, "by_place": measured.place, "by_source": measured.source}


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; returns the exit status."""
    options = parser().parse_args(arguments)
    # Heads are small: one thread is as fast, never waits for another, and sums in a fixed order.
    torch.set_num_threads(1)
    store = cache.Store(options.data, options.weights, options.cache)
    if options.command == "features":
        pictures = shipped.collect(store.root)
        shipped.load_features(store, pictures, BACKBONES[options.model])
    elif options.command == "evaluate":
        print(json.dumps(evaluate(store, options.model), indent=2))
    else:
        names = list(BACKBONES) if options.command == "shipped" else [options.model]
        shipped.build_all(store, options.out, names, options.date)
    return 0
