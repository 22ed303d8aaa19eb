# The suites about results once more with each variant in turn, wherever it applies: accuracy@pocl+split. Included by
# tests/CMakeLists.txt.

# The part of the names in the table of variants after rows_ and columns_. test_variants.c compares it with the table.
set(variants apply whole split samples general)
list(JOIN variants "," variants_text)
target_compile_definitions(test_variants PRIVATE TEST_VARIANTS="${variants_text}")

foreach(device cpu pocl)
  foreach(variant ${variants})
    # Element-wise passes have no other: they are run by the suites as they are. Samples are nothing of batch normalization's: the
    # suites `samples` and `family` are about them.
    if(NOT device IN_LIST devices OR variant STREQUAL "apply" OR variant STREQUAL "samples")
      continue()
    endif()
    foreach(name batch accuracy cases determinism gradients inplace running)
      # The general variant takes its time, and long statistics are nothing else to it.
      set(filter "")
      if(name STREQUAL "cases" AND variant STREQUAL "general")
        set(filter "--filter=cases/!(large_*)")
      endif()
      clnorm_register(${name}@${device}+${variant} test_${name} ${device} 300 ${filter})
      if(filter)
        set_tests_properties(${name}@${device}+${variant} PROPERTIES
                             PASS_REGULAR_EXPRESSION "Tested: 6 . Passing: 6 . Failing: 0 . Crashing: 0")
      endif()
      set_property(TEST ${name}@${device}+${variant} APPEND PROPERTY ENVIRONMENT "CLNORM_TEST_VARIANT=${variant}")
    endforeach()
  endforeach()
endforeach()

# From a cold cache PoCL compiles some hundred programs for it.
if(TEST variants@pocl)
  set_tests_properties(variants@pocl PROPERTIES TIMEOUT 600)
endif()
