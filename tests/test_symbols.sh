#!/usr/bin/env bash
# The shared library exports what the headers declare and nothing else.
#   usage: test_symbols.sh SOURCE LIBRARY ON|OFF   with or without opencl.h
set -euo pipefail
source=$1 library=$2 opencl=$3
headers=("$source/include/clnorm/clnorm.h" "$source/include/clnorm/layer.h" "$source/include/clnorm/tuning.h")
if [ "$opencl" = ON ]; then
  headers+=("$source/include/clnorm/opencl.h")
fi
declared=$(cat "${headers[@]}" | tr '\n' ' ' | grep -oE 'CLNORM_API [a-z][^;(]*\(' | grep -oE 'clnorm_[a-z0-9_]+ *\($' |
  tr -d ' (' | sort -u)
exported=$(nm -D --defined-only "$library" | awk '{print $NF}' | sort -u)
if ! diff <(echo "$declared") <(echo "$exported"); then
  echo "the lines above differ: < declared in a header but not exported, > exported but not declared" >&2
  exit 1
fi
echo "$(echo "$exported" | wc -l) symbols, all declared, all prefixed"
if echo "$exported" | grep -vE '^clnorm_[a-z]'; then
  exit 1
fi
