# Pictures: PNG by libpng where that is found. What is private to one source stays there.
set(XGRAD_HAVE_PNG OFF)
if(PNG_FOUND)
  set(XGRAD_HAVE_PNG ON)
  target_link_libraries(xgrad PRIVATE PNG::PNG)
  set_property(SOURCE report/picture_png.cpp APPEND PROPERTY COMPILE_DEFINITIONS XGRAD_HAVE_PNG)
else()
  message(STATUS "xgrad: pictures are not written as PNG: no libpng (On Debian: libpng-dev)")
endif()

# The scripts and styles of a report become part of the library: no file is looked for at run time.
set(assets ${CMAKE_CURRENT_BINARY_DIR}/report_assets.cpp)
file(GLOB asset_files CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/report/assets/*)
add_custom_command(OUTPUT ${assets}
  COMMAND ${CMAKE_COMMAND} -DFOLDER=${CMAKE_CURRENT_SOURCE_DIR}/report/assets -DOUTPUT=${assets}
          -P ${CMAKE_CURRENT_SOURCE_DIR}/cmake/embed.cmake
  DEPENDS ${asset_files} ${CMAKE_CURRENT_SOURCE_DIR}/cmake/embed.cmake VERBATIM)
# Of the length of a text a standard asks no more than 65536.
set_source_files_properties(${assets} PROPERTIES COMPILE_OPTIONS -Wno-overlength-strings SKIP_PRECOMPILE_HEADERS ON)
target_sources(xgrad PRIVATE ${assets})
