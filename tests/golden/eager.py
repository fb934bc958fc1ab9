"""The same calls in float64 PyTorch with autograd: torch's and torchvision's own functions wherever they
implement the row, direct formulas elsewhere. Used to check exact.py; good for moderate logits only, since
these functions lose 1 - p beyond about 15.
"""

import copy

import torch
import torch.nn.functional as F
from torchvision.ops import sigmoid_focal_loss


class Call:
    def __init__(self, problem):
        self.problem = problem
        self.x = torch.tensor(problem.x, requires_grad=True)
        self.t, self.m = torch.tensor(problem.t), torch.tensor(problem.m)
        self.element_m = torch.tensor(problem.element_m)
        self.p = {"sigmoid": torch.sigmoid, "softmax": lambda x: F.softmax(x, 1),
                  "none": lambda x: x}[problem.activation](self.x)

    def reduce(self, l, weight=None):
        """l: m w l of every element. weight: m w of every element."""
        if self.problem.reduction == "sum":
            return l.sum()
        d = {"weights": (self.element_m if weight is None else weight).sum(), "valid": self.problem.valid,
             "all": self.problem.element_count}[self.problem.denominator]
        return l.sum() / d if float(d) else l.sum() * 0


def per_class(parameter, channels):
    if not isinstance(parameter, (list, tuple)):
        parameter = [parameter] * channels
    return torch.tensor(parameter, dtype=torch.float64).reshape(1, -1, 1)


def bce(c, pos_weight=1, label_smoothing=0):
    y = c.t * (1 - label_smoothing) + label_smoothing / 2
    w = pos_weight if torch.is_tensor(pos_weight) else per_class(pos_weight, c.x.shape[1])
    if c.problem.activation == "none":
        assert (w == 1).all()
        return c.reduce(F.binary_cross_entropy(c.x, y, weight=c.m, reduction="none"))
    return c.reduce(F.binary_cross_entropy_with_logits(c.x, y, weight=c.m, pos_weight=w, reduction="none"))


def weighted_bce(c):
    positive = (c.m * c.t).sum()
    return bce(c, pos_weight=(c.m.sum() - positive) / (positive + 1e-8))


def mse(c):
    return c.reduce(c.m * F.mse_loss(c.x, c.t, reduction="none"))


def l1(c):
    return c.reduce(c.m * F.l1_loss(c.x, c.t, reduction="none"))


def smooth_l1(c, beta=1.0):
    return c.reduce(c.m * F.smooth_l1_loss(c.x, c.t, beta=beta, reduction="none"))


def focal(c, alpha=0.25, gamma=2, normalized=False, class_weights=None):
    channels, mode, activation = c.x.shape[1], c.problem.mode, c.problem.activation
    if mode == "multiclass":
        labels = c.t.argmax(1)
        log_p = c.p.log() if activation == "none" else F.log_softmax(c.x, 1)
        ce = F.nll_loss(log_p, labels, reduction="none")
        p_t = c.p.gather(1, labels[:, None])[:, 0]
        a = per_class(alpha, channels).flatten()[labels]
        a = torch.where(a < 0, torch.ones_like(a), a)
        w = per_class(class_weights or 1, channels).flatten()[labels] * c.element_m[:, 0]
        modulation = c.element_m[:, 0] * (1 - p_t)**gamma
        l = w * a * (1 - p_t)**gamma * ce
        return l.sum() / modulation.sum() if normalized else c.reduce(l, w)
    p_t = c.p * c.t + (1 - c.p) * (1 - c.t)
    modulation = c.m * (1 - p_t)**gamma
    if activation == "sigmoid" and not isinstance(alpha, (list, tuple)):
        l = c.m * sigmoid_focal_loss(c.x, c.t, alpha, gamma)
    else:
        a = per_class(alpha, channels)
        a = torch.where(a < 0, torch.ones_like(a), a * c.t + (1 - a) * (1 - c.t))
        ce = (F.binary_cross_entropy(c.x, c.t, reduction="none") if activation == "none" else
              F.binary_cross_entropy_with_logits(c.x, c.t, reduction="none"))
        l = modulation * a * ce
    return l.sum() / modulation.sum() if normalized else c.reduce(l)


