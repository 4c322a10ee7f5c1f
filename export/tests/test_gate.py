import numpy as np
import onnx
import pytest
import timm
import torch
from onnx import numpy_helper

from streetwise_train import attention, deliver, export, gate, quantise
from streetwise_train.classifier import Classifier
from streetwise_train.errors import TrainError

#: One of each family, its depth cut to seconds: timm name, side, what is reduced.
REDUCED = {
    "vit": ("vit_tiny_patch16_224", 32, {"img_size": 32, "depth": 2}),
    "swin": ("swinv2_tiny_window8_256", 64,
             {"img_size": 64, "depths": (1, 2), "embed_dim": 24, "num_heads": (2, 3)}),
    "resnet-d": ("resnet18d", 64, {"layers": (1, 1, 1, 1)}),
    "cnn": ("convnext_tiny", 64, {"depths": (1, 1, 1, 1), "dims": (16, 32, 64, 64)}),
}  # fmt: skip


def make(family, classes=3):
    torch.manual_seed(0)
    name, size, options = REDUCED[family]
    return Classifier(timm.create_model(name, num_classes=0, **options), classes), size


def train_two_steps(model, size):
    """Two steps on random pictures; the second loss is finite."""
    solver = torch.optim.AdamW(model.train().parameters(), lr=1e-3)
    pictures, labels = torch.randn(4, 3, size, size), torch.tensor([0, 1, 2, 0])
    for _ in range(2):
        solver.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(pictures), labels)
        loss.backward()
        solver.step()
    assert torch.isfinite(loss)
    return model.eval()


@pytest.mark.parametrize("family", REDUCED)
def test_a_trained_network_passes_the_gate(family, tmp_path):
    model, size = make(family)
    train_two_steps(model, size)
    rng = np.random.default_rng(0)
    pictures = rng.normal(size=(6, 3, size, size)).astype(np.float32)
    with torch.inference_mode():
        logits = model(torch.from_numpy(pictures)).numpy()
    graph = tmp_path / "exact.onnx"
    assert (attention.export_onnx(model, size, graph) is not None) == (family == "vit")
    real = (pictures, logits, logits.argmax(1))
    found = gate.variants(graph, real, pictures[:2], deliver.last_layer(model))
    by_name = {v.name: v for v in found}
    assert list(by_name) == [gate.FP32, gate.FP16, gate.INT8, gate.QDQ]
    assert by_name[gate.FP32].difference < 1e-4
    assert by_name[gate.FP16].difference < 0.05
    assert by_name[gate.INT8].difference < 0.3
    assert by_name[gate.QDQ].bytes > 0
    assert by_name[gate.INT8].bytes < 0.9 * by_name[gate.FP32].bytes
    gate.choose(found)


def attention_by_hand(body, pictures):
    """Softmax of queries and keys of every block, averaged over its heads."""
    tokens = body.norm_pre(body._pos_embed(body.patch_embed(pictures)))
    found = []
    for block in body.blocks:
        layer = block.attn
        width = layer.num_heads * layer.head_dim
        q, k = layer.qkv(block.norm1(tokens))[..., : 2 * width].split(width, dim=-1)
        q, k = (x.unflatten(-1, (layer.num_heads, -1)).transpose(1, 2) for x in (q, k))
        found.append((q @ k.mT * layer.head_dim**-0.5).softmax(-1).mean(1))
        tokens = block(tokens)
    return torch.stack(found, 1)


