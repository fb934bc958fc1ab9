#!/usr/bin/env bash
# Builds the benchmarks and measures: benchmarks/run.sh [--report | --memory | --threads] [--quick] [FILTER]
#             every row, half an hour on a quiet machine beside the build
#   --report  what benchmarks/README.md shows, a third of an hour on a quiet machine beside the build: budgets, threads,
#             distances, memory, widths and compilers, small inputs, compile time, where the instructions go; puts the tables into the README and the
#             charts into benchmarks/pictures
#   --quick   one size of each loss and few repetitions; of the report too, which then changes neither README nor pictures
#   --memory  peak memory alone
#   --threads one and two threads alone
#   FILTER    a regular expression on loss/target/size, as in: benchmarks/run.sh 'focal.*uint8'
# All output goes to build/benchmark/out, the report's as report.md. Missing packages are installed with apt-get;
# XLOSS_NO_TORCH=1 leaves libtorch out, whether it is installed or not.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() { sed -n '2,12s/^# \{0,1\}//p' benchmarks/run.sh; }

options=()
what=table
quick=0
filtered=0
for word in "$@"; do
    case "$word" in
        -h | --help) usage && exit 0 ;;
        --quick) options+=(--quick) quick=1 ;;
        --report | --memory | --threads) what=${word#--} ;;
        -*) usage >&2 && exit 2 ;;
        *) options+=("--filter=$word") filtered=1 ;;
    esac
done

packages=(cmake make g++ libxtensor-dev libxsimd-dev libbenchmark-dev libtbb-dev gnuplot-nox valgrind libopencv-imgproc-dev
    python3-scipy)
tests/install.sh "${packages[@]}" >&2 || echo "some packages could not be installed; going on with what is here" >&2
torch=ON
if [ "${XLOSS_NO_TORCH:-0}" = 1 ]; then
    torch=OFF
    echo "without libtorch, as XLOSS_NO_TORCH=1 asks" >&2
else
    echo "comparing with libtorch (package libtorch-dev, 0.2 GB; XLOSS_NO_TORCH=1 leaves it out)" >&2
    tests/install.sh libtorch-dev >&2 || echo "libtorch-dev could not be installed; its columns may stay empty" >&2
fi

build=build/benchmark
out=$build/out
programs=$build/benchmarks
cmake --preset benchmark -DXLOSS_BENCHMARK_TORCH=$torch >/dev/null
cmake --build $build --parallel "$(nproc)" >&2
mkdir -p $out

rows() { $programs/xloss_benchmarks --out=$out ${options[@]+"${options[@]}"} "$@"; }

distances() {
    $programs/xloss_distance_benchmarks | tee $out/distance.txt
    ! /usr/bin/python3 -c 'import scipy' 2>/dev/null || /usr/bin/python3 -B benchmarks/scipy_edt.py | tee -a $out/distance.txt
}

memory() { $programs/xloss_benchmarks --out=$out --memory | tee $out/memory.txt; }

table() {
    rows | tee $out/table.txt
    if command -v gnuplot >/dev/null; then
        gnuplot -e "directory='$out'" benchmarks/chart.gp
        echo "chart: $out/chart.png"
    fi
    if [ ${#options[@]} = 0 ]; then
        distances
    fi
    echo "table: $out/table.txt, raw data: $out/results.json"
    [ $filtered = 1 ] || memory
}

# The other programs of the report, where they are there.
small_inputs() { [ ! -x $programs/xloss_small_benchmarks ] || $programs/xloss_small_benchmarks | tee $out/small.txt; }
accounts() {
    if command -v valgrind >/dev/null && command -v addr2line >/dev/null; then
        python3 -B benchmarks/accounts.py $out
    fi
}
compile_time() { [ ! -x benchmarks/compile_time.sh ] || benchmarks/compile_time.sh | tee $out/compile_time.txt; }

# What is compiled comes first, and what is timed after it, when the machine has calmed down.
report() {
    local missed=0 rounds=3 repetitions=11
    [ $quick = 0 ] || rounds=1 repetitions=3
    benchmarks/widths.sh build
    compile_time
    [ $quick = 1 ] || accounts
    SECONDS=0
    rows --report | tee $out/budgets.txt
    rows --threads=2 | tee $out/threads.txt
    distances
    memory || missed=1
    XLOSS_WIDTHS_ROUNDS=$rounds XLOSS_WIDTHS_REPETITIONS=$repetitions benchmarks/widths.sh run
    small_inputs
    echo "measured in $SECONDS s" >&2
    write_report
    return $missed
}

write_report() {
    local readme=()
    [ $quick = 1 ] || [ $filtered = 1 ] || readme=(--readme=benchmarks/README.md)
    python3 -B benchmarks/report.py ${readme[@]+"${readme[@]}"} $out
    echo "report: $out/report.md"
    if command -v gnuplot >/dev/null; then
        gnuplot -e "directory='$out'" benchmarks/report.gp
        if [ ${#readme[@]} = 1 ]; then
            mkdir -p benchmarks/pictures
            cp $out/budgets.png $out/threads.png $out/widths.png benchmarks/pictures/
        fi
    fi
}

case $what in
    table) table ;;
    report) report ;;
    memory) memory ;;
    threads) rows --threads=2 | tee $out/threads.txt ;;
esac
