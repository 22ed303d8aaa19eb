# clnorm_embed_kernels(target file...)
#   Adds to the target a C file with the texts of the given OpenCL sources; made again whenever one of them changes.
#   It defines  const clnorm__kernel_source clnorm__kernel_sources[]  (name = the file's stem) and
#   const size_t clnorm__kernel_sources_count,  and includes kernel_sources.h, which the target has to find.
#   Call it in the folder that defines the target.

set(CLNORM_EMBED_SCRIPT "${CMAKE_CURRENT_LIST_DIR}/embed_kernels.cmake")

function(clnorm_embed_kernels target)
  set(output "${CMAKE_CURRENT_BINARY_DIR}/kernel_sources.c")
  set(files "")
  foreach(file IN LISTS ARGN)
    get_filename_component(path "${file}" ABSOLUTE)
    list(APPEND files "${path}")
  endforeach()
  add_custom_command(
    OUTPUT "${output}"
    COMMAND "${CMAKE_COMMAND}" "-DOUTPUT=${output}" -P "${CLNORM_EMBED_SCRIPT}" -- ${files}
    DEPENDS ${files} "${CLNORM_EMBED_SCRIPT}"
    COMMENT "Embedding the OpenCL kernels"
    VERBATIM)
  target_sources(${target} PRIVATE "${output}")
endfunction()
