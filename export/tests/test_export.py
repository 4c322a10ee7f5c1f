import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import timm
import torch
from conftest import TinyFeatures, make_study
from fastai.layers import AdaptiveConcatPool2d
from onnx import TensorProto, helper, numpy_helper

from streetwise_train import (
    assemble,
    attention,
    card,
    crossval,
    export,
    figures,
    golden,
    manifest,
    quantise,
)
from streetwise_train.backbones import BACKBONES, Features
from streetwise_train.classifier import ConcatPool
from streetwise_train.head import Recipe
from streetwise_train.shipped import Model

TINY = replace(BACKBONES["efficientnet-lite0"], id="tiny", name="Tiny", size=32)
RECIPE = Recipe(components=(48,))


@pytest.fixture
def tiny(study):
    torch.manual_seed(0)
    head = crossval.fit(study, study.labels >= 0, RECIPE)
    return assemble.Classifier(TinyFeatures(), head)


@pytest.mark.parametrize("shape", [(8, 300), (64, 3, 3, 3), (40, 1, 5, 5)])
def test_int8_error_is_at_most_half_a_step(shape):
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    for axis in (0, -1):
        levels, scale = quantise.to_int8(values, axis)
        assert levels.dtype == np.int8
        assert scale.size == shape[axis]
        assert np.all(np.abs(levels * scale - values) <= scale / 2 + 1e-6)


def test_a_channel_of_zeros_stays_zero():
    levels, scale = quantise.to_int8(np.zeros((2, 4), np.float32), 0)
    assert not levels.any()
    assert np.all(scale == 1)


@pytest.mark.parametrize(("op", "attributes", "axis"), [
    ("MatMul", {}, -1), ("Gemm", {}, 1), ("Gemm", {"transB": 1}, 0), ("Conv", {}, 0),
    ("Add", {}, None),
])  # fmt: skip
def test_the_channel_axis_follows_the_operator(op, attributes, axis):
    graph = helper.make_graph([helper.make_node(op, ["x", "w"], ["y"], **attributes)], "g", [], [])
    assert quantise.channel_axis(graph, "w") == axis


def test_each_backbone_is_stored_in_its_own_way():
    ways = {"features.parts.0.": "int8", "features.parts.1.": "fp16"}
    for name, expected in [
        ("features.parts.1.body.weight", "fp16"),
        ("model.features.parts.1.body.weight", "fp16"),
        ("model.features.parts.0.body.weight", "int8"),
        ("val_48", None),
    ]:
        assert quantise.own_kind(name, ways) == expected, name
    assert quantise.own_kind("features.body.weight", None) is None


def test_an_unknown_way_to_store_weights_is_refused():
    with pytest.raises(ValueError, match="int4"):
        quantise.widened("w", np.zeros((2, 2), np.float32), 0, "int4")


@pytest.mark.parametrize(("stored", "bound"), [("float", 1e-4), ("fp16", 1e-2), ("int8", 0.3)])
def test_a_model_passes_from_pytorch_to_a_graph(tiny, tmp_path, stored, bound):
    path = tmp_path / "model.onnx"
    assert assemble.write_graph(tiny, 32, path, stored) <= assemble.MAX_DIFFERENCE
    picture = golden.tensor(32)
    with torch.inference_mode():
        expected = tiny(torch.from_numpy(picture)).numpy()
    found = assemble.run_graph(path, picture)
    assert np.abs(found - expected).max() < bound
    kinds = {t.name: t.data_type for t in onnx.load(str(path)).graph.initializer}
    small = {"int8": TensorProto.INT8, "fp16": TensorProto.FLOAT16}.get(stored)
    assert (small in kinds.values()) == (small is not None)
    assert kinds["head.weight"] == TensorProto.FLOAT


def test_a_head_of_several_domains_is_mixed_in_the_graph_as_in_training(study, tmp_path):
    several = replace(study, domains=study.groups % 3)
    fitted = crossval.fit(several, study.labels >= 0, replace(RECIPE, apart=1.0))
    model, path = assemble.Classifier(TinyFeatures(), fitted), tmp_path / "model.onnx"
    assert assemble.write_graph(model, 32, path, "fp16", {"head.": "fp16"}) < 1e-3
    picture = golden.tensor(32)
    with torch.inference_mode():
        expected = fitted(model.features(torch.from_numpy(picture)).numpy())
    np.testing.assert_allclose(assemble.run_graph(path, picture), expected, atol=1e-2)


