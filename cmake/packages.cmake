# Debian packages, one for each component that is installed: `cpack -G DEB` in the build folder makes them there.
# A plugin's package follows from its tenon_add_plugin.
get_property(plugins GLOBAL PROPERTY TENON_PLUGIN_COMPONENTS)
list(REMOVE_DUPLICATES plugins)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME tenon)
set(CPACK_PACKAGE_VENDOR Tenon)
set(CPACK_PACKAGE_CONTACT "Tenon maintainers <tenon@localhost>")
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL libtenon libtenon-dev tenon ${plugins})
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

# Which libraries a package needs is found out where dpkg-dev and file are there.
find_program(TENON_SHLIBDEPS dpkg-shlibdeps)
find_program(TENON_FILE file)
mark_as_advanced(TENON_SHLIBDEPS TENON_FILE)
if(TENON_SHLIBDEPS AND TENON_FILE)
  set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
  set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${PROJECT_BINARY_DIR}/lib)
endif()

# describe(PACKAGE SECTION SUMMARY TEXT): and installs the copyright file, which every package has
function(describe package section summary text)
  string(TOUPPER ${package} upper)
  set(CPACK_DEBIAN_${upper}_PACKAGE_NAME ${package} PARENT_SCOPE)
  set(CPACK_DEBIAN_${upper}_PACKAGE_SECTION ${section} PARENT_SCOPE)
  set(CPACK_DEBIAN_${upper}_DESCRIPTION "${summary}\n${text}" PARENT_SCOPE)
  install(FILES ${PROJECT_SOURCE_DIR}/cmake/copyright DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${package}
    COMPONENT ${package})
endfunction()

describe(libtenon libs "small deep-learning framework with loadable backends"
  "Tensors, autograd, layers, optimizers and data sets, in C. A portable\nreference backend is built in; faster ones are plugins.")
describe(libtenon-dev libdevel "small deep-learning framework: headers and plugin kit"
  "Headers, files for CMake and pkg-config, and tenon-new-plugin, which writes\nthe skeleton of a backend.")
describe(tenon science "small deep-learning framework: the tenon command"
  "Trains and evaluates models, lists and checks backends, and measures them.")
foreach(plugin IN LISTS plugins)
  string(REGEX REPLACE "^tenon-plugin-" "" name ${plugin})
  describe(${plugin} libs "small deep-learning framework: the ${name} backend"
    "A plugin of libtenon, found by itself once it is installed.")
  string(TOUPPER ${plugin} upper)
  set(CPACK_DEBIAN_${upper}_PACKAGE_ENHANCES libtenon) # it needs nothing of ours: a plugin is not linked to Tenon
endforeach()

set(same "libtenon (= ${PROJECT_VERSION})")
set(CPACK_DEBIAN_LIBTENON-DEV_PACKAGE_DEPENDS "${same}")
set(CPACK_DEBIAN_LIBTENON-DEV_PACKAGE_SUGGESTS "tenon, cmake")
set(CPACK_DEBIAN_TENON_PACKAGE_DEPENDS "${same}")
list(JOIN plugins ", " CPACK_DEBIAN_LIBTENON_PACKAGE_SUGGESTS)
include(CPack)
