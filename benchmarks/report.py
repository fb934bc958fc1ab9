"""The tables of the report in markdown, and the data of its charts, from what the programs measured.

    report.py [--only=NAME] [--readme=FILE] DIRECTORY

Reads budgets.json, threads.json, distance.txt, widths.tsv, memory.json, small.txt and compile_time.txt in DIRECTORY, as far
as they are there; writes report.md and *.dat beside them. --readme replaces what FILE has between <!-- table: name --> and
<!-- end -->. --only prints one table instead.
"""

import argparse
import json
import os
import platform
import re
import statistics
import sys
from pathlib import Path

WIDTHS = ("native", "AVX2", "SSE2", "off")
COMPILER_LIMIT = 1.3    # of the ratio of the compilers
THREADS_GOAL = 1.8      # of the speed-up by two threads
AT_MEMORY_LIMIT = 1.25  # times the roofline: one thread alone waits for the memory
SCIPY_GOAL = 10.0


def brief(x):
    """To be read at a glance: 0.83, 12.3, 123."""
    return f"{x:.2f}" if x < 9.995 else f"{x:.1f}" if x < 99.95 else f"{x:.0f}"


def spread(low, middle, high):
    return f"{brief(middle)} ({brief(low)} to {brief(high)})"


def quartiles(times):
    if len(times) == 1:
        return (times[0],) * 3
    return tuple(statistics.quantiles(times, n=4, method="inclusive"))


def with_quartiles(times):
    return spread(*quartiles(times))


def by_sign(text):
    return text.replace("x", " x ")


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "| " + " | ".join("---" for _ in head) + " |"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def verdict(fine, text):
    return f"{text}: met" if fine else f"**{text}: missed**"


def times_of(row, who, clock="cpu_ns"):
    return row[who][clock] if who in row else None


def ratio(slow, fast):
    return statistics.median(slow) / statistics.median(fast) if slow and fast else None


def caches():
    """Level and KB of the caches that hold data, from the first level on; none where the system does not tell."""
    found = []
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        kind, level, size = ((index / f).read_text().strip() for f in ("type", "level", "size"))
        if kind != "Instruction":
            found.append((level, int(size[:-1])))
    return found


def last_level_cache():
    """Its bytes."""
    return max((kb for _, kb in caches()), default=0) * 1024


def budget_cells(row):
    """How many times the roofline, how many times faster than libtorch, each with its budget if there is one. Those of
    masks are of float ones; a uint8 mask is not to be slower, which target_table shows. All are of tensors that the last-level
    cache does not hold."""
    ours = times_of(row, "xloss")
    of_roofline = ratio(ours, times_of(row, "roofline"))
    of_torch = ratio(times_of(row, "torch"), ours)
    is_mask = "x19x" not in row["size"]
    in_cache = row["least_bytes_per_element"] * row["elements"] <= last_level_cache()
    limit, least = (None, None) if in_cache or (is_mask and row["target"] == "uint8") else (
        row.get("goal_times_roofline"), row.get("goal_times_faster_than_torch"))
    return (brief(of_roofline), verdict(of_roofline <= limit, f"<= {limit:g}") if limit else "-",
            brief(of_torch) if of_torch else "-",
            verdict(of_torch >= least, f">= {least:g}") if least and of_torch else "-")


def budget_tables(data):
    rows = data["rows"]
    in_cache = [r for r in rows if "64x64" in r["size"]]
    outside = [r for r in rows if "64x64" not in r["size"]]

    def start(r):
        torch = times_of(r, "torch")
        return [r["loss"], r["target"], by_sign(r["size"]), with_quartiles(times_of(r, "xloss")),
                with_quartiles(times_of(r, "roofline")), with_quartiles(torch) if torch else "-"]

    head = ["loss", "target", "size", "xloss, ns", "roofline, ns", "libtorch, ns", "x roofline"]
    result = {"budgets": table(head + ["budget", "x faster than libtorch", "budget"],
                               [start(r) + list(budget_cells(r)) for r in outside]),
              "in cache": table(head + ["x faster than libtorch"],
                                [start(r) + list(budget_cells(r))[::2] for r in in_cache])}
    missed = [r for r in outside if any("missed" in c for c in budget_cells(r))]
    result["missed"] = "\n".join(
        "- {}, {} target, {}: {} x roofline ({}), {} x faster than libtorch ({})".format(
            r["loss"], r["target"], by_sign(r["size"]), *budget_cells(r)) for r in missed) or "- none"
    return result


