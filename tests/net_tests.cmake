# The network kit of examples/net. It is linked as its users link it: with the library, not with its internals.
# clnorm_net_test(name [but]): test_<name>.c, once for each OpenCL device but that one.
function(clnorm_net_test name)
  add_executable(test_${name} test_${name}.c net_gradient.c)
  target_link_libraries(test_${name} PRIVATE clnorm_net clnorm_flags PkgConfig::CRITERION)
  foreach(device ${devices})
    if(NOT device STREQUAL "cpu" AND NOT device STREQUAL "${ARGV1}")
      clnorm_register(${name}@${device} test_${name} ${device} 300)
    endif()
  endforeach()
endfunction()
clnorm_net_test(net_gradients)
clnorm_net_test(net_training rusticl) # hundreds of steps, of 40 ms each there
clnorm_net_test(net_values)
