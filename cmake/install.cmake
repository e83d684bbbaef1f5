# What is installed: the command, the library, the headers, what other projects find them by, and what plugins are made
# with. Each component is a Debian package of that name: packages.cmake. Plugins install themselves: TenonPlugin.cmake.
include(CMakePackageConfigHelpers)

set_target_properties(tenon_abi PROPERTIES EXPORT_NAME abi)
install(TARGETS tenon tenon_abi EXPORT TenonTargets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT libtenon NAMELINK_COMPONENT libtenon-dev)
install(TARGETS tenon_tool RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT tenon)
# The folder of plugins is there from the start, so that plugins are looked for nowhere else.
set(plugin_dir ${CMAKE_INSTALL_LIBDIR}/${TENON_PLUGIN_SUBDIR})
install(DIRECTORY DESTINATION ${plugin_dir} COMPONENT libtenon)

# From here on, all is for those who build on Tenon.
set(CMAKE_INSTALL_DEFAULT_COMPONENT_NAME libtenon-dev)
install(FILES core/tenon.h abi/tenon_abi.h abi/tenon_ops.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/Tenon)
install(EXPORT TenonTargets NAMESPACE Tenon:: DESTINATION ${package_dir})
configure_package_config_file(cmake/TenonConfig.cmake.in ${PROJECT_BINARY_DIR}/cmake/TenonConfig.cmake
  INSTALL_DESTINATION ${package_dir} PATH_VARS plugin_dir CMAKE_INSTALL_BINDIR)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/cmake/TenonConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/cmake/TenonConfig.cmake ${PROJECT_BINARY_DIR}/cmake/TenonConfigVersion.cmake
  cmake/TenonPlugin.cmake DESTINATION ${package_dir})

# The prefix is told relative to the file itself, so that an installed tree may be moved.
file(RELATIVE_PATH to_prefix /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
string(REGEX REPLACE "/$" "" to_prefix "${to_prefix}")
configure_file(cmake/tenon.pc.in ${PROJECT_BINARY_DIR}/cmake/tenon.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/cmake/tenon.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

install(PROGRAMS tools/new-plugin DESTINATION ${CMAKE_INSTALL_BINDIR} RENAME tenon-new-plugin)
install(DIRECTORY abi/template/ DESTINATION ${CMAKE_INSTALL_DATADIR}/tenon/template)
install(FILES abi/WRITING_A_PLUGIN.md abi/README.md DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/libtenon-dev)
unset(CMAKE_INSTALL_DEFAULT_COMPONENT_NAME)
