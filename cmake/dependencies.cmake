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
if(BLAS_FOUND AND XGRAD_CBLAS_INCLUDE)
  file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/blas_check/check.cpp
       "#include <cblas.h>\nint main() { return openblas_get_num_threads() < 0; }\n")
  try_compile(XGRAD_HAVE_OPENBLAS ${CMAKE_CURRENT_BINARY_DIR}/blas_check
              SOURCES ${CMAKE_CURRENT_BINARY_DIR}/blas_check/check.cpp
              CMAKE_FLAGS -DINCLUDE_DIRECTORIES=${XGRAD_CBLAS_INCLUDE}
              LINK_LIBRARIES ${BLAS_LIBRARIES})
  set(blas_found "the BLAS found here (${BLAS_LIBRARIES}) is not it")
else()
  set(XGRAD_HAVE_OPENBLAS FALSE)
  set(blas_found "neither the library nor its cblas.h was found")
  if(BLAS_FOUND)
    set(blas_found "its header cblas.h was not found")
  endif()
endif()
if(NOT XGRAD_HAVE_OPENBLAS)
  message(FATAL_ERROR
    "xgrad needs OpenBLAS: ${blas_found}, and without it matrix products are 20 to 100 times slower. "
    "On Debian: apt-get install libopenblas-openmp-dev. Elsewhere point CMAKE_PREFIX_PATH at an OpenBLAS built "
    "with OpenMP.")
endif()
