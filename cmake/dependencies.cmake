# What the library is built on. Debian's names: libxtensor-dev libxsimd-dev libopenblas-openmp-dev librandom123-dev
# nlohmann-json3-dev zlib1g-dev.

find_package(xtensor REQUIRED)
find_package(xsimd REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(OpenMP REQUIRED COMPONENTS CXX)
find_package(ZLIB REQUIRED)
find_path(XGRAD_RANDOM123_INCLUDE Random123/philox.h REQUIRED)

# Without a real BLAS the matrix products, and so everything, would be some 20 to 100 times slower.
set(BLA_VENDOR OpenBLAS)
find_package(BLAS)
find_path(XGRAD_CBLAS_INCLUDE cblas.h PATH_SUFFIXES openblas openblas-openmp x86_64-linux-gnu/openblas-openmp)
unset(XGRAD_HAVE_OPENBLAS CACHE)
if(BLAS_FOUND AND XGRAD_CBLAS_INCLUDE)
  file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/blas_check/check.cpp
       "#include <cblas.h>\nint main() { return openblas_get_num_threads() < 0; }\n")
  try_compile(XGRAD_HAVE_OPENBLAS ${CMAKE_CURRENT_BINARY_DIR}/blas_check
              SOURCES ${CMAKE_CURRENT_BINARY_DIR}/blas_check/check.cpp
              CMAKE_FLAGS -DINCLUDE_DIRECTORIES=${XGRAD_CBLAS_INCLUDE}
              LINK_LIBRARIES ${BLAS_LIBRARIES})
  set(fault "the BLAS found here (${BLAS_LIBRARIES}) is not it")
elseif(BLAS_FOUND)
  set(fault "its header cblas.h is not found")
else()
  set(fault "no BLAS is found")
endif()
if(NOT XGRAD_HAVE_OPENBLAS)
  message(FATAL_ERROR
    "xgrad needs OpenBLAS: ${fault}, and without it matrix products are 20 to 100 times slower. "
    "On Debian: apt-get install libopenblas-openmp-dev. Elsewhere point CMAKE_PREFIX_PATH at an OpenBLAS built "
    "with OpenMP.")
endif()
