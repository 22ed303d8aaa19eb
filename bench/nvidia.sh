#!/usr/bin/env bash
# Builds, checks and benchmarks on a machine that has NVIDIA's driver but perhaps no OpenCL packages and no package manager
# to get them with. Nothing is installed and nothing outside the folders named here is written.
#   usage: bash bench/nvidia.sh [options of clnorm bench, in place of --suite full]
# Environment:
#   CLNORM_ROOT     a folder into which .deb packages were unpacked one over the other (dpkg -x FILE.deb FOLDER), for what the
#                   machine lacks: ocl-icd-opencl-dev ocl-icd-libopencl1 opencl-c-headers libpopt-dev libpopt0 libjansson-dev
#                   libjansson4 zlib1g-dev librandom123-dev libxxhash-dev, and pkgconf pkgconf-bin libpkgconf3 if
#                   pkg-config is missing
#   NVIDIA_OPENCL   the driver's OpenCL library, if it is not found by itself
#   BUILD           where to build; default build/
#   OUT             where results go; default out/
# Results in OUT: devices.txt, check.txt, bench.txt, bench.jsonl, bench.html, torch.jsonl (if this Python has torch).
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
build=${BUILD:-$root/build}
out=${OUT:-$root/out}
mkdir -p "$build" "$out"
arch=$(uname -m)-linux-gnu

find_driver()
{
  local found folder
  found=$(ldconfig -p 2>/dev/null | sed -n 's/.*libnvidia-opencl\.so\.1 .*=> //p' | head -n 1)
  for folder in "/usr/lib/$arch" /usr/lib64 /usr/lib /usr/local/nvidia/lib64 /usr/local/nvidia/lib /usr/lib/wsl/lib \
                /usr/local/cuda/compat; do
    if [ -z "$found" ] && [ -e "$folder/libnvidia-opencl.so.1" ]; then
      found=$folder/libnvidia-opencl.so.1
    fi
  done
  echo "$found"
}
driver=${NVIDIA_OPENCL:-$(find_driver)}
if [ -z "$driver" ]; then
  echo "libnvidia-opencl.so.1 was not found; set NVIDIA_OPENCL to its path" >&2
  exit 1
fi
echo "driver: $driver"
vendors=$build/vendors
mkdir -p "$vendors"
echo "$driver" >"$vendors/nvidia.icd"
export OCL_ICD_VENDORS=$vendors
export CLNORM_CACHE_DIR=${CLNORM_CACHE_DIR:-$build/programs}

options=()
if [ -n "${CLNORM_ROOT:-}" ]; then
  unpacked=$(cd "$CLNORM_ROOT" && pwd)
  export PATH=$PATH:$unpacked/usr/bin
  export LD_LIBRARY_PATH=$unpacked/usr/lib/$arch:$unpacked/lib/$arch${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
  options+=("-DCMAKE_PREFIX_PATH=$unpacked/usr" "-DCMAKE_LIBRARY_ARCHITECTURE=$arch")
  # The files of pkg-config name the folder that they were packed for.
  mkdir -p "$build/pkgconfig"
  for file in "$unpacked/usr/lib/$arch/pkgconfig"/*.pc "$unpacked/usr/share/pkgconfig"/*.pc; do
    if [ -e "$file" ]; then
      sed "s|=/usr|=$unpacked/usr|" "$file" >"$build/pkgconfig/$(basename "$file")"
    fi
  done
  export PKG_CONFIG_PATH=$build/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
  # pkgconf's package is of links that may not survive the unpacking.
  if ! command -v pkg-config >/dev/null && command -v pkgconf >/dev/null; then
    PKG_CONFIG=$(command -v pkgconf)
    export PKG_CONFIG
  fi
fi
if command -v ninja >/dev/null && [ ! -e "$build/CMakeCache.txt" ]; then
  export CMAKE_GENERATOR=${CMAKE_GENERATOR:-Ninja}
fi
cmake -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=Release -DCLNORM_TESTS=OFF -DCLNORM_EXAMPLES=OFF "${options[@]}"
cmake --build "$build" --target clnorm_command --parallel "$(nproc)"

clnorm=$build/bin/clnorm
result=0
step()
{
  local file=$1
  shift
  printf '\n== clnorm %s (%d s) ==\n' "$*" "$SECONDS"
  if ! "$clnorm" "$@" 2>&1 | tee "$out/$file"; then
    echo "clnorm $1 failed" >&2
    result=1
  fi
}
if [ $# -eq 0 ]; then
  set -- --suite full
fi
step devices.txt devices
step check.txt check
step bench.txt bench --json "$out/bench.jsonl" --html "$out/bench.html" "$@"
if [ -s "$out/bench.jsonl" ] && python3 -c 'import torch' 2>/dev/null; then
  printf '\n== PyTorch (%d s) ==\n' "$SECONDS"
  python3 "$root/bench/peer_torch.py" --like "$out/bench.jsonl" >"$out/torch.jsonl" || result=1
else
  echo "PyTorch was not measured: this Python has none"
fi
exit "$result"
