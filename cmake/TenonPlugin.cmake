# For makers of plugins; find_package(Tenon) includes it.
#
#   tenon_add_plugin(NAME SOURCES file...   what TENON_BACKEND selects; lower case letters, digits, _ and -
#     [VERSION version]                     default: PROJECT_VERSION
#     [VENDOR text]                         who made it; default: "unknown"
#     [OUTPUT_NAME name]                    of the file and of the target; default: NAME
#     [CPU feature...]                      that all of the code may use: x86-64-v3, or avx512f fma
#     [LIBRARIES soname...]                 that the plugin opens by itself: libcudnn.so.9
#     [COMPILE_OPTIONS option...] [LINK_LIBRARIES library...])
#
# makes OUTPUT_NAME.so: it exports the entry symbol alone, is not linked to Tenon, and carries the note that tells a host
# its name, version and needs before any of it is run. Its sources see TN_PLUGIN_NAME, TN_PLUGIN_VERSION and
# TN_PLUGIN_VENDOR, so that the plugin's table says the same. It is installed to Tenon_PLUGIN_DIR, as the component
# tenon-plugin-NAME. Several variants for different CPUs are several calls with one NAME.
#
#   tenon_add_conformance_test(OUTPUT_NAME [LEVEL n] [TENON program])
#
# adds the test OUTPUT_NAME_conforms, which runs `tenon conform` on it.
include_guard(GLOBAL)
include(GNUInstallDirs)

macro(_tenon_default variable value)
  if(NOT ${variable})
    set(${variable} "${value}")
  endif()
endmacro()

# Ends with a sentence if a text is too long for the note, or holds what no string literal on a command line may.
function(_tenon_check_text what text room)
  string(LENGTH "${text}" length)
  if(length EQUAL 0 AND what MATCHES "VERSION")
    message(FATAL_ERROR "tenon_add_plugin: the plugin has no version; give VERSION, here or in project()")
  elseif(length GREATER_EQUAL room)
    math(EXPR most "${room} - 1")
    message(FATAL_ERROR "tenon_add_plugin: ${what} has ${length} bytes, but the note has room for ${most}: \"${text}\"")
  elseif(text MATCHES "[\"\\;#\n]")
    message(FATAL_ERROR "tenon_add_plugin: ${what} may hold no quote, backslash, semicolon, # or new line: \"${text}\"")
  endif()
endfunction()

# At the end of the folder, when all that it is linked to is known.
function(_tenon_check_links plugin)
  get_target_property(libraries ${plugin} LINK_LIBRARIES)
  foreach(library IN LISTS libraries)
    if(library MATCHES "^(Tenon::)?tenon(_core)?$")
      message(FATAL_ERROR "The plugin ${plugin} is linked to ${library}, but a plugin never links the core: all that it "
                          "needs comes through the host's table (tn_host_api). Take ${library} out of its libraries.")
    endif()
  endforeach()
endfunction()

# The entry symbol alone is visible. A sanitizer's symbols are found only when the program is there.
function(_tenon_close_plugin plugin)
  set(map ${CMAKE_CURRENT_BINARY_DIR}/${plugin}-exports.map)
  file(CONFIGURE OUTPUT ${map} CONTENT "{ global: tn_plugin_query_v1; local: *; };\n")
  target_link_options(${plugin} PRIVATE LINKER:--version-script=${map})
  get_directory_property(options COMPILE_OPTIONS)
  get_target_property(own ${plugin} COMPILE_OPTIONS)
  string(TOUPPER "${CMAKE_BUILD_TYPE}" type)
  if(NOT "${options} ${own} ${CMAKE_C_FLAGS} ${CMAKE_C_FLAGS_${type}}" MATCHES "-fsanitize")
    target_link_options(${plugin} PRIVATE LINKER:--no-undefined)
  endif()
  foreach(language C CXX CUDA HIP)
    set_target_properties(${plugin} PROPERTIES ${language}_VISIBILITY_PRESET hidden)
  endforeach()
  set_target_properties(${plugin} PROPERTIES PREFIX "" SUFFIX .so VISIBILITY_INLINES_HIDDEN ON LINK_DEPENDS ${map}
    C_STANDARD 11 C_STANDARD_REQUIRED ON C_EXTENSIONS OFF POSITION_INDEPENDENT_CODE ON)
endfunction()

