"""Which pictures are taken: exactly those that the app decodes.

``formats.json`` beside this file is the list of both: the app reads it too. What only Pillow reads
would train a model that the app's last check could not compare on the very same pictures.
"""

from __future__ import annotations

import json
import zlib
from collections import Counter
from pathlib import Path

from PIL import Image

_KNOWN = json.loads(Path(__file__).with_name("formats.json").read_text(encoding="utf-8"))
#: What counts as a picture in a folder, by the end of its name.
SUFFIXES = frozenset(f".{end}" for ends in _KNOWN["read"].values() for end in ends)
#: The formats that are read, as Pillow calls them.
PILLOW = tuple(name.upper() for name in _KNOWN["read"])
_LEFT_OUT = {f".{end}": name for name, ends in _KNOWN["left_out"].items() for end in ends}
#: What a file counts as that is no picture at all.
OTHER = "other"
#: The app's limits: bytes of a file, and bytes that decoding takes.
MAX_BYTES, MAX_MEMORY = 200_000_000, 640 * 2**20
#: Bytes that decoding a pixel takes there, copies included; ``PNG`` of 16 bits takes twice as much.
PER_PIXEL = {"JPEG": 3, "PNG": 4, "WEBP": 8, "BMP": 4, "GIF": 8}
#: Bytes of coefficients that a progressive JPEG takes beside: all components at full size.
PROGRESSIVE = 6
CONVERT = (
    "to have pictures of other formats read, save them as JPEG or PNG (ImageMagick does many at "
    "once: `magick mogrify -format jpg FILES`)"
)


def is_picture(name: str) -> bool:
    """Whether a file of that name inside a folder is taken for a picture."""
    return Path(name).suffix.lower() in SUFFIXES


def kind(name: str) -> str:
    """What a file counts as that is not taken: a format such as ``HEIC``, or ``OTHER``."""
    return _LEFT_OUT.get(Path(name).suffix.lower(), OTHER)


def left_out(counts: Counter[str]) -> str:
    """``12 left out: 10 HEIC, 2 TIFF``, most first; empty for none."""
    if not counts:
        return ""
    rows = sorted(counts.items(), key=lambda row: (row[0] == OTHER, -row[1], row[0]))
    words = {False: "files that are no pictures", True: "file that is no picture"}
    named = [f"{n} {words[n == 1] if name == OTHER else name}" for name, n in rows]
    return f"{counts.total()} left out: {', '.join(named)}"


def is_read(content: bytes) -> bool:
    """Whether the app decodes what Pillow opens: its format, its kind, and its size.

    Raises what Pillow raises where it does not open the picture.
    """
    import io

    with Image.open(io.BytesIO(content)) as raw:
        name = "JPEG" if raw.format == "MPO" else raw.format
        if name not in PILLOW or (name == "JPEG" and not is_jpeg_read(content)):
            return False
        if name == "PNG" and not is_png_whole(content):
            return False
        per_pixel = PER_PIXEL[name] * (2 if raw.mode.startswith("I;16") else 1)
        per_pixel += PROGRESSIVE if raw.info.get("progressive") else 0
        return len(content) <= MAX_BYTES and raw.width * raw.height * per_pixel <= MAX_MEMORY


def is_png_whole(content: bytes) -> bool:
    """Whether a PNG has its end, and right checksums of its critical chunks (PNG 3rd ed., 5.3)."""
    at = 8
    while at + 12 <= len(content):
        end = at + 8 + int.from_bytes(content[at : at + 4], "big")
        kind, checksum = content[at + 4 : at + 8], content[end : end + 4]
        critical = not kind[0] & 0x20
        if critical and checksum != zlib.crc32(content[at + 4 : end]).to_bytes(4, "big"):
            return False
        if kind == b"IEND":
            return True
        at = end + 4
    return False


def is_jpeg_read(content: bytes) -> bool:
    """Whether a JPEG is coded with Huffman codes and has 8 bits a sample (ITU-T T.81, B.2.2)."""
    at = 2
    while at + 5 <= len(content):
        if content[at] != 0xFF or content[at + 1] in (0x00, 0xFF):
            at += 1
            continue
        marker = content[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return marker in (0xC0, 0xC1, 0xC2) and content[at + 4] == 8
        alone = marker == 0x01 or 0xD0 <= marker <= 0xD9
        at += 2 if alone else 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    return True
