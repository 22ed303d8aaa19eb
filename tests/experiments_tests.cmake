# Tests of clnorm-experiments: rule, data, files, and the command on a device.
foreach(name claim_rule data_files data_sets measures results)
  add_executable(test_${name} test_${name}.c)
  target_link_libraries(test_${name} PRIVATE clnorm_experiments clnorm_flags PkgConfig::CRITERION)
  clnorm_register(${name} test_${name} cpu 60)
endforeach()
target_sources(test_data_files PRIVATE memory_file.c)

# One device is enough for the command; the network kit is tested on all.
if("pocl" IN_LIST devices AND NOT CLNORM_SANITIZE)
  add_test(NAME experiments@pocl COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/test_experiments.sh
                                         $<TARGET_FILE:clnorm_experiments_command> "${CLNORM_TEST_DATA}")
  set_tests_properties(experiments@pocl PROPERTIES ENVIRONMENT "${environment_pocl}" TIMEOUT 300 LABELS pocl)
  add_test(NAME experiments_all@pocl COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/test_experiments_all.sh
                                             $<TARGET_FILE:clnorm_experiments_command> ${PROJECT_SOURCE_DIR})
  set_tests_properties(experiments_all@pocl PROPERTIES ENVIRONMENT "${environment_pocl}" TIMEOUT 300 LABELS pocl)
endif()
