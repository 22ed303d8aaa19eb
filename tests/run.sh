#!/usr/bin/env bash
# Sets up what is missing (Debian 12 packages, as root or with sudo), builds, runs all the tests.
#   usage: bash tests/run.sh [arguments for ctest]
# Without arguments three builds are tested: the one that is used, in build/, with all suites; one with AddressSanitizer (the
# suites that reach the most code with the least data), and one without OpenCL (those that are another program there).
# `cmake --workflow --preset asan` and `--preset cpu` run all of them. With arguments, such as -R plan or -V, only the first.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\n== %s (%d s) ==\n' "$*" "$SECONDS"; }

bash cmake/setup-debian.sh test
if command -v ninja >/dev/null; then
  export CMAKE_GENERATOR=${CMAKE_GENERATOR:-Ninja}
fi
jobs=$(nproc)
# What drivers compile for the first build's tests serves the others too.
compiled=$PWD/build/tests/compiled
build()
{
  say "building: preset $1"
  cmake --preset "$1" -D "CLNORM_TEST_CACHE=$compiled"
  cmake --build --preset "$1" --parallel "$jobs"
}
run_tests() { ctest --preset "$1" --parallel "$jobs" "${@:2}"; }

build test
say "testing: everything"
run_tests test "$@"
if [ $# -eq 0 ]; then
  build asan
  say "testing: with sanitizers, on the CPU and PoCL"
  run_tests asan -LE 'rusticl|house' -E '[+]|^(accuracy|batch@pocl|bench|cache@|cases|command|cpu_sets|engines|family@pocl|fused@pocl|guard|large|layer_family@pocl|leaks|measure|net_gradients|net_training|oclgrind|plan|real_digits|samples|tune@|variants|verify)'
  build cpu
  say "testing: without OpenCL"
  run_tests cpu -R '^(house|example|command|bench|engine|layer|tune|batch@cpu$|arguments|measure|suite)'
  say "all passed"
fi
