"""Whole rounds, hold-outs by source and drive, where countries lie, screenshots."""

import numpy as np
import pytest
import torch
from PIL import Image

from streetwise_train import data, geography, holdout, prototypes, screens, views, world
from streetwise_train.backbones import BACKBONES, SideBySide


def test_every_country_has_a_place_near_its_neighbours():
    countries, vectors = geography.prototypes()
    assert len(countries) == len(set(countries)) > 240
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-2)
    alike = vectors @ vectors.T
    row = {code: i for i, code in enumerate(countries)}
    assert alike[row["FR"], row["BE"]] > alike[row["FR"], row["PL"]] > alike[row["FR"], row["JP"]]


def test_regions_are_those_of_the_united_nations():
    assert all(code in geography.REGION for code in geography.prototypes()[0] if code != "AQ")
    found = {code: geography.REGION[code] for code in ("CY", "TR", "RU", "EG", "MX", "GU")}
    assert found == {
        "CY": "Asia", "TR": "Asia", "RU": "Europe", "EG": "Africa", "MX": "Americas",
        "GU": "Oceania",
    }  # fmt: skip


def test_kinship_is_the_prior_of_a_shared_map_and_own_weights():
    """Weights drawn as the docstring says have the covariance that the function gives."""
    rng = np.random.default_rng(0)
    where = rng.normal(size=(3, 4))
    shared, own = 2.0, 8.0
    maps = rng.normal(size=(100_000, 4)) / np.sqrt(shared)
    weights = maps @ where.T + rng.normal(size=(100_000, 3)) / np.sqrt(own)
    expected = geography.kinship(where, shared, own)
    np.testing.assert_allclose(np.cov(weights.T), expected, atol=0.05 * expected.max())


def test_towns_are_read_evenly_and_only_of_countries(tmp_path):
    rows = [f"{i},{i % 7},t,,,FR" for i in range(40)] + ["1,2,t,,,XX", "3,4,t,,,JP"]
    path = tmp_path / "towns.csv"
    path.write_text("lat,lon,name,admin1,admin2,cc\n" + "\n".join(rows) + "\n", encoding="utf-8")
    found = prototypes.towns(path)
    assert list(found) == ["FR", "JP"]
    assert found["JP"].tolist() == [[3.0, 4.0]]
    assert len(found["FR"]) == 40


def test_the_projection_is_equal_earth():
    """The corner values of the map in Savric et al. 2018: 2.706629985 and 1.317362759."""
    found = prototypes.equal_earth(torch.tensor([[0.0, 180.0], [90.0, 0.0]])) / prototypes.SCALE
    np.testing.assert_allclose(found.numpy(), [[2.70663, 0], [0, 1.31736]], atol=1e-4)


def test_a_country_that_a_model_does_not_know_is_a_miss():
    logits = np.array([[3.0, 1.0], [3.0, 1.0], [0.0, 1.0]])
    rank = world.ranks(logits, ["FR", "JP"], np.array(["FR", "BR", "FR"]))
    assert rank.tolist() == [0, 2, 1]


def test_whole_rounds_are_counted_by_domain_and_region():
    sources = np.array(["gsv_a", "gsv_a", "mly_osv5m_test", "web_b"])
    codes = np.array(["FR", "BR", "BR", "BR"])
    found = world.whole_rounds(np.array([0, 7, 3, 0]), codes, np.arange(4), world.domains(sources))
    assert found.keys() == {world.DASHCAMS, world.STREET_VIEW}
    assert found[world.STREET_VIEW]["top1"] == 0.5
    assert found[world.STREET_VIEW]["per_region"]["Americas"]["top5"] == 0
    assert found[world.DASHCAMS]["top5"] == 1


def test_an_interval_counts_places_and_not_pictures():
    """A hundred views of two places are no surer than two pictures."""
    hits, places = np.repeat([0.0, 1.0], 50), np.repeat([0, 1], 50)
    assert world.interval(hits, places) == [0.0, 1.0]
    low, high = world.interval(hits, np.arange(100))
    assert 0.39 < low < 0.45
    assert 0.55 < high < 0.61


