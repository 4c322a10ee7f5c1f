"""Pictures that show no street, drawn from a seed: to measure what a model says of them.

No network is trained on them and no bound is fitted on them. They only say, in the card, how many
of such pictures a model calls outside what it knows.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

#: Width and height of every picture, in pixels.
SIZE = (640, 400)
#: Pictures of each kind.
EACH = 12
WORDS = ("the", "road", "goes", "on", "where", "river", "meets", "stone", "and", "late", "light")

Rng = np.random.Generator


def pictures() -> Iterator[tuple[str, Image.Image]]:
    """Every kind's pictures, with the kind's name; the same on every machine but for fonts."""
    for kind, draw in KINDS.items():
        for number in range(EACH):
            rng = np.random.default_rng(zlib.crc32(f"{kind}:{number}".encode()))
            yield kind, draw(rng).convert("RGB")


def colour(rng: Rng, low: int = 0, high: int = 256) -> tuple[int, ...]:
    """A random colour, each channel from ``low`` to under ``high``."""
    return tuple(int(v) for v in rng.integers(low, high, 3))


def plain(rng: Rng, low: int, high: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """A picture of one random colour, and the pen for it."""
    picture = Image.new("RGB", SIZE, colour(rng, low, high))
    return picture, ImageDraw.Draw(picture)


def box(rng: Rng, least: int, most: int) -> tuple[int, int, int, int]:
    """A random box that begins inside the picture; its sides are ``least`` to ``most`` pixels."""
    x, y = int(rng.integers(-40, SIZE[0])), int(rng.integers(-40, SIZE[1]))
    w, h = (int(v) for v in rng.integers(least, most, 2))
    return x, y, x + w, y + h


def words(rng: Rng, count: int) -> str:
    """A line of random words."""
    return " ".join(rng.choice(WORDS, count))


def from_array(values: np.ndarray) -> Image.Image:
    """A picture from values [height, width, 3], clipped to 0..255."""
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))


def smooth(rng: Rng, cells: int, channels: int = 3) -> np.ndarray:
    """Random values on a coarse grid, blown up smoothly: [height, width, channels], 0 to 1."""
    layers = []
    for _ in range(channels):
        coarse = Image.fromarray(rng.random((cells, cells)).astype(np.float32))
        layers.append(np.asarray(coarse.resize(SIZE, Image.Resampling.BICUBIC)))
    return np.stack(layers, axis=2)


def gradient(rng: Rng) -> Image.Image:
    """A straight or round gradient between two colours or greys."""
    y, x = np.mgrid[0 : SIZE[1], 0 : SIZE[0]] / SIZE[0]
    angle = rng.uniform(0, 2 * np.pi)
    ramp = x * np.cos(angle) + y * np.sin(angle)
    if rng.random() < 0.4:
        ramp = np.hypot(x - rng.random(), y - rng.random())
    ramp = ((ramp - ramp.min()) / np.ptp(ramp))[..., None]
    ends = rng.integers(0, 256, (2, 3)) if rng.random() < 0.6 else rng.integers(0, 256, (2, 1))
    return from_array(np.broadcast_to(ends[0] * (1 - ramp) + ends[1] * ramp, (*ramp.shape[:2], 3)))


def noise(rng: Rng) -> Image.Image:
    """What a television shows without a signal: grey or coloured grains of one to four pixels."""
    grain, channels = int(rng.integers(1, 5)), int(rng.choice([1, 3]))
    shape = (SIZE[1] // grain, SIZE[0] // grain, channels)
    values = np.broadcast_to(rng.integers(0, 256, shape), (*shape[:2], 3))
    return from_array(values).resize(SIZE, Image.Resampling.NEAREST)


def clouds(rng: Rng) -> Image.Image:
    """Smooth coloured noise of several sizes."""
    total = sum(smooth(rng, 4 * 2**octave) / 2**octave for octave in range(4))
    return from_array(total / 2 * 255)


def wall(rng: Rng) -> Image.Image:
    """A painted wall: one colour, light that falls off, a fine grain."""
    light = 0.8 + 0.4 * smooth(rng, 3, 1)
    grain = rng.normal(0, rng.uniform(1, 8), (SIZE[1], SIZE[0], 1))
    return from_array(np.array(colour(rng, 90, 230)) * light + grain)


def bricks(rng: Rng) -> Image.Image:
    """Courses of bricks or tiles."""
    picture, pen = plain(rng, 120, 200)
    base, width, height = np.array(colour(rng, 60, 200)), *(int(v) for v in rng.integers(20, 90, 2))
    for row, y in enumerate(range(0, SIZE[1], height)):
        for x in range(-(row % 2) * width // 2, SIZE[0], width):
            shade = tuple(int(v) for v in np.clip(base + rng.integers(-25, 26), 0, 255))
            pen.rectangle((x + 2, y + 2, x + width - 2, y + height - 2), fill=shade)
    return from_array(np.asarray(picture) + rng.normal(0, 6, (SIZE[1], SIZE[0], 1)))


def stripes(rng: Rng) -> Image.Image:
    """Stripes or a chessboard."""
    y, x = np.mgrid[0 : SIZE[1], 0 : SIZE[0]]
    width = int(rng.integers(6, 90))
    cells = x // width + (y // width if rng.random() < 0.5 else 0)
    return from_array(np.where((cells % 2 == 0)[..., None], colour(rng), colour(rng)))


def document(rng: Rng) -> Image.Image:
    """A page of text."""
    picture, pen = plain(rng, 235, 256)
    size = int(rng.integers(9, 22))
    font = ImageFont.load_default(size)
    for y in range(20, SIZE[1], int(size * 1.6)):
        if rng.random() < 0.9:
            pen.text((30, y), words(rng, int(rng.integers(3, 14))), colour(rng, 0, 60), font)
    return picture


def table(rng: Rng) -> Image.Image:
    """A sheet of numbers."""
    picture, pen = plain(rng, 240, 256)
    width, height = int(rng.integers(50, 110)), int(rng.integers(16, 30))
    for y in range(0, SIZE[1], height):
        pen.line((0, y, SIZE[0], y), fill=(205, 205, 205))
        for x in range(0, SIZE[0], width):
            pen.line((x, 0, x, SIZE[1]), fill=(205, 205, 205))
            pen.text((x + 5, y + 3), f"{rng.random() * 1000:.1f}", (30, 30, 30))
    return picture


def desktop(rng: Rng) -> Image.Image:
    """A screen with windows, icons and a bar."""
    picture = gradient(rng)
    pen = ImageDraw.Draw(picture)
    for i in range(int(rng.integers(2, 12))):
        pen.rounded_rectangle((15, 15 + i * 45, 45, 45 + i * 45), 6, fill=colour(rng))
    for _ in range(int(rng.integers(1, 4))):
        x0, y0, x1, y1 = box(rng, 180, 420)
        pen.rectangle((x0, y0, x1, y1), fill=colour(rng, 215, 256))
        pen.rectangle((x0, y0, x1, y0 + 24), fill=colour(rng, 40, 120))
        for y in range(y0 + 36, y1 - 10, 18):
            pen.text((x0 + 12, y), words(rng, 5), (50, 50, 50))
    pen.rectangle((0, SIZE[1] - 30, SIZE[0], SIZE[1]), fill=colour(rng, 20, 70))
    return picture


def editor(rng: Rng) -> Image.Image:
    """Lines of a program in many colours on a dark ground."""
    picture, pen = plain(rng, 15, 45)
    inks = [colour(rng, 120, 256) for _ in range(5)]
    for y in range(10, SIZE[1], 17):
        x = 20 + 25 * int(rng.integers(0, 4))
        for word in words(rng, int(rng.integers(1, 9))).split():
            pen.text((x, y), word, inks[int(rng.integers(0, 5))])
            x += 9 * len(word) + 8
    return picture


def chart(rng: Rng) -> Image.Image:
    """Bars and lines between axes."""
    picture, pen = plain(rng, 245, 256)
    pen.line((50, 20, 50, 360, 610, 360), fill=(20, 20, 20), width=2)
    if rng.random() < 0.5:
        for x in range(70, 600, int(rng.integers(25, 60))):
            pen.rectangle((x, int(rng.integers(40, 350)), x + 18, 359), fill=colour(rng, 30, 200))
    for _ in range(int(rng.integers(1, 5))):
        heights = 190 + np.cumsum(rng.normal(0, 18, 40))
        points = [(50 + 14 * i, float(np.clip(h, 25, 355))) for i, h in enumerate(heights)]
        pen.line(points, fill=colour(rng, 0, 200), width=3)
    return picture


def atlas(rng: Rng) -> Image.Image:
    """A map: land of several colours in a sea, borders, names, a pin."""
    height, picture = smooth(rng, int(rng.integers(4, 9)), 2), np.zeros((SIZE[1], SIZE[0], 3))
    picture[:] = colour(rng, 130, 220)
    picture[..., 2] = 240
    for level in np.linspace(0.45, 0.9, 5):
        picture[(height[..., 0] > level)] = colour(rng, 190, 250)
    picture[np.abs(height[..., 1] - 0.5) < 0.006] = 120
    drawn = from_array(picture)
    pen = ImageDraw.Draw(drawn)
    for _ in range(int(rng.integers(4, 20))):
        x, y = int(rng.integers(0, 560)), int(rng.integers(0, 380))
        pen.text((x, y), words(rng, 1).title(), (60, 60, 60))
    pen.ellipse((300, 180, 316, 196), fill=(220, 40, 40), outline=(255, 255, 255))
    return drawn


def cartoon(rng: Rng) -> Image.Image:
    """A child's drawing of a house, a tree, the sun and a road, in flat colours."""
    picture, pen = plain(rng, 150, 256)
    ground = int(rng.integers(200, 300))
    pen.rectangle((0, ground, *SIZE), fill=colour(rng, 40, 200))
    pen.ellipse((520, 25, 590, 95), fill=(250, 215, 40))
    for x in (int(v) for v in rng.integers(0, 540, int(rng.integers(1, 4)))):
        pen.rectangle((x, ground - 90, x + 100, ground + 20), fill=colour(rng))
        top = (x + 50, ground - 150)
        pen.polygon([(x - 10, ground - 90), top, (x + 110, ground - 90)], (160, 50, 40))
        pen.rectangle((x + 40, ground - 30, x + 60, ground + 20), fill=(90, 60, 30))
        pen.rectangle((x + 130, ground - 50, x + 142, ground + 20), fill=(110, 70, 30))
        pen.ellipse((x + 105, ground - 120, x + 167, ground - 40), fill=(50, 140, 60))
    pen.polygon([(260, ground), (330, ground), (460, SIZE[1]), (120, SIZE[1])], (90, 90, 95))
    return picture


