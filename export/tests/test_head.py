from dataclasses import replace

import numpy as np
import pytest
from conftest import make_study
from sklearn.linear_model import LogisticRegression

from streetwise_train import crossval, figures, geography, head, metrics, reduction
from streetwise_train.head import Recipe

PLAIN = Recipe(country_power=0.0, apart=0.0, components=(48,))
DECAY = 0.02


def test_the_head_is_the_reference_logistic_regression(study):
    x, y = study.features[:, 0], study.labels
    fitted = head.fit(
        study.features, y, study.domains, np.eye(6) / DECAY, np.ones(len(y)), PLAIN, (48,)
    )
    standard = (x - x.mean(0)) / x.std(0)
    expected = LogisticRegression(C=1 / (DECAY * len(y)), tol=1e-8).fit(standard, y)
    ours = metrics.softmax(fitted(x))
    np.testing.assert_allclose(ours, expected.predict_proba(standard), atol=5e-3)


def test_fitting_twice_gives_the_same_head(study):
    first, second = (crossval.fit(study, study.labels >= 0, PLAIN) for _ in range(2))
    np.testing.assert_array_equal(first.weight, second.weight)


def test_weights_balance_countries_sources_and_views():
    labels = np.array([0, 0, 0, 0, 1])
    sources = np.array(["a", "a", "a", "b", "a"])
    groups = np.array([0, 0, 1, 2, 3])
    weight = head.sample_weights(
        labels, sources, groups, Recipe(country_power=1.0, source_power=1.0)
    )
    assert weight.mean() == pytest.approx(1)
    assert weight[labels == 0].sum() == pytest.approx(weight[4])
    assert weight[3] == pytest.approx(weight[:3].sum())
    assert weight[0] + weight[1] == pytest.approx(weight[2])


def test_held_out_heads_never_saw_the_place_or_the_source():
    """Labels without meaning: only a head that saw the place could do better than chance."""
    rng = np.random.default_rng(1)
    study = make_study(countries=4, places=12, views=3, noise=0.0)
    spots = rng.normal(size=(48, 48)).astype(np.float32)
    study = replace(study, features=spots[study.groups][:, None], kinship=np.eye(4) * 1e4)
    seen = crossval.fit(study, study.labels >= 0, PLAIN)(study.features[:, 0])
    held = crossval.held_out(study, PLAIN)
    assert np.mean(seen.argmax(1) == study.labels) > 0.95
    assert np.mean(held.logits.argmax(1) == study.labels) < 0.45


def test_out_of_fold_heads_can_be_applied_to_other_features(study):
    held = crossval.held_out(study, PLAIN)
    which = np.array([0, 17, 40, 99])
    again = held.apply(study.features[which, 0], which)
    np.testing.assert_allclose(again, held.logits[which], rtol=1e-4, atol=1e-4)


def test_a_source_that_is_the_only_clue_fails_when_held_out():
    study = make_study(countries=2, places=40, noise=1.0)
    sources = np.where(study.groups % 2 == 0, "north", "south")
    clue = np.where(sources == "north", 1.0, -1.0) * np.where(study.labels == 0, 1, -1)
    features = np.zeros_like(study.features)
    features[:, 0, 0] = clue
    held = crossval.held_out(replace(study, features=features, sources=sources), PLAIN)
    assert np.mean(held.logits.argmax(1) == study.labels) < 0.1


def test_a_country_without_pictures_is_placed_by_its_neighbours():
    """Two near pairs; the second of one pair has no picture and takes after the first."""
    rng = np.random.default_rng(0)
    where = np.array([[1.0, 0.0], [0.9, 0.436], [0.0, 1.0], [-1.0, 0.0]])
    labels = np.repeat([0, 2, 3], 40)
    centres = rng.normal(size=(4, 8))
    features = (centres[labels] + 0.3 * rng.normal(size=(120, 8))).astype(np.float32)[:, None]
    kinship = geography.kinship(where, 0.002, 0.01)
    plain = replace(PLAIN, components=(8,))
    one = np.zeros(120, int)
    fitted = head.fit(features, labels, one, kinship, np.ones(120), plain, (8,))
    logits = fitted(features[:40, 0])
    assert np.all(logits.argmax(1) == 0)
    assert logits[:, 1].mean() > logits[:, [2, 3]].max(1).mean()


def test_all_components_change_nothing_and_few_keep_the_leading_ones():
    rng = np.random.default_rng(0)
    wide = rng.normal(size=(200, 3)) @ rng.normal(size=(3, 30)) + 0.01 * rng.normal(size=(200, 30))
    features = np.concatenate([wide, rng.normal(size=(200, 4))], 1).astype(np.float32)
    reduced = reduction.fit(features, (30, 4), (3, 4))
    small = reduced(features)
    assert small.shape == (200, 7)
    standard = (features - features.mean(0)) / features.std(0)
    again = small[:, :3] @ reduced.bases[0].T
    assert np.abs(again - standard[:, :30]).max() < 0.1
    weight, bias = rng.normal(size=(5, 7)), rng.normal(size=5)
    raw, offset = reduced.unfold(weight, bias)
    np.testing.assert_allclose(features @ raw.T + offset, small @ weight.T + bias, atol=1e-3)


def test_figures_rest_on_recorded_labels_and_whole_sources(study):
    held = crossval.held_out(study, PLAIN)
    found = figures.measure(study, held.logits).metrics
    assert found["images"] == study.reportable.sum() < len(study.labels)
    assert found["balanced_top1"] > 0.9
    assert set(found["per_source"]) == set(study.sources)
    assert found["whole_rounds"].keys() == {"dashcams", "Street View frames"}
    many = found["views_of_a_place"]
    assert many["all_views"]["balanced_top1"] >= many["one_view"]["balanced_top1"]
    assert found["per_country"]["FR"]["top1"] > 0.9


def test_a_country_with_few_places_has_no_figures():
    study = make_study(places=figures.FEW_PLACES - 1)
    found = figures.measure(study, crossval.held_out(study, PLAIN).logits).metrics
    assert {part["top1"] for part in found["per_country"].values()} == {None}
    assert found["per_country"]["JP"]["images"] > 0


def test_domains_may_disagree_about_what_a_feature_means():
    """A feature says one country in one domain and the other in the other: one layer cannot."""
    rng = np.random.default_rng(0)
    labels, domains = rng.integers(0, 2, 400), rng.integers(0, 2, 400)
    features = rng.normal(size=(400, 1, 6)).astype(np.float32)
    features[:, 0, 0] += 4 * domains
    features[:, 0, 1] += np.where(labels == domains, 3, -3)
    recipe = replace(PLAIN, components=(6,))
    found = {}
    for apart in (0.0, 1.0):
        own = replace(recipe, apart=apart)
        weights = np.ones(400)
        fitted = head.fit(features, labels, domains, np.eye(2) * 100, weights, own, (6,))
        found[apart] = np.mean(fitted(features[:, 0]).argmax(1) == labels)
    assert found[0.0] < 0.7
    assert found[1.0] > 0.95
