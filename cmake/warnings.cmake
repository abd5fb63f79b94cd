# Warnings of our own sources; never part of what a user inherits.
add_library(xgrad_warnings INTERFACE)
target_compile_options(xgrad_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor
                                                -Wold-style-cast -Woverloaded-virtual)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # GCC 12 sees overflows in std::vector<std::byte>::insert and overlaps in std::string's + that are not there.
  target_compile_options(xgrad_warnings INTERFACE -Wno-stringop-overflow -Wno-restrict)
endif()
if(XGRAD_WARNINGS_AS_ERRORS)
  target_compile_options(xgrad_warnings INTERFACE -Werror)
endif()
