#!/usr/bin/env bash
# Sets up what is missing (Debian 12 packages, as root or with sudo), builds, runs the tests.
#   bash tests/run.sh                         what finds nearly everything, in about ten minutes on two cores
#   bash tests/run.sh --all                   all of it, before a release: 25 minutes
#   bash tests/run.sh ARGUMENTS FOR CTEST     some, such as -R plan or -V, in the first build
# The first build is the one that is used, in build/. The second has AddressSanitizer and no OpenCL, which is another program in
# places. Without --all the suites labelled `thorough` are left out, and two builds: one with the sanitizer and OpenCL (on PoCL;
# the suites that reach the most code with the least data), and one without either, in which a warning is an error.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "${1-}" = --all ] && [ $# -gt 1 ]; then
  echo "tests/run.sh: --all takes no other arguments" >&2
  exit 2
fi

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

# What a sanitizer makes slow and what sees no memory of its own.
slow='accuracy|cases|command_family|cpu_sets|large|plan|real_digits|samples|variants|verify'
with_sanitizer()
{
  build asan-cpu
  say "testing: with sanitizers, without OpenCL"
  run_tests asan-cpu -LE house -E "[+]|^(bench|$slow)"
}

build test
case ${1-} in
  '')
    say "testing: what is not labelled thorough"
    run_tests test -LE thorough
    with_sanitizer
    say "passed; --all has more: suites labelled thorough, sanitizers with OpenCL, the build without OpenCL"
    ;;
  --all)
    say "testing: everything"
    run_tests test -E '^(family|variants|walked_samples)@pocl[+]some$' # parts of what runs
    with_sanitizer
    build asan
    say "testing: with sanitizers, on the CPU and PoCL"
    run_tests asan -LE 'rusticl|house' \
      -E "[+]|^(batch@pocl|bench|cache@|command|engines|family@pocl|fused@pocl|guard|layer_family@pocl|leaks|measure|net_gradients|net_products|net_training|tune@|$slow)"
    build cpu
    say "testing: without OpenCL"
    run_tests cpu -R '^(house|example|command|bench|engine|layer|tune|batch@cpu$|arguments|measure|suite)'
    say "all passed"
    ;;
  *)
    say "testing: $*"
    run_tests test "$@"
    ;;
esac
