# The style sheet of HTML reports as a C array, so that `tenon` needs no file beside it.
# tenon_embed(TARGET FILE NAME): TARGET gets a source that defines NAME, a text with the content of FILE.
function(tenon_embed target file name)
  file(READ ${file} bytes HEX)
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
  set(source ${CMAKE_CURRENT_BINARY_DIR}/${name}.c)
  file(CONFIGURE OUTPUT ${source} CONTENT "#include \"bench/report/html.h\"\n\nconst char ${name}[] = {${bytes}0};\n")
  target_sources(${target} PRIVATE ${source})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
endfunction()

tenon_embed(tenon_tool ${CMAKE_CURRENT_LIST_DIR}/page.css bench_page_css)
