# Tests of the measuring engine and of `clnorm bench`.
foreach(name stats suite measure tuner verify compare chart_axis page)
  add_executable(test_${name} test_${name}.c)
  target_link_libraries(test_${name} PRIVATE clnorm_bench clnorm_flags PkgConfig::CRITERION m)
  clnorm_register(${name} test_${name} cpu 120)
endforeach()

pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
add_executable(bench_record bench_record.c)
target_link_libraries(bench_record PRIVATE clnorm_flags PkgConfig::JANSSON)
add_executable(bench_page bench_page.c)
target_link_libraries(bench_page PRIVATE clnorm_flags)

foreach(device ${devices})
  add_test(NAME bench@${device}
           COMMAND ${CLNORM_BASH} ${CMAKE_CURRENT_SOURCE_DIR}/test_bench.sh $<TARGET_FILE:clnorm_command>
                   $<TARGET_FILE:bench_record> "${wrong}" "${CLNORM_BENCH_PEERS}" $<TARGET_FILE:bench_page>
                   $<$<BOOL:${CLNORM_HAVE_CACHE}>:cache>)
  set_tests_properties(bench@${device} PROPERTIES ENVIRONMENT "${environment_${device}}" TIMEOUT 300 LABELS ${device})
  if(CLNORM_SANITIZE AND NOT device STREQUAL "cpu")
    # It compiles from nothing to time that, and LLVM never frees what it compiled with.
    set_property(TEST bench@${device} APPEND PROPERTY ENVIRONMENT "ASAN_OPTIONS=detect_leaks=0")
  endif()
endforeach()

# The search, and who tells of what it wrote.
add_executable(tuned_file tuned_file.c)
target_link_libraries(tuned_file PRIVATE clnorm clnorm_flags)
target_compile_definitions(tuned_file PRIVATE $<$<BOOL:${CLNORM_OPENCL}>:TUNED_OPENCL>)
foreach(device cpu pocl)
  if(device IN_LIST devices AND (NOT CLNORM_SANITIZE OR device STREQUAL "cpu"))
    add_test(NAME tune@${device}
             COMMAND ${CLNORM_BASH} ${CMAKE_CURRENT_SOURCE_DIR}/test_tune.sh $<TARGET_FILE:clnorm_command>
                     $<TARGET_FILE:tuned_file> "${wrong}")
    set_tests_properties(tune@${device} PROPERTIES ENVIRONMENT "${environment_${device}}" TIMEOUT 300 LABELS ${device})
  endif()
endforeach()
