# Warnings and sanitizers, for every target of the project.
add_compile_definitions(_GNU_SOURCE)
add_compile_options($<$<COMPILE_LANGUAGE:C,CXX>:-Wall$<SEMICOLON>-Wextra$<SEMICOLON>-Wpedantic$<SEMICOLON>-Wshadow$<SEMICOLON>-Wvla>
                    $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes$<SEMICOLON>-Wmissing-prototypes>)
if(TENON_WERROR)
  add_compile_options($<$<COMPILE_LANGUAGE:C,CXX>:-Werror>)
endif()

if(TENON_SANITIZE)
  # The resolvers of multiversioned functions run before a sanitizer is ready.
  add_compile_options(-fsanitize=${TENON_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_compile_definitions(TN_NO_MULTIVERSION)
  add_link_options(-fsanitize=${TENON_SANITIZE})
endif()

find_package(Threads REQUIRED)
# ThreadSanitizer knows nothing of libgomp: there, the core's loops run on one thread.
if(NOT TENON_SANITIZE MATCHES "thread")
  find_package(OpenMP COMPONENTS C)
endif()
