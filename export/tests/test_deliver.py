import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from sklearn import metrics as reference
from test_datacheck import draw

from streetwise_train import (
    assemble,
    datacheck,
    deliver,
    evaluation,
    export,
    gate,
    golden,
    metrics,
    outside,
    presets,
)
from streetwise_train.classifier import Classifier
from streetwise_train.errors import TrainError
from streetwise_train.recipe import Job, Recipe


@pytest.fixture
def made(tmp_path):
    """A tiny ViT on three countries of twenty places, and what delivering it needs."""
    root, run = tmp_path / "data", tmp_path / "run"
    run.mkdir()
    for c, country in enumerate(("AU", "BR", "JP")):
        for i in range(20):
            draw(root / country / f"{i:02}.png", c * 100 + i)
    recipe = Recipe(preset="vit-tiny", size=32, valid_fraction=0.4)
    job = Job(data=str(root), cache=str(tmp_path / "cache"), model_id="mine", from_scratch=True)
    found = datacheck.admit(job, recipe)
    torch.manual_seed(0)
    body = timm.create_model("vit_tiny_patch16_224", num_classes=0, img_size=32, depth=2)
    model = Classifier(body, 3).eval()
    preset = presets.get("vit-tiny")
    return model, preset, recipe, job, found.samples, found.split, run


def test_without_export_a_run_ends_with_its_evaluation(made):
    model, preset, recipe, job, samples, split, run = made
    phases = []

    def report(phase):
        phases.append(phase)
        return lambda _done, _total: None

    job = replace(job, export=False)
    artifacts = deliver.finish(model, preset, recipe, job, samples, split, run, report)
    assert phases == ["evaluate"]
    assert [a["kind"] for a in artifacts] == ["evaluation"]
    assert (run / "evaluation.json").exists()
    assert not (run / "model").exists()


def silent(_phase):
    return lambda _done, _total: None


def test_a_trained_network_becomes_a_model_folder(made):
    model, preset, recipe, _job, samples, split, run = made
    phases, steps = [], []

    def report(phase):
        phases.append(phase)
        return lambda done, total: steps.append((phase, done, total))

    artifacts = deliver.finish(*made, report)
    assert phases == ["evaluate", "export"]
    assert steps[-1][1] == steps[-1][2]
    assert sorted(p.name for p in (run / "model").iterdir()) == [
        "card.md", "model.json", "model.onnx", "reference", "reference.json",
    ]  # fmt: skip
    assert not (run / "model.partial").exists()
    assert {a["kind"] for a in artifacts} >= {"model", "evaluation", "reference"}
    written = json.loads((run / "model" / "model.json").read_text(encoding="utf-8"))
    assert (written["id"], written["schema"], written["input"]["size"]) == ("mine", 1, 32)
    assert written["output"]["attention"] == {
        "name": "attention", "blocks": 2, "grid": [2, 2], "prefix_tokens": 1,
    }  # fmt: skip
    assert written["countries"] == ["AU", "BR", "JP"]
    report_of = written["provenance"]["gate"]
    assert [v["name"] for v in report_of["variants"]] == ["fp32", "fp16", "int8", "int8-qdq"]
    assert str(run.parent) not in json.dumps(written)
    text = (run / "model" / "card.md").read_text(encoding="utf-8")
    for part in ("AU, BR, JP", "chance", "`valid_fraction` | 0.4", "places", "are the user's"):
        assert part in text
    session = export.open_session(run / "model" / "model.onnx")
    logits = session.run([export.OUTPUT], {export.INPUT: golden.tensor(32)})[0][0]
    assert np.abs(logits - written["golden"]["logits"]).max() < written["golden"]["tolerance"]
    kept = json.loads((run / "model" / "reference.json").read_text(encoding="utf-8"))
    assert len(kept["pictures"]) == len(split.valid)
    view = deliver.Picture(preset, recipe.size)
    first = kept["pictures"][0]
    assert first["file"] == samples.file[split.valid[0]]
    with Image.open(run / "model" / first["seen"]) as stored:
        shown = np.asarray(stored)
    assert (shown == np.asarray(view.pixels(first["file"]))).all()
    with torch.inference_mode():
        again = model(torch.from_numpy(view(first["file"]))[None]).numpy()[0]
    np.testing.assert_allclose(again, first["logits"], atol=1e-4)
    found = session.run([export.OUTPUT], {export.INPUT: view(first["file"])[None]})[0][0]
    assert np.abs(found - first["logits"]).max() < kept["tolerance"]["logit"]


