"""Gives a finished model folder the score of :mod:`outside`, and its card what that catches."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from PIL import Image

from . import assemble, data, drawn, export, graft, manifest, outside, shipped, views
from .card import table

#: Pictures that are fitted on, and pictures of each other kind that are measured, at most.
MOST, MOST_OTHER = 2500, 400
#: The heading of the card's part; what follows it up to the next heading is written anew.
HEADING = "## Pictures unlike those it learned from\n"

#: What was measured: how many pictures of a kind, and the share of them called outside.
Caught = dict[str, tuple[int, float]]


class Eye:
    """From pictures to a model's features, by its own manifest."""

    def __init__(self, folder: Path) -> None:
        """Reads ``folder/model.json``."""
        self.folder = folder
        self.manifest = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        how = self.manifest["preprocess"]
        self.view = how["resize"]
        self.scale = SimpleNamespace(
            size=self.manifest["input"]["size"],
            interpolation=how["interpolation"],
            mean=how["mean"],
            std=how["std"],
        )

    def tensors(self, pictures: Iterable[Image.Image]) -> Iterator[np.ndarray]:
        """What the graph is given, [3, size, size] each."""
        return (views.make(picture, self.scale, "", self.view) for picture in pictures)

    def features(self, files: list[Path]) -> np.ndarray:
        """What the model's last layer reads, float32 [pictures, width].

        Raises ``OSError`` naming a file that cannot be read.
        """
        pictures = (data.load_rgb(file) for file in files)
        return graft.features(self.folder / "model.onnx", self.tensors(pictures))

    def scores(self, pictures: Iterable[Image.Image]) -> np.ndarray:
        """The scores by the graph itself, float32 [pictures]."""
        graph = self.folder / "model.onnx"
        return assemble.run_graph(graph, self.tensors(pictures), export.OUTSIDE)


def finish(folder: Path, root: Path, screens: Path | None = None) -> Caught:
    """Gives ``folder`` the score where it has none, measures it, and writes manifest and card.

    ``root`` holds ``index.csv`` and ``images`` with what the model was trained on, ``screens``
    game screenshots in the same form. Raises ``ValueError`` where too few pictures are there, or
    the graph ends in no linear layer.
    """
    eye, removed = Eye(folder), shipped.exclusions()
    known = set(eye.manifest["countries"])
    index = data.read_index(root)
    streets = [p for p in index if p.file not in removed]
    if "outside" not in eye.manifest["output"]:
        give(eye, root, thin([p for p in streets if p.country in known], MOST))
    kept = eye.manifest["output"]["outside"]
    caught: Caught = {}
    foreign = thin([p for p in streets if p.country not in known], MOST_OTHER)
    walls = [p for p in index if p.file in removed]
    shots = sorted((screens / "images").iterdir()) if screens else []
    for kind, files in (
        ("street pictures of other countries", [root / "images" / p.file for p in foreign]),
        ("indoors and walls, found by eye", [root / "images" / p.file for p in walls]),
        ("game screenshots", shots),
    ):
        if files:
            scores = eye.scores(data.load_rgb(file) for file in files)
            caught[kind] = (len(files), float(np.mean(scores > kept["bound"])))
    kinds, pictures = zip(*drawn.pictures(), strict=True)
    beyond = eye.scores(pictures) > kept["bound"]
    for kind in drawn.KINDS:
        own = beyond[np.array(kinds) == kind]
        caught[f"drawn: {kind}"] = (len(own), float(own.mean()))
    write(eye, caught)
    return caught


def give(eye: Eye, root: Path, own: list[data.Picture]) -> None:
    """Fits the score on street pictures, puts it into the graph, and its rule into the manifest."""
    if len(own) < outside.LEAST:
        raise ValueError(f"{root} has {len(own)} pictures of the model's countries; too few")
    features = eye.features([root / "images" / p.file for p in own])
    groups, sources = (np.array([getattr(p, key) for p in own]) for key in ("place", "source"))
    scores = outside.held_out(features, sources, outside.folds(groups, sources))
    rule = outside.rule(scores, f"{len(own)} street pictures, whole sources held out")
    graft.add(eye.folder / "model.onnx", outside.fit(features, sources))
    eye.manifest["output"]["outside"] = rule.entry()


def thin(pictures: list[data.Picture], most: int) -> list[data.Picture]:
    """At most ``most`` pictures, spread evenly over the list."""
    which = np.unique(np.linspace(0, len(pictures) - 1, min(most, len(pictures))).astype(int))
    return [pictures[i] for i in which]


def write(eye: Eye, caught: Caught) -> None:
    """Puts the figures into manifest and card, and what follows from the new files."""
    folder, made = eye.folder, eye.manifest
    made.setdefault("metrics", {})["outside"] = {
        kind: {"images": images, "share": round(share, 4)}
        for kind, (images, share) in grouped(caught)
    }
    made["golden"] |= manifest.golden_entry(
        folder / "model.onnx", eye.scale.size, made["countries"], measured=True
    )
    card = folder / "card.md"
    part = in_words(made["output"]["outside"], caught)
    card.write_text(with_part(card.read_text(encoding="utf-8"), part), "utf-8")
    made["files"] = [manifest.file_entry(folder / entry["path"]) for entry in made["files"]]
    manifest.write(folder, made)


def in_words(rule: dict, caught: Caught) -> str:
    """The card's part on the score; ``rule`` is ``output.outside`` of the manifest."""
    rows = [[kind, images, f"{share:.0%}"] for kind, (images, share) in grouped(caught)]
    return (
        f"{HEADING}\nThe score `outside` is the Mahalanobis distance of a picture's features to "
        f"those of the training pictures, in their {outside.COMPONENTS} leading principal "
        f"components. Above {rule['bound']:.3f} a picture is called outside and the guess is "
        f"unsure, whatever its probability. The bound keeps {rule['kept']:.1%} of "
        f"{rule['fitted_on']}. Nothing in the table was fitted on. "
        f"The score tells what does not look like a street picture, not whether a "
        f"street's country is known.\n\n" + table(["pictures", "number", "called outside"], rows)
    )


def grouped(caught: Caught) -> Iterator[tuple[str, tuple[int, float]]]:
    """The same with the drawn kinds as one line, and those of which less than all is caught."""
    kinds = {k: v for k, v in caught.items() if k.startswith("drawn: ")}
    yield from ((k, v) for k, v in caught.items() if k not in kinds)
    number = sum(images for images, _ in kinds.values())
    if number:
        share = sum(images * share for images, share in kinds.values()) / number
        yield f"drawn by code, {len(kinds)} kinds", (number, share)
    yield from ((k, v) for k, v in kinds.items() if v[1] < 1)


def with_part(card: str, part: str) -> str:
    """The card with ``part`` in place of an older one, else before the part on its limits."""
    start = card.find(HEADING)
    if start >= 0:
        end = card.find("\n## ", start)
        return card[:start] + part + (card[end:] if end >= 0 else "")
    before = card.find("## Per country\n")
    before = before if before >= 0 else len(card)
    return card[:before] + part + "\n" + card[before:]