def target_table(data):
    """The time with a uint8 target over that with a wider one, in the same process but in rows of their own."""
    rows = {(r["loss"], r["size"], r["target"]): times_of(r, "xloss") for r in data["rows"]}
    row_elements = {(r["loss"], r["size"]): r["elements"] for r in data["rows"]}
    lines = {}
    for (loss, size, target), ours in rows.items():
        for wider in ("float", "int64") if target == "uint8" else ():
            if (loss, size, wider) in rows:
                r = ratio(ours, rows[loss, size, wider])
                lines.setdefault((loss, wider), []).append((row_elements[loss, size], brief(r) if r <= 1.05 else f"**{brief(r)}**"))
    return {"targets": table(["loss", "other target", "in cache", "512 x 512", "500 x 500"],
                             [[*key, *(cell for _, cell in sorted(cells))] for key, cells in lines.items()])}


def speed_up(row, who):
    if who not in row or who + "_threads" not in row:
        return None
    return ratio(times_of(row, who, "wall_ns"), times_of(row, who + "_threads", "wall_ns"))


def undisturbed(times):
    """The median of the faster half, for a machine whose other users take a core now and then."""
    return quartiles(times)[0]


def threads_table(data):
    lines = []
    for r in data["rows"]:
        ours = times_of(r, "xloss", "wall_ns")
        many = times_of(r, "xloss_threads", "wall_ns")
        gained, limit, torch = (speed_up(r, who) for who in ("xloss", "roofline", "torch"))
        alone = ratio(ours, times_of(r, "roofline", "wall_ns"))
        fine, at_limit = gained >= THREADS_GOAL, alone <= AT_MEMORY_LIMIT
        lines.append([r["loss"], r["target"], by_sign(r["size"]), with_quartiles(ours), with_quartiles(many), brief(gained),
                      brief(undisturbed(ours) / undisturbed(many)),
                      "met" if fine else "memory" if at_limit else "**missed**", brief(limit) if limit else "-",
                      brief(alone), brief(torch) if torch else "-",
                      brief(ratio(times_of(r, "torch_threads", "wall_ns"), many)) if torch else "-"])
    n = data["threads"]
    return {"threads": table(["loss", "target", "size", "1 thread, ns", f"{n} threads, ns", "x faster",
                              "its faster half", f"at least {THREADS_GOAL}", "roofline: x faster", "1 thread, x roofline",
                              "libtorch: x faster",
                              f"x faster than libtorch, {n} threads both"], lines)}


def distance_table(text):
    pattern = r"^(\S+ \S+) +(\d+) +(\S+) +([\d.]+) ns/pixel \(([\d.]+) to ([\d.]+)\)$"
    found, means = {}, {}
    for kind, side, who, *numbers in re.findall(pattern, text, re.M):
        found.setdefault((kind, int(side)), {})[who] = [float(x) for x in numbers]
    for kind, side, mean in re.findall(r"^(\S+ \S+) +(\d+) +mean distance (\S+)$", text, re.M):
        means.setdefault((kind, int(side)), []).append(float(mean))
    for key, both in means.items():
        if max(both) - min(both) > 1e-4 * max(both):
            sys.exit(f"distances of {key} do not agree: {both}")
    lines = []
    for (kind, side), by in found.items():
        ours, scipy = by["distance"], by.get("SciPy")

        def cell(who):
            return spread(by[who][1], by[who][0], by[who][2]) if who in by else "-"
        faster = scipy[0] / ours[0] if scipy else None
        size = " x ".join([str(side)] * (3 if "3-D" in kind else 2))
        lines.append([kind, size, cell("distance"), cell("OpenCV"), cell("SciPy"), brief(faster) if faster else "-",
                      verdict(faster >= SCIPY_GOAL, f">= {SCIPY_GOAL:g}") if faster and "2-D" in kind else "-"])
    return {"distance": table(["mask", "size", "xloss, ns", "OpenCV, ns", "SciPy, ns", "x faster than SciPy", "budget"], lines)}


