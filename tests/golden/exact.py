"""The catalogue's sentences in 120 digits. Slow and plain on purpose: one Python line per sentence."""

from mpmath import mp, mpf

from tape import Num, absolute, constant, differentiate, log, power, total

FLOOR = mpf(10) ** -12


def per_class(parameter, c):
    """A parameter that is one number, or one number for each class."""
    return mpf(parameter[c]) if isinstance(parameter, (list, tuple)) else mpf(parameter)


class Activated:
    """p, q = 1 - p, log p and log q of every element, as functions of the leaves x."""

    def __init__(self, problem):
        self.problem = problem
        b, c, n = problem.x.shape
        self.leaves = [[[Num(mpf(float(problem.x[i, k, j]))) for j in range(n)] for k in range(c)]
                       for i in range(b)]
        self.memo = {}

    def at(self, i, k, j):
        if (i, k, j) not in self.memo:
            getattr(self, self.problem.activation)(i, k, j)
        return self.memo[i, k, j]

    def p(self, i, k, j):
        return self.at(i, k, j)[0]

    def sigmoid(self, i, k, j):
        x = self.leaves[i][k][j]
        e = mp.exp(-abs(x.v))
        small, large, l = e / (1 + e), 1 / (1 + e), mp.log1p(e)
        p, q = (large, small) if x.v >= 0 else (small, large)
        log_p, log_q = min(x.v, 0) - l, min(-x.v, 0) - l
        self.memo[i, k, j] = (Num(p, p, ((x, p * q, p * q),)), Num(q, q, ((x, -p * q, p * q),)),
                              Num(log_p, -log_p, ((x, q, q),)), Num(log_q, -log_q, ((x, -p, p),)))

    def softmax(self, i, _, j):
        x = [row[j] for row in self.leaves[i]]
        top = max(n.v for n in x)
        first = [n.v for n in x].index(top)
        e = [mp.exp(n.v - top) for n in x]
        s = mp.fsum(e)
        log_s = mp.log1p(mp.fsum(e[:first] + e[first + 1:]))
        p = [v / s for v in e]
        for k in range(len(x)):
            q = mp.fsum(e[:k] + e[k + 1:]) / s
            unit = [(n, (q if h == k else -p[h]), (1 if h == k else 0) + p[h]) for h, n in enumerate(x)]
            # on the diagonal q, not 1 - p: no cancellation; the size keeps both terms
            up = tuple((n, p[k] * d, p[k] * a) for n, d, a in unit)
            down = tuple((n, -d, a) for n, d, a in up)
            log_p = Num(x[k].v - top - log_s, top - x[k].v + log_s, tuple(unit))
            self.memo[i, k, j] = (Num(p[k], p[k], up), Num(q, q, down), log_p, None)

    def none(self, i, k, j):
        x = self.leaves[i][k][j]
        p, q = x.v, 1 - x.v
        log_p, log_q = (max(mp.log(v), mpf(-100)) if v > 0 else mpf(-100) for v in (p, q))
        slope = max(p * q, FLOOR)
        self.memo[i, k, j] = (x, Num(q, q, ((x, -1, 1),)),
                              Num(log_p, -log_p, ((x, q / slope, q / slope),)),
                              Num(log_q, -log_q, ((x, -p / slope, p / slope),)))


def elements(problem):
    """(sample, class, pixel, weight, target) of every element that counts, class by class."""
    b, c, n = problem.x.shape
    for i in range(b):
        for j in range(n):
            for k in range(c):
                m = mpf(float(problem.m[i, k, j]))
                if m > 0:
                    yield i, k, j, m, mpf(float(problem.t[i, k, j]))


def mean_over_pixels(problem, terms, weight):
    """terms: (factor, Num). weight: sum of m w. Returns the reduced value and what it was divided by."""
    s = total(terms)
    if problem.reduction == "sum":
        return s, None
    denominator = {"weights": weight, "valid": mpf(problem.valid), "all": mpf(problem.element_count)}
    d = denominator[problem.denominator]
    return (s / d if d else constant(0)), d


def sum_of_weights(problem):
    return mp.fsum(mpf(float(v)) for v in problem.element_m.flat)


