"""The losses that look at neighbours, in 120 digits: by definition, over all pairs of pixels or all offsets."""

import itertools

from mpmath import mp, mpf

from exact import FLOOR, constant, elements, kept, log, per_class
from exact_ranked import of_pixels, pixels_of
from tape import Num, total


class Grid:
    """The pixels of a sample with their neighbours. Axes of one pixel are no axes."""

    def __init__(self, problem, spacing=None):
        wide = [a for a, n in enumerate(problem.space) if n > 1] or [0]
        self.shape = [problem.space[a] for a in wide]
        self.rank = len(wide)
        self.spacing = [mpf(spacing[a]) if spacing else mpf(1) for a in wide]
        self.places = list(itertools.product(*map(range, self.shape)))
        self.index = {place: n for n, place in enumerate(self.places)}

    def shifted(self, n, offset):
        """The pixel that many steps away; outside the image: none."""
        return self.index.get(tuple(a + o for a, o in zip(self.places[n], offset)))

    def replicated(self, n, offset):
        """The same; outside the image the nearest inside."""
        return self.index[tuple(min(max(a + o, 0), s - 1)
                                for a, o, s in zip(self.places[n], offset, self.shape))]

    def window(self, n):
        found = (self.shifted(n, o) for o in itertools.product((-1, 0, 1), repeat=self.rank))
        return [h for h in found if h is not None]

    def cross(self, n):
        found = (self.shifted(n, [s if a == axis else 0 for a in range(self.rank)])
                 for axis in range(self.rank) for s in (-1, 1))
        return [n] + [h for h in found if h is not None]

    def squared(self, g, h):
        return sum((s * (a - b)) ** 2 for a, b, s in zip(self.places[g], self.places[h], self.spacing))

    def squared_distances(self, inside):
        """Of every pixel to the nearest one of the other kind; 0 where there is only one kind."""
        kinds = [[h for h, v in enumerate(inside) if v == kind] for kind in (False, True)]
        if not kinds[0] or not kinds[1]:
            return [mpf(0)] * len(inside)
        return [min(self.squared(n, h) for h in kinds[not v]) for n, v in enumerate(inside)]


def signed_distance(grid, inside, convention):
    within = 1 if convention == "kervadec" else 0
    d = [mp.sqrt(v) for v in grid.squared_distances(inside)]
    if not any(d):
        return d
    return [within - v if b else v for v, b in zip(d, inside)]


def target_mask(problem, i, k):
    return [bool(t > 0.5 and m > 0) for t, m in zip(problem.t[i, k], problem.m[i, k])]


def prediction_mask(problem, act, i, k):
    p = [act.p(i, k, j).v for j in range(problem.x.shape[2])]
    assert all(abs(v - 0.5) > 1e-3 for v in p), "a mask that rounding could change"
    return [bool(v > 0.5 and m > 0) for v, m in zip(p, problem.m[i, k])]


def mean_over_elements(problem, terms, weight):
    """As mean_over_pixels, of elements that are pixels of one class in every mode."""
    s = total(terms)
    if problem.reduction == "sum":
        return s, None
    assert problem.denominator == "weights"
    return (s / weight if weight else constant(0)), weight


def boundary(problem, act, convention="pixel", spacing=None, classes=None, include_background=True,
             class_weights=None):
    grid, counted = Grid(problem, spacing), kept(problem, classes, include_background)
    if problem.distance is None:
        distance = {(i, k): signed_distance(grid, target_mask(problem, i, k), convention)
                    for i in range(problem.x.shape[0]) for k in counted}
    else:
        distance = {(i, k): [mpf(float(v)) for v in problem.distance[i, k]]
                    for i in range(problem.x.shape[0]) for k in counted}
    terms, weight = [], mpf(0)
    for i, k, j, m, _ in elements(problem):
        if k in counted:
            m *= per_class(class_weights or 1, k)
            terms.append((m * distance[i, k][j], act.p(i, k, j)))
            weight += m
    return mean_over_elements(problem, terms, weight)


def hausdorff_dt(problem, act, alpha=2, log1p=False, spacing=None, over="sample", empty="smooth", classes=None,
                 include_background=True, class_weights=None):
    grid = Grid(problem, spacing)

    def formula(samples, k):
        terms, weight, half = [], mpf(0), mpf(alpha) / 2
        for i in samples:
            of_target = grid.squared_distances(target_mask(problem, i, k))
            of_prediction = grid.squared_distances(prediction_mask(problem, act, i, k))
            for _, j, m, y in pixels_of(problem, [i], k):
                p, q, _, _ = act.at(i, k, j)
                error = q if y == 1 else p if y == 0 else p - y
                terms.append((m * (of_target[j] ** half + of_prediction[j] ** half), error * error))
                weight += m
        return total(terms) / weight

    value, normalizer = of_pixels(problem, formula, over, empty, classes, include_background, class_weights)
    if not log1p:
        return value, normalizer
    return log(value + 1), None


def magnitude(components):
    """sqrt of the sum of squares; no slope at 0."""
    v = mp.sqrt(mp.fsum(c.v**2 for c in components))
    if v == 0:
        return constant(0)
    mag = mp.fsum(abs(c.v) * c.mag for c in components) / v
    return Num(v, mag, tuple((c, c.v / v, c.mag / v + abs(c.v) * mag / v**2) for c in components))


