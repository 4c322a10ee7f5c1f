import os
import shutil
import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageFile

from streetwise_train import datacheck, dataset, pixels
from streetwise_train.errors import StopTraining, TrainError
from streetwise_train.recipe import Job, Recipe

RECIPE = Recipe(preset="resnet18")


def draw(path, seed, size=(160, 120)):
    """A picture of random blocks: no two seeds share a hash."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), np.uint8)
    Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC).save(path)


@pytest.fixture
def folder(tmp_path):
    """Three countries of fourteen places, one picture each."""
    root = tmp_path / "data"
    for c, country in enumerate(("AU", "BR", "JP")):
        for i in range(14):
            draw(root / country / f"{i:02}.jpg", c * 100 + i)
    return root


def job(root, **changes):
    return Job(data=str(root), cache=str(root.parent / "cache"), **changes)


def kinds(error):
    return [line.split(":")[0][2:] for line in str(error.value).splitlines()[1:]]


def test_good_data_are_admitted_and_split_by_place(folder):
    found = datacheck.admit(job(folder), RECIPE)
    assert found.samples.countries == ["AU", "BR", "JP"]
    assert (len(found.split.train), len(found.split.valid)) == (33, 9)
    assert sorted(set(found.samples.country[found.split.valid])) == ["AU", "BR", "JP"]
    assert found.longest == 160
    assert not found.allowed


BROKEN = {
    "unreadable": lambda path: path.write_text("no picture"),
    "truncated": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "blank": lambda path: Image.new("RGB", (40, 30), "grey").save(path),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_bad_pictures_are_listed_and_left_out_only_when_allowed(folder, kind):
    BROKEN[kind](folder / "BR" / "03.jpg")
    with pytest.raises(TrainError, match=r"BR/03\.jpg") as error:
        datacheck.admit(job(folder), RECIPE)
    assert kinds(error) == [kind]
    assert f"--allow {kind}" in error.value.hint
    found = datacheck.admit(job(folder, allow=(kind,)), RECIPE)
    assert "BR/03.jpg" not in found.samples.name
    assert [p.files for p in found.allowed] == [("BR/03.jpg",)]


def test_an_empty_file_and_a_bomb_are_unreadable(folder):
    (folder / "AU" / "00.jpg").write_bytes(b"")
    header = b"IHDR" + struct.pack(">IIBBBBB", 30000, 30000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header
    (folder / "AU" / "01.png").write_bytes(bomb + struct.pack(">I", zlib.crc32(header)))
    samples = dataset.load(folder)
    states = dict(zip(samples.name, datacheck.scan(samples, folder.parent / "c"), strict=True))
    assert states["AU/00.jpg"].state == states["AU/01.png"].state == "unreadable"


def test_a_library_that_allows_cut_pictures_does_not_hide_them(folder, monkeypatch):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    BROKEN["truncated"](folder / "AU" / "05.jpg")
    with pytest.raises(TrainError, match="truncated"):
        datacheck.admit(job(folder), RECIPE)


def test_links_out_of_the_folder_are_never_opened(folder):
    secret = folder.parent / "secret.jpg"
    draw(secret, 999)
    (folder / "AU" / "link.jpg").symlink_to(secret)
    elsewhere = folder.parent / "elsewhere"
    draw(elsewhere / "a.jpg", 998)
    (folder / "JP" / "more").symlink_to(elsewhere, target_is_directory=True)
    (folder / "DE").symlink_to(elsewhere, target_is_directory=True)
    with pytest.raises(TrainError) as error:
        datacheck.admit(job(folder), RECIPE)
    assert kinds(error) == ["link-outside"]
    assert all(name in str(error.value) for name in ("AU/link.jpg", "JP/more", "DE"))
    found = datacheck.admit(job(folder, allow=("link-outside",)), RECIPE)
    assert len(found.samples) == 42


def index(root, rows, header="file,country,place,source,check"):
    (root / "index.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")


def test_an_index_cannot_name_files_outside(folder):
    draw(folder.parent / "outside.jpg", 999)
    absolute = str(folder.parent / "outside.jpg")
    rows = [f"{c}/{i:02}.jpg,{c},{c}{i},," for c in ("AU", "BR") for i in range(12)]
    index(folder, [*rows, "../outside.jpg,AU,x,,", f"{absolute},BR,y,,"])
    with pytest.raises(TrainError) as error:
        datacheck.admit(job(folder), RECIPE)
    assert kinds(error) == ["link-outside"]
    assert "outside the folder and are never opened (2)" in str(error.value)


def test_a_single_country_is_refused_whatever_is_allowed(folder):
    for country in ("AU", "BR"):
        for file in (folder / country).iterdir():
            file.unlink()
        (folder / country).rmdir()
    with pytest.raises(TrainError) as error:
        datacheck.admit(job(folder, allow=("single-country", "too-few-pictures")), RECIPE)
    assert kinds(error) == ["single-country"]


def test_a_country_with_too_few_pictures_is_named(folder):
    for i in range(3, 14):
        (folder / "JP" / f"{i:02}.jpg").unlink()
    with pytest.raises(TrainError, match=r"JP \(2 to train on, 1 to validate on\)") as error:
        datacheck.admit(job(folder), RECIPE)
    assert kinds(error) == ["too-few-pictures"]
    assert datacheck.admit(job(folder, allow=("too-few-pictures",)), RECIPE).samples.countries[2:]


def test_nothing_to_validate_on_is_refused_whatever_is_allowed(folder):
    rows = [f"{c}/{i:02}.jpg,{c},one {c},," for c in ("AU", "BR") for i in range(14)]
    index(folder, rows)
    with pytest.raises(TrainError, match="28 pictures to train on and 0 to validate on"):
        datacheck.admit(job(folder, allow=("too-few-pictures",)), RECIPE)


def test_every_file_of_a_refusal_is_named_on_standard_error(folder, capsys):
    for i in range(5):
        (folder / "JP" / f"{i:02}.jpg").write_text("no picture")
    with pytest.raises(TrainError, match="and 2 more"):
        datacheck.admit(job(folder), RECIPE)
    told = capsys.readouterr().err
    assert all(f"JP/{i:02}.jpg" in told for i in range(5))


def test_a_country_whose_pictures_are_all_bad_is_not_forgotten(folder):
    for file in (folder / "JP").iterdir():
        file.write_text("no picture")
    with pytest.raises(TrainError, match=r"JP \(0 to train on, 0 to validate on\)"):
        datacheck.admit(job(folder, allow=("unreadable",)), RECIPE)


def test_data_split_already_are_checked_for_leaks(folder):
    root = folder.parent / "split"
    for side in ("train", "valid"):
        for c, country in enumerate(("AU", "BR")):
            for i in range(12):
                draw(
                    root / side / country / f"{side}{i}.jpg", hash((side == "valid", c, i)) % 2**31
                )
    copy = (root / "train" / "AU" / "train3.jpg").read_bytes()
    (root / "valid" / "AU" / "other-name.jpg").write_bytes(copy)
    for side, seed in (("train", 71), ("valid", 72)):
        draw(root / side / "BR" / "corner" / f"{side}.jpg", seed)
    with pytest.raises(TrainError) as error:
        datacheck.admit(job(root), RECIPE)
    assert kinds(error) == ["duplicate-across-split", "place-in-both-sides"]
    assert "train/AU/train3.jpg" in str(error.value)
    found = datacheck.admit(job(root, allow=datacheck.LEAKS), RECIPE)
    trained = set(found.samples.name[found.split.train])
    assert not trained & {"train/AU/train3.jpg", "train/BR/corner/train.jpg"}
    assert len(trained) == 23


def test_copies_and_views_of_a_place_share_a_side(folder):
    for i in range(12):
        draw(folder / "AU" / f"spot{i}" / "a.jpg", 500 + i)
        draw(folder / "AU" / f"spot{i}" / "b.jpg", 600 + i)
        copy = (folder / "BR" / f"{i:02}.jpg").read_bytes()
        (folder / "BR" / f"copy{i:02}.jpg").write_bytes(copy)
    for seed in range(4):
        found = datacheck.admit(job(folder), replace(RECIPE, seed=seed))
        valid = set(found.samples.name[found.split.valid])
        for i in range(12):
            assert (f"AU/spot{i}/a.jpg" in valid) == (f"AU/spot{i}/b.jpg" in valid)
            assert (f"BR/{i:02}.jpg" in valid) == (f"BR/copy{i:02}.jpg" in valid)


def test_the_split_depends_on_the_seed_and_a_cap_only_removes(folder):
    samples = dataset.load(folder)
    first, again = (dataset.split(samples, RECIPE) for _ in range(2))
    np.testing.assert_array_equal(first.valid, again.valid)
    other = dataset.split(samples, replace(RECIPE, seed=1))
    assert set(other.valid) != set(first.valid)
    capped = {n: dataset.split(samples, replace(RECIPE, per_label=n)) for n in (3, 6)}
    np.testing.assert_array_equal(capped[3].valid, first.valid)
    assert set(capped[3].train) < set(capped[6].train) < set(first.train)
    assert len(capped[3].train) == 9
    part = dataset.split(dataset.load(folder, ["AU", "JP"]), RECIPE)
    assert {i for i in part.valid if i < 14} == {i for i in first.valid if i < 14}


def test_inferred_labels_are_trained_on_and_not_validated_on(folder):
    rows = [
        f"{c}/{i:02}.jpg,{c},{c}{i},,{'label inferred' if i < 6 else ''}"
        for c in ("AU", "BR")
        for i in range(12)
    ]
    index(folder, rows)
    samples = dataset.load(folder)
    split = dataset.split(samples, RECIPE)
    assert samples.reportable[split.valid].all()
    assert (~samples.reportable[split.train]).sum() == 12
    assert len(split.train) + len(split.valid) == 24


def test_a_split_is_read_back_by_name(folder):
    samples = dataset.load(folder)
    split = dataset.split(samples, RECIPE)
    kept = split.to_json(samples)
    again = dataset.Split.from_json(kept, samples)
    np.testing.assert_array_equal(again.train, split.train)
    with pytest.raises(TrainError, match="not in"):
        dataset.Split.from_json(kept, samples.take(np.arange(5)))


@pytest.mark.parametrize(("change", "message"), [
    (lambda root: index(root, ["a.jpg,p"], "file,place"), "it names file, place"),
    (lambda root: index(root, ["a.jpg,XX,p,,"]), "line 2: `XX` is no country"),
    (lambda root: index(root, [",AU,p,,"]), "line 2: no picture is named"),
    (lambda root: shutil.rmtree(root) or draw(root / "Elbonia/a.jpg", 1), "`Elbonia` is no"),
])  # fmt: skip
def test_data_that_are_not_understood_are_refused(folder, change, message):
    change(folder)
    with pytest.raises(TrainError, match=message):
        dataset.load(folder)


def test_absent_data_and_countries_are_named(folder):
    with pytest.raises(TrainError, match="nowhere is not there"):
        dataset.load(folder / "nowhere")
    with pytest.raises(TrainError, match="no picture of DE"):
        dataset.load(folder, ["AU", "DE"])


def test_only_new_and_changed_pictures_are_decoded_again(folder, monkeypatch):
    samples, cache = dataset.load(folder), folder.parent / "cache"
    first = datacheck.scan(samples, cache)
    looked = []
    real = datacheck.look
    monkeypatch.setattr(
        datacheck, "look", lambda path, root: looked.append(path) or real(path, root)
    )
    assert datacheck.scan(samples, cache) == first
    assert not looked
    draw(folder / "AU" / "07.jpg", 12345)
    os.utime(folder / "AU" / "07.jpg", ns=(1, 1))
    changed = datacheck.scan(samples, cache)
    assert [path.name for path in looked] == ["07.jpg"]
    assert sum(a != b for a, b in zip(first, changed, strict=True)) == 1
    (cache / "scan.sqlite").write_bytes(b"no database" * 1000)
    assert datacheck.scan(samples, cache) == changed


def test_pixels_are_made_once_and_go_on_where_they_stopped(folder, monkeypatch):
    monkeypatch.setattr(pixels, "CHUNK", 8)
    files, cache = dataset.load(folder).file, folder.parent / "cache"
    steps = []
    with pytest.raises(StopTraining):
        pixels.prepare(files, 32, cache, lambda d, _: steps.append(d), lambda: steps[-1:] == [16])
    made = []
    real = pixels.squish
    monkeypatch.setattr(pixels, "squish", lambda path, side: made.append(path) or real(path, side))
    found = pixels.prepare(files, 32, cache)
    assert len(made) == 26
    assert (found.shape, found.dtype) == ((42, 32, 32, 3), np.uint8)
    with Image.open(files[20]) as picture:
        expected = picture.convert("RGB").resize((32, 32), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(found[20], np.asarray(expected))
    pixels.prepare(files, 32, cache)
    assert len(made) == 26
    np.testing.assert_array_equal(pixels.prepare(files[::-1], 32, cache)[21], found[20])
    assert len(made) == 26


def test_pixels_are_never_larger_than_the_pictures():
    assert pixels.side_of(400, 800) == 416
    assert pixels.side_of(4000, 800) == 800
    assert pixels.side_of(416, 800) == 416


def test_a_disk_without_room_is_found_before_the_work(folder, monkeypatch):
    monkeypatch.setattr(pixels, "SPARE", 2**62)
    with pytest.raises(TrainError, match="GB") as error:
        pixels.prepare(dataset.load(folder).file, 32, folder.parent / "cache")
    assert error.value.kind == "disk-full"


def test_a_disk_that_fills_up_is_an_error_and_the_rows_stay(folder, monkeypatch):
    files, cache = dataset.load(folder).file, folder.parent / "cache"
    monkeypatch.setattr(pixels, "CHUNK", 8)
    count = iter(range(100))

    def fsync(_):
        if next(count) >= 4:
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(pixels.os, "fsync", fsync)
        with pytest.raises(TrainError, match="No space left") as error:
            pixels.prepare(files, 32, cache)
    assert error.value.kind == "disk-full"
    assert len((cache / "pixels-32.index").read_bytes()) == 16 * pixels.LINE
    assert pixels.prepare(files, 32, cache).shape[0] == 42


def test_another_choice_of_pictures_makes_only_what_is_new(folder, monkeypatch):
    files, cache = dataset.load(folder).file, folder.parent / "cache"
    made = []
    real = pixels.squish
    monkeypatch.setattr(pixels, "squish", lambda path, side: made.append(path) or real(path, side))
    pixels.prepare(files[:20], 32, cache)
    found = pixels.prepare(files[10:30], 32, cache)
    assert len(made) == 30
    np.testing.assert_array_equal(found[np.array([0, 19])], [real(files[i], 32) for i in (10, 29)])
    assert [row.shape for row in found] == [(32, 32, 3)] * 20
    (folder / "AU" / "copy.jpg").write_bytes((folder / "AU" / "00.jpg").read_bytes())
    pixels.prepare([str(folder / "AU" / "copy.jpg")], 32, cache)
    assert len(made) == 30


def test_a_store_that_was_cut_short_forgets_the_rest(folder):
    files, cache = dataset.load(folder).file, folder.parent / "cache"
    whole = pixels.prepare(files, 32, cache)[np.arange(42)]
    for name, size in (("pixels-32.u8", 20 * 32 * 32 * 3 + 7), ("pixels-32.index", 15 * 33 + 5)):
        os.truncate(cache / name, size)
        np.testing.assert_array_equal(pixels.prepare(files, 32, cache)[np.arange(42)], whole)