def test_a_graph_carries_no_paths_of_the_machine(tiny, tmp_path):
    path = tmp_path / "model.onnx"
    assemble.write_graph(tiny, 32, path, "int8")
    content = path.read_bytes()
    assert b"stack_trace" not in content
    assert b".py" not in content


def test_a_graph_that_differs_from_pytorch_is_refused(tiny, tmp_path):
    path = tmp_path / "model.onnx"
    assemble.write_graph(tiny, 32, path, "float")
    model = onnx.load(str(path))
    bias = next(t for t in model.graph.initializer if t.name == "head.bias")
    bias.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(bias) + 0.01, "head.bias"))
    onnx.save(model, str(path))
    with pytest.raises(ValueError, match="differs from PyTorch"):
        assemble.check_float(tiny, path, 32)


def test_agreement_and_loss_of_smaller_weights():
    exact = np.eye(4)[[0, 1, 2, 3]]
    small = np.eye(4)[[0, 1, 2, 0]]
    assert assemble.compare(exact, small, np.array([0, 1, 2, 3])) == (0.75, 0.25)


def test_the_golden_input_is_the_published_sequence():
    assert golden.splitmix64(np.array([0], np.uint64))[0] == 0xE220A8397B1DCDAF
    tensor = golden.tensor(224, seed=0)
    assert tensor.shape == (1, 3, 224, 224)
    assert tensor[0, 0, 0, 0] == np.float32((0xE220A8397B1DCDAF >> 40) / 2**24 * 4 - 2)
    assert np.all(tensor[0, 1, 28:56, 56:84] == tensor[0, 1, 28, 56])
    assert np.abs(tensor).max() <= 2


@pytest.mark.parametrize("name", sorted(BACKBONES))
def test_random_backbones_have_the_width_their_head_expects(name):
    features = Features(BACKBONES[name], None)
    with torch.inference_mode():
        found = features(torch.zeros(1, 3, 224, 224))
    assert found.shape == (1, features.width)


def test_features_of_a_cnn_are_the_moments_of_every_stage():
    backbone = BACKBONES["efficientnet-lite0"]
    torch.manual_seed(0)
    features, pictures = Features(backbone, None), torch.randn(2, 3, 64, 64)
    body, expected = features.body, []
    with torch.inference_mode():
        maps = body.bn1(body.conv_stem(pictures))
        for stage in body.blocks:
            maps = stage(maps)
            flat = maps.flatten(2).numpy()
            expected += [flat.mean(2), np.sqrt(flat.var(2) + 1e-6)]
        found = features(pictures).numpy()
    assert len(expected) == 2 * len(backbone.depths) == 14
    np.testing.assert_allclose(found, np.concatenate(expected, 1), rtol=1e-3, atol=1e-4)


def test_features_of_a_vit_are_those_of_the_blocks_named():
    backbone = BACKBONES["dinov2-vit-s"]
    torch.manual_seed(0)
    features, pictures = Features(backbone, None), torch.randn(1, 3, 224, 224)
    with torch.inference_mode():
        last = features.body.forward_features(pictures)[0].numpy()
        found = features(pictures)[0].numpy()
    spread = np.sqrt(last[1:].var(0) + 1e-6)
    expected = np.concatenate([last[0], last[1:].mean(0), spread])
    assert len(found) == len(backbone.depths) * len(expected)
    np.testing.assert_allclose(found[-len(expected) :], expected, rtol=1e-3, atol=1e-4)


