# Tests of the clnorm command and of its readers of files.
foreach(name npy idx)
  add_executable(test_${name} test_${name}.c memory_file.c)
  target_link_libraries(test_${name} PRIVATE clnorm_files clnorm_flags PkgConfig::CRITERION)
  clnorm_register(${name} test_${name} cpu 120)
endforeach()

add_executable(test_numbers test_numbers.c ${PROJECT_SOURCE_DIR}/tools/numbers.c)
target_include_directories(test_numbers PRIVATE ${PROJECT_SOURCE_DIR}/tools)
target_link_libraries(test_numbers PRIVATE clnorm_flags PkgConfig::CRITERION m)
clnorm_register(numbers test_numbers cpu 60)

add_executable(test_check_pool test_check_pool.c ${PROJECT_SOURCE_DIR}/tools/check_pool.c)
target_include_directories(test_check_pool PRIVATE ${PROJECT_SOURCE_DIR}/tools)
target_compile_definitions(test_check_pool PRIVATE CLNORM_HAVE_OPENCL=$<BOOL:${CLNORM_OPENCL}>)
target_link_libraries(test_check_pool PRIVATE clnorm::clnorm clnorm_flags PkgConfig::CRITERION Threads::Threads)
clnorm_register(check_pool test_check_pool cpu 60)

set(engine_sources device_choice.c engine.c message.c)
if(TARGET clnorm_host)
  list(APPEND engine_sources engine_device.c)
endif()
list(TRANSFORM engine_sources PREPEND ${PROJECT_SOURCE_DIR}/tools/)
add_executable(test_engine_arguments test_engine_arguments.c guarded.c ${engine_sources})
target_include_directories(test_engine_arguments PRIVATE ${PROJECT_SOURCE_DIR}/tools)
target_compile_definitions(test_engine_arguments PRIVATE CLNORM_HAVE_OPENCL=$<BOOL:${CLNORM_OPENCL}>)
target_link_libraries(test_engine_arguments PRIVATE clnorm::clnorm clnorm_oracle clnorm_flags PkgConfig::CRITERION m)
foreach(device ${devices})
  clnorm_register(engine_arguments@${device} test_engine_arguments ${device} 120)
endforeach()

foreach(device ${devices})
  # Under a sanitizer only PoCL's driver is clean, and only once its cache is warm: there the script runs twice, first
  # without looking for leaks.
  if(CLNORM_SANITIZE AND NOT device MATCHES "^(cpu|pocl)$")
    continue()
  endif()
  set(script bash ${CMAKE_CURRENT_SOURCE_DIR}/test_command.sh $<TARGET_FILE:clnorm_command>
             $<IF:$<BOOL:${CLNORM_HAVE_CACHE}>,cache,none> ${CLNORM_TEST_DATA})
  add_test(NAME command@${device} COMMAND ${script})
  set_tests_properties(command@${device} PROPERTIES ENVIRONMENT "${environment_${device}}" TIMEOUT 300 LABELS ${device})
  if(CLNORM_SANITIZE AND device STREQUAL "pocl")
    add_test(NAME command_cold@${device} COMMAND ${script})
    set_tests_properties(command_cold@${device} PROPERTIES
                         ENVIRONMENT "${environment_${device}};ASAN_OPTIONS=detect_leaks=0" TIMEOUT 300 LABELS ${device}
                         FIXTURES_SETUP command_cache)
    set_tests_properties(command@${device} PROPERTIES FIXTURES_REQUIRED command_cache)
  endif()
  add_test(NAME command_family@${device} COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/test_family.sh
                                                 $<TARGET_FILE:clnorm_command>)
  set_tests_properties(command_family@${device} PROPERTIES ENVIRONMENT "${environment_${device}}" TIMEOUT 300
                       LABELS ${device})
  add_test(NAME command_check@${device} COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/test_check.sh
                                                $<TARGET_FILE:clnorm_command> "${wrong}")
  set_tests_properties(command_check@${device} PROPERTIES ENVIRONMENT "${environment_${device}}" TIMEOUT 300
                       LABELS ${device})
  if(CLNORM_SANITIZE AND NOT device STREQUAL "cpu")
    # LLVM never frees what it compiled with.
    set_property(TEST command_check@${device} APPEND PROPERTY ENVIRONMENT "ASAN_OPTIONS=detect_leaks=0")
  endif()
endforeach()