def shapes(rng: Rng) -> Image.Image:
    """Circles, boxes and triangles of every colour."""
    picture, pen = plain(rng, 0, 256)
    for _ in range(int(rng.integers(8, 60))):
        where, ink = box(rng, 20, 180), colour(rng)
        kind = rng.integers(0, 3)
        if kind == 0:
            pen.ellipse(where, fill=ink)
        elif kind == 1:
            pen.rectangle(where, fill=ink)
        else:
            pen.polygon([where[:2], where[2:], (where[0], where[3])], fill=ink)
    return picture


def sketch(rng: Rng) -> Image.Image:
    """Thin crooked lines on paper."""
    picture, pen = plain(rng, 225, 256)
    for _ in range(int(rng.integers(10, 70))):
        start = rng.uniform((0, 0), SIZE)
        steps = start + np.cumsum(rng.normal(0, rng.uniform(3, 25), (30, 2)), axis=0)
        pen.line([tuple(p) for p in steps], fill=(60, 60, 70), width=int(rng.integers(1, 3)))
    return picture


def code(rng: Rng) -> Image.Image:
    """Black and white squares, as in a two-dimensional bar code."""
    cells = int(rng.integers(16, 60))
    square = Image.fromarray((rng.random((cells, cells)) < 0.5).astype(np.uint8) * 255)
    side = int(rng.integers(220, 390))
    picture, _ = plain(rng, 200, 256)
    picture.paste(square.resize((side, side), Image.Resampling.NEAREST), (120, 5))
    return picture


def lights(rng: Rng) -> Image.Image:
    """Blurred spots of light in the dark."""
    picture, pen = plain(rng, 0, 40)
    for _ in range(int(rng.integers(10, 60))):
        pen.ellipse(box(rng, 15, 90), fill=colour(rng, 60, 256))
    return picture.filter(ImageFilter.GaussianBlur(float(rng.uniform(3, 16))))


def waves(rng: Rng) -> Image.Image:
    """Sines of colour."""
    y, x = np.mgrid[0 : SIZE[1], 0 : SIZE[0]] / SIZE[0]
    layers = [
        np.sin(rng.uniform(3, 40) * x + rng.uniform(3, 40) * y + 3 * np.sin(rng.uniform(2, 12) * y))
        for _ in range(3)
    ]
    return from_array(np.stack(layers, axis=2) * 127 + 128)


#: Every kind by its name.
KINDS: dict[str, Callable[[Rng], Image.Image]] = {
    draw.__name__: draw
    for draw in (
        gradient, noise, clouds, wall, bricks, stripes, document, table, desktop, editor, chart,
        atlas, cartoon, shapes, sketch, code, lights, waves,
    )
}  # fmt: skip
