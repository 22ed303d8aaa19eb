#!/usr/bin/env bash
# include <- src <- host <- tools, bench, examples: nothing reads a header of a layer above its own, src/ reads no OpenCL
# header, and tools/, bench/ and examples/ read nothing internal of the library.
#   usage: test_layering.sh SOURCE
set -euo pipefail
cd "$1"
bad=0
complain() { echo "$*" >&2; bad=1; }

for file in src/*.c; do
  read=$("${CC:-cc}" -std=c11 -D_GNU_SOURCE -DCLNORM_BUILDING -Iinclude -Isrc -M "$file")
  if grep -qE '/CL/' <<<"$read"; then complain "$file reads an OpenCL header"; fi
done

internal=$(find src host -name '*.h' -printf '%f\n' | sort)
above_src=$(find host -name '*.h' -printf '%f\n' | sort)
includes() { grep -hoE '^ *# *include +"[^"]+"' "$@" 2>/dev/null | sed -E 's/.*"(.*\/)?([^"]+)"/\2/' | sort -u; }
for folder in tools bench examples; do
  found=$(comm -12 <(includes $(find $folder -name '*.[ch]')) <(printf '%s\n' "$internal"))
  if [ -n "$found" ]; then complain "$folder/ includes internal headers: $found"; fi
done
found=$(comm -12 <(includes src/*.[ch]) <(printf '%s\n' "$above_src"))
if [ -n "$found" ]; then complain "src/ includes headers of host/: $found"; fi

# One name, one file: an include or an error message that gives a name is never ambiguous.
twice=$(find include src host kernels tests bench tools examples -type f \( -name '*.[ch]' -o -name '*.cl' -o -name '*.sh' \) \
  -printf '%f\n' | sort | uniq -d)
if [ "$twice" ] && [ "$twice" != run.sh ]; then complain "names that several files have: $twice"; fi
exit $bad
