#!/usr/bin/env bash
# Installs what is missing (on Debian and its kin), builds and runs the tests.
#
#   tests/run.sh                          preset "test", or its portable form on a machine without AVX2
#   tests/run.sh sanitize                 another preset: sanitize, native, thread (the thread sanitizer), and with
#                                         the core tests alone gcc (and the house rules), clang, sse2, scalar, neon;
#                                         neon-whole has all, which takes an hour
#   tests/run.sh test -R dice             further arguments go to ctest
#
# Tests with the label "exhaustive" take too long for every day: ctest --test-dir build/test -L exhaustive
#
# The last line says how many tests passed and failed. XLOSS_NO_INSTALL=1 leaves the machine as it is.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

preset="${1:-test}"
[ $# -gt 0 ] && shift
jobs="$(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN)"

install_missing() {
    local packages=(libxtensor-dev libxsimd-dev catch2 pkg-config)
    command -v cmake >/dev/null || packages+=(cmake)
    command -v "${CXX:-c++}" >/dev/null || packages+=(g++)
    command -v ninja >/dev/null || command -v make >/dev/null || packages+=(ninja-build)
    case "$preset" in
    gcc) packages+=(g++) ;;
    clang | sse2 | scalar) packages+=(clang-19) ;;
    neon*) packages+=(clang-19 lld-19 libstdc++-12-dev-arm64-cross libc6-dev-arm64-cross qemu-user) ;;
    sanitize* | thread) packages+=(clang-19 libclang-rt-19-dev) ;;
    esac
    tests/install.sh "${packages[@]}"
}

# The AVX2 presets compile for a processor that this machine may not have.
portable() {
    case "$1" in
    test | sanitize)
        if [ "$(uname -m)" = x86_64 ] && grep -qw avx2 /proc/cpuinfo 2>/dev/null && grep -qw fma /proc/cpuinfo; then
            echo "$1"
        else
            echo "$1-generic"
        fi
        ;;
    *) echo "$1" ;;
    esac
}

install_missing
preset="$(portable "$preset")"
command -v ninja >/dev/null && export CMAKE_GENERATOR="${CMAKE_GENERATOR:-Ninja}"

cmake --preset "$preset"

# A file that does not compile must not hide the results of the others: their tests run, its own count as failed.
keep_going=(-k)
grep -q '^CMAKE_GENERATOR:INTERNAL=Ninja' "build/$preset/CMakeCache.txt" && keep_going=(-k 0)
status=0
SECONDS=0
cmake --build --preset "$preset" -j "$jobs" -- "${keep_going[@]}" || status=1
echo "built in $SECONDS s"

log="build/$preset/tests.log"
ctest --preset "$preset" -j "$jobs" "$@" 2>&1 | tee "$log" || status=1

[ $status -eq 0 ] || echo "preset $preset: the build or a test FAILED"
grep -E '^[0-9]+% tests passed, [0-9]+ tests failed out of [0-9]+' "$log" || { echo "no test ran"; status=1; }
exit $status
