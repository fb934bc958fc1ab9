#!/usr/bin/env bash
# Builds the benchmarks and prints the table: benchmarks/run.sh [--quick] [FILTER]
#   --quick   one size of each loss and few repetitions, about two minutes
#   --memory  peak memory alone
#   FILTER    a regular expression on loss/target/size, as in: benchmarks/run.sh 'focal.*uint8'
# Table, memory.txt, results.json and chart.png go to build/benchmark/out. Missing packages are installed with apt-get;
# XLOSS_NO_TORCH=1 leaves libtorch out, whether it is installed or not.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() { sed -n '2,7s/^# \{0,1\}//p' benchmarks/run.sh; }

options=()
times=1
memory=1
for word in "$@"; do
    case "$word" in
        -h | --help) usage && exit 0 ;;
        --quick) options+=(--quick) ;;
        --memory) times=0 ;;
        -*) usage >&2 && exit 2 ;;
        *) options+=("--filter=$word") memory=0 ;;
    esac
done

tests/install.sh cmake make g++ libxtensor-dev libxsimd-dev libbenchmark-dev gnuplot-nox libopencv-imgproc-dev python3-scipy >&2 ||
    echo "some packages could not be installed; going on with what is here" >&2
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
cmake --preset benchmark -DXLOSS_BENCHMARK_TORCH=$torch >/dev/null
cmake --build $build --parallel "$(nproc)" >&2
mkdir -p $out
if [ $times = 1 ]; then
    $build/benchmarks/xloss_benchmarks --out=$out "${options[@]}" | tee $out/table.txt
    if command -v gnuplot >/dev/null; then
        gnuplot -e "directory='$out'" benchmarks/chart.gp
        echo "chart: $out/chart.png"
    fi
    if [ ${#options[@]} = 0 ]; then
        $build/benchmarks/xloss_distance_benchmarks | tee $out/distance.txt
        if /usr/bin/python3 -c 'import scipy' 2>/dev/null; then
            /usr/bin/python3 -B benchmarks/scipy_edt.py | tee -a $out/distance.txt
        fi
    fi
    echo "table: $out/table.txt, raw data: $out/results.json"
fi
[ $memory = 0 ] || $build/benchmarks/xloss_benchmarks --memory | tee $out/memory.txt
