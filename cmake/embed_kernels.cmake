# Turns OpenCL sources into one C file, so that the library carries them: no path at run time, no tool but CMake.
#   cmake -DOUTPUT=kernel_sources.c -P embed_kernels.cmake -- common.h rows_train.cl ...
# Each text becomes an array of bytes, because C99 promises only 4095 characters to a string literal.

set(files "")
set(after_dashes FALSE)
foreach(index RANGE ${CMAKE_ARGC})
  if(after_dashes AND NOT "${CMAKE_ARGV${index}}" STREQUAL "")
    list(APPEND files "${CMAKE_ARGV${index}}")
  elseif("${CMAKE_ARGV${index}}" STREQUAL "--")
    set(after_dashes TRUE)
  endif()
endforeach()
if(NOT OUTPUT OR NOT files)
  message(FATAL_ERROR "usage: cmake -DOUTPUT=FILE -P embed_kernels.cmake -- FILE...")
endif()

set(arrays "")
set(table "")
foreach(file IN LISTS files)
  get_filename_component(stem "${file}" NAME_WE)
  if(NOT stem MATCHES "^[a-z][a-z0-9_]*$")
    message(FATAL_ERROR "${file}: the stem names a kernel and has to be a lower-case identifier")
  endif()
  file(READ "${file}" hex HEX)
  # Drivers differ in what they accept beyond ASCII, even in comments. Bytes, not nibbles: match pairs.
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  if(bytes MATCHES "0x[89a-f]")
    message(FATAL_ERROR "${file}: OpenCL sources have to be plain ASCII")
  endif()
  string(REPLACE "0x0a," "0x0a,\n" bytes "${bytes}")
  string(APPEND arrays "static const char text_${stem}[] = {\n${bytes}0x00};\n\n")
  string(APPEND table "    {\"${stem}\", text_${stem}},\n")
endforeach()

list(LENGTH files count)
set(content "/* Made by cmake/embed_kernels.cmake from the files in kernels/: change those. */
#include \"kernel_sources.h\"

${arrays}const clnorm__kernel_source clnorm__kernel_sources[] = {
${table}};

const size_t clnorm__kernel_sources_count = ${count};
")
file(WRITE "${OUTPUT}" "${content}")