def cross_entropy(c, class_weights=None, label_smoothing=0):
    channels = c.x.shape[1]
    w = None if class_weights is None else torch.tensor(class_weights, dtype=torch.float64)
    spread = per_class(class_weights or 1, channels)
    weight = (c.m * c.t * spread).sum(1)
    if c.problem.activation == "none":
        y = c.t * (1 - label_smoothing) + label_smoothing / channels
        return c.reduce(-(c.m * spread * y * c.x.log()).sum(1), weight)
    if c.problem.labels is None:
        l = F.cross_entropy(c.x, c.t, w, label_smoothing=label_smoothing, reduction="none")
        return c.reduce(l * c.m[:, 0], weight)
    valid = c.element_m[:, 0] > 0
    labels = torch.where(valid, torch.tensor(c.problem.labels), torch.tensor(-100))
    plain = bool(((c.element_m == 0) | (c.element_m == 1)).all()) and bool(valid.any())
    if plain and c.problem.reduction == "mean" and c.problem.denominator == "weights":
        return F.cross_entropy(c.x, labels, w, label_smoothing=label_smoothing)
    l = F.cross_entropy(c.x, labels, w, label_smoothing=label_smoothing, reduction="none")
    return c.reduce(l * c.element_m[:, 0], weight)


def poly_cross_entropy(c, epsilon=1, class_weights=None):
    spread = per_class(class_weights or 1, c.x.shape[1])
    if c.problem.mode == "multiclass":
        log_p = c.p.log() if c.problem.activation == "none" else F.log_softmax(c.x, 1)
        p_t = (c.t * c.p).sum(1)
        if class_weights is None:
            l = c.element_m[:, 0] * (-(c.t * log_p).sum(1) + epsilon * (1 - p_t))
            return c.reduce(l, c.element_m[:, 0])
        l = (c.m * spread * c.t * (-log_p + epsilon * (1 - c.p))).sum(1)
        return c.reduce(l, (c.m * c.t * spread).sum(1))
    p_t = c.p * c.t + (1 - c.p) * (1 - c.t)
    ce = (F.binary_cross_entropy(c.x, c.t, reduction="none") if c.problem.activation == "none" else
          F.binary_cross_entropy_with_logits(c.x, c.t, reduction="none"))
    return c.reduce(c.m * spread * (ce + epsilon * (1 - p_t)), c.m * spread)


def groups(c, over):
    """Sums over pixels, and over samples too for a batch region: [regions, classes]."""
    axes = (0, 2) if over == "batch" else (2,)
    return lambda v: v.sum(axes, keepdim=True)[:, :, 0]


def safe_ratio(a, b):
    zero = b == 0
    return torch.where(zero, torch.ones_like(a), a / torch.where(zero, torch.ones_like(b), b))


def select_classes(c, classes, include_background):
    if c.problem.mode == "binary":
        return [0]
    everything = classes or range(c.x.shape[1])
    return [k for k in everything if include_background or k > 0]


def score_loss(score, log_):
    return -score.clamp(min=1e-7).log() if log_ else 1 - score


def dice(c, smooth=1, smooth_nr=None, smooth_dr=None, form="product", over="sample", empty="smooth",
         classes=None, include_background=True, class_weights=None, log_=False):
    nr, dr = (smooth if s is None else s for s in (smooth_nr, smooth_dr))
    add = groups(c, over)
    p, t, m = c.p, c.t, c.m
    tp, P, Y, V, M = add(m * p * t), add(m * p), add(m * t), add(m * t), add(m)
    if form == "squared":
        P, Y = add(m * p**2), add(m * t**2)
    if form == "semimetric":
        tp = (P + Y - add(m * (p - t).abs())) / 2
    l = score_loss(safe_ratio(2 * tp + nr, P + Y + dr), log_)
    return of_regions(c, l, V, M, empty, classes, include_background, class_weights)


def iou(c, smooth=1, smooth_nr=None, smooth_dr=None, form="product", over="sample", empty="smooth",
        classes=None, include_background=True, class_weights=None, log_=False):
    nr, dr = (smooth if s is None else s for s in (smooth_nr, smooth_dr))
    tp, fp, fn, V, M = errors(c, form, over)
    l = score_loss(safe_ratio(tp + nr, tp + fp + fn + dr), log_)
    return of_regions(c, l, V, M, empty, classes, include_background, class_weights)


