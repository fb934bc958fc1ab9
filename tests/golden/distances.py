"""Distances of masks and between surfaces: SciPy's transform, and metrics by brute force in NumPy.

Called by make_golden.py; tests/distance/golden.cpp and tests/training/surface_quality.cpp read the files.
"""

import numpy as np
from scipy import ndimage

# name: shape, spacing, smoothing of the noise that the mask is cut from
MASKS = {
    "line": ((41,), (1.0,), 1.5),
    "line_spaced": ((37,), (0.3,), 1.5),
    "plane": ((23, 31), (1.0, 1.0), 2.0),
    "plane_noise": ((19, 26), (1.0, 1.0), 0.0),
    "plane_spaced": ((21, 18), (1.7, 0.6), 2.0),
    "volume": ((9, 12, 14), (1.0, 1.0, 1.0), 1.5),
    "volume_same": ((8, 9, 10), (0.7, 0.7, 0.7), 1.5),
    "volume_spaced": ((7, 13, 11), (2.5, 0.7, 0.9), 1.5),
}
TOLERANCES = (0.0, 1.0, 2.0)


def blobs(name, shape, smoothing):
    """Every mask has a seeded stream of its own."""
    noise = np.random.default_rng([ord(c) for c in name]).normal(size=shape)
    smooth = ndimage.gaussian_filter(noise, smoothing) if smoothing else noise
    return smooth > np.quantile(smooth, 0.4)


def surface_points(mask, spacing):
    inner = ndimage.binary_erosion(mask)  # face neighbours; what is beyond the image is outside
    return np.argwhere(mask & ~inner) * np.asarray(spacing)


def nearest(a, b):
    return np.sqrt(((a[:, None, :] - b[None, :, :]) ** 2).sum(-1).min(1))


def surface_metrics(predicted, truth, spacing):
    """Hausdorff distance, its 95th and 50th percentile, averages: symmetric, of the prediction, of the truth; surface
    Dice at each tolerance."""
    p, y = surface_points(predicted, spacing), surface_points(truth, spacing)
    there, back = nearest(p, y), nearest(y, p)
    both = np.concatenate([there, back])
    hausdorff = [max(np.percentile(there, q), np.percentile(back, q)) for q in (100, 95, 50)]
    return np.array(hausdorff + [both.mean(), there.mean(), back.mean()] +
                    [(both <= t).mean() for t in TOLERANCES])


def compute():
    files = {}
    for name, (shape, spacing, smoothing) in MASKS.items():
        mask = blobs(name, shape, smoothing)
        inside = ndimage.distance_transform_edt(mask, sampling=spacing)
        outside = ndimage.distance_transform_edt(~mask, sampling=spacing)
        predicted = blobs(name + " predicted", shape, smoothing)
        files[f"{name}.mask"] = mask.astype(np.uint8)
        files[f"{name}.predicted"] = predicted.astype(np.uint8)
        files[f"{name}.spacing"] = np.array(spacing)
        files[f"{name}.edt"] = inside
        files[f"{name}.signed"] = outside - inside
        files[f"{name}.kervadec"] = outside * ~mask - (inside - 1) * mask
        files[f"{name}.surface"] = surface_metrics(predicted, mask, spacing)
    return files


def write(out):
    (out / "distance").mkdir(parents=True, exist_ok=True)
    for name, array in compute().items():
        np.save(out / "distance" / f"{name}.npy", np.ascontiguousarray(array))
