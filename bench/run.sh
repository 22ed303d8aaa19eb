#!/usr/bin/env bash
# Sets up what is missing (Debian 12 packages, as root or with sudo), builds into build/, then lists, checks and benchmarks
# every OpenCL device of the machine (PoCL where there is no GPU) and the CPU backend.
#   usage: bash bench/run.sh [options of clnorm bench]
#   bash bench/run.sh --data DIR               MNIST's IDX files of DIR as input of the check and the benchmark
#   bash bench/run.sh --suite full --peers onednn --json results.jsonl --html results.html
# Ends with 0 only if everything did.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

say() { printf '\n== %s (%d s) ==\n' "$*" "$SECONDS"; }

# What the caller says wins over what is assumed here; the check takes the device and the data, too.
check=()
device=(--device all)
suite=(--suite quick)
arguments=("$@")
for ((i = 0; i < $#; i++)); do
  case ${arguments[i]} in
    --help | -h) sed -n '2,8s/^# \{0,1\}//p' "$0" ; exit 0 ;;
    --device | --data) check+=("${arguments[i]}" "${arguments[i + 1]-}") ;;
    --device=* | --data=*) check+=("${arguments[i]}") ;;
  esac
  case ${arguments[i]} in
    --device | --device=*) device=() ;;
    --backend=cpu) device=(--device cpu) ;;
    --backend) [ "${arguments[i + 1]-}" != cpu ] || device=(--device cpu) ;;
    --suite | --suite=* | --shape | --shape=* | --calls) suite=() ;;
  esac
done

bash "$root/cmake/setup-debian.sh" build
if command -v ninja >/dev/null && [ ! -e "$root/build/CMakeCache.txt" ]; then
  export CMAKE_GENERATOR=${CMAKE_GENERATOR:-Ninja}
fi
say "building"
(cd "$root" && cmake --preset demo && cmake --build build --target clnorm_command --parallel "$(nproc)")

# All of them run, also after one that failed.
clnorm=$root/build/bin/clnorm
result=0
step()
{
  local code=0
  say "clnorm $*"
  "$clnorm" "$@" || code=$?
  if [ "$code" -ne 0 ]; then
    echo "clnorm $1 ended with $code" >&2
    result=1
  fi
}
step devices
step check --quick "${device[@]}" "${check[@]}"
step bench "${suite[@]}" "${device[@]}" "$@"
say "done"
exit "$result"
