import json
from dataclasses import replace
from pathlib import Path

import pytest

from streetwise_train import recipe
from streetwise_train.errors import TrainError
from streetwise_train.recipe import Job, Recipe

GOLDEN = Path(__file__).parents[2] / "tests" / "protocol" / "recipe.json"


def test_the_defaults_are_the_golden_recipe():
    """The same file is read by the Rust tests."""
    assert Recipe(preset="resnet18").to_json() == GOLDEN.read_text()
    assert recipe.load(Recipe, GOLDEN) == Recipe(preset="resnet18")


def test_every_field_survives_the_file(tmp_path):
    values = Recipe("vit-tiny", countries=("FR", "JP"), per_label=3, lr=1e-3, batch=7, ema=0.99)
    recipe.save(values, tmp_path / "recipe.json")
    assert recipe.load(Recipe, tmp_path / "recipe.json") == values
    job = Job("data", "cache", allow=("blank",), threads=2)
    recipe.save(job, tmp_path / "job.json")
    assert recipe.load(Job, tmp_path / "job.json") == job


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"version": 2}, "version 2"),
        ({"colour": 1}, "'colour'"),
        ({"epochs": -1}, "epochs"),
        ({"epochs": 2.5}, "epochs"),
        ({"epochs": True}, "epochs"),
        ({"epochs": None}, "epochs"),
        ({"lr": 0.0}, "lr"),
        ({"lr": float("nan")}, "lr"),
        ({"countries": ["france", "JP"]}, "countries"),
        ({"countries": ["FR"]}, "countries"),
        ({"countries": ["FR", "FR"]}, "countries"),
        ({"mixed_precision": "fp8"}, "fp8"),
        ({"gradient_clip": 0.0}, "gradient_clip"),
        ({"preset": ...}, "preset"),
    ],
)
def test_a_bad_recipe_is_refused_by_name(change, named):
    values = json.loads(GOLDEN.read_text()) | change
    values = {key: value for key, value in values.items() if value is not ...}
    with pytest.raises(TrainError, match=named) as caught:
        recipe.parse(Recipe, json.dumps(values), "recipe.json")
    assert caught.value.kind == "recipe"
    assert caught.value.hint


@pytest.mark.parametrize("text", ["", "[]", "{", "\x00"])
def test_a_file_that_is_no_recipe_is_refused(text, tmp_path):
    (tmp_path / "recipe.json").write_text(text)
    with pytest.raises(TrainError, match=r"recipe\.json"):
        recipe.load(Recipe, tmp_path / "recipe.json")


def test_the_hash_tells_recipes_apart():
    plain = Recipe("resnet18")
    assert plain.hash == Recipe("resnet18").hash
    assert plain.hash != replace(plain, seed=1).hash
    assert plain.hash != replace(plain, gradient_clip=1.0).hash


def test_a_recipe_from_before_gradients_were_clipped_is_read_and_its_checkpoints_are_its_own():
    """The hash is that of a checkpoint of the defaults from before the field was there."""
    values = json.loads(GOLDEN.read_text())
    del values["gradient_clip"]
    old = recipe.parse(Recipe, json.dumps(values), "recipe.json")
    assert old == Recipe("resnet18")
    assert old.hash == "dc75ed3d49648300b8d31bcb7d4d6b522b3161427791f2d3affca084681c4bea"
