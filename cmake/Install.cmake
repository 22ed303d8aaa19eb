# What `cmake --install` puts where. The installed tree may be moved afterwards: nothing in it holds an absolute path.
include(CMakePackageConfigHelpers)

set(clnorm_headers include/clnorm/clnorm.h include/clnorm/layer.h include/clnorm/tuning.h)
if(CLNORM_OPENCL)
  list(APPEND clnorm_headers include/clnorm/opencl.h)
endif()
install(FILES ${clnorm_headers} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/clnorm COMPONENT development)
install(TARGETS clnorm EXPORT clnormTargets
        RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT runtime
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT development
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)

# CMake: find_package(clnorm), target clnorm::clnorm.
set(clnorm_cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/clnorm)
set(CLNORM_FIND_OPENMP OFF)
if(clnorm_type STREQUAL "STATIC_LIBRARY" AND TARGET OpenMP::OpenMP_C)
  set(CLNORM_FIND_OPENMP ON)
endif()
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/clnormConfig.cmake.in
                              ${PROJECT_BINARY_DIR}/cmake/clnormConfig.cmake INSTALL_DESTINATION ${clnorm_cmake_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/cmake/clnormConfigVersion.cmake
                                 VERSION ${PROJECT_VERSION} COMPATIBILITY SameMinorVersion)
install(EXPORT clnormTargets NAMESPACE clnorm:: DESTINATION ${clnorm_cmake_dir} COMPONENT development)
install(FILES ${PROJECT_BINARY_DIR}/cmake/clnormConfig.cmake ${PROJECT_BINARY_DIR}/cmake/clnormConfigVersion.cmake
        DESTINATION ${clnorm_cmake_dir} COMPONENT development)

# pkg-config: clnorm.pc. A static library's own dependencies have to be in Libs: there is no shared one to carry them.
set(clnorm_pc_private "-lm")
if(TARGET OpenMP::OpenMP_C)
  string(APPEND clnorm_pc_private " ${OpenMP_C_FLAGS}")
endif()
set(clnorm_pc_libs "")
set(clnorm_pc_cflags "")
if(CLNORM_OPENCL)
  set(clnorm_pc_libs " -lOpenCL")
  string(APPEND clnorm_pc_private " -pthread")
endif()
if(clnorm_type STREQUAL "STATIC_LIBRARY")
  string(APPEND clnorm_pc_libs " ${clnorm_pc_private}")
  set(clnorm_pc_private "")
  set(clnorm_pc_cflags " -DCLNORM_STATIC")
endif()
file(RELATIVE_PATH clnorm_pc_prefix /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
string(REGEX REPLACE "/$" "" clnorm_pc_prefix "${clnorm_pc_prefix}")
configure_file(${PROJECT_SOURCE_DIR}/cmake/clnorm.pc.in ${PROJECT_BINARY_DIR}/cmake/clnorm.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/cmake/clnorm.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)
