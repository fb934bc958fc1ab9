"""Logits, targets and weights. Every number is exactly a float: one reference serves float and double."""

import numpy as np


class Source:
    """A stream of its own for every input, so that adding one does not change the others."""

    def __init__(self, name):
        self.uniform = np.random.RandomState([ord(c) for c in name]).random_sample

    def reals(self, shape, low, high):
        return (low + (high - low) * self.uniform(shape)).astype(np.float32).astype(np.float64)

    def logits(self, shape):
        """Mostly small, up to +-7: the range in which PyTorch's formulas are good to 1e-11."""
        u = self.uniform(shape) * 2 - 1
        return (u * (2 + 5 * u**2)).astype(np.float32).astype(np.float64)

    def mask(self, shape, share=0.4):
        return (self.uniform(shape) < share).astype(np.uint8)

    def labels(self, shape, classes, dtype):
        return np.floor(self.uniform(shape) * classes).astype(dtype)

    def weights(self, shape):
        return np.array([0, 0.25, 0.5, 1, 1, 1.5, 2, 3])[np.floor(self.uniform(shape) * 8).astype(int)]

    def soft(self, shape):
        """Soft targets, a third of them hard."""
        u = self.uniform(shape)
        return np.where(u < 1 / 6, 0, np.where(u > 5 / 6, 1, self.reals(shape, 0, 1)))


INPUTS = {}


def add(name, x, y, w=None):
    INPUTS[name] = (np.asarray(x, np.float32).astype(np.float64), y, w)


def binary():
    for name, shape in (("line", (2, 1, 17)), ("image", (2, 1, 5, 7)), ("volume", (1, 1, 3, 5, 7)),
                        ("flat", (3, 13))):
        s = Source(name)
        y = s.mask(shape)
        add(name, s.logits(shape) + y, y, s.weights(shape))
    s = Source("image_soft")
    add("image_soft", s.logits((2, 1, 5, 7)), s.soft((2, 1, 5, 7)), s.weights((2, 1, 5, 7)))
    s = Source("image_ignore")
    y = s.mask((2, 1, 5, 7))
    y[s.mask(y.shape, 0.25) == 1] = 255
    add("image_ignore", s.logits(y.shape), y)
    s = Source("some_empty")  # sample 0 has no true pixel, sample 1 some, sample 2 has all
    y = s.mask((3, 1, 11))
    y[0], y[2] = 0, 1
    add("some_empty", s.logits(y.shape), y)
    for name, value in (("empty", 0), ("full", 1), ("all_ignored", 255)):
        add(name, Source(name).logits((2, 1, 9)), np.full((2, 1, 9), value, np.uint8))
    s = Source("one_ignored")  # every pixel of sample 0 is ignored
    y = s.mask((2, 1, 9))
    y[0] = 255
    add("one_ignored", s.logits(y.shape), y)
    s = Source("chance")  # probabilities
    y = s.mask((2, 1, 17))
    add("chance", s.reals(y.shape, 0.02, 0.98), y, s.weights(y.shape))
    add("chance_soft", s.reals(y.shape, 0.02, 0.98), s.soft(y.shape))
    add("certain", np.array([0, 0, 1, 1, 0.5, 0.25]).reshape(1, 1, 6),
        np.array([0, 1, 0, 1, 1, 0], np.uint8).reshape(1, 1, 6))


def extreme():
    """Logits where a rounded p has lost 1 - p, hard and soft targets, beside a few moderate ones."""
    x = np.array([-100, -40, -20, -16, -2, -0.5, -1e-3, 0, 1e-3, 0.5, 2, 16, 20, 40, 100], np.float32)
    add("extreme", np.concatenate([x, x]).reshape(2, 1, 15),
        np.concatenate([np.arange(15) % 2, (np.arange(15) + 1) % 2]).astype(np.uint8).reshape(2, 1, 15))
    add("extreme_soft", np.concatenate([x, x]).reshape(2, 1, 15),
        np.concatenate([np.full(15, 0.25), np.full(15, 0.875)]).reshape(2, 1, 15))
    x = np.array([[100, 0, 0, 40, 40, -40, -100, -100, 20, 3], [0, 100, 0, 40, -40, 0, -100, -60, -20, 2],
                  [-100, 0, -100, 40, 0, 40, -100, 0, 0, -1]], np.float32)
    add("extreme_classes", np.stack([x, x]),
        np.array([[0, 1, 2, 0, 1, 2, 0, 1, 2, 0], [1, 0, 1, 2, 0, 0, 2, 2, 0, 2]], np.uint8))


def classes():
    s = Source("multilabel")
    y = s.mask((2, 3, 5, 7))
    y[1, 2] = 0  # an absent class
    add("multilabel", s.logits(y.shape), y, s.weights(y.shape))
    s = Source("multilabel_soft")
    add("multilabel_soft", s.logits((2, 3, 11)), s.soft((2, 3, 11)), s.weights((2, 1, 11)))
    s = Source("multilabel_ignore")
    y = s.mask((2, 3, 11))
    y[s.mask(y.shape, 0.25) == 1] = 255
    add("multilabel_ignore", s.logits(y.shape), y)

    def labelled(name, shape, dtype, ignore=None, absent=None):
        s = Source(name)
        n = shape[1]
        y = s.labels((shape[0],) + shape[2:], n, dtype)
        if absent is not None:
            y[-1][y[-1] == absent] = 0
        x = s.logits(shape)
        if ignore is not None:
            y[s.mask(y.shape, 0.25) == 1] = ignore
        add(name, x, y, s.weights(y.shape))

    labelled("labels", (2, 4, 9), np.uint8, absent=2)
    labelled("labels_image", (2, 3, 5, 7), np.uint8)
    labelled("labels_line", (2, 5, 33), np.uint8, ignore=255)
    labelled("labels_volume", (2, 4, 3, 5, 3), np.int64, ignore=-1)
    labelled("labels_small", (2, 4, 9), np.int64, ignore=-100, absent=1)
    s = Source("labels_background")  # sample 0 is background alone, sample 1 has every class
    y = np.stack([np.zeros(11, int), s.labels(11, 3, int)]).astype(np.uint8)
    add("labels_background", s.logits((2, 3, 11)), y)
    add("labels_none", Source("labels_none").logits((2, 3, 5)), np.full((2, 5), 255, np.uint8))
    s = Source("labels_half")  # every pixel of sample 1 is ignored
    y = s.labels((2, 7), 3, np.uint8)
    y[1] = 255
    add("labels_half", s.logits((2, 3, 7)), y)
    s = Source("labels_soft")
    y = s.uniform((2, 4, 9)) ** 3
    y = np.round(y / y.sum(1, keepdims=True) * 1024) / 1024
    y[:, 0] += 1 - y.sum(1)
    add("labels_soft", s.logits(y.shape), y, s.weights((2, 9)))
    s = Source("labels_chance")
    x = s.uniform((2, 4, 9)) + 0.1
    x = (x / x.sum(1, keepdims=True)).astype(np.float32)
    add("labels_chance", x, s.labels((2, 9), 4, np.uint8))


binary()
extreme()
classes()
