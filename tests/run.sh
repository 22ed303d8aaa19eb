#!/usr/bin/env bash
# Sets up what is missing (Debian 12 packages, as root or with sudo), builds, runs the tests.
#   bash tests/run.sh                         what finds nearly everything, in about ten minutes on two cores
#   bash tests/run.sh --all                   all of it, before a release: 25 minutes
#   bash tests/run.sh ARGUMENTS FOR CTEST     some, such as -R plan or -V, in the first build
# The first build is the one that is used, in build/. Without --all the suites labelled `thorough` are left out, and a second
# build has AddressSanitizer and no OpenCL, which is another program in places. With --all these are two: one with the
# sanitizer, on PoCL too (the suites that reach the most code with the least data), and one without OpenCL.
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

# What a sanitizer makes slow and what sees no memory of its own.
slow='accuracy|cases|command_family|cpu_sets|large|plan|real_digits|samples|variants|verify'
build test
case ${1-} in
  '')
    say "testing: everything but what is labelled thorough"
    run_tests test -LE thorough
    build asan-cpu
    say "testing: with sanitizers, without OpenCL"
    run_tests asan-cpu -LE house -E "[+]|^(bench|$slow)"
    say "all passed; the suites labelled thorough were left out"
    ;;
  --all)
    say "testing: everything"
    run_tests test -E '[+]some$'
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
