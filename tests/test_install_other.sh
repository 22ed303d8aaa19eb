#!/usr/bin/env bash
# Builds the library in the kind that the main build has not (static for shared, shared for static, and not optimized), then tests what is
# installed of it as test_install.sh does.
#   usage: test_install_other.sh SOURCE WORK ON|OFF TYPE     with or without OpenCL; the main build's type of library
set -euo pipefail
source=$1 work=$2 opencl=$3 type=$4
shared=ON
if [ "$type" = SHARED_LIBRARY ]; then
  shared=OFF
fi
cmake -S "$source" -B "$work" -DBUILD_SHARED_LIBS=$shared -DCLNORM_OPENCL="$opencl" -DCLNORM_TESTS=OFF \
  -DCLNORM_TOOLS=OFF -DCLNORM_EXAMPLES=OFF -DCMAKE_BUILD_TYPE=Debug
cmake --build "$work" --parallel 2
exec bash "$source/tests/test_install.sh" "$source" "$work" "$work/installed"
