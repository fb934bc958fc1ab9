"""Writes tests/golden/data. Run with Debian's Python: /usr/bin/python3 make_golden.py

Every case is computed twice, by exact.py (120 digits) and by eager.py (PyTorch in float64 with autograd). The
two must agree or nothing is written. The stored numbers are those of exact.py.
"""

import argparse
import pathlib
import sys

import numpy as np

sys.dont_write_bytecode = True  # no cache files among the sources

import boxes
import clipping
import detection
import distances
import eager
import eager_neighbours
import eager_ranked
import exact
import exact_neighbours
import exact_ranked
import filters
import sam
from cases import CASES
from inputs import DISTANCES, INPUTS
from problem import Problem

HERE = pathlib.Path(__file__).resolve().parent
MODERATE = 10  # largest abs(logit) at which PyTorch's formulas are a check and not a bug
AGREEMENT = 1e-10
LOOSER = {"bce/certain": 1e-8}  # PyTorch's 1e-12 is a float constant there
for library, others in ((exact, (exact_ranked, exact_neighbours)), (eager, (eager_ranked, eager_neighbours))):
    for other in others:
        library.LOSSES.update(other.LOSSES)
EXPONENT = {"focal": 2, "unified_focal": 0.5}
OF_REGIONS = ("tversky",)  # their gamma is a power of a sum, not of a probability


def log_power(problem, terms):
    """The largest gamma abs(log u) in the call: what a power multiplies the error of a logarithm by."""
    if problem.activation == "none":
        reach = -np.log(max(problem.x.min(), 1e-7))
    elif problem.activation == "softmax":
        reach = (problem.x.max(1) - problem.x.min(1)).max() + np.log(problem.x.shape[1])
    else:
        reach = abs(problem.x).max() + np.log(2)
    return reach * max(0 if name in OF_REGIONS else p.get("gamma", EXPONENT.get(name, 0))
                       for _, name, p in terms)


def check(name, problem, terms, value, results, grad, size):
    """PyTorch must agree entry by entry; beyond moderate logits to the same share of the largest entry, and
    NaN of its own is forgiven. Returns whether it was the strict comparison."""
    strict = problem.activation == "none" or abs(problem.x).max() <= MODERATE
    agreement = LOOSER.get(name, AGREEMENT)
    torch_value, torch_terms, torch_grad = eager.evaluate(problem, terms)
    pairs = [(value, torch_value)] + [(r, t) for (r, _), t in zip(results, torch_terms)]
    for exact_value, torch_value in pairs:
        error = abs(float(exact_value.v) - torch_value)
        allowed = agreement * float(exact_value.mag)
        assert error <= allowed or not strict and np.isnan(error), (name, float(exact_value.v), torch_value)
    error = np.abs(grad - torch_grad)
    allowed = agreement * (size if strict else size.max())
    assert np.all((error <= allowed) | (np.isnan(error) & (not strict))), (name, grad, torch_grad)
    if np.isnan(error).any():
        print(f"{name}: PyTorch gives NaN in {np.isnan(error).sum()} of {error.size} entries")
    return strict


def header(number, normalizer):
    """value, sum of the absolute values of its terms, what the mean divided by (NaN: no quotient)."""
    return [float(number.v), float(number.mag), np.nan if normalizer is None else float(normalizer)]


def compute(name):
    source, mode, terms, options = CASES[name]
    x, y, w = INPUTS[source]
    options = dict(options)
    if options.get("distance"):
        options["distance"] = DISTANCES[source]
    problem = Problem(mode, x, y, w if options.pop("weights", False) else None, **options)
    value, results, derivative = exact.evaluate(problem, terms)
    grad = np.array([float(d) for d, _ in derivative])
    size = np.array([float(s) for _, s in derivative])
    checked = check(name, problem, terms, value, results, grad, size)
    assert np.all(np.isfinite(grad)) and np.all(np.abs(grad) <= size * (1 + 1e-15)), name
    rows = [header(value, results[0][1] if len(results) == 1 else None)]
    rows += [header(r, d) for r, d in results]
    facts = [problem.valid, log_power(problem, terms), len(results)]
    shape = problem.grad_shape
    return np.array([facts] + rows), grad.reshape(shape), size.reshape(shape), checked


def save(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    dtype = array.dtype if array.dtype in (np.uint8, np.int64) else np.float64
    np.save(path, np.ascontiguousarray(array, dtype))


def write(out, computed):
    used = {case[0] for case in CASES.values()}
    assert used == set(INPUTS), used ^ set(INPUTS)
    for name, (x, y, w) in INPUTS.items():
        assert np.array_equal(x, x.astype(np.float32)) and np.array_equal(y, y.astype(np.float32)), name
        save(out / "inputs" / f"{name}.x.npy", x)
        save(out / "inputs" / f"{name}.y.npy", y)
        if w is not None and any(c[0] == name and c[3].get("weights") for c in CASES.values()):
            save(out / "inputs" / f"{name}.w.npy", w)
    for name, distance in DISTANCES.items():
        assert np.array_equal(distance, distance.astype(np.float32)), name
        save(out / "inputs" / f"{name}.d.npy", distance)
    for name, (value, grad, size, _) in computed.items():
        save(out / f"{name}.value.npy", value)
        save(out / f"{name}.grad.npy", grad)
        if np.any(size > 1.001 * np.abs(grad)):
            save(out / f"{name}.scale.npy", size)


def missing_lines():
    """Cases without a line in the C++ tests."""
    text = "".join(test.read_text() for test in sorted((HERE.parent / "golden_cases").glob("*.cpp")))
    return [name for name in CASES if f'"{name}"' not in text]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default=HERE / "data",
                        help="folder whose .npy files are replaced")
    out = parser.parse_args().out
    computed = {name: compute(name) for name in CASES}
    for old in out.rglob("*.npy"):
        old.unlink()
    write(out, computed)
    boxes.write(out)
    clipping.write(out)
    detection.write(out)
    distances.write(out)
    filters.write(out)
    sam.write(out)
    checked = sum(agreed for _, _, _, agreed in computed.values())
    files = [p for p in out.rglob("*.npy")]
    print(f"{len(CASES)} cases, {checked} of them compared with PyTorch entry by entry, {len(files)} files, "
          f"{sum(p.stat().st_size for p in files)} bytes")
    for name in missing_lines():
        print(f"no line in golden_cases/: {name}")


if __name__ == "__main__":
    main()
