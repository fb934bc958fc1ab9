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
DISTANCES = {}  # distance maps that the caller keeps, of the shape of the logits


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



def ranked():
    """Equal errors, in both classes and in one, an error of 0, and logits where all but one of a region are
    told apart in float by what they err."""
    add("ties", np.array([[0.5, -0.5, 0.5, 2, -2, 0.25, 0, 0, 0, 1, -3, -0.25],
                          [-1, 1, -1, 1, 3, 0, 0, 0.5, 0.5, 0.5, -0.5, 0.125]]),
        np.array([[1, 0, 0, 1, 0, 1, 0, 1, 1, 1, 1, 0], [0, 1, 1, 0, 1, 1, 0, 0, 0, 1, 1, 0]], np.uint8),
        np.array([[1, 2, 0.5, 1, 1, 3, 1, 0.25, 0, 1, 1, 2], [1, 1, 2, 1, 0, 0.5, 1.5, 1, 3, 1, 2, 1]]))
    x = np.array([[0, 1, 1, 0, 0, 2, -1], [0, 0, 0, 0, 0, -1, 2], [0, -1, -1, 0, 0, 0.5, 0.5]])
    add("ties_classes", np.stack([x, x[:, ::-1]]),
        np.array([[0, 0, 0, 1, 2, 1, 1], [2, 2, 0, 1, 1, 0, 0]], np.uint8))
    add("far", np.array([[-100, 100, -90, 40, -40, 20, -16, 9, -9, 3, -2.5, 1],
                         [100, -100, 30, -30, 18, -18, 7, -7, 2, -1, 0.5, 4]]),
        np.array([[0, 1, 1, 1, 0, 1, 0, 1, 1, 0, 0, 1], [0, 0, 1, 0, 1, 0, 0, 0, 1, 1, 1, 1]], np.uint8))
    x = np.array([[100, 0, 2, -40, -1, 5, -3, 0.5], [-100, 30, -1, 0, 2.5, -60, 4, 1],
                  [0, -70, 1, 90, 3, -2, 1, -2]])
    add("far_classes", x[None], np.array([[0, 0, 2, 2, 0, 0, 1, 2]], np.uint8))


def shapes():
    """Blobs instead of noise, with few ignored pixels: what neighbourhoods are for."""

    def near(s, y, sharp=2.5):
        """Logits that mean roughly y."""
        return s.reals(y.shape, -2, 2) + sharp * (2.0 * y - 1)

    rows, columns = np.mgrid[0:7, 0:9]
    disc = (rows - 2.6)**2 + (columns - 3.2)**2 < 5.5
    bar = (abs(rows - 5) < 1.5) & (columns > 3) & (columns < 8)
    y = np.stack([disc, bar]).astype(np.uint8)
    s = Source("shape")
    add("shape", near(s, y)[:, None], y[:, None], s.weights((2, 1, 7, 9)))
    DISTANCES["shape"] = s.reals((2, 1, 7, 9), -4, 4)
    s = Source("shape_plane")  # without a channel axis
    add("shape_plane", near(s, y), y)
    s = Source("shape_ignore")
    ignored = y.copy()
    ignored[0, 0, 8] = ignored[0, 6, 1] = ignored[0, 3, 3] = ignored[1, 5, 5] = ignored[1, 1, 0] = 255
    add("shape_ignore", near(s, y)[:, None], ignored[:, None])
    s = Source("shape_chance")
    likely = s.uniform((2, 1, 7, 9)) < 0.2 + 0.6 * y[:, None]
    add("shape_chance", s.reals(likely.shape, 0.02, 0.48) + 0.5 * likely, y[:, None])
    # The same everywhere: every edge has length 0, whatever the order of the sums.
    add("shape_flat", np.zeros((1, 1, 7, 9)), y[:1, None])
    s = Source("shape_line")
    line = np.array([[0, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 0, 0, 0, 1, 1, 1]], np.uint8)
    add("shape_line", near(s, line)[:, None], line[:, None])
    s = Source("shape_volume")
    depth, rows_, columns_ = np.mgrid[0:3, 0:5, 0:6]
    ball = ((depth - 1)**2 + (rows_ - 2)**2 + (columns_ - 2.3)**2 < 4)[None, None].astype(np.uint8)
    add("shape_volume", near(s, ball), ball)
    s = Source("shape_empty")  # the second sample has no true pixel, the third nothing else
    some = np.stack([disc, 0 * disc, 0 * disc + 1]).astype(np.uint8)[:, None]
    add("shape_empty", near(s, some, 0.375), some)
    s = Source("shape_far")
    far = np.array([-100, -90, -60, -40, -20, -12, -7, -3, 2, 4, 6, 8, 9, 10, 11])
    x = far[np.argsort(s.uniform((2, 15)), 1)].reshape(2, 1, 3, 5)
    add("shape_far", x, s.mask(x.shape))

    channels = np.stack([np.stack([disc, bar, 0 * disc]), np.stack([disc & ~bar, 0 * disc + 1, bar])])
    channels = channels.astype(np.uint8)[:, :, 1:, 1:8]
    s = Source("shape_channels")
    add("shape_channels", near(s, channels), channels, s.weights(channels.shape))
    s = Source("shape_channels_ignore")
    ignored = channels.copy()
    ignored[0, 0, 2, 2] = ignored[0, 1, 5, 0] = ignored[0, 2, 0, 6] = ignored[1, 0, 4, 4] = 255
    add("shape_channels_ignore", near(s, channels), ignored)

    labels = (disc + 2 * (bar & ~disc) + 2 * ((columns > 6) & (rows < 3)))[1:, 1:]
    labels = np.stack([labels, labels[::-1] * (labels[::-1] != 1)]).astype(np.uint8)
    one_hot = (labels[:, None] == np.arange(3)[:, None, None]).astype(float)
    s = Source("shape labels")  # class 1 is absent from the second sample
    add("shape_labels", near(s, one_hot, 1.5), labels, s.weights(labels.shape))
    DISTANCES["shape_labels"] = s.reals(one_hot.shape, -4, 4)
    s = Source("shape_labels_ignore")
    ignored = labels.copy()
    ignored[0, 2, 2] = ignored[0, 5, 7] = ignored[1, 0, 0] = 255
    add("shape_labels_ignore", near(s, one_hot, 1.5), ignored)
    s = Source("shape_labels_volume")
    solid = (ball[:, 0] + 2 * ((columns_ > 4) & (rows_ < 2))).astype(np.uint8)
    one_hot_solid = (solid[:, None] == np.arange(3)[:, None, None, None]).astype(float)
    add("shape_labels_volume", near(s, one_hot_solid, 1.5), solid)
    s = Source("shape_labels_chance")
    x = s.uniform(one_hot.shape) + 0.1 + one_hot
    add("shape_labels_chance", (x / x.sum(1, keepdims=True)).astype(np.float32), labels)


binary()
extreme()
classes()
ranked()
shapes()
