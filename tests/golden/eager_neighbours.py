"""The losses that look at neighbours, by SciPy's distance transform and PyTorch's pooling and convolution.
Every sample is a volume here; axes that it lacks have one pixel."""

import numpy as np
import torch
import torch.nn.functional as F
from scipy.ndimage import distance_transform_edt

from eager import per_class, safe_ratio, select_classes
from eager_ranked import of_pixels


def volumes(c, v):
    """[B, C, N] as [B * C, 1, depth, height, width]."""
    space = [1, 1, 1] + [n for n in c.problem.space if n > 1]
    return v.reshape([-1, 1] + space[-3:])


def mean_over_elements(c, l, m):
    if c.problem.reduction == "sum":
        return (m * l).sum()
    return (m * l).sum() / m.sum() if float(m.sum()) else (m * l).sum() * 0


def distances(c, masks, spacing, kervadec=False):
    """Signed distances of [B, C, N] masks, negative inside."""
    result = np.zeros(masks.shape)
    space = c.problem.space
    for place in np.ndindex(*masks.shape[:2]):
        mask = masks[place].numpy().reshape(space)
        if mask.any() and not mask.all():
            outside, inside = (distance_transform_edt(v, sampling=spacing) for v in (~mask, mask))
            result[place] = (outside - inside + (kervadec and 1) * mask).ravel()
    return torch.tensor(result)


def boundary(c, convention="pixel", spacing=None, classes=None, include_background=True, class_weights=None):
    if c.problem.distance is None:
        d = distances(c, (c.t > 0.5) & (c.m > 0), spacing, convention == "kervadec")
    else:
        d = torch.tensor(c.problem.distance)
    keep = select_classes(c, classes, include_background)
    m = c.m * per_class(class_weights or 1, c.x.shape[1])
    return mean_over_elements(c, (c.p * d)[:, keep], m[:, keep])


def hausdorff_dt(c, alpha=2, log1p=False, spacing=None, over="sample", empty="smooth", classes=None,
                 include_background=True, class_weights=None):
    d = sum(distances(c, (v > 0.5) & (c.m > 0), spacing).abs()**alpha for v in (c.p.detach(), c.t))

    def formula(samples, k):
        m = c.m[samples, k]
        return (m * (c.p - c.t)[samples, k]**2 * d[samples, k]).sum() / m.sum()

    value = of_pixels(c, formula, over, empty, classes, include_background, class_weights)
    return torch.log1p(value) if log1p else value


def edges(v):
    """min(1, length of the Sobel gradient / 16); an axis of one pixel gives nothing but a factor of 4."""
    smooth, difference = torch.tensor([1.0, 2, 1]).double(), torch.tensor([-1.0, 0, 1]).double()
    kernels = [torch.einsum("i,j,k->ijk", *(difference if a == axis else smooth for a in range(3)))
               for axis in range(3)]
    g = F.conv3d(F.pad(v, (1,) * 6, mode="replicate"), torch.stack(kernels)[:, None])
    squared = (g**2).sum(1, keepdim=True)
    flat = squared == 0
    length = torch.where(flat, torch.zeros_like(squared), torch.where(flat, torch.ones_like(squared), squared)**0.5)
    return (length / 16).clamp(max=1)


def sobel_boundary(c, classes=None, include_background=True):
    keep = select_classes(c, classes, include_background)
    absent = volumes(c, (c.m == 0).double()[:, keep])
    p, y, m = (volumes(c, v[:, keep]) * (1 - absent) for v in (c.p, c.t, c.m))
    m = m * (F.max_pool3d(absent, 3, 1, 1) == 0)
    l = F.binary_cross_entropy(edges(p), (edges(y) > 0).double(), reduction="none")
    return mean_over_elements(c, l, m)


def soft_skeleton(x, iterations):
    def erode(x):
        least = [-F.max_pool3d(-x, [3 if a == axis else 1 for a in range(3)], 1, [int(a == axis) for a in range(3)])
                 for axis in range(3)]
        return torch.minimum(torch.minimum(least[0], least[1]), least[2])

    def residue(x):
        return torch.relu(x - F.max_pool3d(erode(x), 3, 1, 1))

    k = residue(x)
    for _ in range(iterations):
        x = erode(x)
        d = residue(x)
        k = k + torch.relu(d - k * d)
    return k


def cl_dice(c, iterations=3, smooth=1, over="sample", empty="smooth", classes=None, include_background=True,
            class_weights=None):
    counts = (c.m > 0).double()
    skeletons = [soft_skeleton(volumes(c, v * counts), iterations).reshape(c.m.shape) for v in (c.p, c.t)]

    def formula(samples, k):
        m, p, y, of_p, of_y = (v[samples, k] for v in (c.m, c.p, c.t, *skeletons))
        precision = safe_ratio((m * of_p * y).sum() + smooth, (m * of_p).sum() + smooth)
        sensitivity = safe_ratio((m * of_y * p).sum() + smooth, (m * of_y).sum() + smooth)
        return 1 - safe_ratio(2 * precision * sensitivity, precision + sensitivity)

    return of_pixels(c, formula, over, empty, classes, include_background, class_weights)


LOSSES = {f.__name__: f for f in (boundary, hausdorff_dt, sobel_boundary, cl_dice)}
