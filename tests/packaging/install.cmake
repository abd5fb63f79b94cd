# cmake -DBUILD=... -DPREFIX=... -DSOURCE=... -P install.cmake
#
# Installs to one place and moves it to another; then nothing in it may point back to where it came from.
file(REMOVE_RECURSE ${PREFIX} ${PREFIX}.first)
execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILD} --prefix ${PREFIX}.first COMMAND_ERROR_IS_FATAL ANY)
file(RENAME ${PREFIX}.first ${PREFIX})

file(GLOB_RECURSE installed ${PREFIX}/*)
# The program needs none of the library's files: it writes a report where the installation was moved to.
if(EXISTS ${PREFIX}/bin/xgrad-report AND NOT EXISTS ${PREFIX}/lib/libxgrad.so)
  file(WRITE ${PREFIX}.run/curves.csv "epoch,loss\n1,2\n2,1\n")
  execute_process(COMMAND ${PREFIX}/bin/xgrad-report curves.csv WORKING_DIRECTORY ${PREFIX}.run
                  OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
endif()
foreach(expected include/xgrad/xgrad.hpp include/xgrad/autograd/tensor.hpp lib.*/libxgrad.* lib.*/pkgconfig/xgrad.pc
                 lib.*/cmake/xgrad/xgrad-config.cmake lib.*/cmake/xgrad/xgrad-config-version.cmake .*/LICENSE .*/parts.LICENSE)
  if(NOT "${installed}" MATCHES "${PREFIX}/${expected}")
    message(SEND_ERROR "${expected} is not installed")
  endif()
endforeach()
foreach(file IN LISTS installed)
  file(REAL_PATH ${file} real)
  if(NOT EXISTS ${file} OR NOT real MATCHES "^${PREFIX}/")
    message(SEND_ERROR "${file} is a link to ${real}")
  endif()
  if(file MATCHES "kernels/(simd|instantiate)|\\.cpp$")
    message(SEND_ERROR "${file} is internal")
  endif()
  if(file MATCHES "\\.(hpp|cmake|pc)$")
    file(STRINGS ${file} lines)
    foreach(place ${SOURCE} ${BUILD} ${PREFIX})
      string(FIND "${lines}" "${place}" position)
      if(NOT position EQUAL -1)
        message(SEND_ERROR "${file} names ${place}")
      endif()
    endforeach()
  endif()
endforeach()