def read_widths(text):
    """Times by (kernel, target), then (compiler, width), of all rounds; the programs must agree on the values."""
    times, values = {}, {}
    for line in text.splitlines():
        compiler, width, kernel, target, value, *rest = line.split("\t")
        times.setdefault((kernel, target), {}).setdefault((compiler, width), []).extend(map(float, rest))
        values.setdefault((kernel, target), []).append(float(value))
    for kernel, each in values.items():
        if max(each) - min(each) > 1e-5 * abs(max(each)):
            sys.exit(f"the builds of {kernel} do not agree: {each}")
    return times


def compilers_of(times):
    return sorted({compiler for by in times.values() for compiler, _ in by}, reverse=True)


def widths_of(times):
    return [w for w in WIDTHS if any((c, w) in by for by in times.values() for c in compilers_of(times))]


def widths_table(times, of_times):
    compilers, widths = compilers_of(times), widths_of(times)
    lines = []
    for (kernel, target), by in times.items():
        cells = [kernel, target]
        for width in widths:
            both = [of_times(by[c, width]) for c in compilers if (c, width) in by]
            text = " / ".join(map(brief, both))
            if len(both) == 2:
                r = both[1] / both[0]
                text += f", {brief(r)}" if 1 / COMPILER_LIMIT <= r <= COMPILER_LIMIT else f", **{brief(r)}**"
            cells.append(text)
        lines.append(cells)
    return {"widths": table(["kernel", "target"] + [f"{w}: {' / '.join(compilers)}, ratio" for w in widths], lines)}


def memory_table(rows):
    def cells(r):
        mb = [f"{r[who] / 1e6:.1f}" if r[who] > 0 else "-" for who in ("gradient", "xloss", "xtensor", "torch")]
        return [r["loss"], by_sign(r["size"]), *mb, brief(r["torch"] / r["xloss"]) if r["torch"] > 0 else "-"]
    return {"memory": table(["loss", "logits", "gradient, MB", "xloss, MB", "xtensor, MB", "libtorch, MB",
                             "libtorch / xloss"], map(cells, rows))}


def as_it_is(text):
    """The table of a program that writes markdown, or the text of one that does not."""
    text = text.strip("\n")
    return text if any(line.startswith("|") for line in text.splitlines()) else f"```text\n{text}\n```"


def cache_sizes():
    return ", ".join(f"L{level} {kb // 1024} MB" if kb >= 1024 else f"L{level} {kb} KB" for level, kb in caches()) or "unknown"


def machine_table(data):
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {"machine": table(["", ""], [
        ["processor", f"{data['machine']}, {os.cpu_count()} cores seen"], ["caches", cache_sizes()],
        ["memory", f"{pages / 2**30:.0f} GB"], ["system", f"{platform.system()} {platform.release().split('-')[0]}"],
        ["compiler", data["compiler"]], ["flags", f"`{data['flags']}`"], ["xtensor", data["xtensor"]],
        ["libtorch", data["libtorch"]]])}


# The charts' data. gnuplot gets names in quotes, with a line break where they may be broken.

def label(name):
    for gap, line in ((" + ", "\\n+ "), (", ", "\\n"), ("cross ", "cross\\n"), ("Lovasz ", "Lovasz\\n"), ("distance ", "distance\\n")):
        name = name.replace(gap, line, 1)
    return f'"{name}"'


