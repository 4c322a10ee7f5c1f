from dataclasses import replace

import numpy as np
import pytest
from conftest import make_study
from sklearn.linear_model import LogisticRegression

from streetwise_train import countries, crossval, figures, head, metrics
from streetwise_train.head import Recipe

PLAIN = Recipe(decay=0.02, smoothing=0.0, country_power=0.0, source_power=0.0)


def test_the_head_is_the_reference_logistic_regression(study):
    x, y = study.features[:, 0], study.labels
    fitted = head.fit(study.features, y, 6, np.ones(len(y)), PLAIN)
    standard = (x - x.mean(0)) / x.std(0)
    expected = LogisticRegression(C=1 / (PLAIN.decay * len(y)), tol=1e-8).fit(standard, y)
    ours = metrics.softmax(fitted(x))
    np.testing.assert_allclose(ours, expected.predict_proba(standard), atol=5e-3)


def test_fitting_twice_gives_the_same_head(study):
    first, second = (crossval.fit(study, study.labels >= 0, Recipe()) for _ in range(2))
    np.testing.assert_array_equal(first.weight, second.weight)


def test_weights_balance_countries_sources_and_views():
    labels = np.array([0, 0, 0, 0, 1])
    sources = np.array(["a", "a", "a", "b", "a"])
    groups = np.array([0, 0, 1, 2, 3])
    weight = head.sample_weights(labels, sources, groups, Recipe(source_power=1.0))
    assert weight.mean() == pytest.approx(1)
    assert weight[labels == 0].sum() == pytest.approx(weight[4])
    assert weight[3] == pytest.approx(weight[:3].sum())
    assert weight[0] + weight[1] == pytest.approx(weight[2])


def test_held_out_heads_never_saw_the_place():
    """Labels without meaning: only a head that saw the place could do better than chance."""
    rng = np.random.default_rng(1)
    study = make_study(countries=4, places=10, views=3, noise=0.0)
    spots = rng.normal(size=(40, 48)).astype(np.float32)
    study = replace(study, features=spots[study.groups][:, None])
    seen = crossval.fit(study, study.labels >= 0, Recipe(decay=1e-4))(study.features[:, 0])
    held = crossval.by_place(study, Recipe(decay=1e-4))
    assert np.mean(seen.argmax(1) == study.labels) > 0.95
    assert np.mean(held.logits.argmax(1) == study.labels) < 0.45


def test_out_of_fold_heads_can_be_applied_to_other_features(study):
    held = crossval.by_place(study, Recipe())
    which = np.array([0, 17, 40, 99])
    again = held.apply(study.features[which, 0], which)
    np.testing.assert_allclose(again, held.logits[which], rtol=1e-4, atol=1e-4)


def test_a_source_that_is_the_only_clue_fails_when_held_out():
    study = make_study(countries=2, places=40, noise=1.0)
    clue = np.where(study.sources == "north", 1.0, -1.0) * np.where(study.labels == 0, 1, -1)
    features = np.zeros_like(study.features)
    features[:, 0, 0] = clue
    study = replace(study, features=features, reportable=np.ones(len(clue), bool))
    held = crossval.by_source(study, Recipe())
    assert np.mean(held.argmax(1) == study.labels) < 0.1


def test_countries_are_kept_by_evidence(study):
    place = crossval.by_place(study, Recipe()).logits
    source = crossval.by_source(study, Recipe())
    place[study.labels == 2] = -1.0 * np.arange(6) + 10 * (np.arange(6) == 5)
    found = countries.evidence(study, [place], [source])
    assert [e.country for e in found if not e.learnable] == ["C2"]


@pytest.mark.parametrize(
    ("places", "sources", "kept"), [(20, 2, True), (19, 2, False), (25, 1, False)]
)
def test_a_candidate_needs_places_and_sources(places, sources, kept):
    group = np.arange(places)
    origin = np.array([f"s{i % sources}" for i in group])
    found = countries.candidates(np.full(places, "FR"), group, origin, np.ones(places, bool))
    assert found == (["FR"] if kept else [])


def test_figures_report_only_recorded_labels(study):
    place, source = crossval.by_place(study, Recipe()).logits, crossval.by_source(study, Recipe())
    measured = figures.measure(study, place, source)
    assert measured.place["images"] == study.reportable.sum() < len(study.labels)
    assert measured.place["balanced_top1"] > 0.9
    assert set(measured.place["per_source"]) == {"north", "south"}
    many = measured.place["views_of_a_place"]
    assert many["all_views"]["balanced_top1"] >= many["one_view"]["balanced_top1"]