def test_attention_is_that_of_every_block_and_changes_no_logit(tmp_path):
    model, size = make("vit")
    model.eval()
    pictures = torch.randn(3, 3, size, size)
    fused = [block.attn.fused_attn for block in model.body.blocks]
    with torch.inference_mode():
        before = model(pictures).numpy()
        expected = attention_by_hand(model.body, pictures).numpy()
    assert np.abs(expected[:, 0] - expected[:, 1]).max() > 1e-3
    path = tmp_path / "graph.onnx"
    found = attention.export_onnx(model, size, path)
    assert found == attention.Grid(rows=2, columns=2, prefix_tokens=1, blocks=2)
    session = export.open_session(path)
    assert session.get_outputs()[1].shape[1:] == [2, 5, 5]
    logits, seen = session.run([export.OUTPUT, export.ATTENTION], {export.INPUT: pictures.numpy()})
    np.testing.assert_allclose(logits, before, atol=1e-4)
    np.testing.assert_allclose(seen, expected, atol=1e-5)
    np.testing.assert_allclose(seen.sum(-1), 1, atol=1e-5)
    assert [block.attn.fused_attn for block in model.body.blocks] == fused
    assert not any(block.attn.attn_drop._forward_hooks for block in model.body.blocks)


def test_a_graph_that_is_not_the_network_is_refused(tmp_path):
    model, size = make("resnet-d")
    model.eval()
    pictures = np.random.default_rng(0).normal(size=(5, 3, size, size)).astype(np.float32)
    with torch.inference_mode():
        logits = model(torch.from_numpy(pictures)).numpy()
    graph = tmp_path / "exact.onnx"
    export.export_onnx(model, size, graph)
    changed = onnx.load(str(graph))
    weight = next(t for t in changed.graph.initializer if t.name == "head.4.weight")
    weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight) * 1.01, weight.name))
    onnx.save(changed, str(graph))
    real = (pictures, logits, logits.argmax(1))
    found = gate.variants(graph, real, pictures[:1], deliver.last_layer(model))
    with pytest.raises(TrainError, match="fp32: logits differ by at most") as error:
        gate.choose(found)
    assert error.value.kind == "export-gate"


def variant(name, passed=True):
    return gate.Variant(name, 1, 0.0, 1.0, 0.0, passed)


@pytest.mark.parametrize(("failed", "chosen"), [
    ((), "int8"), (("int8",), "fp16"), (("int8", "fp16"), "fp32"), (("int8-qdq",), "int8"),
])  # fmt: skip
def test_the_smallest_that_passes_is_chosen(failed, chosen):
    found = [variant(n, n not in failed) for n in ("fp32", "fp16", "int8", "int8-qdq")]
    assert gate.choose(found).name == chosen


def test_what_is_judged():
    labels = np.arange(100) % 4
    exact = 5.0 * np.eye(4)[labels]
    assert gate.judge("int8", 1, exact, exact + 0.2, labels).passed
    assert not gate.judge("fp32", 1, exact, exact + 0.002, labels).passed
    wrong = exact.copy()
    wrong[:2] = wrong[:2, ::-1]
    lossy = gate.judge("int8", 1, exact, wrong, labels)
    assert (lossy.agreement, round(lossy.loss, 2), lossy.passed) == (0.98, 0.02, False)
    assert not gate.judge("int8", 1, exact, wrong, (labels + 1) % 4).why.startswith("more")
    wrong[:4] = wrong[:4, ::-1]
    wrong[0] = np.nan
    assert "finite" in gate.judge("int8", 1, exact, wrong, labels).why
    assert (
        gate.report(lossy, [gate.judge("int8", 1, exact, wrong, labels)], 100)["variants"][0][
            "difference"
        ]
        is None
    )


def test_a_variant_that_cannot_be_made_is_only_reported(tmp_path, monkeypatch):
    model, size = make("vit")
    model.eval()
    graph, pictures = tmp_path / "exact.onnx", np.zeros((2, 3, size, size), np.float32)
    export.export_onnx(model, size, graph)
    with torch.inference_mode():
        logits = model(torch.from_numpy(pictures)).numpy()

    def fails(*_):
        raise RuntimeError("no such operator")

    monkeypatch.setattr(quantise, "calibrated", fails)
    found = gate.variants(graph, (pictures, logits, logits.argmax(1)), pictures, ("head.",))
    assert [v.passed for v in found if v.name == gate.QDQ] == [False]
    assert gate.choose(found).name == gate.INT8
