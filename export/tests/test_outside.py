import json
from dataclasses import replace

import numpy as np
import pytest
import timm
import torch
from conftest import TinyFeatures
from onnx import TensorProto, helper
from PIL import Image
from test_export import SmallVit

from streetwise_train import (
    assemble,
    attention,
    cli,
    drawn,
    export,
    graft,
    manifest,
    outside,
    unfamiliar,
)
from streetwise_train.backbones import BACKBONES
from streetwise_train.calibrate import Unsure
from streetwise_train.classifier import Classifier
from streetwise_train.head import Head


@pytest.fixture
def cloud():
    """Pictures of two sources around a centre, in 12 features of which three vary most."""
    rng = np.random.default_rng(0)
    stretch = np.diag([6, 4, 3] + [1] * 9) @ np.linalg.qr(rng.normal(size=(12, 12)))[0]
    return 5 + rng.normal(size=(600, 12)) @ stretch, np.array(["north", "south"] * 300)


def test_the_score_is_the_mahalanobis_distance_in_the_leading_components(cloud, monkeypatch):
    monkeypatch.setattr(outside, "COMPONENTS", 3)
    features, sources = cloud
    z = (features - features.mean(0)) / (features.std(0) + outside.FLAT)
    variance, components = np.linalg.eigh(z.T @ z / len(z))
    expected = np.sqrt(((z @ components[:, -3:]) ** 2 / variance[-3:]).mean(1))
    found = outside.fit(features, sources)(features)
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_a_large_source_does_not_decide_alone_what_is_usual(cloud):
    features, _ = cloud
    other = features[:60] + 30
    both = np.concatenate([features, other])
    sources = np.array(["large"] * len(features) + ["small"] * len(other))
    apart = outside.fit(both, sources)(other).mean()
    together = outside.fit(both, np.array(["one"] * len(both)))(other).mean()
    assert apart < 0.9 * together


def test_the_bound_keeps_what_was_held_out_and_little_else(cloud):
    features, sources = cloud
    scores = outside.held_out(features, sources, np.arange(600) % 5)
    rule = outside.rule(scores, "places never trained on")
    assert 0.945 <= rule.kept <= 0.955
    nothing = np.tile(np.linspace(-30, 30, 50)[:, None], (1, 12)) ** 2
    assert np.mean(outside.fit(features, sources)(nothing) > rule.bound) > 0.8
    assert rule.entry() == {
        "name": "outside", "bound": rule.bound, "kept": rule.kept,
        "fitted_on": "places never trained on",
    }  # fmt: skip


def test_folds_hold_out_whole_sources_and_spread_a_large_one_by_place():
    sources = np.array(["large"] * 60 + ["a"] * 9 + ["b"] * 9 + ["c"] * 6 + ["d"] * 6)
    groups = np.arange(90) // 3
    fold = outside.folds(groups, sources)
    assert sorted(np.unique(fold)) == [0, 1, 2, 3, 4]
    for keys in (groups, np.where(sources == "large", groups.astype(str), sources)):
        assert all(len(set(fold[keys == key])) == 1 for key in set(keys.tolist()))
    assert np.bincount(fold).max() - np.bincount(fold).min() <= 3


@pytest.fixture
def folder(tmp_path):
    """A finished model folder on random features, and an index of pictures to measure it on."""
    path, _ = graph_of(TinyFeatures(), tmp_path, "int8")
    root = tmp_path / "data"
    rows = ["file,country,place,source,check"]
    for i in range(120):
        code, file = ("AU", "BR", "JP", "DE")[i % 4], f"{i}.png"
        (root / "images").mkdir(parents=True, exist_ok=True)
        green = np.random.default_rng(i).integers(90, 120, (40, 60, 3)) + np.array((0, 40, 10))
        Image.fromarray(green.astype(np.uint8)).save(root / "images" / file)
        rows.append(f"{file},{code},p{i // 2},s{i % 7},")
    (root / "index.csv").write_text("\n".join(rows), encoding="utf-8")
    (tmp_path / "card.md").write_text("# Tiny\n\n## Per country\n\ntable\n", encoding="utf-8")
    network = replace(BACKBONES["efficientnet-lite0"], size=32)
    unsure = Unsure(0.5, 0.1, 0.6, 0.3)
    found = manifest.Found(1.0, unsure, {"top1": 0.5}, {})
    codes = ["AU", "BR", "JP"]
    made = manifest.describe(tmp_path, network, "tiny", "Tiny", codes, found)
    manifest.write(tmp_path, made)
    return path.parent, root


