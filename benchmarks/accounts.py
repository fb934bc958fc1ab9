"""Where the instructions of the kernels of the budgets go.

    accounts.py DIRECTORY

Builds widths.cpp in DIRECTORY for AVX2 with line numbers, counts the instructions of each kernel with callgrind, those
of three calls less those of one, and files every instruction under the innermost function that it was inlined from and
that says what it is for. Writes accounts.md there: instructions for 8 elements, which is one vector.
Needs g++, valgrind and binutils.
"""

import argparse
import collections
import re
import subprocess
from pathlib import Path

# The first pattern that finds a function of an instruction's chain of calls, innermost first, names its account.
ACCOUNTS = (
    ("exponential", r"simd::(detail::)?(exp_nonpositive|exp_flushed|scaled_exp|exp_tail|exp)<"),
    ("logarithm", r"simd::(detail::)?(log1p_unit|log1p|log|log_from_parts|log_series|split|log_limits)<"),
    ("division", r"simd::(detail::)?sigmoid(_of|_flushed)?<|channel_reader<.*>::(softmax\(|exponentials<)|probability_of|smaller_of_exponential|"
                 r"sigmoid_strip<|write_p_and_q"),
    ("sort", r"radix|ranking|collect|scatter"),
    ("sums", r"add_soft_sums|add_hard_sums|add_label_sums|::flush\(|simd::sum<|region_rows"),
    ("gradient", r"pull_back::at|label_pull|class_mean|label_slopes|::write\(|write_row|label_gradient_rows|label_means|"
                 r"elementwise_pull|channelwise_pull|sigmoid_slope"),
    ("formula", r"::term.*::at|::at\(|::at_class|::squared::|::general::|::error|slope"),
    ("targets", r"target<|target_at|classify|labels|survey|positives|simd::convert|detail::convert_"),
    ("largest logit", r"read_row|take_logits|take_strip"),
    ("distances", r"xloss::distance::"),
)
OTHER = "other"
VECTOR = 8


def run(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def build(directory):
    program = directory / "accounts"
    run("g++", "-std=c++20", "-O3", "-DNDEBUG", "-g1", "-mavx2", "-mfma", "-Iinclude", "benchmarks/widths.cpp",
        "-static-libstdc++", "-o", str(program))
    return program


def counts(program, number, calls, directory):
    """Instructions executed at every address of the program itself."""
    out = directory / f"callgrind.{number}.{calls}"
    run("valgrind", "--tool=callgrind", "--dump-instr=yes", "--dump-line=no", f"--callgrind-out-file={out}", str(program),
        "--call", str(number), str(calls))
    found = collections.Counter()
    own, address, skip, objects = False, 0, False, {}
    for line in out.read_text().splitlines():
        if match := re.match(r"(c?)ob=\((\d+)\)(?: (.*))?", line):
            if match[3]:
                objects[match[2]] = match[3]
            if not match[1]:
                own = objects[match[2]].endswith("/" + program.name)
        elif line.startswith("calls="):
            skip = True
        elif re.match(r"(0x|\+|-|\*)", line):
            at, *numbers = line.split()
            address = address if at == "*" else address + int(at, 0) if at[0] in "+-" else int(at, 16)
            if not skip and own:
                found[address] += int(numbers[-1])
            elif not skip:
                found[None] += int(numbers[-1])
            skip = False
    out.unlink()
    return found


def chains(program, addresses):
    """The functions that each address was inlined from, innermost first."""
    listed = sorted(a for a in addresses if a is not None)
    text = subprocess.run(["addr2line", "-a", "-i", "-f", "-C", "-e", str(program)], check=True, capture_output=True,
                          text=True, input="\n".join(hex(a) for a in listed)).stdout.splitlines()
    found, i = {}, 0
    while i < len(text):
        address, i = int(text[i], 16), i + 1
        names = []
        while i < len(text) and not re.match(r"0x[0-9a-f]{16}$", text[i]):
            names.append(text[i])
            i += 2
        found[address] = names
    return found


def account_of(names):
    for name in names:
        for account, pattern in ACCOUNTS:
            if re.search(pattern, name):
                return account
    return OTHER


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=Path)
    directory = parser.parse_args().directory
    directory.mkdir(parents=True, exist_ok=True)
    program = build(directory)
    columns = [account for account, _ in ACCOUNTS] + [OTHER]
    lines = ["| kernel | target | all | " + " | ".join(columns) + " |", "| --- " * (3 + len(columns)) + "|"]
    number = 0
    while True:
        described = subprocess.run([str(program), "--call", str(number), "1"], capture_output=True, text=True)
        if described.returncode != 0:
            break
        name, target, elements = described.stdout.split("\t")
        few, more = (counts(program, number, calls, directory) for calls in (1, 3))
        spent = {a: (more[a] - few[a]) / 2 for a in more if more[a] != few[a]}
        where = chains(program, spent)
        totals = collections.Counter()
        for address, n in spent.items():
            totals[account_of(where.get(address, []))] += n
        vectors = int(elements) / VECTOR
        cells = [name, target, f"{sum(totals.values()) / vectors:.0f}"]
        cells += [f"{totals[c] / vectors:.1f}" if totals[c] else "" for c in columns]
        lines.append("| " + " | ".join(cells) + " |")
        number += 1
    (directory / "accounts.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
