# CLNORM_SANITIZE: one sanitizer for every target of the build, tests included, because mixing does not work.
if(CLNORM_SANITIZE STREQUAL "address")
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
elseif(CLNORM_SANITIZE STREQUAL "thread")
  add_compile_options(-fsanitize=thread -fno-omit-frame-pointer)
  add_link_options(-fsanitize=thread)
elseif(CLNORM_SANITIZE)
  message(FATAL_ERROR "CLNORM_SANITIZE: expected address, thread or nothing, got ${CLNORM_SANITIZE}")
endif()

# clnorm_program_test(name target label): a test that runs a program which picks its OpenCL device itself. Under a sanitizer
# that is PoCL, the one driver which is clean with it, and only once its cache is warm: LLVM never frees what it compiled
# with. So there the program runs twice, first without looking for leaks.
function(clnorm_program_test name target label)
  add_test(NAME ${name} COMMAND ${target})
  set_tests_properties(${name} PROPERTIES TIMEOUT 120 LABELS ${label})
  if(NOT CLNORM_SANITIZE)
    return()
  endif()
  set(cache ${CMAKE_CURRENT_BINARY_DIR}/pocl-cache)
  file(MAKE_DIRECTORY ${cache})
  set(environment "OCL_ICD_VENDORS=/etc/OpenCL/vendors/pocl.icd;POCL_CACHE_DIR=${cache}")
  add_test(NAME ${name}_cold COMMAND ${target})
  set_tests_properties(${name}_cold PROPERTIES TIMEOUT 120 LABELS ${label} FIXTURES_SETUP ${name}_cache
                       ENVIRONMENT "${environment};ASAN_OPTIONS=detect_leaks=0")
  set_tests_properties(${name} PROPERTIES FIXTURES_REQUIRED ${name}_cache ENVIRONMENT "${environment}")
endfunction()
