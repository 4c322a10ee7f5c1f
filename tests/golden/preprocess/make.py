"""Makes the golden files of this folder with Pillow and numpy (run it here: `python make.py`).

`*.f32` are little-endian float32 tensors in the order channel, row, column, every `stride`-th
value of them; `cmyk.jpg` and `animated.webp` are pictures that the Rust encoders cannot write.
The picture comes from the formula of `formula.rs`, so that Rust makes the same one.

Made with Pillow 13.0.0 and numpy 2.4.6.
"""

from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).parent
MEAN = np.array([0.485, 0.456, 0.406], dtype=np.float32)
STD = np.array([0.229, 0.224, 0.225], dtype=np.float32)
FILTERS = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}
# width, height, size of the tensor, stride of the sample
CASES = [(161, 107, 32, 1), (106, 161, 32, 1), (50, 41, 64, 7), (1281, 720, 224, 997)]


def picture(width: int, height: int) -> Image.Image:
    """The test picture at a size; whole numbers only."""
    y, x = np.mgrid[0:height, 0:width]

    def wave(at: np.ndarray) -> np.ndarray:
        return np.abs(at % 510 - 255)

    edges = ((x // 8 + y // 8) % 2) * 120
    channels = [wave(3 * x + y), wave(x * x // 32 + 2 * y), edges + wave(x + 2 * y) // 2]
    return Image.fromarray(np.stack(channels, axis=-1).astype(np.uint8), "RGB")


def prepared(source: Image.Image, resize: str, interpolation: str, size: int) -> np.ndarray:
    """The tensor `[3, size, size]` of a picture."""
    box = (0.0, 0.0, float(source.width), float(source.height))
    if resize == "crop":
        side = min(source.size)
        left, top = (source.width - side) / 2, (source.height - side) / 2
        box = (left, top, left + side, top + side)
    seen = source.resize((size, size), FILTERS[interpolation], box=box)
    levels = np.asarray(seen, dtype=np.float32)
    return ((levels / np.float32(255) - MEAN) / STD).transpose(2, 0, 1)


def main() -> None:
    """Writes every golden file."""
    for width, height, size, stride in CASES:
        for resize in ("squish", "crop"):
            for interpolation in FILTERS:
                tensor = prepared(picture(width, height), resize, interpolation, size)
                name = f"{width}x{height}-{resize}-{interpolation}-{size}.f32"
                tensor.reshape(-1)[::stride].astype("<f4").tofile(HERE / name)
    picture(64, 48).convert("CMYK").save(HERE / "cmyk.jpg", quality=95, subsampling=0)
    first, second = picture(64, 48), Image.new("RGB", (64, 48), "red")
    first.save(HERE / "animated.webp", save_all=True, append_images=[second], lossless=True)


if __name__ == "__main__":
    main()