function(_tenon_install_plugin plugin component)
  if(Tenon_PLUGIN_DIR)
    set(folder ${Tenon_PLUGIN_DIR})
  else()
    set(folder ${CMAKE_INSTALL_LIBDIR}/tenon/plugins/1)
  endif()
  if(TENON_PLUGIN_OUTPUT_DIRECTORY)
    set_target_properties(${plugin} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${TENON_PLUGIN_OUTPUT_DIRECTORY})
  endif()
  install(TARGETS ${plugin} LIBRARY DESTINATION ${folder} COMPONENT ${component})
  set_property(GLOBAL APPEND PROPERTY TENON_PLUGIN_COMPONENTS ${component})
endfunction()

function(tenon_add_plugin name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "VERSION;VENDOR;OUTPUT_NAME"
                        "SOURCES;CPU;LIBRARIES;COMPILE_OPTIONS;LINK_LIBRARIES")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "tenon_add_plugin: it does not know what to do with \"${arg_UNPARSED_ARGUMENTS}\"")
  elseif(NOT arg_SOURCES)
    message(FATAL_ERROR "tenon_add_plugin: ${name} has no SOURCES")
  elseif(NOT CMAKE_C_COMPILER_LOADED)
    message(FATAL_ERROR "tenon_add_plugin: the plugin's note is written in C; add C to the LANGUAGES of project()")
  elseif(NOT name MATCHES "^[a-z0-9_-]+$" OR name STREQUAL "auto" OR name STREQUAL "reference")
    message(FATAL_ERROR "tenon_add_plugin: \"${name}\" cannot be the name of a plugin. It consists of lower case "
                        "letters, digits, _ and -, and is neither auto nor reference.")
  endif()
  _tenon_default(arg_VERSION "${PROJECT_VERSION}")
  _tenon_default(arg_VENDOR unknown)
  _tenon_default(arg_OUTPUT_NAME ${name})
  list(JOIN arg_CPU " " cpu)
  list(JOIN arg_LIBRARIES " " libraries)
  _tenon_check_text("its name" "${name}" 48)
  _tenon_check_text(VERSION "${arg_VERSION}" 32)
  _tenon_check_text(VENDOR "${arg_VENDOR}" 64)
  _tenon_check_text(CPU "${cpu}" 128)
  _tenon_check_text(LIBRARIES "${libraries}" 256)

  set(plugin ${arg_OUTPUT_NAME})
  set(note ${CMAKE_CURRENT_BINARY_DIR}/${plugin}-note.c)
  file(CONFIGURE OUTPUT ${note} @ONLY CONTENT "/* Written by tenon_add_plugin. */
#include \"tenon_abi.h\"

TN_PLUGIN_NOTE(TN_PLUGIN_NAME, TN_PLUGIN_VERSION, TN_PLUGIN_VENDOR, \"@cpu@\", \"@libraries@\");
")
  add_library(${plugin} MODULE ${arg_SOURCES} ${note})
  target_compile_options(${plugin} PRIVATE ${arg_COMPILE_OPTIONS})
  target_compile_definitions(${plugin} PRIVATE
    "TN_PLUGIN_NAME=\"${name}\"" "TN_PLUGIN_VERSION=\"${arg_VERSION}\"" "TN_PLUGIN_VENDOR=\"${arg_VENDOR}\"")
  target_link_libraries(${plugin} PRIVATE Tenon::abi ${arg_LINK_LIBRARIES})
  _tenon_close_plugin(${plugin})
  cmake_language(EVAL CODE "cmake_language(DEFER CALL _tenon_check_links [[${plugin}]])")
  string(REPLACE _ - component tenon-plugin-${name})
  _tenon_install_plugin(${plugin} ${component})
endfunction()

function(tenon_add_conformance_test plugin)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "LEVEL;TENON" "")
  if(arg_UNPARSED_ARGUMENTS OR NOT TARGET ${plugin})
    message(FATAL_ERROR "tenon_add_conformance_test: it takes a plugin made by tenon_add_plugin, LEVEL n and TENON "
                        "program, not \"${plugin} ${arg_UNPARSED_ARGUMENTS}\"")
  endif()
  set(test ${plugin}_conforms)
  _tenon_default(arg_TENON "${Tenon_PROGRAM}")
  if(DEFINED arg_LEVEL)
    set(level --level ${arg_LEVEL})
  endif()
  add_test(NAME ${test} COMMAND "${arg_TENON}" conform $<TARGET_FILE:${plugin}> ${level})
  set_tests_properties(${test} PROPERTIES TIMEOUT 1500)
  if(NOT arg_TENON)
    message(WARNING "${test} is disabled, since the tenon program is not installed beside the headers (Debian: tenon)")
    set_tests_properties(${test} PROPERTIES DISABLED ON)
  endif()
endfunction()
