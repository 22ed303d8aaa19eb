#!/usr/bin/env bash
# Installs what is missing of the Debian 12 packages that clnorm is built, run and tested with. Says what it installs;
# does nothing, and needs no network, when all is there.
#   usage: bash cmake/setup-debian.sh build|test        as root, or as a user who may sudo
#   build  compiler, libraries of the command, and PoCL as OpenCL device if no vendor's driver is installed
#   test   the same, PoCL in any case, the test framework and two more OpenCL implementations
set -euo pipefail

profile=${1:-}
packages=(gcc libc6-dev cmake ninja-build pkg-config git ca-certificates
          ocl-icd-opencl-dev libpopt-dev libjansson-dev zlib1g-dev librandom123-dev libdnnl-dev
          libxxhash-dev libclblast-dev gnuplot-nox)
case $profile in
  build)
    # Mesa's file names a driver that has no device on most machines.
    if ! ls /etc/OpenCL/vendors 2>/dev/null | grep -qvE '^(mesa|rusticl)\.icd$'; then
      packages+=(pocl-opencl-icd)
    fi
    ;;
  test)
    packages+=(g++ libcriterion-dev pocl-opencl-icd mesa-opencl-icd oclgrind)
    ;;
  *)
    echo "usage: bash cmake/setup-debian.sh build|test" >&2
    exit 2
    ;;
esac

if ! command -v apt-get >/dev/null; then
  echo "This system has no apt-get. Please see to it that these packages, by Debian's names, are installed:" >&2
  echo "  ${packages[*]}" >&2
  exit 0
fi

missing=()
for package in "${packages[@]}"; do
  if [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" != installed ]; then
    missing+=("$package")
  fi
done
if [ ${#missing[@]} -eq 0 ]; then
  exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "Missing packages; please install them as root: apt-get install ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi
echo "Installing ${#missing[@]} Debian packages and what they need: ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
quietly()
{
  if ! "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive "$@" >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "failed: $*" >&2
    exit 1
  fi
}
quietly apt-get -o Acquire::Retries=3 update
quietly apt-get -o Acquire::Retries=3 install -y --no-install-recommends "${missing[@]}"
