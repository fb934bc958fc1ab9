"""Box losses of pairs of boxes, box by box: values, gradients by the predicted box, and the scale of both.

Every loss is computed twice: in 120 digits with the derivatives of `tape.py`, which are stored, and by float64
PyTorch with autograd: torchvision's own function where it has one, tensor formulas elsewhere. Both must agree.
"""

import numpy as np
import torch
from mpmath import mp, mpf
from torchvision.ops import complete_box_iou_loss, distance_box_iou_loss, generalized_box_iou_loss

from tape import Num, absolute, constant, differentiate

EPS = 1e-7
AGREEMENT = 1e-10
LOSSES = ("box_iou", "giou", "diou", "ciou", "ciou_followed", "eiou", "siou")


def boxes():
    """Pairs in every position, then pairs without pattern; all coordinates are exact in float."""
    pairs = [([0, 0, 2, 3], [1, 1, 4, 2.5]), ([0, 0, 1, 2], [3, 5, 7, 6]), ([1, 1, 2, 3], [0, 0, 5, 4]),
             ([0, 0, 5, 4], [1, 1, 2, 3]), ([1, 2, 4, 6], [1, 2, 4, 6]), ([0, 0, 2, 2], [2, 0.5, 4, 3]),
             ([0, 0, 2, 2], [2, 2, 3, 4]), ([0, 0, 2, 2], [0, 0.5, 3, 3]), ([0, 0, 2, 2], [0, 0, 3, 2]),
             ([1, 0, 1, 2], [0, 0, 2, 2]), ([0, 0, 2, 2], [1, 0.5, 1, 0.5]), ([2, 0, 1, 3], [0.5, 1, 4, 2.5]),
             ([1, 2, 5, 4], [2, 1, 4, 5]), ([-1e6, -2e6, 1e6, 2e6], [-5e5, -1e6, 3e6, 1.5e6]),
             ([0, 0, 3 / 8192, 4 / 8192], [1 / 8192, 1 / 8192, 4 / 8192, 5 / 8192])]
    rng = np.random.default_rng([7, *b"boxes"])
    for _ in range(18):
        low, size = rng.integers(0, 320, (2, 2)) / 8, (1 + rng.integers(0, 240, (2, 2))) / 8
        pairs.append((list(low[0]) + list(low[0] + size[0]), list(low[1]) + list(low[1] + size[1])))
    return np.array([p for p, _ in pairs], float), np.array([t for _, t in pairs], float)


# --- in 120 digits ---


def num(v):
    return v if isinstance(v, Num) else constant(v)


def length(low, high):
    """high - low as it is: a difference of coordinates loses nothing."""
    d = num(high) - num(low)
    return Num(d.v, abs(d.v), d.links)


def half_each(a, b, first):
    share = mpf(0.5) if a.v == b.v else mpf(1 if first else 0)
    v = a.v if first else b.v
    return Num(v, abs(v), ((a, share, share), (b, 1 - share, 1 - share)))


def least(a, b):
    return half_each(num(a), num(b), num(a).v < num(b).v)


def most(a, b):
    return half_each(num(a), num(b), num(a).v > num(b).v)


def exp(u):
    v = mp.exp(u.v)
    return Num(v, v * (1 + u.mag), ((u, v, v * (1 + u.mag)),))


def angle(w, h):
    """atan2(w, h), 0 and without slope where both are 0."""
    w, h = num(w), num(h)
    square = w.v**2 + h.v**2
    if square == 0:
        return constant(0)
    v = mp.atan2(w.v, h.v)
    return Num(v, abs(v), ((w, h.v / square, abs(h.v) / square), (h, -w.v / square, abs(w.v) / square)))


class Pair:
    def __init__(self, x, y):
        self.leaves = [Num(mpf(v)) for v in x]
        eps = mpf(EPS)
        (a, b, c, d), (e, f, g, h) = self.leaves, [mpf(v) for v in y]
        self.w, self.h, self.tw, self.th = length(a, c), length(b, d), g - e, h - f
        iw, ih = length(most(a, e), least(c, g)), length(most(b, f), least(d, h))
        self.W, self.H = length(least(a, e), most(c, g)), length(least(b, f), most(d, h))
        self.dx = length(constant((e + g) / 2), (a + c) / 2)
        self.dy = length(constant((f + h) / 2), (b + d) / 2)
        inter = iw * ih if iw.v > 0 and ih.v > 0 else constant(0)
        self.union = self.w * self.h + self.tw * self.th - inter
        self.iou = inter / (self.union + eps)

    def box_iou(self):
        return 1 - self.iou

    def giou(self):
        area = self.W * self.H
        return 1 - self.iou + (area - self.union) / (area + mpf(EPS))

    def diou(self):
        diagonal = self.W * self.W + self.H * self.H + mpf(EPS)
        return 1 - self.iou + (self.dx * self.dx + self.dy * self.dy) / diagonal

    def ciou(self, followed=False):
        turn = angle(self.tw, self.th) - angle(self.w, self.h)
        v = turn * turn * (4 / mp.pi**2)
        alpha = v / (1 - self.iou + v + mpf(EPS))
        return self.diou() + v * (alpha if followed else alpha.v)

    def ciou_followed(self):
        return self.ciou(True)

    def eiou(self):
        dw, dh = self.w - self.tw, self.h - self.th
        return (self.diou() + dw * dw / (self.W * self.W + mpf(EPS)) + dh * dh / (self.H * self.H + mpf(EPS)))

    def siou(self):
        eps = mpf(EPS)
        square = self.dx * self.dx + self.dy * self.dy + eps
        a = 2 * absolute(self.dx) * absolute(self.dy) / square
        cost = constant(0)
        for d, side in ((self.dx, self.W), (self.dy, self.H)):
            cost = cost + (1 - exp((a - 2) * (d * d / (side * side + eps))))
        for own, target in ((self.w, self.tw), (self.h, self.th)):
            missing = 1 - exp(-(absolute(own - target) / (most(own, target) + eps)))
            cost = cost + missing * missing * missing * missing
        return 1 - self.iou + cost / 2


