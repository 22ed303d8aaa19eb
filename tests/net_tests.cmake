# The network kit of examples/net. It is linked as its users link it: with the library, not with its internals.
foreach(name net_gradients net_training net_values)
  add_executable(test_${name} test_${name}.c net_gradient.c)
  target_link_libraries(test_${name} PRIVATE clnorm_net clnorm_flags PkgConfig::CRITERION)
endforeach()

set(net_devices ${devices})
list(REMOVE_ITEM net_devices cpu)
foreach(device ${net_devices})
  clnorm_register(net_gradients@${device} test_net_gradients ${device} 300)
  if(NOT device STREQUAL "rusticl") # hundreds of steps, of 40 ms each there
    clnorm_register(net_training@${device} test_net_training ${device} 300)
  endif()
  # Products in the tiles of the experiments, which PoCL compiles for 40 seconds, are a test of their own.
  clnorm_register(net_values@${device} test_net_values ${device} 300 "--filter=net_values/!(tuned_*)")
  set_tests_properties(net_values@${device} PROPERTIES FAIL_REGULAR_EXPRESSION "Tested: 0 ")
  clnorm_register(net_products@${device} test_net_values ${device} 300 "--filter=net_values/tuned_*")
  set_tests_properties(net_products@${device} PROPERTIES
                       PASS_REGULAR_EXPRESSION "Tested: 1 . Passing: 1 . Failing: 0 . Crashing: 0")
endforeach()
