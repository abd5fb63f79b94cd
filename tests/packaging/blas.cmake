# cmake -DBLAS=stub|none|without_lapack -DSOURCE=... -DCXX=... -DGENERATOR=... -DWORK=... -P blas.cmake
#
# Configuring with a BLAS that is not OpenBLAS, with none, or with one that has no LAPACK, fails with a message that says
# what to do; once it is done the same folder can be configured.
file(REMOVE_RECURSE ${WORK})
set(slow "20 to 100 times slower")
if(BLAS STREQUAL "none")
  set(options -DCMAKE_DISABLE_FIND_PACKAGE_BLAS=ON)
  set(expected "xgrad needs OpenBLAS: no BLAS is found" ${slow})
else()
  set(functions "void sgemm_() {}")
  set(expected "xgrad needs OpenBLAS: the BLAS found here (${WORK}/libstub.so) is not it" ${slow})
  if(BLAS STREQUAL "without_lapack")
    string(APPEND functions " int openblas_get_num_threads() { return 1; }")
    set(expected "xgrad needs LAPACK: the OpenBLAS found here (${WORK}/libstub.so) is built without it")
  endif()
  file(WRITE ${WORK}/stub.cpp "extern \"C\" { ${functions} }\n")
  execute_process(COMMAND ${CXX} -shared -fPIC ${WORK}/stub.cpp -o ${WORK}/libstub.so COMMAND_ERROR_IS_FATAL ANY)
  set(options -DBLAS_openblas_LIBRARY=${WORK}/libstub.so)
endif()
execute_process(COMMAND ${CMAKE_COMMAND} -S ${SOURCE} -B ${WORK}/build -G ${GENERATOR} -DCMAKE_CXX_COMPILER=${CXX}
                        -DXGRAD_BUILD_TESTS=OFF -DXGRAD_BUILD_EXAMPLES=OFF ${options}
                RESULT_VARIABLE status OUTPUT_QUIET ERROR_VARIABLE message)
string(REGEX REPLACE "[ \n]+" " " message "${message}")
if(status EQUAL 0)
  message(FATAL_ERROR "configuring succeeds")
endif()
foreach(part ${expected} "apt-get install libopenblas-openmp-dev")
  string(FIND "${message}" "${part}" position)
  if(position EQUAL -1)
    message(FATAL_ERROR "'${part}' is missing in: ${message}")
  endif()
endforeach()
execute_process(COMMAND ${CMAKE_COMMAND} -U BLAS_openblas_LIBRARY -U CMAKE_DISABLE_FIND_PACKAGE_BLAS ${WORK}/build
                OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
