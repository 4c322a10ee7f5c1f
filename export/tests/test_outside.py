import numpy as np
import pytest
import torch
from conftest import TinyFeatures, make_study
from test_export import SmallVit

from streetwise_train import assemble, attention, crossval, export, golden, manifest, outside
from streetwise_train.head import Head, Recipe


@pytest.fixture
def cloud():
    """Pictures of two sources around a centre, in 12 features of which three vary most."""
    rng = np.random.default_rng(0)
    stretch = np.diag([6, 4, 3] + [1] * 9) @ np.linalg.qr(rng.normal(size=(12, 12)))[0]
    return 5 + rng.normal(size=(600, 12)) @ stretch, np.array(["north", "south"] * 300)


def test_the_score_is_the_mahalanobis_distance_with_the_covariance_of_probabilistic_pca(
    cloud, monkeypatch
):
    monkeypatch.setattr(outside, "DIRECTIONS", 3)
    features, sources = cloud
    z = (features - features.mean(0)) / (features.std(0) + outside.FLAT)
    variance, directions = np.linalg.eigh(z.T @ z / len(z))
    variance[:-3] = variance[:-3].mean()
    expected = np.sqrt(((z @ directions) ** 2 / variance).mean(1))
    found = outside.Distance(features, sources).score(features)
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_a_large_source_does_not_decide_alone_what_is_usual(cloud):
    features, _ = cloud
    other = features[:60] + 30
    both = np.concatenate([features, other])
    sources = np.array(["large"] * len(features) + ["small"] * len(other))
    apart = outside.Distance(both, sources).score(other).mean()
    together = outside.Distance(both, np.array(["one"] * len(both))).score(other).mean()
    assert apart < 0.9 * together


def test_the_bound_keeps_what_was_held_out_and_little_else(cloud):
    features, sources = cloud
    distance = outside.Distance(features[:300], sources[:300])
    rule = outside.rule(distance.score(features[300:]), "places never trained on")
    assert 0.93 <= rule.kept <= 0.97
    nothing = np.tile(np.linspace(-30, 30, 50)[:, None], (1, 12)) ** 2
    assert np.mean(distance.score(nothing) > rule.bound) > 0.8
    assert rule.entry() == {
        "name": "outside", "bound": rule.bound, "kept": rule.kept,
        "fitted_on": "places never trained on",
    }  # fmt: skip


@pytest.mark.parametrize("stored", ["float", "fp16", "int8"])
def test_the_score_passes_from_pytorch_to_a_graph(tmp_path, stored):
    study = make_study()
    head = crossval.fit(study, study.labels >= 0, Recipe())
    distance = outside.Distance(study.features[:, 0], study.sources)
    model = outside.Measured(assemble.Classifier(TinyFeatures(), head), distance)
    path = tmp_path / "model.onnx"
    assert assemble.write_graph(model, 32, path, stored) < 1e-3
    picture = golden.tensor(32)
    with torch.inference_mode():
        logits, expected = (value.numpy() for value in model(torch.from_numpy(picture)))
    found = assemble.run_graph(path, picture, export.OUTSIDE)
    assert found.shape == (1,)
    assert np.abs(found - expected).max() < 0.02 * expected.max()
    assert np.abs(assemble.run_graph(path, picture) - logits).max() < 0.5
    entry = manifest.golden_entry(path, 32, study.countries, measured=True)
    assert entry["outside"] == pytest.approx(float(found[0]), rel=1e-4)
    assert "outside" not in manifest.golden_entry(path, 32, study.countries)


def test_a_vit_gives_logits_score_and_attention(tmp_path):
    features, rng = SmallVit(), np.random.default_rng(0)
    with torch.inference_mode():
        width = features(torch.zeros(1, 3, 32, 32)).shape[1]
    head = Head(rng.normal(size=(3, width)).astype(np.float32), np.zeros(3, np.float32))
    distance = outside.Distance(rng.normal(size=(80, width)), np.array(["one"] * 80))
    model = outside.Measured(assemble.Classifier(features, head), distance)
    path = tmp_path / "model.onnx"
    assemble.write_graph(model, 32, path, "float")
    grid = attention.grid(model)
    assert (grid.rows, grid.columns, grid.blocks) == (2, 2, 2)
    found = export.open_session(path).run(None, {export.INPUT: golden.tensor(32)})
    assert [value.shape for value in found] == [(1, 3), (1,), (1, 2, 5, 5)]
