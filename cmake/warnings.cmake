# Warnings of our own sources; never part of what a user inherits.
add_library(xgrad_warnings INTERFACE)
target_compile_options(xgrad_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor
                                                -Wold-style-cast -Woverloaded-virtual)
if(XGRAD_WARNINGS_AS_ERRORS)
  target_compile_options(xgrad_warnings INTERFACE -Werror)
endif()
