# The sources in kernels/simd are compiled once per instruction set and chosen among at run time (kernels/isa.hpp).
# They include no xtensor header: see kernels/instantiate.hpp.

file(GLOB simd_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/kernels/simd/*.cpp)

function(xgrad_add_kernels isa)
  add_library(xgrad_kernels_${isa} OBJECT ${simd_sources})
  target_compile_definitions(xgrad_kernels_${isa} PRIVATE XGRAD_KERNEL_ISA=${isa})
  target_compile_options(xgrad_kernels_${isa} PRIVATE -fno-math-errno -fno-trapping-math ${ARGN})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")  # GCC 12 warns about its own AVX-512 header
    target_compile_options(xgrad_kernels_${isa} PRIVATE -Wno-maybe-uninitialized -Wno-uninitialized)
  endif()
  target_include_directories(xgrad_kernels_${isa} PRIVATE ${XGRAD_INCLUDE})
  target_link_libraries(xgrad_kernels_${isa} PRIVATE xsimd xgrad_warnings)
  set_target_properties(xgrad_kernels_${isa} PROPERTIES POSITION_INDEPENDENT_CODE ON)
  target_sources(xgrad PRIVATE $<TARGET_OBJECTS:xgrad_kernels_${isa}>)
endfunction()

xgrad_add_kernels(baseline)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  xgrad_add_kernels(avx2 -mavx2 -mfma)
  xgrad_add_kernels(avx512 -mavx512f -mavx512cd -mavx512dq -mavx512bw -mavx512vl -mavx2 -mfma
                    -mprefer-vector-width=512)
endif()