def bce(problem, act, pos_weight=1, label_smoothing=0):
    terms, e = [], mpf(label_smoothing)
    for i, k, j, m, y in elements(problem):
        _, _, log_p, log_q = act.at(i, k, j)
        y = y * (1 - e) + e / 2
        w = pos_weight if isinstance(pos_weight, mpf) else per_class(pos_weight, k)
        terms += [(-m * w * y, log_p), (-m * (1 - y), log_q)]
    return mean_over_pixels(problem, terms, sum_of_weights(problem))


def weighted_bce(problem, act):
    positive = mp.fsum(m * y for _, _, _, m, y in elements(problem))
    negative = sum_of_weights(problem) - positive
    return bce(problem, act, pos_weight=negative / (positive + mpf("1e-8")))


def residuals(problem, act, loss):
    """Mean of loss(x - y), x the input itself."""
    terms = [(m, loss(act.leaves[i][k][j] - y)) for i, k, j, m, y in elements(problem)]
    return mean_over_pixels(problem, terms, sum_of_weights(problem))


def mse(problem, act):
    return residuals(problem, act, lambda d: d * d)


def l1(problem, act):
    return residuals(problem, act, absolute)


def smooth_l1(problem, act, beta=1):
    b = mpf(beta)
    return residuals(problem, act, lambda d: d * d / (2 * b) if abs(d.v) < b else absolute(d) - b / 2)


def focal(problem, act, alpha=0.25, gamma=2, normalized=False, class_weights=None):
    if problem.mode == "multiclass":
        return focal_multiclass(problem, act, alpha, gamma, normalized, class_weights)
    terms, modulation = [], []
    for i, k, j, m, y in elements(problem):
        p, q, log_p, log_q = act.at(i, k, j)
        u = power(p * (1 - y) + q * y, gamma)
        a = per_class(alpha, k)
        a = mpf(1) if a < 0 else a * y + (1 - a) * (1 - y)
        terms.append((m * a, u * total([(-y, log_p), (-(1 - y), log_q)])))
        modulation.append((m, u))
    return focal_mean(problem, terms, modulation, normalized, sum_of_weights(problem))


def focal_multiclass(problem, act, alpha, gamma, normalized, class_weights):
    terms, modulation, weight = [], [], mpf(0)
    for i, k, j, m, y in elements(problem):
        if y == 0:
            continue
        assert y == 1, "the catalogue's multiclass focal loss is stated for labels"
        _, q, log_p, _ = act.at(i, k, j)
        u = power(q, gamma)
        a = per_class(alpha, k)
        w = per_class(class_weights, k) if class_weights else mpf(1)
        terms.append((-m * w * (1 if a < 0 else a), u * log_p))
        modulation.append((m, u))
        weight += m * w
    return focal_mean(problem, terms, modulation, normalized, weight)


def focal_mean(problem, terms, modulation, normalized, weight):
    if not normalized:
        return mean_over_pixels(problem, terms, weight)
    d = total(modulation)
    return total(terms) / d, d.v


def cross_entropy(problem, act, class_weights=None, label_smoothing=0):
    terms, weight, e = [], mpf(0), mpf(label_smoothing)
    channels = problem.x.shape[1]
    for i, k, j, m, y in elements(problem):
        w = per_class(class_weights, k) if class_weights else mpf(1)
        terms.append((-m * w * ((1 - e) * y + e / channels), act.at(i, k, j)[2]))
        weight += m * w * y
    return mean_over_pixels(problem, terms, weight)


def poly_cross_entropy(problem, act, epsilon=1, class_weights=None):
    terms, weight, e = [], mpf(0), mpf(epsilon)
    for i, k, j, m, y in elements(problem):
        p, q, log_p, log_q = act.at(i, k, j)
        w = per_class(class_weights, k) if class_weights else mpf(1)
        terms += [(-m * w * y, log_p), (m * w * e * y, q)]
        if problem.mode != "multiclass":
            terms += [(-m * w * (1 - y), log_q), (m * w * e * (1 - y), p)]
        weight += m * w * (y if problem.mode == "multiclass" else 1)
    return mean_over_pixels(problem, terms, weight)


