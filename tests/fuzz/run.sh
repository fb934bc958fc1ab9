#!/usr/bin/env bash
# Builds the fuzz target with clang's libFuzzer and sanitizers, runs it over the committed corpus, and then for a
# while on inputs made from it.
#
#   tests/fuzz/run.sh           about a minute: always the same seed and number of runs, so the same inputs
#   tests/fuzz/run.sh 3600      an hour
#   tests/fuzz/run.sh 0 FILE    an input that was found, alone: says what is wrong
#
# A finding is described, its input kept in build/fuzz/, and the exit code is 1. SEED and CLANG choose another seed and
# compiler. XLOSS_FUZZ_MERGE=1 renews tests/fuzz/corpus from what the run has learnt. XLOSS_NO_INSTALL=1 leaves the
# machine as it is.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

seconds="${1:-}"
clang="${CLANG:-clang++-19}"
build=build/fuzz
mkdir -p "$build"

[ -n "${CLANG:-}" ] || tests/install.sh clang-19 libclang-rt-19-dev llvm-19 libxtensor-dev libxsimd-dev

vectors=()
if [ "$(uname -m)" = x86_64 ] && grep -qw avx2 /proc/cpuinfo 2>/dev/null && grep -qw fma /proc/cpuinfo; then
    vectors=(-mavx2 -mfma)
fi
# -O1: without it a run takes fourteen times as long. No comparisons are traced, as every byte is a choice of its own.
flags=(-std=c++20 -O1 -g1 "${vectors[@]}" -fno-omit-frame-pointer -DXLOSS_PLAIN_INLINE
    -fsanitize=address,undefined -fno-sanitize=null,object-size -fno-sanitize-recover=all
    -fsanitize-coverage=inline-8bit-counters,pc-table -Iinclude -Itests)

sources=(elementwise whole_regions channelwise elementwise_more several_tensors fuzz) # the slowest first
stale=()
for source in "${sources[@]}"; do
    object="$build/$source.o"
    if [ ! -f "$object" ] || [ -n "$(find include tests/fuzz/*.hpp tests/fuzz/run.sh "tests/fuzz/$source.cpp" \
        tests/support/expressions.hpp -newer "$object" -print -quit)" ]; then
        stale+=("$source")
    fi
done
SECONDS=0
if [ ${#stale[@]} -gt 0 ]; then
    rm -f "$build/fuzz"
    # The recipes are many kernels for small tensors: -O0 compiles them in a third of the time.
    printf '%s\n' "${stale[@]}" | sed 's/^several_tensors$/& -O0/' | xargs -P "$(nproc)" -L 1 sh -c \
        'source="$3"; exec "$1" $2 ${4:-} -c "tests/fuzz/$source.cpp" -o "$0/$source.o"' \
        "$build" "$clang" "${flags[*]}"
fi
[ -f "$build/fuzz" ] ||
    (cd "$build" && "$clang" -fsanitize=fuzzer,address,undefined "${sources[@]/%/.o}" -o fuzz)
echo "built in $SECONDS s"

export UBSAN_OPTIONS=print_stacktrace=1
export PATH="$PATH:/usr/lib/llvm-19/bin" # the symbolizer
options=(-max_len=400 -len_control=0 -timeout=20 -rss_limit_mb=2048 -artifact_prefix="$build/")
if [ $# -gt 1 ]; then
    shift
    exec "$build/fuzz" "${options[@]}" "$@"
fi

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cp -r tests/fuzz/corpus "$work/corpus"
log="$build/fuzz.log"
runs() { sed -n 's/^Done \([0-9]*\) runs.*/\1/p' "$log" | tail -n 1; }

status=0
"$build/fuzz" "${options[@]}" -runs=0 "$work/corpus" >"$log" 2>&1 || status=1
corpus_runs="$(runs)"
if [ $status -eq 0 ] && [ "$seconds" != 0 ]; then
    length=(-runs=12000)
    [ -z "$seconds" ] || length=(-max_total_time="$seconds")
    SECONDS=0
    "$build/fuzz" "${options[@]}" -seed="${SEED:-1}" "${length[@]}" -print_final_stats=1 \
        "$work/corpus" >"$log" 2>&1 || status=1
fi
if [ $status -ne 0 ]; then
    sed -n '/^finding:/,/^==/p;/runtime error:/,/#9 /p;/ERROR: AddressSanitizer/,/#9 /p;/Test unit written/p' "$log" |
        cut -c 1-300 | head -n 40
    echo "fuzz: FAILED after ${corpus_runs:-0} runs of the corpus; the whole log is $log"
    exit 1
fi
if [ -n "${XLOSS_FUZZ_MERGE:-}" ]; then
    # Written in the order of what they cover: the first 150 see nearly all of it.
    mkdir "$work/merged"
    "$build/fuzz" "${options[@]}" -set_cover_merge=1 -use_counters=0 "$work/merged" "$work/corpus" >/dev/null 2>&1
    rm -f tests/fuzz/corpus/*
    (cd "$work/merged" && ls -tr | head -n 150 | xargs cp -t "$OLDPWD/tests/fuzz/corpus")
fi
grep -E ' cov: [0-9]+' "$log" | tail -n 1 | sed -E 's/.* cov: ([0-9]+).*/\1 edges covered/'
echo "fuzz: $(runs) runs in ${seconds:-$SECONDS} s, no finding"
