#!/usr/bin/env bash
# oclgrind over every kernel: its log has to stay empty, because it ends with 0 whatever it finds.
#   usage: test_oclgrind.sh OCLGRIND PROBE
set -euo pipefail
oclgrind=$1
probe=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# look LOG ARGUMENTS...
look() { "$oclgrind" --data-races --uninitialized --check-api --max-errors 50 --log "$folder/$1" "$probe" "${@:2}"; }

# That it finds what it is there for.
look planted --planted
for finding in 'data race' 'Invalid write' 'uninitialized'; do
  if ! grep -q "$finding" "$folder/planted"; then
    echo "oclgrind did not tell the planted $finding:" >&2
    cat "$folder/planted" >&2
    exit 1
  fi
done

look kernels
if [ -s "$folder/kernels" ]; then
  head -n 60 "$folder/kernels" >&2
  exit 1
fi
echo "nothing found"
