"""Norms and clipped gradients of torch.nn.utils.clip_grad_norm_, in float64.

One file per case: all gradients one after the other as they were, as they are after clipping, and a row with
the norm, max_norm and the norm's p at its start. A case is clipped as tensors of 7, 300 and all other elements.
"""

import numpy as np
import torch

CASES = {  # max_norm, p, scale of the gradients
    "two": (1.0, 2.0, 1.0),
    "two_large": (0.5, 2.0, 1e30),
    "two_not_reached": (1000.0, 2.0, 1.0),
    "two_tiny": (1e-7, 2.0, 1e-7),
    "one": (3.0, 1.0, 1.0),
    "three": (0.25, 3.0, 1.0),
    "half": (100.0, 0.5, 1.0),
    "largest": (0.75, float("inf"), 1.0),
}
ELEMENTS = 600


def compute(name):
    max_norm, p, scale = CASES[name]
    rng = np.random.default_rng([6, *name.encode()])
    before = (rng.standard_normal(ELEMENTS) * scale).astype(np.float32).astype(np.float64)
    parts = [torch.zeros(n, dtype=torch.float64, requires_grad=True) for n in (7, 300, ELEMENTS - 307)]
    for part, grad in zip(parts, np.split(before, [7, 307])):
        part.grad = torch.tensor(grad)
    norm = torch.nn.utils.clip_grad_norm_(parts, max_norm, norm_type=p)
    after = np.concatenate([part.grad.numpy() for part in parts])
    numbers = np.zeros(ELEMENTS)
    numbers[:3] = norm.item(), max_norm, p
    return np.stack([before, after, numbers])


def write(out):
    (out / "clipping").mkdir(parents=True, exist_ok=True)
    for name in CASES:
        np.save(out / "clipping" / f"{name}.npy", compute(name))
