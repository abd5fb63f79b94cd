# Pictures: PNG by libpng where that is found. What is private to one source stays there.
set(XGRAD_HAVE_PNG OFF)
if(PNG_FOUND)
  set(XGRAD_HAVE_PNG ON)
  target_link_libraries(xgrad PRIVATE PNG::PNG)
  set_property(SOURCE report/picture_png.cpp APPEND PROPERTY COMPILE_DEFINITIONS XGRAD_HAVE_PNG)
else()
  message(STATUS "xgrad: pictures are not written as PNG: no libpng (On Debian: libpng-dev)")
endif()