def budget_chart(data):
    """Of every loss the largest size: name; x roofline with a wide and a uint8 target, budget; x libtorch likewise."""
    largest = {}
    for r in data["rows"]:
        if "goal_times_faster_than_torch" in r:
            size = max(r["elements"], largest.get(r["loss"], {}).get("elements", 0))
            if size == r["elements"]:
                by = largest.get(r["loss"], {})
                keep = by if by.get("elements") == size else {"elements": size}
                largest[r["loss"]] = {**keep, r["target"]: r}
    lines = ["# loss, x roofline (float or int64, uint8 target), budget, x libtorch (the same), budget; 0: none"]
    for loss, by in largest.items():
        wide, narrow = by.get("float") or by.get("int64"), by.get("uint8")
        one = wide or narrow

        def both(slow, fast):
            return [ratio(times_of(r, slow), times_of(r, fast)) or 0 if r else 0 for r in (wide, narrow)]
        limit = one.get("goal_times_roofline", 0)
        numbers = [*(both("xloss", "roofline") if limit else (0, 0)), limit, *both("torch", "xloss"),
                   one["goal_times_faster_than_torch"]]
        lines.append(label(loss) + "".join(f" {x:.4f}" for x in numbers))
    return lines


def threads_chart(data):
    lines = ["# loss, times faster with threads: xloss, roofline, libtorch; 0: none"]
    for r in data["rows"]:
        shape = " C=19" if "x19x" in r["size"] and "cross" not in r["loss"] and "softmax" not in r["loss"] else ""
        lines.append(f'"{r["loss"]}{shape}"' + "".join(f" {speed_up(r, who) or 0:.4f}" for who in ("xloss", "roofline", "torch")))
    return lines


def widths_chart(times, of_times):
    compilers, widths = compilers_of(times), widths_of(times)
    lines = ["# kernel " + " ".join(f"{c},{w}" for c in compilers for w in widths)]
    for (kernel, target), by in times.items():
        name = kernel + (", " + target if kernel == "BCE" else "")
        lines.append(label(name) + "".join(f" {of_times(by[c, w]) if (c, w) in by else 0:.4f}" for c in compilers for w in widths))
    return lines


def replaced(text, tables):
    for name, content in tables.items():
        pattern = re.compile(rf"(<!-- table: {re.escape(name)} -->\n).*?(<!-- end -->)", re.S)
        text = pattern.sub(lambda m, content=content: m.group(1) + "\n" + content + "\n\n" + m.group(2), text)
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--only", help="print this table alone")
    parser.add_argument("--readme", type=Path)
    parser.add_argument("--fastest", action="store_true", help="widths by the fastest repetition, for a machine under load")
    given = parser.parse_args()
    tables, charts = {}, {}
    of_times = min if given.fastest else statistics.median

    def read(name):
        path = given.directory / name
        return path.read_text() if path.exists() else None

    if text := read("budgets.json"):
        data = json.loads(text)
        tables |= machine_table(data) | budget_tables(data) | target_table(data)
        charts["budgets"] = budget_chart(data)
    if text := read("threads.json"):
        data = json.loads(text)
        tables |= threads_table(data)
        charts["threads"] = threads_chart(data)
    if text := read("distance.txt"):
        tables |= distance_table(text)
    if text := read("widths.tsv"):
        times = read_widths(text)
        tables |= widths_table(times, of_times)
        charts["widths"] = widths_chart(times, of_times)
    if text := read("memory.json"):
        tables |= memory_table(json.loads(text))
    for name, file in (("small", "small.txt"), ("compile time", "compile_time.txt"), ("accounts", "accounts.md")):
        if text := read(file):
            tables[name] = as_it_is(text)

    if given.only:
        print(tables[given.only])
        return
    (given.directory / "report.md").write_text("".join(f"## {name}\n\n{content}\n\n" for name, content in tables.items()))
    for name, lines in charts.items():
        (given.directory / f"{name}.dat").write_text("\n".join(lines) + "\n")
    if given.readme:
        given.readme.write_text(replaced(given.readme.read_text(), tables))


if __name__ == "__main__":
    main()
