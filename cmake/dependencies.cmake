# What the library is built on. Debian's names: libxtensor-dev libxtensor-blas-dev libxsimd-dev libopenblas-openmp-dev
# librandom123-dev nlohmann-json3-dev zlib1g-dev; libpng-dev, without which no pictures are written.

find_package(xtensor REQUIRED)
find_package(xsimd REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(OpenMP REQUIRED COMPONENTS CXX)
find_package(ZLIB REQUIRED)
if(XGRAD_PNG)
  find_package(PNG 1.6)
endif()
find_path(XGRAD_RANDOM123_INCLUDE Random123/philox.h REQUIRED)
# Debian: libxbyak-dev. Without it elementwise programs run by the kernels, 2 to 3 times as long.
find_path(XGRAD_XBYAK_INCLUDE xbyak/xbyak.h)

# Without a real BLAS the matrix products, and so everything, would be some 20 to 100 times slower.
set(BLA_VENDOR OpenBLAS)
find_package(BLAS)
find_path(XGRAD_CBLAS_INCLUDE cblas.h PATH_SUFFIXES openblas openblas-openmp x86_64-linux-gnu/openblas-openmp)
# Sets XGRAD_HAVE_<name> when a program of that one expression, with these declarations, links.
function(xgrad_check_blas name declarations expression)
  unset(XGRAD_HAVE_${name} CACHE)
  set(source ${CMAKE_CURRENT_BINARY_DIR}/blas_check/${name}.cpp)
  file(WRITE ${source} "${declarations}\nint main() { return ${expression}; }\n")
  try_compile(XGRAD_HAVE_${name} ${CMAKE_CURRENT_BINARY_DIR}/blas_check SOURCES ${source}
              CMAKE_FLAGS -DINCLUDE_DIRECTORIES=${XGRAD_CBLAS_INCLUDE} LINK_LIBRARIES ${BLAS_LIBRARIES})
endfunction()

unset(XGRAD_HAVE_OPENBLAS CACHE)
if(BLAS_FOUND AND XGRAD_CBLAS_INCLUDE)
  xgrad_check_blas(OPENBLAS "#include <cblas.h>" "openblas_get_num_threads() < 0")
  set(fault "the BLAS found here (${BLAS_LIBRARIES}) is not it")
elseif(BLAS_FOUND)
  set(fault "its header cblas.h is not found")
else()
  set(fault "no BLAS is found")
endif()
set(remedy "On Debian: apt-get install libopenblas-openmp-dev. Elsewhere point CMAKE_PREFIX_PATH at an OpenBLAS built \
with OpenMP")
if(NOT XGRAD_HAVE_OPENBLAS)
  message(FATAL_ERROR
    "xgrad needs OpenBLAS: ${fault}, and without it matrix products are 20 to 100 times slower. ${remedy}.")
endif()

# OpenBLAS can be built without LAPACK. It is called through the typed interface that xtensor-blas installs.
xgrad_check_blas(LAPACK "extern \"C\" { void dpotrf_(); void ssyevd_(); void dgesdd_(); }"
                 "(dpotrf_(), ssyevd_(), dgesdd_(), 0)")
if(NOT XGRAD_HAVE_LAPACK)
  message(FATAL_ERROR
    "xgrad needs LAPACK: the OpenBLAS found here (${BLAS_LIBRARIES}) is built without it, and factorisations of "
    "matrices are made by it. ${remedy} and LAPACK.")
endif()
find_path(XGRAD_XTENSOR_BLAS_INCLUDE xflens/cxxlapack/interface/potrf.tcc)
if(NOT XGRAD_XTENSOR_BLAS_INCLUDE)
  message(FATAL_ERROR
    "xgrad needs the headers of xtensor-blas, through which LAPACK is called. On Debian: apt-get install "
    "libxtensor-blas-dev. Elsewhere point CMAKE_PREFIX_PATH at an installation of it.")
endif()