def tversky(c, alpha=0.5, beta=0.5, gamma=1, smooth=1, smooth_nr=None, smooth_dr=None, form="product",
            over="sample", empty="smooth", classes=None, include_background=True, class_weights=None,
            log_=False):
    nr, dr = (smooth if s is None else s for s in (smooth_nr, smooth_dr))
    tp, fp, fn, V, M = errors(c, form, over)
    l = score_loss(safe_ratio(tp + nr, tp + alpha * fp + beta * fn + dr), log_)
    if gamma != 1:
        l = torch.where(l <= 0, torch.zeros_like(l), torch.where(l <= 0, torch.ones_like(l), l)**gamma)
    return of_regions(c, l, V, M, empty, classes, include_background, class_weights)


def mcc(c, eps=1e-5, over="sample", empty="smooth", classes=None, include_background=True,
        class_weights=None):
    add, (p, t, m) = groups(c, over), (c.p, c.t, c.m)
    tp, fp, fn, tn = (add(m * v) + eps for v in (p * t, p * (1 - t), (1 - p) * t, (1 - p) * (1 - t)))
    l = 1 - (tp * tn - fp * fn) / torch.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    return of_regions(c, l, add(m * t), add(m), empty, classes, include_background, class_weights)


def errors(c, form, over):
    """tp, fp, fn of every region, its volume and its weight."""
    add, (p, t, m) = groups(c, over), (c.p, c.t, c.m)
    a, b = (p**2, t**2) if form == "squared" else (p, t)
    tp = (p + t - (p - t).abs()) / 2 if form == "semimetric" else p * t
    return add(m * tp), add(m * (a - tp)), add(m * (b - tp)), add(m * t), add(m)


def of_regions(c, l, V, M, empty, classes, include_background, class_weights):
    counts = torch.ones_like(l)
    l = torch.where(M == 0, torch.zeros_like(l), l)
    if empty == "zero":
        l = torch.where(V == 0, torch.zeros_like(l), l)
    if empty == "skip":
        counts = (V > 0).double()
    keep = select_classes(c, classes, include_background)
    w = (per_class(class_weights or 1, l.shape[1])[:, :, 0] * counts)[:, keep]
    return mean_over_regions(c, l[:, keep], w)


def mean_over_regions(c, l, w):
    if c.problem.reduction == "sum":
        return (w * l).sum()
    rows = w.sum(1) > 0
    if not rows.any():
        return (w * l).sum() * 0
    return ((w * l).sum(1)[rows] / w.sum(1)[rows]).mean()


def generalized_dice(c, weighting="square", weight_smooth=0, smooth=0, over="sample", empty="smooth",
                     classes=None, include_background=True, log_=False):
    add, keep = groups(c, over), select_classes(c, classes, include_background)
    tp, P, V, M = (add(v)[:, keep] for v in (c.m * c.p * c.t, c.m * c.p, c.m * c.t, c.m))
    w = {"square": 1 / (V**2 + weight_smooth), "simple": 1 / (V + weight_smooth),
         "uniform": torch.ones_like(V)}[weighting]
    finite = torch.where(torch.isinf(w), torch.zeros_like(w), w)
    w = torch.where(torch.isinf(w), finite.max(1, keepdim=True).values.expand_as(w), w)
    if empty == "skip":
        w = w * (V > 0)
    score = safe_ratio(2 * (w * tp).sum(1) + smooth, (w * (P + V)).sum(1) + smooth)
    l = torch.where(M.sum(1) == 0, torch.zeros_like(score), score_loss(score, log_))
    counts = (V.sum(1) > 0).double() if empty == "skip" else torch.ones_like(l)
    return mean_over_regions(c, l[:, None], counts[:, None])


def wasserstein_dice(c, distances=None, weighting="foreground", smooth=1e-5, over="sample"):
    classes = c.x.shape[1]
    far = torch.tensor(distances, dtype=torch.float64) if distances else 1 - torch.eye(classes).double()
    far = far / far.max()
    share = c.m * c.t  # [B, C, N], the class of the target
    wrong = torch.einsum("lk,bkn->bln", far, c.p)
    axes = (0, 1, 2) if over == "batch" else (1, 2)
    if weighting == "volume":
        a = 1 / (share.sum((0, 2) if over == "batch" else 2, keepdim=True) + 1)
        hits, sizes = (share * a * (1 - wrong)).sum(axes), (share * a * (2 - wrong)).sum(axes)
    else:
        front = share.clone()
        front[:, 0] = 0
        hits = (front * (1 - wrong)).sum(axes)
        sizes = 2 * hits + (share * wrong).sum(axes)
    score = safe_ratio(2 * hits + smooth, sizes + smooth).reshape(-1)
    l = torch.where(share.sum(axes).reshape(-1) == 0, torch.zeros_like(score), 1 - score)
    return mean_over_regions(c, l[:, None], torch.ones_like(l)[:, None])