def skeleton(value):
    """The shape of an object: keys and kinds of values, without the values."""
    if isinstance(value, dict):
        return {key: skeleton(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [skeleton(value[0])] if value else []
    return type(value).__name__


def test_the_manifest_keeps_its_schema(tiny, study, tmp_path):
    """Compares with ``golden/manifest.json``: a change there is a change for the app."""
    measured = figures.measure(study, crossval.held_out(study, RECIPE).logits)
    difference = assemble.write_graph(tiny, 32, tmp_path / "model.onnx", "int8")
    gate = assemble.Gate("int8", difference, 1.0, 0.0, 10)
    text = card.write(Model("tiny", "Tiny", (TINY,), RECIPE, ("int8",)), study, measured, gate)
    (tmp_path / "card.md").write_text(text, encoding="utf-8")
    manifest.write(tmp_path, manifest.build(tmp_path, TINY, study.countries, measured, {"seed": 0}))
    written = json.loads((tmp_path / "model.json").read_text(encoding="utf-8"))
    expected = Path(__file__).parent / "golden" / "manifest.json"
    assert skeleton(written) == json.loads(expected.read_text(encoding="utf-8"))
    assert len(written["golden"]["logits"]) == len(written["countries"]) == 6
    assert written["files"][0]["bytes"] == (tmp_path / "model.onnx").stat().st_size
    assert "| Asia | JP | 24 |" in text
    assert "study and non-commercial use" in text


def test_the_golden_answer_is_the_graphs_own(tiny, tmp_path):
    path = tmp_path / "model.onnx"
    assemble.write_graph(tiny, 32, path, "int8")
    entry = manifest.golden_entry(path, 32, make_study().countries)
    logits = assemble.run_graph(path, golden.tensor(32, entry["seed"]))[0]
    assert np.abs(logits - entry["logits"]).max() < entry["tolerance"]
    assert entry["top5"][0] == make_study().countries[logits.argmax()]


class SmallVit(Features):
    """The shipped ViT's way from tokens to features on a body of two blocks, random weights."""

    def __init__(self):
        torch.nn.Module.__init__(self)
        torch.manual_seed(0)
        options = {"img_size": 32, "depth": 2, "embed_dim": 16, "num_heads": 2}
        self.body = timm.create_model("vit_tiny_patch16_224", num_classes=0, **options)
        self.tokens, self.depths, self.width = True, (1,), 48
        self.eval()


@pytest.mark.parametrize("stored", ["float", "int8"])
def test_a_shipped_vit_tells_its_attention(study, tmp_path, stored, monkeypatch):
    monkeypatch.setattr(quantise, "MIN_ELEMENTS", 64)
    head = crossval.fit(study, study.labels >= 0, RECIPE)
    model, path = assemble.Classifier(SmallVit(), head), tmp_path / "model.onnx"
    assert assemble.write_graph(model, 32, path, stored) <= assemble.MAX_DIFFERENCE
    kinds = {t.name: t.data_type for t in onnx.load(str(path)).graph.initializer}
    assert kinds["model.head.weight"] == TensorProto.FLOAT
    found = attention.grid(model)
    outputs = {o.name: o.shape for o in export.open_session(path).get_outputs()}
    tokens = found.rows * found.columns + found.prefix_tokens
    assert outputs[found.entry()["name"]][1:] == [found.blocks, tokens, tokens] == [2, 5, 5]
    (tmp_path / "card.md").write_text("card", encoding="utf-8")
    measured = figures.measure(study, crossval.held_out(study, RECIPE).logits)
    written = manifest.build(tmp_path, TINY, study.countries, measured, {}, found)
    assert written["output"]["attention"] == {
        "name": "attention", "blocks": 2, "grid": [2, 2], "prefix_tokens": 1,
    }  # fmt: skip


def test_maps_are_pooled_as_by_fastai_without_an_operator_that_torch_2_11_cannot_write():
    maps = torch.rand(2, 5, 7, 6, requires_grad=True)
    same = maps.detach().clone().requires_grad_()
    ours, theirs = ConcatPool()(maps), AdaptiveConcatPool2d(1)(same)
    torch.testing.assert_close(ours, theirs)
    (ours**2).sum().backward()
    (theirs**2).sum().backward()
    torch.testing.assert_close(maps.grad, same.grad)
    program = torch.export.export(ConcatPool().eval(), (maps.detach(),))
    assert not [n for n in program.graph.nodes if "adaptive" in str(n.target)]
