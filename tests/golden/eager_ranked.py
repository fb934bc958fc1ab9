"""The ranked losses in PyTorch: Berman's algorithm on copies of the pixels, as many as a pixel weighs."""

import torch

from eager import mean_over_regions, per_class, select_classes

COPIES = 4  # weights are multiples of 1/4
EQUAL = 1e-12  # what one number can differ by when it was formed in two ways


def of_pixels(c, formula, over, empty, classes, include_background, class_weights):
    """The mean over regions of formula(samples, class)."""
    keep = select_classes(c, classes, include_background)
    samples = range(c.x.shape[0])
    w = per_class(class_weights or 1, c.x.shape[1])[0, keep, 0]
    rows, weights = [], []
    for part in [list(samples)] if over == "batch" else [[i] for i in samples]:
        losses, counts = [], []
        for k in keep:
            m, t = c.m[part, k], c.t[part, k]
            has_true = bool((m * t).sum() > 0)
            silent = not bool((m > 0).any()) or (empty == "zero" and not has_true)
            losses.append(c.x.sum() * 0 if silent else formula(part, k))
            counts.append(float(has_true or empty != "skip"))
        rows.append(torch.stack(losses))
        weights.append(w * torch.tensor(counts, dtype=torch.float64))
    return mean_over_regions(c, torch.stack(rows), torch.stack(weights))


def jaccard_steps(y):
    """Of sorted labels the differences of the Jaccard losses."""
    total = y.sum()
    jaccard = 1 - (total - y.cumsum(0)) / (total + (1 - y).cumsum(0))
    return torch.cat([jaccard[:1], jaccard[1:] - jaccard[:-1]])


def mean_of_equals(errors, steps):
    """Every step replaced by the mean of those of equal errors."""
    place = torch.cat([torch.zeros(1, dtype=torch.long), ((errors[:-1] - errors[1:]) > EQUAL).long()]).cumsum(0)
    sums = torch.zeros(len(errors), dtype=torch.float64).index_add(0, place, steps)
    return (sums / torch.bincount(place, minlength=len(errors)).clamp(min=1))[place]


def lovasz(c, errors, over, empty, classes, include_background, class_weights):
    def formula(samples, k):
        copies = (c.m[samples, k] * COPIES).flatten()
        assert (copies == copies.round()).all()
        e, y = (v[samples, k].flatten().repeat_interleave(copies.long()) for v in (errors, c.t))
        e, order = torch.sort(e, descending=True)
        return torch.dot(torch.relu(e), mean_of_equals(e.detach(), jaccard_steps(y[order])))

    return of_pixels(c, formula, over, empty, classes, include_background, class_weights)


def lovasz_hinge(c, over="sample", empty="smooth", classes=None, include_background=True, class_weights=None):
    errors = 1 - c.x * (2 * c.t - 1)
    return lovasz(c, errors, over, empty, classes, include_background, class_weights)


def lovasz_sigmoid(c, over="batch", empty="skip", classes=None, include_background=True, class_weights=None):
    return lovasz(c, (c.t - c.p).abs(), over, empty, classes, include_background, class_weights)


lovasz_softmax = lovasz_sigmoid

LOSSES = {"lovasz_hinge": lovasz_hinge, "lovasz_sigmoid": lovasz_sigmoid, "lovasz_softmax": lovasz_softmax}
