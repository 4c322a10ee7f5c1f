import json
from pathlib import Path

import numpy as np
import pytest
from sklearn import metrics as reference

from streetwise_train import calibrate, metrics

GOLDEN = Path(__file__).parents[2] / "tests" / "golden" / "figures.json"


@pytest.mark.parametrize("case", json.loads(GOLDEN.read_text())["cases"], ids=lambda c: c["name"])
def test_the_golden_scores_give_the_golden_figures_in_this_language_too(case):
    scores = np.array(case["scores"], float)  # null becomes NaN
    labels = np.array(case["labels"])
    assert metrics.ranks(scores, labels).tolist() == case["ranks"]
    assert metrics.guesses(scores).tolist() == case["guesses"]
    if case["figures"] is not None:
        assert metrics.summary(scores, labels) == pytest.approx(case["figures"])


@pytest.fixture
def guesses():
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 7, 400)
    logits = rng.normal(size=(400, 7)) + 1.5 * np.eye(7)[labels]
    return logits, labels


@pytest.mark.parametrize("k", [1, 3, 5])
def test_top_k_equals_the_reference(guesses, k):
    logits, labels = guesses
    expected = reference.top_k_accuracy_score(labels, logits, k=k, labels=range(7))
    assert metrics.summary(metrics.softmax(logits), labels)[f"top{k}"] == pytest.approx(expected)


def test_balanced_top_1_and_macro_f1_equal_the_reference(guesses):
    logits, labels = guesses
    figures = metrics.summary(metrics.softmax(logits), labels)
    top = logits.argmax(1)
    assert figures["balanced_top1"] == pytest.approx(reference.balanced_accuracy_score(labels, top))
    assert figures["macro_f1"] == pytest.approx(reference.f1_score(labels, top, average="macro"))


def test_calibration_error_of_known_guesses():
    sure = np.array([[0.9, 0.1]] * 10)
    labels = np.array([0] * 6 + [1] * 4)
    assert metrics.ece(sure, labels) == pytest.approx(0.3)
    assert metrics.ece(np.array([[1.0, 0.0]] * 5), np.zeros(5, int)) == 0


def test_the_temperature_that_made_the_logits_is_found():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(20000, 5)) * 2
    chances = metrics.softmax(logits).cumsum(1)
    labels = (chances < rng.random((20000, 1))).sum(1)
    found = calibrate.temperature(logits * 3, labels, np.ones(20000))
    assert found == pytest.approx(3.0, rel=0.05)


def test_unsure_begins_where_guesses_are_right_half_of_the_time():
    rng = np.random.default_rng(0)
    top = rng.uniform(0.5, 1.0, 20000)
    probabilities = np.stack([top, 1 - top], 1)
    right = rng.random(20000) < (top - 0.5) * 2
    labels = np.where(right, 0, 1)
    rule = calibrate.unsure(probabilities, labels)
    assert 0.73 <= rule.min_top1 <= 0.85
    assert rule.accuracy_when_sure > 0.7 > 0.35 > rule.accuracy_when_unsure
    assert rule.coverage == pytest.approx((top >= rule.min_top1).mean())
    assert f"{rule.min_top1:.2f}" in rule.rule


@pytest.mark.parametrize(("share", "pictures"), [(0.0, 4000), (0.2, 4000), (0.4, 4000), (0.0, 12)])
def test_nothing_is_sure_where_guesses_are_never_right_half_of_the_time(share, pictures):
    rng = np.random.default_rng(0)
    top = rng.uniform(0.3, 1.0, pictures)
    probabilities = np.stack([top, (1 - top) / 2, (1 - top) / 2], 1)
    labels = np.where(np.arange(pictures) % 100 < share * 100, 0, 1)[rng.permutation(pictures)]
    rule = calibrate.unsure(probabilities, labels)
    assert rule.coverage == 0
    assert (probabilities.max(1) < rule.min_top1).all()
    assert "No guess" in rule.rule
    assert rule.accuracy_when_unsure == pytest.approx((labels == probabilities.argmax(1)).mean())
