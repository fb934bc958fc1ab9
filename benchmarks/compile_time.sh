#!/usr/bin/env bash
# What including xloss costs, and a program of six losses: benchmarks/compile_time.sh [REPETITIONS]
# Prints the CPU time of the compiler (user, median over the repetitions, 5 unless told otherwise) and the size
# of the code, for g++ and clang++ where they are installed. The programs are in benchmarks/compile_time/.
#   CXXFLAGS   instead of "-std=c++20 -O2 -mavx2 -mfma"
#   COMPILERS  instead of "g++ clang++-19 clang++", of which the first two found are measured
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

repetitions=${1:-5}
read -ra flags <<<"${CXXFLAGS:--std=c++20 -O2 -mavx2 -mfma}"
read -ra wanted <<<"${COMPILERS:-g++ clang++-19 clang++}"
object=$(mktemp)
trap 'rm -f "$object"' EXIT

compilers=()
for compiler in "${wanted[@]}"; do
    if command -v "$compiler" >/dev/null && [ "${#compilers[@]}" -lt 2 ]; then
        compilers+=("$compiler")
    fi
done
[ "${#compilers[@]}" -gt 0 ] || { echo "no compiler found of: ${wanted[*]}" >&2 && exit 1; }

# Seconds of user time that the compiler takes for one program.
once() {
    local TIMEFORMAT=%U
    { time "$1" "${flags[@]}" -Iinclude -c "benchmarks/compile_time/$2.cpp" -o "$object"; } 2>&1
}

median() { sort -n | awk '{ t[NR] = $1 } END { print NR % 2 ? t[(NR + 1) / 2] : (t[NR / 2] + t[NR / 2 + 1]) / 2 }'; }

printf '%s, median of %s\n\n' "${flags[*]}" "$repetitions"
printf '| compiler | program | user s | x baseline | code kB |\n| --- | --- | --: | --: | --: |\n'
for compiler in "${compilers[@]}"; do
    declare -A times=() # the programs interleaved, so that all meet the same machine
    for ((i = 0; i < repetitions; ++i)); do
        for program in baseline header six_losses; do
            times[$program]+="$(once "$compiler" "$program")"$'\n'
        done
    done
    base=$(printf '%s' "${times[baseline]}" | median)
    for program in baseline header six_losses; do
        "$compiler" "${flags[@]}" -Iinclude -c "benchmarks/compile_time/$program.cpp" -o "$object"
        printf '%s' "${times[$program]}" | median | awk -v c="$compiler" -v p="$program" -v b="$base" \
            -v kb="$(size "$object" | awk 'NR == 2 { printf "%.0f", $1 / 1024 }')" \
            '{ printf "| %s | %s | %.2f | %.2f | %s |\n", c, p, $1, $1 / b, kb }'
    done
done