def test_a_finished_model_folder_gets_the_score_its_rule_and_its_figures(folder, capsys):
    path, root = folder
    for _ in range(2):  # a second time replaces the first
        assert cli.main(["outside", str(path), "--data", str(root)]) == 0
    said = capsys.readouterr().out
    assert "street pictures of other countries" in said
    written = json.loads((path / "model.json").read_text(encoding="utf-8"))
    rule, figures = written["output"]["outside"], written["metrics"]["outside"]
    assert written["metrics"]["top1"] == 0.5
    assert figures["street pictures of other countries"]["images"] == 30
    assert 0.9 < rule["kept"] < 1
    assert figures[f"drawn by code, {len(drawn.KINDS)} kinds"]["share"] > 0.5
    assert written["golden"]["outside"] > rule["bound"]
    assert written["files"] == [manifest.file_entry(path / n) for n in ("model.onnx", "card.md")]
    card = (path / "card.md").read_text(encoding="utf-8")
    assert card.count(unfamiliar.HEADING) == 1
    assert card.index(unfamiliar.HEADING) < card.index("## Per country")
    assert f"| drawn by code, {len(drawn.KINDS)} kinds | {12 * len(drawn.KINDS)} |" in card


def test_too_few_pictures_are_said(folder, capsys):
    path, root = folder
    index = (root / "index.csv").read_text(encoding="utf-8").splitlines()[:30]
    (root / "index.csv").write_text("\n".join(index), encoding="utf-8")
    assert cli.main(["outside", str(path), "--data", str(root)]) == 1
    assert "too few" in capsys.readouterr().err


@pytest.fixture
def tensors():
    return [np.random.default_rng(i).normal(size=(3, 32, 32)).astype(np.float32) for i in range(9)]


def graph_of(features, tmp_path, stored):
    """A graph on ``features`` with three countries, and the distance that fits it."""
    rng = np.random.default_rng(0)
    with torch.inference_mode():
        width = features(torch.zeros(1, 3, 32, 32)).shape[1]
    head = Head(
        rng.normal(size=(2, 3, width)).astype(np.float32), np.zeros((2, 3), np.float32),
        rng.normal(size=(2, width)).astype(np.float32), np.zeros(2, np.float32),
    )  # fmt: skip
    path = tmp_path / "model.onnx"
    assemble.write_graph(assemble.Classifier(features, head), 32, path, stored)
    return path, outside.fit(rng.normal(size=(200, width)), np.array(["one"] * 200))


@pytest.mark.parametrize("stored", ["float", "fp16", "int8"])
@pytest.mark.parametrize("body", [TinyFeatures, SmallVit])
def test_a_graph_gets_the_score_and_keeps_the_rest(tmp_path, tensors, body, stored):
    path, distance = graph_of(body(), tmp_path, stored)
    before = export.open_session(path).run(None, {export.INPUT: np.stack(tensors)})
    features = graft.features(path, tensors)
    for _ in range(2):  # a second time replaces the first
        graft.add(path, distance)
    *others, scores = export.open_session(path).run(None, {export.INPUT: np.stack(tensors)})
    for old, new in zip(before, others, strict=True):
        np.testing.assert_allclose(new, old, atol=1e-5)
    np.testing.assert_allclose(scores, distance(features), rtol=2e-3)
    entry = manifest.golden_entry(path, 32, ["AU", "BR", "JP"], measured=True)
    assert entry["outside"] > 0
    assert "outside" not in manifest.golden_entry(path, 32, ["AU", "BR", "JP"])


def test_a_trained_network_gets_it_as_well(tmp_path, tensors):
    body = timm.create_model("resnet18d", pretrained=False, num_classes=0, global_pool="")
    model = Classifier(body, 3).eval()
    path = tmp_path / "model.onnx"
    attention.export_onnx(model, 32, path)
    features = graft.features(path, tensors)
    assert features.shape == (9, 512)
    distance = outside.fit(np.tile(features, (9, 1)), np.array(["one"] * 81))
    graft.add(path, distance)
    scores = assemble.run_graph(path, np.stack(tensors), export.OUTSIDE)
    np.testing.assert_allclose(scores, distance(features), rtol=2e-3)


def test_a_graph_without_a_last_layer_is_refused():
    graph = helper.make_graph(
        [helper.make_node("Relu", ["pictures"], ["logits"])], "odd",
        [helper.make_tensor_value_info("pictures", TensorProto.FLOAT, ["batch", 3])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 3])],
    )  # fmt: skip
    with pytest.raises(ValueError, match="does not end with a linear layer"):
        graft.features_name(graph)