def sobel(grid, plane, n):
    """min(1, length of the Sobel gradient / 4^(rank - 1)) at a pixel."""
    components = []
    for axis in range(grid.rank):
        terms = []
        for offset in itertools.product((-1, 0, 1), repeat=grid.rank):
            factor = offset[axis]
            for a in range(grid.rank):
                factor *= 1 if a == axis else 2 - abs(offset[a])
            if factor:
                terms.append((mpf(factor), plane[grid.replicated(n, offset)]))
        components.append(total(terms))
    e = magnitude(components) / mpf(4) ** (grid.rank - 1)
    return e if e.v <= 1 else constant(1)


def edge_entropy(e, edge):
    """Binary cross entropy of probability e, its logarithms not below -100, as PyTorch's."""
    p, q = e.v, 1 - e.v
    slope = (-q if edge else p) / max(p * q, FLOOR)
    if min(p, q) <= 0:
        lost = (p if edge else q) <= 0
        return Num(mpf(100 if lost else 0), None, ((e, slope, abs(slope)),))
    own = p if edge else q
    spread = (e.mag if edge else 1 + e.mag) / own
    v = -mp.log(own)
    return Num(v, v + spread, ((e, slope, abs(slope) * spread),))


def sobel_boundary(problem, act, classes=None, include_background=True):
    grid = Grid(problem)
    terms, weight = [], mpf(0)
    for i in range(problem.x.shape[0]):
        for k in kept(problem, classes, include_background):
            m = problem.m[i, k]
            p = [act.p(i, k, j) if m[j] > 0 else constant(0) for j in range(len(m))]
            y = [constant(float(t) if w > 0 else 0) for t, w in zip(problem.t[i, k], m)]
            for n in range(len(m)):
                if all(m[h] > 0 for h in grid.window(n)):
                    w = mpf(float(m[n]))
                    terms.append((w, edge_entropy(sobel(grid, p, n), sobel(grid, y, n).v > 0)))
                    weight += w
    return mean_over_elements(problem, terms, weight)


def positive(u):
    return u if u.v > 0 else constant(0)


def product(a, b):
    """The same number; its size to first order, since both can be the little that two sums leave of each other."""
    mag = abs(a.v) * b.mag + a.mag * abs(b.v) - abs(a.v * b.v)
    return Num(a.v * b.v, mag, ((a, b.v, b.mag), (b, a.v, a.mag)))


def quotient(a, b):
    mag = (a.mag + abs(a.v) * (b.mag / abs(b.v) - 1)) / abs(b.v)
    size = (a.mag + 2 * abs(a.v) * (b.mag / abs(b.v) - 1)) / b.v**2
    return Num(a.v / b.v, mag, ((a, 1 / b.v, b.mag / b.v**2), (b, -a.v / b.v**2, size)))


def soft_skeleton(grid, plane, iterations):
    """Minima and maxima hand on the number itself, so that x - open(x) of one number is exactly 0."""

    def eroded(x):
        return [min((x[h] for h in grid.cross(n)), key=lambda u: u.v) for n in range(len(x))]

    def residue(x, x_eroded):
        opened = [max((x_eroded[h] for h in grid.window(n)), key=lambda u: u.v) for n in range(len(x))]
        return [constant(0) if a is b else positive(a - b) for a, b in zip(x, opened)]

    x, x_eroded = plane, eroded(plane)
    skeleton = residue(x, x_eroded)
    for _ in range(iterations):
        x, x_eroded = x_eroded, eroded(x_eroded)
        skeleton = [k + positive(d - product(k, d)) for k, d in zip(skeleton, residue(x, x_eroded))]
    return skeleton


def cl_dice(problem, act, iterations=3, smooth=1, over="sample", empty="smooth", classes=None,
            include_background=True, class_weights=None):
    grid, s = Grid(problem), mpf(smooth)

    def share(terms, weights):
        bottom = total(weights) + s
        return quotient(total(terms) + s, bottom) if bottom.v else constant(1)

    def formula(samples, k):
        precise, of_p, sensitive, of_y = [], [], [], []
        for i in samples:
            m = [mpf(float(w)) for w in problem.m[i, k]]
            y = [mpf(float(t)) if w > 0 else mpf(0) for t, w in zip(problem.t[i, k], m)]
            p = [act.p(i, k, j) if w > 0 else constant(0) for j, w in enumerate(m)]
            predicted = soft_skeleton(grid, p, iterations)
            true = soft_skeleton(grid, [constant(t) for t in y], iterations)
            precise += [(w * t, n) for w, t, n in zip(m, y, predicted)]
            of_p += list(zip(m, predicted))
            sensitive += [(w * n.v, u) for w, n, u in zip(m, true, p)]
            of_y += list(zip(m, true))
        precision, sensitivity = share(precise, of_p), share(sensitive, of_y)
        both = precision + sensitivity
        return 1 - quotient(2 * product(precision, sensitivity), both) if both.v else constant(0)

    return of_pixels(problem, formula, over, empty, classes, include_background, class_weights)


LOSSES = {f.__name__: f for f in (boundary, hausdorff_dt, sobel_boundary, cl_dice)}