class Region:
    """The soft sums of the pixels that share one score."""

    def __init__(self, problem, act, samples, k, form="product"):
        p, q, t = [], [], []
        self.weight = self.target = mpf(0)
        for i in samples:
            for j in range(problem.x.shape[2]):
                m = mpf(float(problem.m[i, k, j]))
                if m > 0:
                    p.append((m, act.p(i, k, j)))
                    q.append((m, act.at(i, k, j)[1]))
                    t.append(mpf(float(problem.t[i, k, j])))
                    self.weight += m
                    self.target += m * t[-1]
        self.P, self.Y = total(p), self.target
        self.tp = total((m * y, n) for (m, n), y in zip(p, t))
        self.fp = total((m * (1 - y), n) for (m, n), y in zip(p, t))
        self.fn = total((m * y, n) for (m, n), y in zip(q, t))
        self.tn = total((m * (1 - y), n) for (m, n), y in zip(q, t))
        if form == "squared":
            self.P = total((m, n * n) for m, n in p)
            self.Y = mp.fsum(m * y * y for (m, _), y in zip(p, t))
        if form == "semimetric":
            difference = total((m, absolute(n - y)) for (m, n), y in zip(p, t))
            self.tp = (self.P + self.Y - difference) * mpf("0.5")


def groups(problem, over):
    samples = range(problem.x.shape[0])
    return [list(samples)] if over == "batch" else [[i] for i in samples]


def kept(problem, classes, include_background):
    channels = range(problem.x.shape[1])
    if problem.mode == "binary":
        return [0]
    return [k for k in (classes or channels) if include_background or k > 0]


def ratio(a, b):
    return constant(1) if b.v == 0 else a / b


def score_loss(score, log_):
    if not log_:
        return 1 - score
    return -log(score) if score.v > mpf("1e-7") else constant(-mp.log(mpf("1e-7")))


def dice(problem, act, smooth=1, smooth_nr=None, smooth_dr=None, form="product", over="sample",
         empty="smooth", classes=None, include_background=True, class_weights=None, log_=False):
    nr = mpf(smooth if smooth_nr is None else smooth_nr)
    dr = mpf(smooth if smooth_dr is None else smooth_dr)

    def score(r):
        return score_loss(ratio(2 * r.tp + nr, r.P + r.Y + dr), log_)

    return of_regions(problem, act, score, form, over, empty, classes, include_background, class_weights)


def iou(problem, act, smooth=1, smooth_nr=None, smooth_dr=None, form="product", over="sample",
        empty="smooth", classes=None, include_background=True, class_weights=None, log_=False):
    nr = mpf(smooth if smooth_nr is None else smooth_nr)
    dr = mpf(smooth if smooth_dr is None else smooth_dr)

    def score(r):
        return score_loss(ratio(r.tp + nr, r.P + r.Y - r.tp + dr), log_)

    return of_regions(problem, act, score, form, over, empty, classes, include_background, class_weights)


def tversky(problem, act, alpha=0.5, beta=0.5, gamma=1, smooth=1, smooth_nr=None, smooth_dr=None,
            form="product", over="sample", empty="smooth", classes=None, include_background=True,
            class_weights=None, log_=False):
    """1 - score from the misses: where nothing cancels the tolerance is relative to the number itself."""
    nr = mpf(smooth if smooth_nr is None else smooth_nr)
    dr = mpf(smooth if smooth_dr is None else smooth_dr)

    def loss(r):
        fp, fn = (r.fp, r.fn) if form == "product" else (r.P - r.tp, r.Y - r.tp)
        missed = mpf(alpha) * fp + mpf(beta) * fn
        size = r.tp + missed + dr
        miss = constant(0) if size.v == 0 else (missed + (dr - nr) if dr != nr else missed) / size
        if log_:
            miss = score_loss(ratio(r.tp + nr, size), True)
        return miss if gamma == 1 else power(miss, gamma) if miss.v > 0 else constant(gamma == 0)

    return of_regions(problem, act, loss, form, over, empty, classes, include_background, class_weights)


