"""The ranked losses in 120 digits, and regions that are more than their sums."""

from mpmath import mp, mpf

from exact import constant, groups, kept, mean_over_regions
from tape import Num, absolute

EQUAL = mpf(10) ** -60  # relative: errors nearer than this are one number that was formed in two ways


def pixels_of(problem, samples, k):
    """(sample, pixel, weight, target) of the pixels of a region that count."""
    for i in samples:
        for j in range(problem.x.shape[2]):
            if problem.m[i, k, j] > 0:
                yield i, j, mpf(float(problem.m[i, k, j])), mpf(float(problem.t[i, k, j]))


def of_pixels(problem, formula, over, empty, classes, include_background, class_weights):
    """The mean over regions of formula(samples, class); what an empty region gives is as in every loss."""

    def loss(samples, k):
        pixels = list(pixels_of(problem, samples, k))
        nothing_true = sum(m * y for _, _, m, y in pixels) == 0
        if empty == "skip" and nothing_true:
            return None
        if not pixels or empty == "zero" and nothing_true:
            return constant(0)
        return formula(samples, k)

    return mean_over_regions(problem, groups(problem, over), kept(problem, classes, include_background),
                             class_weights, loss)


def ranks(errors):
    """Lists of equal errors (error, weight, target), the largest first."""
    result = []
    for e in sorted(errors, key=lambda e: -e[0].v):
        if result and abs(result[-1][0][0].v - e[0].v) <= EQUAL * abs(e[0].v):
            result[-1].append(e)
        else:
            result.append([e])
    return result


def extension(errors):
    """sum relu(e) dJ over the ranks; J = 1 - I/U, I the true weight that is not yet in error, U the union."""
    inner = union = mp.fsum(w * y for _, w, y in errors)
    value, size, links = mpf(0), mpf(0), []
    for rank in ranks(errors):
        a = mp.fsum(w * y for _, w, y in rank)
        b = mp.fsum(w * (1 - y) for _, w, y in rank)
        step = (inner * b + a * union) / (union * (union + b)) if union else mpf(1)
        inner, union = inner - a, union + b
        if rank[0][0].v <= 0:
            break
        weight = mp.fsum(w for _, w, _ in rank)
        value += rank[0][0].v * step
        size += max(e.mag for e, _, _ in rank) * step
        links += [(e, step * w / weight, step * w / weight) for e, w, _ in rank]
    return Num(value, size, tuple(links))


def hinge_error(act, i, k, j, y):
    return 1 - act.leaves[i][k][j] * (2 * y - 1)


def probability_error(act, i, k, j, y):
    p, q, _, _ = act.at(i, k, j)
    if y not in (0, 1):
        return absolute(p - y)
    e = q if y == 1 else p
    return e if e.v > 0 else constant(0)  # at its least it has no slope


def lovasz(problem, act, error, over, empty, classes, include_background, class_weights):
    def formula(samples, k):
        return extension([(error(act, i, k, j, y), w, y) for i, j, w, y in pixels_of(problem, samples, k)])

    return of_pixels(problem, formula, over, empty, classes, include_background, class_weights)


def lovasz_hinge(problem, act, over="sample", empty="smooth", classes=None, include_background=True,
                 class_weights=None):
    return lovasz(problem, act, hinge_error, over, empty, classes, include_background, class_weights)


def lovasz_sigmoid(problem, act, over="batch", empty="skip", classes=None, include_background=True,
                   class_weights=None):
    return lovasz(problem, act, probability_error, over, empty, classes, include_background, class_weights)


lovasz_softmax = lovasz_sigmoid

LOSSES = {"lovasz_hinge": lovasz_hinge, "lovasz_sigmoid": lovasz_sigmoid, "lovasz_softmax": lovasz_softmax}
