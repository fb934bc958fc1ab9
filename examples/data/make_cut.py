#!/usr/bin/python3
"""Cuts the example's three small volumes out of Debian's package mricron-data.

    apt-get install mricron-data python3-numpy
    python3 examples/data/make_cut.py [templates folder] [output folder]

The package has three volumes on one grid of 181 x 217 x 181 voxels of 1 mm, all uint8: a T1 image, the same
image with everything but the brain set to 0, and an atlas of 116 numbered regions. The cut keeps every second
voxel along each axis (labels cannot be averaged, so nothing is) and the coronal slices from y = -79 mm to
y = 39 mm of the image's own coordinates, which hold the hippocampus and most of the brain.
"""
import gzip
import struct
import sys
from pathlib import Path

import numpy as np

FIRST, COUNT, STEP = 46, 60, 2  # coronal slices, in voxels of the package's grid; y in mm is the index - 125


def read_nifti(path):
    """The voxels of a single-file NIfTI-1 image of uint8, indexed [z, y, x]."""
    raw = gzip.decompress(path.read_bytes())
    size, dim, datatype = struct.unpack_from("<i", raw)[0], struct.unpack_from("<8h", raw, 40), raw[70]
    offset = int(struct.unpack_from("<f", raw, 108)[0])
    if size != 348 or raw[344:348] != b"n+1\0" or dim[0] != 3 or datatype != 2:
        raise SystemExit(f"{path}: not a three-dimensional uint8 NIfTI-1 file")
    nx, ny, nz = dim[1:4]
    return np.frombuffer(raw, np.uint8, nx * ny * nz, offset).reshape(nz, ny, nx)


def cut(volume):
    """[coronal slice, row from the top of the head down, column from the patient's left to right]."""
    coronal = volume.transpose(1, 0, 2)[FIRST:FIRST + COUNT * STEP:STEP, ::-STEP, ::STEP]
    return np.ascontiguousarray(coronal)


def main():
    source = Path(sys.argv[1] if len(sys.argv) > 1 else "/usr/share/mricron/templates")
    target = Path(sys.argv[2] if len(sys.argv) > 2 else Path(__file__).resolve().parent)
    t1 = cut(read_nifti(source / "ch2.nii.gz"))
    brain = cut((read_nifti(source / "ch2bet.nii.gz") > 0).astype(np.uint8))
    labels = cut(read_nifti(source / "aal.nii.gz"))
    hippocampus = (labels == 37) | (labels == 38)
    for name, volume in {"t1": t1, "brain": brain, "labels": labels}.items():
        np.save(target / f"{name}.npy", volume)
        print(f"{name}.npy: {volume.shape} {volume.dtype}, {volume.nbytes} bytes")
    print(f"brain: {brain.mean():.1%} of the voxels, hippocampus: {hippocampus.mean():.2%} "
          f"in slices {np.flatnonzero(hippocampus.any((1, 2)))[[0, -1]]}")


if __name__ == "__main__":
    main()
