# What value tests cannot catch: guard pages, oclgrind, leaks, failing OpenCL calls, long runs, fork. Included by
# tests/CMakeLists.txt.
if(NOT TARGET clnorm_host)
  return()
endif()

# clnorm_hard_test(name timeout devices...): test_<name>.c on those of the devices that are there.
function(clnorm_hard_test name timeout)
  add_executable(test_${name} test_${name}.c)
  target_link_libraries(test_${name} PRIVATE clnorm_testing ${CMAKE_DL_LIBS})
  foreach(device ${ARGN})
    if(device IN_LIST devices)
      clnorm_register(${name}@${device} test_${name} ${device} ${timeout})
    endif()
  endforeach()
endfunction()

# clnorm_environment(name KEY=value...): adds to the environment of a registered test.
function(clnorm_environment name)
  if(TEST ${name})
    get_test_property(${name} ENVIRONMENT environment)
    set_tests_properties(${name} PROPERTIES ENVIRONMENT "${environment};${ARGN}")
  endif()
endfunction()

# The layer that the loader puts between the tests and the implementations.
add_library(counting_layer MODULE counting_layer.c)
target_include_directories(counting_layer PRIVATE ${OpenCL_INCLUDE_DIRS})
target_link_libraries(counting_layer PRIVATE clnorm_flags)
clnorm_hard_test(leaks 120 pocl)
clnorm_environment(leaks@pocl OPENCL_LAYERS=$<TARGET_FILE:counting_layer>)
add_dependencies(test_leaks counting_layer)
clnorm_hard_test(cost 120 pocl)
clnorm_environment(cost@pocl OPENCL_LAYERS=$<TARGET_FILE:counting_layer>)
add_dependencies(test_cost counting_layer)

# Guard pages: only on implementations that work on the host's own memory.
clnorm_hard_test(guard 180 cpu pocl)
target_sources(test_guard PRIVATE guarded.c)

# Kernels as other machines would run them; sanitizers do not see into kernels.
if(NOT CLNORM_SANITIZE)
  clnorm_hard_test(engines 240 pocl)
endif()

# oclgrind interprets the kernels. It loads itself before every library, as sanitizers do.
find_program(OCLGRIND oclgrind)
if(OCLGRIND AND NOT CLNORM_SANITIZE)
  add_executable(oclgrind_probe oclgrind_probe.c emulated_sub_groups.c)
  target_link_libraries(oclgrind_probe PRIVATE clnorm_internal clnorm_flags)
  add_test(NAME oclgrind COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/test_oclgrind.sh ${OCLGRIND}
                                 $<TARGET_FILE:oclgrind_probe>)
  set_tests_properties(oclgrind PROPERTIES TIMEOUT 300 LABELS oclgrind)
elseif(NOT OCLGRIND)
  message(STATUS "tests: oclgrind was not found (on Debian: apt install oclgrind), so kernels are not checked with it")
endif()

# Long runs. Sanitizers keep freed memory for a while, which is no growth.
if(NOT CLNORM_SANITIZE)
  clnorm_hard_test(soak 180 cpu pocl)
endif()

# No device, no program, a child of a fork. The child leaves its parent's objects alone, which sanitizers take for a leak.
clnorm_hard_test(refusals 120 pocl rusticl)
add_executable(forked forked.c)
target_link_libraries(forked PRIVATE clnorm clnorm_flags)
foreach(device pocl rusticl)
  if(device IN_LIST devices AND NOT CLNORM_SANITIZE)
    add_test(NAME forked@${device} COMMAND forked)
    set_tests_properties(forked@${device} PROPERTIES ENVIRONMENT "${environment_${device}}" TIMEOUT 60 LABELS ${device})
  endif()
endforeach()

# The cache of compiled programs: its files alone, then with programs in them.
if(CLNORM_HAVE_CACHE)
  clnorm_unit_test(cache_file)
  target_sources(test_cache_file PRIVATE cache_fixture.c)
  clnorm_hard_test(cache 300 pocl)
  target_sources(test_cache PRIVATE cache_fixture.c)
  target_sources(test_leaks PRIVATE cache_fixture.c)
  target_compile_definitions(test_leaks PRIVATE CLNORM_TEST_CACHE)
  # Many tests count the programs of a plan; on rusticl plans try several work-groups.
  if(rusticl IN_LIST devices)
    clnorm_register(cache@rusticl test_cache rusticl 300 "--filter=cache/@(a_second*|the_*)")
    set_tests_properties(cache@rusticl PROPERTIES PASS_REGULAR_EXPRESSION "Tested: 3 . Passing: 3 . Failing: 0 . Crashing: 0")
  endif()
endif()
