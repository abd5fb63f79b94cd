# A shared libxgrad exports the symbols of namespace xgrad and nothing of its dependencies: a list for the linker does
# it for all headers at once, without a macro on each declaration.
get_target_property(type xgrad TYPE)
if(type STREQUAL "SHARED_LIBRARY")
  set(exports ${CMAKE_CURRENT_SOURCE_DIR}/cmake/exports.map)
  target_link_options(xgrad PRIVATE -Wl,--version-script=${exports})
  set_target_properties(xgrad PROPERTIES LINK_DEPENDS ${exports})
  # Calls inside the library need not go through the table that lets others replace them.
  target_compile_options(xgrad PRIVATE -fno-semantic-interposition)
endif()
