#!/usr/bin/env bash
# Installs clnorm, moves the installed tree elsewhere, and builds and runs a user's project against it: once found by
# CMake, once by pkg-config.
#   usage: test_install.sh SOURCE BUILD WORK       BUILD is a configured and built tree; WORK is emptied first
set -euo pipefail
source=$1 build=$2 work=$3
rm -rf "$work"
mkdir -p "$work"
cmake --install "$build" --prefix "$work/first" >"$work/install.log"
mv "$work/first" "$work/moved"
if grep -rIl -e "$work/first" -e "$source" "$work/moved"; then
  echo "the files above hold an absolute path, so the tree cannot be moved" >&2
  exit 1
fi

if [ -e "$work/moved/bin/clnorm" ]; then
  env -u LD_LIBRARY_PATH "$work/moved/bin/clnorm" --version
fi
config=$(find "$work/moved" -name clnormConfig.cmake)
library=$(dirname "$(find "$work/moved" -name 'libclnorm.*' | head -n 1)")
export PKG_CONFIG_PATH=$library/pkgconfig LD_LIBRARY_PATH=$library${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}

cmake -S "$source/tests/consumer" -B "$work/cmake" -Dclnorm_DIR="$(dirname "$config")" >"$work/cmake.log"
cmake --build "$work/cmake" >>"$work/cmake.log"
"$work/cmake/consumer"

# Another minor version is another ABI before 1.0, so asking for one has to fail, for a newer as for an older.
for version in 0.99 0.0.1; do
  if cmake -S "$source/tests/consumer" -B "$work/other" -Dclnorm_DIR="$(dirname "$config")" \
    -DCONSUMER_VERSION=$version >"$work/other.log" 2>&1; then
    echo "find_package(clnorm $version) accepted this version" >&2
    exit 1
  fi
done

define=()
if [ -e "$work/moved/include/clnorm/opencl.h" ]; then
  define=(-DCONSUMER_OPENCL)
fi
# shellcheck disable=SC2046 # flags are words
"${CC:-cc}" -std=c11 -Wall -Wextra -Werror "${define[@]}" "$source/tests/consumer/consumer.c" -o "$work/by_pkg_config" \
  $(pkg-config --cflags --libs clnorm) -lm
"$work/by_pkg_config"
test "$(pkg-config --modversion clnorm)" = "$("$work/by_pkg_config" | sed -n 's/^clnorm \([0-9.]*\):.*/\1/p')"