def mcc(problem, act, eps=1e-5, over="sample", empty="smooth", classes=None, include_background=True,
        class_weights=None):
    def loss(r):
        tp, fp, fn, tn = (v + mpf(eps) for v in (r.tp, r.fp, r.fn, r.tn))
        spread = power((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn), mpf("0.5"))
        return 1 - ratio(tp * tn - fp * fn, spread)

    return of_regions(problem, act, loss, "product", over, empty, classes, include_background, class_weights)


def of_regions(problem, act, formula, form, over, empty, classes, include_background, class_weights):
    def loss(samples, k):
        r = Region(problem, act, samples, k, form)
        if empty == "skip" and r.target == 0:
            return None
        if r.weight == 0 or (empty == "zero" and r.target == 0):
            return constant(0)
        return formula(r)

    return mean_over_regions(problem, groups(problem, over), kept(problem, classes, include_background),
                             class_weights, loss)


def mean_over_regions(problem, parts, classes, class_weights, loss):
    """First over the classes of a sample, then over the samples in which a class counted."""
    means, sums = [], []
    for samples in parts:
        losses = [(k, loss(samples, k)) for k in classes]
        found = [(per_class(class_weights or 1, k), l) for k, l in losses if l is not None]
        if found:
            sums += found
            means.append(total(found) / mp.fsum(w for w, _ in found))
    if problem.reduction == "sum":
        return total(sums), None
    if not means:
        return constant(0), mpf(0)
    return total((mpf(1), n) for n in means) / len(means), mpf(len(means))


def generalized_dice(problem, act, weighting="square", weight_smooth=0, smooth=0, over="sample",
                     empty="smooth", classes=None, include_background=True, log_=False):
    exponent = {"square": 2, "simple": 1, "uniform": 0}[weighting]
    everything = kept(problem, classes, include_background)

    def loss(samples, _):
        r = [Region(problem, act, samples, k) for k in everything]
        if all(v.target == 0 for v in r) and empty == "skip":
            return None
        if all(v.weight == 0 for v in r):
            return constant(0)
        base = [v.target**exponent + (weight_smooth if exponent else 0) for v in r]
        largest = max([1 / b for b in base if b > 0], default=mpf(0))
        w = [1 / b if b > 0 else largest for b in base]
        if empty == "skip":
            w = [v if n.target > 0 else mpf(0) for v, n in zip(w, r)]
        s = mpf(smooth)
        top = total((2 * a, v.tp) for a, v in zip(w, r)) + s
        bottom = total((a, v.P + v.Y) for a, v in zip(w, r)) + s
        return score_loss(ratio(top, bottom), log_)

    return mean_over_regions(problem, groups(problem, over), [0], None, loss)


def wasserstein_dice(problem, act, distances=None, weighting="foreground", smooth=1e-5, over="sample"):
    classes = range(problem.x.shape[1])
    far = max(max(row) for row in distances) if distances else 1
    cost = [[mpf(distances[l][k]) / far if distances else mpf(l != k) for k in classes] for l in classes]

    def loss(samples, _):
        volume = [mpf(0) for _ in classes]
        pixels = []  # (true class, its share m y, W)
        for i, k, j, m, y in elements(problem):
            if i in samples and m * y > 0:
                volume[k] += m * y
                pixels.append((k, m * y, total((cost[k][c], act.at(i, c, j)[0]) for c in classes)))
        if not pixels:
            return constant(0)
        s = mpf(smooth)
        if weighting == "volume":
            a = [1 / (v + 1) for v in volume]
            hits = total((a[k] * share, 1 - w) for k, share, w in pixels)
            sizes = total((a[k] * share, 2 - w) for k, share, w in pixels)
        else:
            hits = total([(share, 1 - w) for k, share, w in pixels if k > 0])
            sizes = 2 * hits + total((share, w) for _, share, w in pixels)
        return 1 - ratio(2 * hits + s, sizes + s)

    return mean_over_regions(problem, groups(problem, over), [0], None, loss)


def background(problem, act, samples, k):
    """tp, P and Y of the class "not this one" of a binary problem: sum (1-p)(1-y), sum (1-p), sum (1-y)."""
    terms = [(m, act.at(i, h, j)[1], 1 - y) for i, h, j, m, y in elements(problem) if i in samples and h == k]
    return (total((m * z, q) for m, q, z in terms), total((m, q) for m, q, _ in terms),
            mp.fsum(m * z for m, _, z in terms))


