# What is installed: the command, the library, the plugins, the three headers, and what other projects find them by.
include(CMakePackageConfigHelpers)

set_target_properties(tenon_abi PROPERTIES EXPORT_NAME abi)
install(TARGETS tenon tenon_abi EXPORT TenonTargets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS tenon_tool RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES core/tenon.h abi/tenon_abi.h abi/tenon_ops.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
# Each plugin installs itself, to ${CMAKE_INSTALL_LIBDIR}/${TENON_PLUGIN_SUBDIR}; where, others learn from both files.

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/Tenon)
install(EXPORT TenonTargets NAMESPACE Tenon:: DESTINATION ${package_dir})
set(plugin_dir ${CMAKE_INSTALL_LIBDIR}/${TENON_PLUGIN_SUBDIR})
configure_package_config_file(cmake/TenonConfig.cmake.in ${PROJECT_BINARY_DIR}/cmake/TenonConfig.cmake
  INSTALL_DESTINATION ${package_dir} PATH_VARS plugin_dir)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/cmake/TenonConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/cmake/TenonConfig.cmake ${PROJECT_BINARY_DIR}/cmake/TenonConfigVersion.cmake
  DESTINATION ${package_dir})

# The prefix is told relative to the file itself, so that an installed tree may be moved.
file(RELATIVE_PATH to_prefix /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
string(REGEX REPLACE "/$" "" to_prefix "${to_prefix}")
configure_file(cmake/tenon.pc.in ${PROJECT_BINARY_DIR}/cmake/tenon.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/cmake/tenon.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
