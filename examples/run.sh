#!/usr/bin/env bash
# The main example: installs what is missing (on Debian and its kin), builds, and trains on a brain MRI.
#
#   examples/run.sh [output folder]       out/ in the repository unless told
#
# Takes four to five minutes on two cores. Where libtorch is installed (libtorch-dev), a U-Net is trained with it
# as well, two minutes more; nothing of libtorch is installed here. XLOSS_NO_INSTALL=1 leaves the machine as it
# is.
set -euo pipefail

case "${1:-}" in
'' | /*) out="${1:-}" ;;
*) out="$PWD/$1" ;;
esac
cd "$(dirname "${BASH_SOURCE[0]}")/.."
out="${out:-$PWD/out}"
jobs="$(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN)"

packages=(libxtensor-dev libxsimd-dev libpng-dev)
command -v cmake >/dev/null || packages+=(cmake)
command -v "${CXX:-c++}" >/dev/null || packages+=(g++)
command -v make >/dev/null || command -v ninja >/dev/null || packages+=(make)
command -v gnuplot >/dev/null || packages+=(gnuplot-nox)
tests/install.sh "${packages[@]}"

command -v make >/dev/null || export CMAKE_GENERATOR="${CMAKE_GENERATOR:-Ninja}"
cmake --preset release >/dev/null

build() { cmake --build --preset release --target "$1" -j "$jobs"; }
run() { "$(find build/release/examples -name "xloss_example_$1" -type f)" examples/data "$out"; }

build xloss_pictures
run brain
run structures
run borders
run promptable
if cmake --build --preset release --target help | grep xloss_example_unet >/dev/null; then
    build xloss_example_unet
    run unet
fi
