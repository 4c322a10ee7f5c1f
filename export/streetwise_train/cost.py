"""What a training step of each preset costs: time a picture and resident memory, measured.

The app's gallery shows these figures scaled to the user's machine, so they are measured as
processor time over threads, which other work on the machine hardly changes.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time

from . import presets

#: Steps that warm up and steps that count.
WARM, STEPS = 1, 2
#: Batches whose memory is compared, pictures.
SMALL, LARGE = 4, 12
CLASSES = 22


def one(preset: str, batch: int) -> dict:
    """Processor time of a step and of a forward pass in ms a picture, peak memory in MB.

    The network starts from random numbers, everything trains, Adam, float32. The peak is that of
    this process, so a preset and a batch want a process of their own.
    """
    import torch
    from torch.nn import functional

    threads = torch.get_num_threads()
    known = presets.get(preset)
    model = presets.build(known, CLASSES, from_scratch=True).train()
    solver = torch.optim.AdamW(model.parameters(), 1e-4)
    pictures = torch.randn(batch, 3, known.size, known.size)
    labels = torch.arange(batch) % CLASSES

    def step() -> None:
        solver.zero_grad(set_to_none=True)
        functional.cross_entropy(model(pictures), labels).backward()
        solver.step()

    def timed(work: object, times: int) -> float:
        begin = time.process_time()
        for _ in range(times):
            work()
        return (time.process_time() - begin) / times / threads / batch * 1000

    for _ in range(WARM):
        step()
    train = timed(step, STEPS)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    model.eval()
    with torch.inference_mode():
        forward = timed(lambda: model(pictures), STEPS)
    return {"train_ms": train, "forward_ms": forward, "peak_mb": peak, "threads": threads}


def apart(preset: str, batch: int) -> dict:
    """:func:`one` in a process of its own."""
    code = f"import json; from {__name__} import one; print(json.dumps(one({preset!r}, {batch})))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def all_presets() -> None:
    """Prints a JSON object a preset: ms a picture, MB without pictures and MB a picture."""
    for preset in presets.PRESETS:
        small, large = apart(preset, SMALL), apart(preset, LARGE)
        each = max(0.0, (large["peak_mb"] - small["peak_mb"]) / (LARGE - SMALL))
        line = {
            "preset": preset,
            "threads": large["threads"],
            "train_ms": round(large["train_ms"], 1),
            "forward_ms": round(large["forward_ms"], 1),
            "base_mb": round(small["peak_mb"] - SMALL * each),
            "picture_mb": round(each, 1),
        }
        print(json.dumps(line), flush=True)
