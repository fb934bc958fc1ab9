"""Filters on one image or volume, in float64 PyTorch with autograd: soft skeletons and Sobel edges.

One file per case: [4, ...], the image, the slopes by the result, the result, and the slopes by the image. The
images of the skeletons are full of ties, and their numbers and slopes are multiples of powers of two, so that
the slopes of ties are exact: PyTorch's choice of who gets them is what is compared.
"""

import numpy as np
import torch
import torch.nn.functional as F

POOL = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}


def dilate(x):
    return POOL[x.dim() - 2](x, 3, 1, 1)


def erode(x):
    """As in the authors' code of clDice: first the slower axes, then the fastest."""
    axes = x.dim() - 2
    result = None
    for axis in range(axes):
        size = [3 if a == axis else 1 for a in range(axes)]
        least = -POOL[axes](-x, size, 1, [s // 2 for s in size])
        result = least if result is None else torch.min(result, least)
    return result


def soft_skeleton(x, iterations):
    k = F.relu(x - dilate(erode(x)))
    for _ in range(iterations):
        x = erode(x)
        delta = F.relu(x - dilate(erode(x)))
        k = k + F.relu(delta - k * delta)
    return k


def sobel(v, _):
    axes = v.dim() - 2
    padded = F.pad(v, (1,) * (2 * axes), mode="replicate")
    squares = 0
    for axis in range(axes):
        kernel = torch.ones((), dtype=torch.float64)
        for a in range(axes):
            kernel = kernel[..., None] * torch.tensor([-1.0, 0, 1] if a == axis else [1.0, 2, 1]).double()
        squares = squares + CONV[axes](padded, kernel[None, None]) ** 2
    return (squares.sqrt() / 4 ** (axes - 1)).clamp(max=1)


def blob(shape, rng):
    """A mask with parts thicker than a pixel: random numbers, smoothed, above their median."""
    u = rng.random(shape)
    for axis in range(u.ndim):
        u = u + np.roll(u, 1, axis) + np.roll(u, -1, axis)
    return (u > np.median(u)).astype(float)


def levels(shape, rng):
    return rng.integers(0, 5, shape) / 4


def saturated(shape, rng):
    """Mostly 0 and 1, as the predictions of a trained network in single precision."""
    p = rng.integers(0, 9, shape) / 8
    return np.where(rng.random(shape) < 0.3, p, blob(shape, rng))


def faint(shape, rng):
    """Some edges are below 1, some are clipped; none is 0, where PyTorch has no slope."""
    return rng.random(shape) * np.where(rng.random(shape) < 0.3, 2, 0.5)


CASES = {
    "skeleton_line": (soft_skeleton, 2, levels, (23,)),
    "skeleton_mask": (soft_skeleton, 3, blob, (17, 21)),
    "skeleton_levels": (soft_skeleton, 1, levels, (12, 19)),
    "skeleton_saturated": (soft_skeleton, 3, saturated, (16, 24)),
    "skeleton_once": (soft_skeleton, 0, levels, (8, 9)),
    "skeleton_volume_mask": (soft_skeleton, 2, blob, (7, 8, 11)),
    "skeleton_volume_levels": (soft_skeleton, 1, levels, (5, 6, 9)),
    "skeleton_flat_volume": (soft_skeleton, 2, levels, (1, 7, 9)),
    "sobel_line": (sobel, None, faint, (21,)),
    "sobel_image": (sobel, None, faint, (11, 18)),
    "sobel_volume": (sobel, None, faint, (5, 6, 9)),
}


def compute(name):
    function, iterations, image, shape = CASES[name]
    rng = np.random.default_rng([5, *name.encode()])
    x = torch.tensor(image(shape, rng))[None, None].requires_grad_()
    slopes = torch.tensor(rng.integers(-8, 9, shape) / 8.0)[None, None]
    result = function(x, iterations)
    result.backward(slopes)
    numbers = torch.cat([x.detach(), slopes, result.detach(), x.grad])[:, 0].numpy()
    assert np.all(np.isfinite(numbers)), name
    return numbers


def write(out):
    (out / "filters").mkdir(parents=True, exist_ok=True)
    for name in CASES:
        np.save(out / "filters" / f"{name}.npy", compute(name))