def test_whole_sources_and_whole_drives_are_held_out():
    rng = np.random.default_rng(0)
    sources = np.repeat(["mly_osv5m_test", "gsv_a", "gsv_tevin_ru", "gsv_pradyutnair", "web"], 40)
    groups, labels = np.arange(200) // 2, rng.integers(0, 4, 200)
    fold = holdout.folds(labels, groups, sources)
    for source in ("gsv_a", "web"):
        assert len(set(fold[sources == source])) == 1
    assert len(set(fold[np.isin(sources, holdout.TOGETHER)])) == 1
    drives = sources == "mly_osv5m_test"
    assert set(fold[drives]) == set(range(holdout.FOLDS))
    assert all(len(set(fold[groups == g])) == 1 for g in groups[drives])


def test_a_fold_does_not_train_on_a_copy_of_what_it_holds_out():
    fold, groups = np.array([0, 0, 1, 1]), np.array([5, 6, 6, 7])
    assert holdout.training(fold, groups, 0).tolist() == [False, False, False, True]


def test_pictures_of_one_drive_become_one_group():
    rng = np.random.default_rng(0)
    cars = rng.normal(size=(3, 64))
    features = np.repeat(cars, 4, axis=0) + 0.1 * rng.normal(size=(12, 64))
    dashcam = np.arange(12) < 8
    found = holdout.drives(features, np.arange(12), dashcam)
    assert len(set(found[:4])) == len(set(found[4:8])) == 1
    assert len(set(found)) == 2 + 4


def test_backbones_side_by_side_see_what_each_would_see_alone():
    pair = BACKBONES["dinov2-vit-s"], BACKBONES["efficientnet-lite0"]
    torch.manual_seed(0)
    both = SideBySide(pair, None).eval()
    picture = Image.effect_noise((60, 40), 80).convert("RGB")
    alone = [torch.from_numpy(views.make(picture, b, "a.jpg", "squish"))[None] for b in pair]
    with torch.inference_mode():
        expected = [part(x).numpy() for part, x in zip(both.parts, alone, strict=True)]
        found = both(alone[0]).numpy()
    assert found.shape == (1, both.width)
    np.testing.assert_allclose(found, np.concatenate(expected, 1), rtol=1e-3, atol=1e-3)


@pytest.fixture
def shots(tmp_path):
    (tmp_path / "index.csv").write_text(
        "file,country,lat,lon,place,source,check\n"
        "a.jpg,FR,,,p,s,\nb.jpg,XX,,,q,s,unlabelled\nc.jpg,JP,,,r,s,label inferred\n",
        encoding="utf-8",
    )
    return tmp_path


def test_screenshots_are_measured_with_and_without_inferred_labels(shots):
    shown = screens.read(shots, ["FR", "JP"])
    assert shown.files == ["a.jpg", "c.jpg"]
    logits = {"whole": np.array([[1.0, 0.0], [1.0, 0.0]])}
    found = screens.measure(shown, logits, ["FR", "JP"])
    assert found["game screenshots, whole, all labels"]["top1"] == 0.5
    assert found["game screenshots, whole, recorded labels"]["top1"] == 1


def test_the_hud_is_cut_away_and_the_middle_stays():
    picture = Image.new("RGB", (100, 100), "red")
    picture.paste("blue", (4, 10, 96, 88))
    assert views.without_hud(picture).getcolors() == [(92 * 78, (0, 0, 255))]
    tensor = views.make(picture, BACKBONES["efficientnet-lite0"], "a.jpg", "game")
    assert np.ptp(tensor, axis=(1, 2)).max() == 0


def test_the_surest_tier_is_reported_on():
    rows = [
        data.Picture("a", "FR", "p", "s", f"label inferred, tier {t}") for t in ("A", "B", "B2")
    ]
    assert [row.reportable for row in rows] == [True, False, False]
