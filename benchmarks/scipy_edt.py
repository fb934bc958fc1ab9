"""SciPy's exact distance transform on the masks of distance.cpp: ns per pixel, medians and quartiles of the CPU time."""

import time

import numpy as np
from scipy import ndimage


def rings(axes, side):
    *slow, y, x = np.ogrid[(slice(0, side),) * axes]
    z = slow[0] if slow else 0
    return 16 * (x * x + 3 * y * y + x * y + 2 * z * z) // (side * side) % 4 != 0


def noise(side):
    i = np.arange(side * side, dtype=np.uint64).reshape(side, side)
    return i * np.uint64(2654435761) % np.uint64(2**32) // np.uint64(128) % np.uint64(16) != 0


def measure(name, side, mask, repetitions):
    times = []
    for _ in range(repetitions):
        start = time.process_time()
        distances = ndimage.distance_transform_edt(mask)
        times.append(time.process_time() - start)
    low, median, high = 1e9 * np.quantile(times, (0.25, 0.5, 0.75)) / mask.size
    print(f"{name:10} {side:6}  SciPy     {median:8.2f} ns/pixel ({low:.2f} to {high:.2f})", flush=True)
    print(f"{name:10} {side:6}  mean distance {distances.mean():.9g}", flush=True)


if __name__ == "__main__":
    for side, repetitions in ((512, 11), (2048, 5)):
        measure("rings 2-D", side, rings(2, side), repetitions)
        measure("noise 2-D", side, noise(side), repetitions)
    measure("rings 3-D", 256, rings(3, 256), 3)