def unified_focal(c, weight=0.5, delta=0.6, gamma=0.5, each=False):
    p, t, m = c.p, c.t, c.m
    if each:  # every channel a sample with a background of its own; exact for samples that all count
        p, t, m = (v.reshape(-1, 1, v.shape[2]) for v in (p, t, m))
    if each or c.problem.mode == "binary":
        p, t, m = torch.cat([1 - p, p], 1), torch.cat([1 - t, t], 1), torch.cat([m, m], 1)
    tp, fp, fn = ((m * v).sum(2) for v in (p * t, p * (1 - t), (1 - p) * t))
    tversky = (tp + 1e-7) / (tp + delta * fn + (1 - delta) * fp + 1e-7)
    u = 1 - tversky
    u = torch.where(u == 0, torch.full_like(u, 1e-300), u)  # no NaN gradient at a score of 1
    l = torch.cat([u[:, :1], u[:, 1:]**(1 - gamma)], 1).mean(1)
    l = torch.where(m.sum((1, 2)) == 0, torch.zeros_like(l), l)
    region_part = l.sum() if c.problem.reduction == "sum" else l.mean()
    front = (1 - delta) * (1 - p[:, 0])**gamma * t[:, 0] * -p[:, 0].log() * m[:, 0]
    rest = -delta * (m * t * p.log())[:, 1:].sum(1)
    return weight * region_part + (1 - weight) * c.reduce(front + rest)


class Elements(Call):
    """A call that gives m w l and m w of every element that counts, not reduced."""

    def __init__(self, c):
        self.__dict__.update(c.__dict__)
        self.problem = copy.copy(c.problem)
        self.problem.denominator = "valid"  # torch's own mean would be no loss of elements

    def reduce(self, l, weight=None):
        counts = self.element_m.flatten() > 0
        return l.flatten()[counts], (self.element_m if weight is None else weight).flatten()[counts]


def mean_of_kept(c, l, w):
    d = {"weights": w.sum(), "valid": len(l), "all": c.problem.element_count}[c.problem.denominator]
    return l.sum() if c.problem.reduction == "sum" else l.sum() / d if float(d) else l.sum() * 0


def top_k(c, inside, fraction=0.1):
    """As nnU-Net's TopKLoss: torch.topk of the losses."""
    l, w = LOSSES[inside[1]](Elements(c), **inside[2])
    if len(l) == 0:
        return c.x.sum() * 0
    l, kept = torch.topk(l, max(1, int(fraction * len(l))), sorted=False)
    return mean_of_kept(c, l, w[kept])


def ohem(c, inside, threshold=0.7, min_kept=100000):
    """As mmsegmentation's OHEMPixelSampler: seg_weight of the pixels below a threshold."""
    l, w = LOSSES[inside[1]](Elements(c), **inside[2])
    with torch.no_grad():
        p = c.p * c.t + (1 - c.p) * (1 - c.t) if c.problem.elementwise else (c.p * c.t).sum(1)
        p = p.flatten()[c.element_m.flatten() > 0]
        if len(p) == 0:
            return l.sum() * 0
        batch_kept = min_kept * c.x.shape[0]
        kept = p < max(float(torch.sort(p).values[min(batch_kept, len(p) - 1)]), threshold)
    return mean_of_kept(c, l[kept], w[kept])


LOSSES = {f.__name__: f
          for f in (bce, weighted_bce, mse, l1, smooth_l1, focal, cross_entropy, poly_cross_entropy, dice, iou, tversky, mcc,
                    generalized_dice, wasserstein_dice, unified_focal, top_k, ohem)}


def evaluate(problem, sum_of_terms):
    """Total value, value of every term, gradient."""
    call = Call(problem)
    values = [LOSSES[name](call, **parameters) for _, name, parameters in sum_of_terms]
    value = sum(factor * v for (factor, _, _), v in zip(sum_of_terms, values))
    if value.requires_grad:
        value.backward()
    grad = call.x.grad if call.x.grad is not None else torch.zeros_like(call.x)
    return float(value), [float(v) for v in values], grad.numpy().ravel()
