"""One call of a loss, stored the way the catalogue speaks of it: samples, classes, pixels.

Both references (exact.py in mpmath, eager.py in PyTorch) read this class, and only this class.
"""

import copy

import numpy as np


class Problem:
    """x [B, C, N], t [B, C, N] targets in [0, 1], m [B, C, N] pixel weights, 0 where ignored.

    Binary problems have C = 1 and every axis but the first is space. `labels` [B, N] is kept where the target
    was a label map. In multiclass all channels of m are equal. `space` are the extents of a sample's N pixels,
    `distance` [B, C, N] is a distance map that the caller kept.
    """

    def __init__(self, mode, x, y, w=None, ignore_index=None, activation=None, reduction="mean",
                 denominator="weights", distance=None):
        self.mode = mode
        self.grad_shape = x.shape
        batch = x.shape[0]
        channels = 1 if mode == "binary" else x.shape[1]
        self.space = x.shape[1:] if mode == "binary" else x.shape[2:]
        self.x = x.reshape(batch, channels, -1).astype(np.float64)
        self.distance = None if distance is None else distance.reshape(self.x.shape)
        label_map = mode in ("multiclass", "one_vs_rest") and y.ndim == x.ndim - 1
        flat = y.reshape(batch, 1, -1) if label_map else y.reshape(batch, channels, -1)
        keep = np.ones(flat.shape) if ignore_index is None else (flat != ignore_index).astype(np.float64)
        self.m = np.broadcast_to(keep, self.x.shape).copy()
        if w is not None:
            own_channels = w.size == self.x.size
            self.m *= w.reshape(batch, channels if own_channels else 1, -1)
        self.labels = None
        if label_map:
            labels = np.where(keep > 0, flat.astype(np.int64), 0)
            self.t = (labels == np.arange(channels).reshape(1, -1, 1)).astype(np.float64)
            self.labels = labels[:, 0, :]
        else:
            self.t = np.where(keep > 0, flat, 0).astype(np.float64)
        self.activation = activation or ("softmax" if mode == "multiclass" else "sigmoid")
        self.reduction = reduction
        self.denominator = denominator
        self.elementwise = mode != "multiclass"  # an element is a pixel of one class, not a pixel
        self.count()

    def count(self):
        self.element_m = self.m if self.elementwise else self.m[:, :1]
        self.valid = int((self.element_m > 0).sum())
        self.element_count = self.element_m.size

    def of(self, elements, reduction=None):
        """The same with all elements ignored but these: (sample, class, pixel), in multiclass (sample, pixel)."""
        other = copy.copy(self)
        keep = np.zeros_like(self.m)
        for e in elements:
            keep[e if self.elementwise else (e[0], slice(None), e[1])] = 1
        other.m = self.m * keep
        other.reduction = reduction or self.reduction
        other.count()
        return other