def exact(name, x, y):
    """(loss, scale) and (slope, scale) of every coordinate, for one pair."""
    pair = Pair(x, y)
    loss = getattr(pair, name)()
    slopes = differentiate(loss, pair.leaves)
    return [float(loss.v), float(loss.mag)], [[float(d), float(s)] for d, s in slopes]


# --- in PyTorch ---


def parts(x, y):
    inter = (torch.min(x[:, 2:], y[:, 2:]) - torch.max(x[:, :2], y[:, :2]))
    meet = (inter > 0).all(1)
    inter = torch.where(meet, inter[:, 0] * inter[:, 1], torch.zeros_like(x[:, 0]))
    own, target = x[:, 2:] - x[:, :2], y[:, 2:] - y[:, :2]
    union = own.prod(1) + target.prod(1) - inter
    around = torch.max(x[:, 2:], y[:, 2:]) - torch.min(x[:, :2], y[:, :2])
    offset = (x[:, 2:] + x[:, :2] - y[:, 2:] - y[:, :2]) / 2
    return inter / (union + EPS), own, target, around, offset


def eager(name, x, y):
    if name in ("giou", "diou", "ciou"):
        own = {"giou": generalized_box_iou_loss, "diou": distance_box_iou_loss, "ciou": complete_box_iou_loss}
        return own[name](x, y)
    iou, own, target, around, offset = parts(x, y)
    loss = 1 - iou
    if name == "ciou_followed":
        turn = torch.atan2(target[:, 0], target[:, 1]) - torch.atan2(own[:, 0], own[:, 1])
        v = 4 / torch.pi**2 * turn**2
        return distance_box_iou_loss(x, y) + v * v / (loss + v + EPS)
    if name == "eiou":
        return distance_box_iou_loss(x, y) + ((own - target)**2 / (around**2 + EPS)).sum(1)
    if name == "siou":
        square = (offset**2).sum(1)
        a = 2 * offset.prod(1).abs() / (square + EPS)
        with torch.no_grad():  # Gevorgyan's sines, which know no eps
            sine = offset[:, 1].abs() / square.sqrt()
            angle = 1 - 2 * torch.sin(torch.arcsin(sine.clamp(max=1)) - torch.pi / 4)**2
            assert ((a - angle).abs() < 1e-6)[square > 0.3].all()
        shape = (1 - torch.exp(-(own - target).abs() / (torch.max(own, target) + EPS)))**4
        distances = 1 - torch.exp((a[:, None] - 2) * offset**2 / (around**2 + EPS))
        return loss + (distances + shape).sum(1) / 2
    return loss


def check(name, x, y, value, grad):
    leaf = torch.tensor(x, requires_grad=True)
    loss = eager(name, leaf, torch.tensor(y))
    loss.sum().backward()
    for found, stored in ((loss.detach().numpy(), value), (leaf.grad.numpy(), grad)):
        error = np.abs(found - stored[..., 0])
        unlike = error > AGREEMENT * stored[..., 1]
        odd = np.isnan(error)
        assert not (unlike & ~odd).any(), (name, np.argwhere(unlike & ~odd), found, stored[..., 0])
        if odd.any():
            print(f"boxes/{name}: PyTorch gives NaN in {odd.sum()} of {error.size} entries")


def write(out):
    (out / "boxes").mkdir(parents=True, exist_ok=True)
    x, y = boxes()
    assert np.array_equal(x, x.astype(np.float32)) and np.array_equal(y, y.astype(np.float32))
    np.save(out / "boxes" / "predicted.npy", x)
    np.save(out / "boxes" / "target.npy", y)
    for name in LOSSES:
        pairs = [exact(name, a, b) for a, b in zip(x, y)]
        value, grad = np.array([v for v, _ in pairs]), np.array([g for _, g in pairs])
        check(name, x, y, value, grad)
        np.save(out / "boxes" / f"{name}.value.npy", value)
        np.save(out / "boxes" / f"{name}.grad.npy", grad)
