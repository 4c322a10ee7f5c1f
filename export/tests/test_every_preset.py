"""Every preset at its full size with random weights: builds, trains, exports, passes the gate.

Run by ``pytest -m slow -s tests/test_every_preset.py``; prints one JSON line a preset.
"""

import json
import time

import numpy as np
import pytest
import torch
from test_gate import train_two_steps

from streetwise_train import assemble, attention, deliver, gate, presets

#: Pictures that are compared.
COUNT = 4


def smooth_pictures(size):
    """Normalised pictures with structure: noise of 8 x 8 cells, spread over the square."""
    torch.manual_seed(1)
    coarse = torch.randn(COUNT, 3, 8, 8)
    return torch.nn.functional.interpolate(coarse, size, mode="bilinear")


@pytest.mark.slow
@pytest.mark.parametrize("name", presets.PRESETS)
def test_a_preset_builds_trains_exports_and_passes(name, tmp_path):
    began, size = time.monotonic(), presets.PRESETS[name].size
    torch.manual_seed(0)
    model = train_two_steps(presets.build(name, 3, from_scratch=True), size)
    trained = time.monotonic()
    pictures = smooth_pictures(size)
    with torch.inference_mode():
        logits = model(pictures).numpy()
    graph = tmp_path / "exact.onnx"
    attention.export_onnx(model, size, graph)
    exported = time.monotonic()
    real = (pictures.numpy(), logits, logits.argmax(1))
    found = gate.variants(graph, real, pictures.numpy()[:2], deliver.last_layer(model))
    chosen = gate.choose(found)
    print(json.dumps({
        "preset": name,
        "parameters_m": round(sum(p.numel() for p in model.parameters()) / 1e6, 1),
        "logits_spread": float(np.ptp(logits)),
        **{v.name: {"mb": round(v.bytes / 1e6, 1), "difference": v.difference,
                    "agreement": v.agreement} for v in found},
        "chosen": chosen.name,
        "seconds": {"train": round(trained - began, 1), "export": round(exported - trained, 1),
                    "gate": round(time.monotonic() - exported, 1)},
    }))  # fmt: skip
    by_name = {v.name: v for v in found}
    assert by_name[gate.FP32].difference <= assemble.MAX_DIFFERENCE
    assert by_name[gate.FP16].difference <= 0.05 * max(1.0, np.ptp(logits))
    assert by_name[gate.QDQ].bytes > 0
