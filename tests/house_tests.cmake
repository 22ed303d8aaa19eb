# Tests of the house: what is installed, exported and written about the library. Included by tests/CMakeLists.txt.
find_program(CLNORM_BASH bash REQUIRED)

function(clnorm_script_test name timeout)
  add_test(NAME ${name} COMMAND ${CLNORM_BASH} ${CMAKE_CURRENT_SOURCE_DIR}/${ARGN})
  set_tests_properties(${name} PROPERTIES TIMEOUT ${timeout} LABELS house
                       ENVIRONMENT "CC=${CMAKE_C_COMPILER};CMAKE_GENERATOR=${CMAKE_GENERATOR}")
endfunction()

clnorm_script_test(house_headers 120 test_headers.sh ${PROJECT_SOURCE_DIR} ${CLNORM_OPENCL})
clnorm_script_test(house_layering 120 test_layering.sh ${PROJECT_SOURCE_DIR})
clnorm_script_test(house_docs 60 test_docs.sh ${PROJECT_SOURCE_DIR})

# A sanitizer's runtime adds symbols of its own and asks the same of whoever links the library.
if(NOT CLNORM_SANITIZE)
  if(clnorm_type STREQUAL "SHARED_LIBRARY")
    clnorm_script_test(house_symbols 60 test_symbols.sh ${PROJECT_SOURCE_DIR} $<TARGET_FILE:clnorm> ${CLNORM_OPENCL})
  endif()
  clnorm_script_test(house_install 240 test_install.sh ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR}
                     ${CMAKE_CURRENT_BINARY_DIR}/installed)
  # The other kind of library, from a build of its own.
  clnorm_script_test(house_install_other 400 test_install_other.sh ${PROJECT_SOURCE_DIR}
                     ${CMAKE_CURRENT_BINARY_DIR}/other ${CLNORM_OPENCL} ${clnorm_type})
endif()

# The README's programs compile and run: the first on a device, the second on the CPU backend.
function(clnorm_readme_test index)
  set(example ${CMAKE_CURRENT_BINARY_DIR}/readme_example_${index}.c)
  set(script ${PROJECT_SOURCE_DIR}/cmake/extract_example.cmake)
  add_custom_command(
    OUTPUT ${example}
    COMMAND ${CMAKE_COMMAND} -DPAGE=${PROJECT_SOURCE_DIR}/README.md -DINDEX=${index} -DOUTPUT=${example} -P ${script}
    DEPENDS ${PROJECT_SOURCE_DIR}/README.md ${script}
    VERBATIM)
  add_executable(readme_example_${index} ${example})
  target_link_libraries(readme_example_${index} PRIVATE clnorm clnorm_flags)
  clnorm_program_test(house_readme_example_${index} readme_example_${index} house)
endfunction()
if(CLNORM_OPENCL)
  clnorm_readme_test(1)
endif()
clnorm_readme_test(2)

# What threads may share; the one test that ThreadSanitizer can run.
add_executable(races races.c)
target_link_libraries(races PRIVATE clnorm clnorm_flags Threads::Threads)
target_compile_definitions(races PRIVATE $<$<BOOL:${CLNORM_OPENCL}>:RACES_OPENCL>)
clnorm_program_test(races races house)
