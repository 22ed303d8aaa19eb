#!/usr/bin/env bash
# Sets up what is missing (Debian 12 packages, as root or with sudo), builds, runs all the tests.
#   usage: bash tests/run.sh [arguments for ctest]
# Without arguments three builds are tested: without OpenCL and with AddressSanitizer (the suites that reach the most code
# with the least data; `cmake --workflow --preset cpu` and `--preset asan` run all), and the one that is used, in build/.
# With arguments, such as -R plan or -V, only the last.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\n== %s (%d s) ==\n' "$*" "$SECONDS"; }

bash cmake/setup-debian.sh test
if command -v ninja >/dev/null; then
  export CMAKE_GENERATOR=${CMAKE_GENERATOR:-Ninja}
fi
jobs=$(nproc)
build()
{
  say "building: preset $1"
  cmake --preset "$1"
  cmake --build --preset "$1" --parallel "$jobs"
}
run_tests() { ctest --preset "$1" --parallel "$jobs" "${@:2}"; }

if [ $# -eq 0 ]; then
  build cpu
  say "testing: without OpenCL"
  run_tests cpu -E '[+]|^(cpu_sets|large|samples|variants)'
  build asan
  say "testing: with sanitizers, on the CPU and PoCL"
  run_tests asan -LE 'rusticl|house' -E '[+]|^(accuracy|batch@pocl|bench|cache@|cases|command|cpu_sets|engines|family@pocl|fused@pocl|guard|large|layer_family@pocl|leaks|measure|net_gradients|net_training|oclgrind|real_digits|samples|tune@|variants|verify)'
fi
build test
say "testing: everything"
run_tests test "$@"
