import numpy as np
import pytest
from PIL import Image

from streetwise_train import data, shipped
from streetwise_train.data import Picture


def row(file, place, country="FR", check=""):
    return Picture(file, country, place, "source", check)


def test_views_of_a_place_and_copies_share_a_group():
    pictures = [row("a", "p1"), row("b", "p1"), row("c", "p2"), row("d", "p3"), row("e", "p4")]
    group = data.groups(pictures, [1, 2, 3, 2, 5])
    assert group[0] == group[1] == group[3]
    assert len({group[0], group[2], group[4]}) == 3


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_no_group_stands_in_two_folds(seed):
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 80, 300)
    labels = group % 5
    fold = data.place_folds(labels, group, 5, seed)
    assert set(fold) == set(range(5))
    for g in np.unique(group):
        assert len(set(fold[group == g])) == 1


def test_hash_survives_scaling_and_tells_pictures_apart(picture):
    code = data.difference_hash(picture)
    near = data.difference_hash(picture.resize((200, 120), Image.Resampling.BICUBIC))
    other = data.difference_hash(picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    assert (code ^ near).bit_count() <= 4
    assert (code ^ other).bit_count() > 16


def test_a_blank_frame_has_no_spread(picture):
    assert data.spread(Image.new("RGB", (50, 50), "grey")) < data.MIN_SPREAD < data.spread(picture)


def test_the_index_is_read_and_only_the_surest_inferred_labels_are_reportable(tmp_path):
    (tmp_path / "index.csv").write_text(
        "file,country,lat,lon,place,source,check\n"
        'a.jpg,FR,1,2,"s:1,2",s,\n'
        "b.jpg,AR,1,2,q,t,label inferred\n"
        'c.jpg,AR,1,2,q,t,"label inferred, tier B"\n'
        'd.jpg,AR,1,2,q,t,"label inferred, tier A"\n',
        encoding="utf-8",
    )
    rows = data.read_index(tmp_path)
    assert rows[0].place == "s:1,2"
    assert [row.reportable for row in rows] == [True, False, False, True]


def test_every_exclusion_has_a_reason():
    removed = shipped.exclusions()
    assert len(removed) > 40
    assert all(name.endswith(".jpg") and reason for name, reason in removed.items())


def test_cleaning_out_and_blank_frames(tmp_path, picture):
    excluded = next(iter(shipped.exclusions()))
    lines = ["file,country,lat,lon,place,source,check"]
    for name in ("FR/good.jpg", "FR/blank.jpg", excluded):
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        (Image.new("RGB", (60, 40), "grey") if "blank" in name else picture).save(path)
        lines.append(f"{name},FR,0,0,{name},s,")
    (tmp_path / "index.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    found = shipped.collect(tmp_path)
    assert found.kept.tolist() == [True, False, False]
    assert found.groups[0] == found.groups[2] != found.groups[1]