def unified_focal(problem, act, weight=0.5, delta=0.6, gamma=0.5, each=False):
    """each: every class is a binary problem with a background of its own (a reading for multilabel)."""
    d, g, s = mpf(delta), mpf(gamma), mpf("1e-7")
    binary = each or problem.mode == "binary"

    def tversky(tp, P, Y):
        return (tp + s) / (tp + d * (Y - tp) + (1 - d) * (P - tp) + s)

    def regional(samples, k):
        r = [Region(problem, act, samples, h) for h in ([k] if binary else range(problem.x.shape[1]))]
        if all(v.weight == 0 for v in r):
            return constant(0)
        scores = [tversky(v.tp, v.P, v.Y) for v in r]
        if binary:
            scores.insert(0, tversky(*background(problem, act, samples, k)))
        losses = [1 - scores[0]] + [power(1 - t, 1 - g) for t in scores[1:]]
        return total((mpf(1), l) for l in losses) / len(losses)

    terms = []
    for i, k, j, m, y in elements(problem):
        p, q, log_p, log_q = act.at(i, k, j)
        if binary:
            terms += [(-m * (1 - d) * (1 - y), power(p, g) * log_q), (-m * d * y, log_p)]
        elif k == 0:
            terms.append((-m * (1 - d) * y, power(q, g) * log_p))
        else:
            terms.append((-m * d * y, log_p))
    own = range(problem.x.shape[1]) if each else [0]
    region_part, _ = mean_over_regions(problem, groups(problem, "sample"), own, None, regional)
    pixel_part, _ = mean_over_pixels(problem, terms, sum_of_weights(problem))
    return weight * region_part + (1 - mpf(weight)) * pixel_part, None


def element(problem, i, k, j):
    """An element that counts: a pixel in multiclass, a pixel of a class elsewhere."""
    return (i, k, j) if problem.elementwise else (i, j)


def top_k(problem, act, inside, fraction=0.1):
    def key(e):
        return -of_elements(problem.of([e], reduction="sum"), act, inside)[0].v  # - m w l of one element

    everything = dict.fromkeys(element(problem, i, k, j) for i, k, j, _, _ in elements(problem))
    count = max(1, int(fraction * problem.valid)) if problem.valid else 0
    return of_elements(problem.of(sorted(everything, key=key)[:count]), act, inside)  # ties keep their order


def ohem(problem, act, inside, threshold=0.7, min_kept=100000):
    certainty = {}
    for i, k, j, _, y in elements(problem):
        p, q = act.at(i, k, j)[:2]
        e = element(problem, i, k, j)
        certainty[e] = certainty.get(e, 0) + p.v * y + (q.v * (1 - y) if problem.elementwise else 0)
    rank = min(min_kept * problem.x.shape[0], len(certainty) - 1)
    bound = max([mpf(threshold)] + sorted(certainty.values())[rank:rank + 1]) if certainty else 0
    return of_elements(problem.of([e for e, p in certainty.items() if p < bound]), act, inside)


def of_elements(problem, act, inside):
    _, name, parameters = inside
    return LOSSES[name](problem, act, **parameters)


LOSSES = {f.__name__: f
          for f in (bce, weighted_bce, mse, l1, smooth_l1, focal, cross_entropy, poly_cross_entropy, dice, iou, tversky, mcc,
                    generalized_dice, wasserstein_dice, unified_focal, top_k, ohem)}

LONG_PATHS = {"sobel_boundary", "cl_dice"}  # filters and iterations between the logits and the value


def evaluate(problem, sum_of_terms):
    """sum_of_terms: list of (factor, name, parameters). Returns the total, (value, normalizer) of every term,
    and (derivative, size of its terms) for every logit."""
    act = Activated(problem)
    results = [LOSSES[name](problem, act, **parameters) for _, name, parameters in sum_of_terms]
    value = total((mpf(factor), r) for (factor, _, _), (r, _) in zip(sum_of_terms, results))
    leaves = [n for sample in act.leaves for channel in sample for n in channel]
    long = any(name in LONG_PATHS for _, name, _ in sum_of_terms)
    return value, results, differentiate(value, leaves, first_order=long)
