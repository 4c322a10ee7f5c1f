"""Makes the profiles of this folder and ``expected.json``: colours in each space, and in sRGB.

Both languages' tests read them. The colours are computed by the definitions of the spaces (matrix of
the primaries, Bradford adaptation to D50, curve), not by a colour engine:

    python tests/golden/colour/make.py
"""

import json
import struct
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
D65, D50 = (0.3127, 0.3290), (0.3457, 0.3585)
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
#: Name: chromaticities of red, green and blue; white; exponent of the curve, or None for sRGB's.
SPACES = {
    "srgb": (((0.64, 0.33), (0.30, 0.60), (0.15, 0.06)), D65, None),
    "display-p3": (((0.68, 0.32), (0.265, 0.69), (0.15, 0.06)), D65, None),
    "adobe-rgb": (((0.64, 0.33), (0.21, 0.71), (0.15, 0.06)), D65, 563 / 256),
    "prophoto": (((0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001)), D50, 1.8),
}
COLOURS = [(150, 90, 90), (90, 150, 90), (90, 90, 150), (128, 128, 128), (200, 180, 120), (60, 80, 110)]


def white(xy):
    """XYZ of a white, Y = 1."""
    return np.array([xy[0] / xy[1], 1, (1 - xy[0] - xy[1]) / xy[1]])


def matrix(primaries, at):
    """Linear RGB to XYZ under D50."""
    columns = np.array([white(xy) for xy in primaries]).T
    own = columns * np.linalg.solve(columns, white(at))
    scale = np.diag((BRADFORD @ white(D50)) / (BRADFORD @ white(at)))
    return np.linalg.inv(BRADFORD) @ scale @ BRADFORD @ own


def linear(values, exponent):
    """The curve of a space."""
    if exponent:
        return values**exponent
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def fixed(value):
    """A signed number with 16 bits behind the point, big-endian."""
    return struct.pack(">i", round(value * 65536))


def xyz(values):
    """A tag of one colour."""
    return b"XYZ \0\0\0\0" + b"".join(fixed(v) for v in values)


def curve(exponent):
    """A tag of a curve: sRGB's as a table of 1024, others by their exponent (8 bits behind the point)."""
    if exponent:
        return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(exponent * 256)) + b"\0\0"
    table = np.round(linear(np.linspace(0, 1, 1024), None) * 65535).astype(">u2")
    return b"curv\0\0\0\0" + struct.pack(">I", 1024) + table.tobytes()


def profile(name, to_xyz, exponent):
    """An ICC profile, version 2.4: matrix and curves."""
    text = name.encode() + b"\0"
    described = b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + b"\0" * 78
    described += b"\0" * (-len(described) % 4)
    tags = {
        b"desc": described,
        b"cprt": b"text\0\0\0\0CC0\0",
        b"wtpt": xyz(white(D50)),
        **{key: xyz(to_xyz[:, i]) for i, key in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))},
        b"rTRC": curve(exponent),
    }
    table, body, at = b"", b"", 128 + 4 + 12 * (len(tags) + 2)
    for key, content in tags.items():
        for shared in (b"rTRC", b"gTRC", b"bTRC") if key == b"rTRC" else (key,):
            table += shared + struct.pack(">II", at + len(body), len(content))
        body += content
    head = struct.pack(">I4sI4s4s4s", at + len(body), b"none", 0x02400000, b"mntr", b"RGB ", b"XYZ ")
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + b"\0" * 28
    head += b"".join(fixed(v) for v in white(D50)) + b"\0" * 48
    return head + struct.pack(">I", len(tags) + 2) + table + body


def main():
    """Writes the files."""
    inverse = np.linalg.inv(matrix(*SPACES["srgb"][:2]))
    rows = {}
    for name, (primaries, at, exponent) in SPACES.items():
        to_xyz = matrix(primaries, at)
        (HERE / f"{name}.icc").write_bytes(profile(name, to_xyz, exponent))
        light = np.clip(linear(np.array(COLOURS) / 255, exponent) @ to_xyz.T @ inverse.T, 0, 1)
        there = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
        rows[name] = {"stored": COLOURS, "srgb": np.round(there * 255).astype(int).tolist()}
    (HERE / "expected.json").write_text(json.dumps(rows) + "\n")


if __name__ == "__main__":
    main()
