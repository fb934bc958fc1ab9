#!/usr/bin/env bash
# The kernels of the budgets for every width of the vectors and with both compilers (widths.cpp):
#
#   benchmarks/widths.sh build      builds the programs at -O3: minutes each, as many at a time as there are cores
#   benchmarks/widths.sh run        runs them in turns, writes build/benchmark/out/widths.tsv
#   benchmarks/widths.sh            both, and prints the table
#
# XLOSS_WIDTHS="AVX2 SSE2" and XLOSS_COMPILERS="g++-12" choose among the widths (native, AVX2, SSE2, off) and the
# compilers (g++, clang++-19); XLOSS_WIDTHS_ROUNDS=1 has fewer turns.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

programs=build/benchmark/widths
out=build/benchmark/out

default_widths() {
    local widths="native off"
    [ "$(uname -m)" != x86_64 ] || widths="$widths SSE2"
    ! grep -qw avx2 /proc/cpuinfo || widths="$widths AVX2"
    echo "$widths"
}
read -ra widths <<<"${XLOSS_WIDTHS:-$(default_widths)}"
read -ra compilers <<<"${XLOSS_COMPILERS:-g++ clang++-19}"

flags_of() {
    case "$1" in
    native) echo "-march=native" ;;
    AVX2) echo "-mavx2 -mfma" ;;
    SSE2) echo "-march=x86-64" ;;
    off) echo "-DXLOSS_DISABLE_SIMD" ;;
    *) echo "no such width: $1" >&2 && exit 2 ;;
    esac
}

# What must not differ between a program and its sources: their newest change.
is_current() {
    [ -x "$1" ] && [ -z "$(find include benchmarks/widths.cpp benchmarks/{tensors,data,harness,problem}.hpp -newer "$1" -print -quit)" ]
}

# One line for each program: compiler, width, path.
programs_wanted() {
    for compiler in "${compilers[@]}"; do
        command -v "$compiler" >/dev/null || continue
        for width in "${widths[@]}"; do
            echo "$compiler $width $programs/$compiler-$width"
        done
    done
}

build_one() {
    local compiler=$1 width=$2 program=$3
    ! is_current "$program" || return 0
    rm -f "$program"
    echo "building $program" >&2
    # shellcheck disable=SC2046
    "$compiler" -std=c++20 -O3 -DNDEBUG $(flags_of "$width") -Iinclude benchmarks/widths.cpp -o "$program"
}

build() {
    tests/install.sh g++ clang-19 libxtensor-dev libxsimd-dev >&2 || echo "going on with what is here" >&2
    mkdir -p $programs
    export -f build_one is_current flags_of
    programs_wanted | xargs -P "$(nproc)" -L 1 bash -c 'set -euo pipefail; build_one "$@"' build_one
}

run() {
    local compiler width program
    mkdir -p $out
    : >$out/widths.tsv
    for round in $(seq "${XLOSS_WIDTHS_ROUNDS:-3}"); do
        while read -r compiler width program; do
            echo "round $round: $compiler, $width" >&2
            "$program" "${XLOSS_WIDTHS_REPETITIONS:-11}" 0.02 | sed "s/^/$compiler\t$width\t/" >>$out/widths.tsv
        done < <(programs_wanted)
    done
}

case "${1:-all}" in
build) build ;;
run) run ;;
all)
    build
    run
    python3 -B benchmarks/report.py --only=widths $out
    ;;
*) sed -n '2,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2 && exit 2 ;;
esac
