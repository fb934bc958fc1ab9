"""Numbers of 120 digits that know their derivative (reverse mode) and their size.

Every `Num` carries
  v    its value (mpmath),
  mag  the sum of the absolute values of the terms that were added to form it. It equals abs(v) where
       nothing cancels; 1 - score has mag 1 + score.
`differentiate` returns for every leaf the derivative and the same sum of absolute values for it. A
computation in floating point that follows the formula is right to a few roundings times this size, so
tolerances relative to it are fair to cancelling entries and strict with all others.
"""

from mpmath import mp, mpf

mp.dps = 120  # 1 + exp(-200), the sum of a softmax at logits of +-100, keeps more than 30 digits


class Num:
    __slots__ = ("v", "mag", "links", "adjoint", "size", "lost")

    def __init__(self, v, mag=None, links=()):
        self.v = v
        self.mag = abs(v) if mag is None else mag
        self.links = links  # (parent, partial derivative, sum of absolute terms of that derivative)

    def __add__(self, other):
        if isinstance(other, Num):
            return Num(self.v + other.v, self.mag + other.mag, ((self, 1, 1), (other, 1, 1)))
        return Num(self.v + other, self.mag + abs(other), ((self, 1, 1),))

    __radd__ = __add__

    def __neg__(self):
        return Num(-self.v, self.mag, ((self, -1, 1),))

    def __sub__(self, other):
        return self + (-other)

    def __rsub__(self, other):
        return (-self) + other

    def __mul__(self, other):
        if isinstance(other, Num):
            links = ((self, other.v, other.mag), (other, self.v, self.mag))
            return Num(self.v * other.v, self.mag * other.mag, links)
        return Num(self.v * other, self.mag * abs(other), ((self, other, abs(other)),))

    __rmul__ = __mul__

    def __truediv__(self, other):
        if not isinstance(other, Num):
            return self * (1 / mpf(other))
        a, b = self, other
        links = ((a, 1 / b.v, b.mag / b.v**2), (b, -a.v / b.v**2, a.mag * b.mag / abs(b.v) ** 3))
        return Num(a.v / b.v, a.mag * b.mag / b.v**2, links)


def constant(v):
    return Num(mpf(v))


def total(pairs):
    """Sum of coefficient * number as one node."""
    value, mag, links = mpf(0), mpf(0), []
    for c, n in pairs:
        value += c * n.v
        mag += abs(c) * n.mag
        links.append((n, c, abs(c)))
    return Num(value, mag, tuple(links))


def power(u, g):
    """u^g for u >= 0. Where u is 0 the derivative is taken as 0, as the catalogue asks."""
    g = mpf(g)
    if g == 0:
        return constant(1)
    if u.v == 0:
        return Num(mpf(0), mpf(0), ())
    v, spread = u.v**g, u.mag / abs(u.v)
    slope = g * u.v ** (g - 1)
    return Num(v, v * spread, ((u, slope, abs(slope) * spread),))


def log(u):
    v = mp.log(u.v)
    return Num(v, abs(v) + u.mag / abs(u.v), ((u, 1 / u.v, u.mag / u.v**2),))


def absolute(u):
    sign = mp.sign(u.v)
    return Num(abs(u.v), u.mag, ((u, sign, abs(sign)),))


def differentiate(result, leaves, first_order=False):
    """(derivative, size of the derivative's terms) of `result` for each leaf.

    The size takes the factors of a path with what cancels in each: their product, or to first order, which is
    what rounding does: the path with one of them at a time. That is the tighter for long paths.
    """
    order, seen, stack = [], set(), [(result, False)]
    while stack:
        node, done = stack.pop()
        if done:
            order.append(node)
            continue
        if id(node) in seen:
            continue
        seen.add(id(node))
        node.adjoint = node.size = node.lost = mpf(0)
        stack.append((node, True))
        stack.extend((parent, False) for parent, _, _ in node.links)
    result.adjoint = result.size = mpf(1)
    for node in reversed(order):
        for parent, d, absolute_d in node.links:
            parent.adjoint += node.adjoint * d
            if first_order:
                parent.size += node.size * abs(d)
                parent.lost += node.lost * abs(d) + node.size * (absolute_d - abs(d))
            else:
                parent.size += node.size * absolute_d
    return [(n.adjoint, n.size + n.lost) if id(n) in seen else (mpf(0), mpf(0)) for n in leaves]