def test_a_trained_model_tells_pictures_unlike_its_own(made, monkeypatch):
    monkeypatch.setattr(outside, "LEAST", 20)
    _model, preset, recipe, _job, samples, split, run = made
    deliver.finish(*made, silent)
    written = json.loads((run / "model" / "model.json").read_text(encoding="utf-8"))
    rule = written["output"]["outside"]
    view = deliver.Picture(preset, recipe.size)
    tensors = np.stack([view(file) for file in samples.file[split.valid]])
    scores = assemble.run_graph(run / "model" / "model.onnx", tensors, rule["name"])
    assert np.mean(scores <= rule["bound"]) == pytest.approx(rule["kept"], abs=1e-4)
    assert 0.9 < rule["kept"] < 1
    again = assemble.run_graph(run / "model" / "model.onnx", golden.tensor(32), rule["name"])
    assert written["golden"]["outside"] == pytest.approx(float(again[0]), rel=1e-4)
    card = (run / "model" / "card.md").read_text(encoding="utf-8")
    assert f"above {rule['bound']:.3f} is unlike the training pictures" in card.replace("\n", " ")


def test_with_few_pictures_a_model_says_that_it_cannot_tell_them(made):
    run = made[-1]
    deliver.finish(*made, silent)
    written = json.loads((run / "model" / "model.json").read_text(encoding="utf-8"))
    assert "outside" not in written["output"] | written["golden"]
    assert "too few pictures" in (run / "model" / "card.md").read_text(encoding="utf-8")


def test_a_refused_graph_leaves_no_model_and_the_old_one_whole(made, monkeypatch):
    run = made[-1]
    (run / "model").mkdir()
    (run / "model" / "model.json").write_text("old")

    def broken(*arguments):
        found = real(*arguments)
        return np.full_like(found, np.nan) if arguments[0].name == "exact.onnx" else found

    real = gate.logits_of
    monkeypatch.setattr(gate, "logits_of", broken)
    with pytest.raises(TrainError, match="fp32") as error:
        deliver.finish(*made, silent)
    assert error.value.kind == "export-gate"
    assert (run / "model" / "model.json").read_text() == "old"
    assert not (run / "model.partial").exists()
    assert (run / "evaluation.json").exists()


def test_the_evaluation_is_what_the_references_say():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 300)
    logits = 3 * (rng.normal(size=(300, 4)) + np.eye(4)[labels])
    names = np.array([f"{i}.jpg" for i in range(300)], object)
    found = evaluation.measure(
        logits, labels, list("ABCD"), names, names, np.array([""] * 300, object)
    )
    report, guesses = found.report, logits.argmax(1)
    assert report["confusion"] == reference.confusion_matrix(labels, guesses).tolist()
    for i, code in enumerate("ABCD"):
        own = report["per_country"][code]
        assert own["f1"] == pytest.approx(reference.f1_score(labels == i, guesses == i), abs=1e-4)
        assert own["support"] == np.sum(labels == i)
    assert report["ece_after"] < report["ece"]
    assert found.temperature > 1.5
    surest = report["worst"][0]
    row = int(surest["file"].removesuffix(".jpg"))
    wrong = guesses != labels
    top = metrics.softmax(logits, found.temperature).max(1)
    assert surest["p"] == pytest.approx(top[wrong].max(), abs=1e-4)
    assert surest["country"] == "ABCD"[labels[row]] != surest["guess"]
    assert sum(p["count"] for p in report["pairs"]) == wrong.sum()
    assert report["pairs"] == sorted(report["pairs"], key=lambda p: -p["count"])
    assert found.metrics["per_source"] == {}


def test_a_country_without_validation_pictures_does_not_break_the_figures():
    logits = np.array([[3.0, 0, 0], [0, 3, 0], [0, 3, 0]])
    names = np.array(["a", "b", "c"], object)
    found = evaluation.measure(logits, np.array([0, 1, 1]), list("ABC"), names, names, names)
    assert found.report["per_country"]["C"]["support"] == 0
    assert found.report["top1"] == 1
    assert json.dumps(found.report, allow_nan=False)
    assert evaluation.TEMPERATURES[0] <= found.temperature


def test_pictures_are_spread_evenly():
    assert deliver.spread(3, 200).tolist() == [0, 1, 2]
    found = deliver.spread(1000, 200)
    assert len(found) == 200
    assert (found[0], found[-1]) == (0, 999)


def test_no_module_lets_cut_pictures_through():
    folder = Path(deliver.__file__).parent
    for path in folder.glob("*.py"):
        assert "LOAD_TRUNCATED_IMAGES = True" not in path.read_text(encoding="utf-8")
