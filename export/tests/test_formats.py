"""The trainer takes the formats, colours and counts of the app: both read the same files."""

import io
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from streetwise_train import colour, data, datacheck, dataset, formats

GOLDEN = Path(__file__).parents[2] / "tests" / "golden"


def picture(size=(80, 60)):
    noise = np.random.default_rng(7).integers(0, 255, (6, 8, 3), np.uint8)
    return Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC)


def saved(kind, **options):
    out = io.BytesIO()
    picture().save(out, kind, **options)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM", "ICO"])
def test_what_the_app_does_not_decode_is_found_before_the_first_epoch(tmp_path, kind):
    path = tmp_path / "AU" / "a.jpg"
    path.parent.mkdir()
    path.write_bytes(saved(kind))
    state = datacheck.look(path, tmp_path).state
    assert state == ("" if kind in formats.PILLOW else "unsupported")
    if state:
        with pytest.raises(OSError, match="cannot identify"):
            data.load_rgb(path)


def test_kinds_of_jpeg_that_only_pillow_reads_are_not_taken():
    whole = saved("JPEG")
    frame = whole.index(b"\xff\xc0")
    assert formats.is_read(whole)
    assert formats.is_jpeg_read(saved("JPEG", progressive=True))
    for marker, precision in ((0xC9, 8), (0xCA, 8), (0xC3, 8), (0xC1, 12)):
        rare = bytearray(whole)
        rare[frame + 1], rare[frame + 4] = marker, precision
        assert not formats.is_jpeg_read(bytes(rare))


def test_a_png_that_the_app_refuses_as_damaged_is_not_taken():
    whole = saved("PNG")
    assert formats.is_read(whole)
    assert not formats.is_read(whole[:-12])
    checksum = bytearray(whole)
    data_ends = (
        whole.index(b"IDAT") + 4 + int.from_bytes(whole[whole.index(b"IDAT") - 4 :][:4], "big")
    )
    checksum[data_ends] ^= 1
    assert not formats.is_read(bytes(checksum))


def test_a_picture_too_large_for_the_app_is_not_taken(monkeypatch):
    monkeypatch.setattr(formats, "MAX_MEMORY", 80 * 60 * 3)
    assert formats.is_read(saved("JPEG"))
    assert not formats.is_read(saved("JPEG", progressive=True))
    assert not formats.is_read(saved("PNG"))


def test_a_folder_counts_what_is_left_out(tmp_path):
    for name in ("a.jfif", "b.HEIC", "c.heif", "d.tif", "e.txt", ".hidden.tif"):
        file = tmp_path / "AU" / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(saved("JPEG"))
    samples = dataset.load(tmp_path)
    assert samples.name.tolist() == ["AU/a.jfif"]
    said = formats.left_out(samples.not_read)
    assert said == "4 left out: 2 HEIC, 1 TIFF, 1 file that is no picture"
    assert formats.left_out(Counter()) == ""


def test_wide_colours_are_brought_to_srgb():
    for name, row in json.loads((GOLDEN / "colour/expected.json").read_text()).items():
        profile = (GOLDEN / f"colour/{name}.icc").read_bytes()
        stored = Image.fromarray(np.array([row["stored"]], np.uint8))
        found = np.asarray(colour.to_srgb(stored, profile, "RGB"), int)
        assert np.abs(found - row["srgb"]).max() <= (0 if name == "srgb" else 2), name
        assert colour.to_srgb(stored, profile, "L") is stored


def test_grey_of_16_bits_is_grey_and_not_white(tmp_path):
    levels = np.array([[0, 257, 128 * 257, 128 * 257 + 128, 200 * 257 + 129, 65535]], np.uint16)
    path = tmp_path / "deep.png"
    Image.fromarray(levels).save(path)
    found = np.asarray(data.load_rgb(path))
    assert found[0, :, 1].tolist() == [0, 1, 128, 128, 201, 255]
    assert (found[..., 0] == found[..., 2]).all()


def test_a_profile_that_cannot_be_used_changes_nothing(tmp_path):
    stored = picture()
    path = tmp_path / "a.png"
    stored.save(path, icc_profile=b"no profile at all")
    assert data.load_rgb(path).tobytes() == stored.tobytes()
    profile = (GOLDEN / "colour/prophoto.icc").read_bytes()
    stored.save(path, icc_profile=profile)
    assert data.load_rgb(path).tobytes() != stored.tobytes()
