# cmake -DBUILD=... -DPREFIX=... -DCPACK=... -DDPKG_DEB=... -DWORK=... -P deb.cmake
#
# Makes a package of the build, and compares what is in it with the installation at PREFIX.
file(REMOVE_RECURSE ${WORK})
execute_process(COMMAND ${CPACK} -G DEB -B ${WORK} -D CPACK_DEBIAN_COMPRESSION_TYPE=none WORKING_DIRECTORY ${BUILD}
                OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
file(GLOB package ${WORK}/libxgrad-dev_*.deb)
execute_process(COMMAND ${DPKG_DEB} --extract ${package} ${WORK}/root COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${DPKG_DEB} --field ${package} Depends OUTPUT_VARIABLE depends COMMAND_ERROR_IS_FATAL ANY)
foreach(needed libxtensor-dev libxsimd-dev)
  if(NOT depends MATCHES "${needed}")
    message(SEND_ERROR "the package does not depend on ${needed}: ${depends}")
  endif()
endforeach()
file(GLOB_RECURSE installed RELATIVE ${PREFIX} ${PREFIX}/*)
file(GLOB_RECURSE packed RELATIVE ${WORK}/root/usr ${WORK}/root/usr/*)
if(NOT installed STREQUAL packed)
  list(REMOVE_ITEM installed ${packed})
  message(SEND_ERROR "the package has other files than the installation; not in it: ${installed}")
endif()
