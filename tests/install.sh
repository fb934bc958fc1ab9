#!/usr/bin/env bash
# Installs the named Debian packages that are missing. XLOSS_NO_INSTALL=1 leaves the machine as it is, and so
# does a system without apt-get: then what is missing shows where it is needed.
#
#   tests/install.sh g++ libxtensor-dev
set -euo pipefail
[ -z "${XLOSS_NO_INSTALL:-}" ] || exit 0
command -v apt-get >/dev/null || exit 0

missing=()
for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

echo "installing: ${missing[*]}"
as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo)
quiet=(-qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300)
"${as_root[@]}" apt-get update "${quiet[@]}"
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y --no-install-recommends "${quiet[@]}" "${missing[@]}" >/dev/null
