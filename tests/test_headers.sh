#!/usr/bin/env bash
# Each public header compiles alone, first in its file, as C11 and as C++11, without a warning; clnorm.h, layer.h and
# tuning.h need nothing but the C standard library.
#   usage: test_headers.sh SOURCE ON|OFF           with or without opencl.h
set -euo pipefail
include=$1/include opencl=$2
headers=(clnorm/clnorm.h clnorm/layer.h clnorm/tuning.h)
if [ "$opencl" = ON ]; then
  headers+=(clnorm/opencl.h)
fi
warnings=(-Wall -Wextra -Wpedantic -Werror -fsyntax-only -I"$include")
for header in "${headers[@]}"; do
  for times in 1 2; do
    text=$(printf "#include \"$header\"\n%.0s" $(seq $times))
    "${CC:-cc}" -std=c11 -Wstrict-prototypes "${warnings[@]}" -x c - <<<"$text"
    "${CXX:-c++}" -std=c++11 "${warnings[@]}" -x c++ - <<<"$text"
  done
  echo "$header: C and C++"
done
for header in clnorm/clnorm.h clnorm/layer.h clnorm/tuning.h; do
  if echo "#include \"$header\"" | "${CC:-cc}" -std=c11 -I"$include" -M -x c - | grep -E '/CL/'; then
    echo "$header must not need OpenCL" >&2
    exit 1
  fi
done

# From C++ too every function has its C name.
object=$(mktemp)
trap 'rm -f "$object"' EXIT
functions=$(cd "$include" && cat "${headers[@]}" | tr '\n' ' ' | grep -oE 'CLNORM_API [a-z][^;(]*\(' |
  grep -oE 'clnorm_[a-z0-9_]+ *\($' | tr -d ' (' | sort -u)
{
  printf '#include "%s"\n' "${headers[@]}"
  echo 'extern void (*const all[])(void); void (*const all[])(void) = {'
  for function in $functions; do echo "(void (*)(void))&$function,"; done
  echo '};'
} | "${CXX:-c++}" -std=c++11 -I"$include" -c -o "$object" -x c++ -
if ! diff <(echo "$functions") <(nm -u "$object" | awk '{print $NF}' | sort -u); then
  echo "the lines above differ: < declared, > what C++ would link" >&2
  exit 1
fi
