"""The SAM rows of the catalogue in 120 digits, from the parts of exact.py.

Every function returns a dictionary of numbers, and the leaves to differentiate by under "leaves".
"""

import numpy as np
from mpmath import mp, mpf

import exact
from problem import Problem
from tape import Num, absolute, constant, total


class Masks:
    """Masks [B, N, ...], every one a sample of its own, and what is predicted about them."""

    def __init__(self, call):
        shape = call["masks"].shape
        self.samples, self.masks = shape[:2]
        self.problem = Problem("binary", call["masks"].reshape((-1,) + shape[2:]),
                               call["target"].reshape((-1,) + shape[2:]), call["weights"])
        self.act = exact.Activated(self.problem)
        self.x = [n for sample in self.act.leaves for n in sample[0]]
        self.iou = [Num(mpf(float(v))) for v in call["iou"].flat] if "iou" in call else []
        self.valid = self.problem.valid

    def one(self, i):
        """The problem in which mask i alone counts."""
        return self.problem.of([(i, 0, j) for j in range(self.problem.x.shape[2])])

    def is_ignored(self, i):
        return not self.problem.m[i].any()

    def actual(self, i, target, epsilon):
        pixels = [j for j in range(self.problem.x.shape[2]) if self.problem.m[i, 0, j] > 0]
        m = [mpf(float(self.problem.m[i, 0, j])) for j in pixels]
        y = [mpf(float(self.problem.t[i, 0, j])) for j in pixels]
        p = [self.act.p(i, 0, j) for j in pixels]
        if target == "hard":
            p = [constant(1 if self.problem.x[i, 0, j] > 0 else 0) for j in pixels]
        tp = total((w * t, v) for w, t, v in zip(m, y, p))
        union = total((w, v) for w, v in zip(m, p)) + mp.fsum(w * t for w, t in zip(m, y)) - tp
        if target == "hard":
            return constant(0) if union.v == 0 else constant(tp.v / (union.v + mpf(epsilon)))
        found = tp / (union + mpf("1e-8"))
        return Num(found.v, found.mag, ()) if target == "soft_detached" else found

    def iou_loss(self, i, kind, target, epsilon):
        if self.is_ignored(i):
            return constant(0)
        d = self.iou[i] - self.actual(i, target, epsilon)
        if kind == "l1":
            return absolute(d)
        if kind == "smooth_l1":
            return d * d * mpf("0.5") if abs(d.v) < 1 else absolute(d) - mpf("0.5")
        return d * d


def average(numbers):
    return total((mpf(1), n) for n in numbers) / len(numbers)


def weighted_sum(pairs):
    return total((mpf(w), n) for w, n in pairs)


def sam(call, epsilon, focal_weight=20, dice_weight=1, iou_weight=1, alpha=0.25, gamma=2, smooth=1, over="sample",
        iou_loss="mse", iou_target="hard"):
    k = Masks(call)
    focal, _ = exact.focal(k.problem, k.act, alpha=alpha, gamma=gamma)
    dice, _ = exact.dice(k.problem, k.act, smooth=smooth, over=over)
    iou = average([k.iou_loss(i, iou_loss, iou_target, epsilon) for i in range(k.samples * k.masks)])
    mask = weighted_sum([(focal_weight, focal), (dice_weight, dice)])
    return {"value": weighted_sum([(1, mask), (iou_weight, iou)]), "mask": mask, "focal": focal, "dice": dice,
            "iou": iou, "leaves": {"masks": k.x, "iou": k.iou}, "valid": k.valid}


def relevance(call, epsilon):
    r = sam(call, epsilon, over="batch")
    logits = call["alignment"]
    problem = Problem("binary", logits, call["alignment_target"])
    act = exact.Activated(problem)
    alignment, _ = exact.bce(problem, act)
    leaves = {**r["leaves"], "alignment": [n for sample in act.leaves for n in sample[0]]}
    return {"value": weighted_sum([(1, r["value"]), (1, alignment)]), "mask": r["mask"], "iou": r["iou"],
            "alignment": alignment, "leaves": leaves, "valid": r["valid"]}


def granularity(levels, weights):
    parts = []
    for level in levels:
        k = Masks(level)
        focal, _ = exact.focal(k.problem, k.act)
        dice, _ = exact.dice(k.problem, k.act, over="batch")
        parts.append((weighted_sum([(20, focal), (1, dice)]), k))
    value = weighted_sum([(w, part) for w, (part, _) in zip(weights, parts)]) / len(parts)
    return {"value": value, **{f"level_{i}": part for i, (part, _) in enumerate(parts)},
            "leaves": {f"masks_{i}": k.x for i, (_, k) in enumerate(parts)}, "valid": sum(k.valid for _, k in parts)}


def sam2(call, epsilon, focal_weight=20, dice_weight=1, iou_weight=1, score_weight=0, alpha=0.25, gamma=2,
         supervise_all_iou=False, iou_loss="mse", object_scores=False, score_alpha=-1, score_gamma=0,
         num_objects=None):
    k = Masks(call)
    scores = [Num(mpf(float(v))) for v in call["scores"]]
    sums = {"focal": [], "dice": [], "iou": [], "score": []}
    chosen = []
    for b in range(k.samples):
        candidates = range(b * k.masks, (b + 1) * k.masks)
        focal = [exact.focal(k.one(i), k.act, alpha=alpha, gamma=gamma)[0] for i in candidates]
        dice = [exact.dice(k.one(i), k.act, over="batch")[0] for i in candidates]
        iou = [k.iou_loss(i, iou_loss, "hard", epsilon) for i in candidates]
        cost = [focal_weight * f.v + dice_weight * d.v for f, d in zip(focal, dice)]
        best = cost.index(min(cost))
        chosen.append(best)
        first = b * k.masks
        present = bool(((k.problem.t[first] > 0) & (k.problem.m[first] > 0)).any())
        if present or not object_scores:
            sums["focal"].append(focal[best])
            sums["dice"].append(dice[best])
            sums["iou"].append(average(iou) if supervise_all_iou else iou[best])
        if object_scores and not k.is_ignored(first):
            sums["score"].append(score_loss(scores[b], present, score_alpha, score_gamma))
    objects = mpf(max(k.samples, 1) if num_objects is None else num_objects)
    r = {name: total((1, n) for n in sums[name]) / objects for name in sums}
    r["value"] = weighted_sum([(focal_weight, r["focal"]), (dice_weight, r["dice"]), (iou_weight, r["iou"]),
                               (score_weight, r["score"])])
    return {**r, "leaves": {"masks": k.x, "iou": k.iou, "scores": scores}, "valid": k.valid, "chosen": chosen}


class Score:
    """One number as a problem of exact.py."""

    def __init__(self, leaf, present):
        self.problem = Problem("binary", np.array([[float(leaf.v)]]), np.array([[float(present)]]))
        self.act = exact.Activated(self.problem)
        self.act.leaves[0][0][0] = leaf


def score_loss(leaf, present, alpha, gamma):
    s = Score(leaf, present)
    return exact.focal(s.problem, s.act, alpha=alpha, gamma=gamma)[0]
