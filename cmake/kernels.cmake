# The sources in kernels/simd, and the formulas in kernels/formulas, are compiled once per instruction set and chosen
# among at run time (kernels/isa.hpp).
# They include no xtensor header: see kernels/instantiate.hpp.

set(isas baseline)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  list(APPEND isas avx2 avx512)
endif()
set(XGRAD_ISAS "${isas}" CACHE STRING
    "Instruction sets the kernels are compiled for; baseline is one of them, `native` is the widest of this machine")

set(XGRAD_KERNEL_OPTIONS "" CACHE STRING "Further compiler options of the kernels, separated by semicolons")
option(XGRAD_PLAIN_FALLBACKS "Do not optimize the kernels that this machine does not choose, for builds that stay on it" OFF)
mark_as_advanced(XGRAD_KERNEL_OPTIONS XGRAD_PLAIN_FALLBACKS)

set(flags_baseline)
set(flags_avx2 -mavx2 -mfma)
set(flags_avx512 -mavx512f -mavx512cd -mavx512dq -mavx512bw -mavx512vl -mavx2 -mfma -mprefer-vector-width=512)

# Sets `result` to the widest of the instruction sets that this machine has.
function(xgrad_native_isa result)
  execute_process(COMMAND ${CMAKE_CXX_COMPILER} -march=native -dM -E -x c++ /dev/null OUTPUT_VARIABLE macros)
  set(widest baseline)
  if(macros MATCHES "__AVX512F__" AND macros MATCHES "__AVX512CD__" AND macros MATCHES "__AVX512DQ__" AND
     macros MATCHES "__AVX512BW__" AND macros MATCHES "__AVX512VL__")
    set(widest avx512)
  elseif(macros MATCHES "__AVX2__" AND macros MATCHES "__FMA__")
    set(widest avx2)
  endif()
  set(${result} ${widest} PARENT_SCOPE)
endfunction()

function(xgrad_add_kernels isa)
  add_library(xgrad_kernels_${isa} OBJECT ${simd_sources})
  # xsimd has inline functions that do not name the instruction set; under one name the linker would merge the copies.
  target_compile_definitions(xgrad_kernels_${isa} PRIVATE XGRAD_KERNEL_ISA=${isa} xsimd=xsimd_${isa})
  target_compile_options(xgrad_kernels_${isa} PRIVATE -fno-math-errno -fno-trapping-math ${flags_${isa}}
                                                      ${XGRAD_KERNEL_OPTIONS})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")  # GCC 12 warns about its own AVX-512 header
    target_compile_options(xgrad_kernels_${isa} PRIVATE -Wno-maybe-uninitialized -Wno-uninitialized)
  endif()
  target_include_directories(xgrad_kernels_${isa} PRIVATE ${XGRAD_INCLUDE})
  target_link_libraries(xgrad_kernels_${isa} PRIVATE xsimd xgrad_warnings)
  set_target_properties(xgrad_kernels_${isa} PROPERTIES POSITION_INDEPENDENT_CODE ON)
  target_sources(xgrad PRIVATE $<TARGET_OBJECTS:xgrad_kernels_${isa}>)
endfunction()

file(GLOB simd_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/kernels/simd/*.cpp)

# A formula is compiled because it is there: every struct of the headers in kernels/formulas.
file(GLOB formulas CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/kernels/formulas/*.hpp)
list(FILTER formulas EXCLUDE REGEX "/contract\\.hpp$")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${formulas})
set(declared)
set(called)
foreach(header IN LISTS formulas)
  get_filename_component(family ${header} NAME_WE)
  file(READ ${header} text)
  string(REGEX MATCHALL "\nstruct +[A-Z][A-Za-z0-9]*( : [A-Za-z0-9]+)? *{" structs "${text}")
  list(TRANSFORM structs REPLACE "\nstruct +([A-Za-z0-9]+).*" "XGRAD_KERNELS(primitives::\\1)\n" OUTPUT_VARIABLE kernels)
  list(TRANSFORM structs REPLACE "\nstruct +([A-Za-z0-9]+).*" "  XGRAD_GROUPS(primitives::\\1)\n" OUTPUT_VARIABLE groups)
  string(REPLACE ";" "" kernels "${kernels}")
  string(REPLACE ";" "" groups "${groups}")
  set(source ${CMAKE_CURRENT_BINARY_DIR}/formulas/${family}.cpp)
  file(CONFIGURE OUTPUT ${source} @ONLY CONTENT
"#include \"xgrad/kernels/formulas/${family}.hpp\"

#include \"xgrad/kernels/instantiate_groups.hpp\"

namespace xgrad::kernels {
@kernels@
template <Isa I>
void add_groups_of_${family}(GroupTable& table);
template <>
void add_groups_of_${family}<kIsa>(GroupTable& table) {
@groups@}
}
")
  list(APPEND simd_sources ${source})
  string(APPEND declared "template <Isa I>\nvoid add_groups_of_${family}(GroupTable& table);\n")
  string(APPEND called "    add_groups_of_${family}<I>(table);\n")
endforeach()
# All of them, for the instruction set in use.
file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/formulas/groups/add_groups.cpp @ONLY CONTENT
"#include \"xgrad/kernels/dispatch.hpp\"
#include \"xgrad/kernels/groups.hpp\"

namespace xgrad::kernels {
@declared@
void add_groups(GroupTable& table) {
  choose([&table]<Isa I>() {
@called@  });
}
}
")
target_sources(xgrad PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/formulas/groups/add_groups.cpp)
set(chosen ${XGRAD_ISAS})
if(XGRAD_PLAIN_FALLBACKS OR "native" IN_LIST chosen)
  xgrad_native_isa(native)
endif()
if("native" IN_LIST chosen)
  list(TRANSFORM chosen REPLACE "^native$" ${native})
  list(REMOVE_DUPLICATES chosen)
endif()
# The one that this machine takes at run time: the widest of those chosen that it has.
set(taken baseline)
foreach(isa baseline avx2 avx512)
  if(isa IN_LIST chosen)
    set(taken ${isa})
  endif()
  if(isa STREQUAL native)
    break()
  endif()
endforeach()
foreach(isa IN LISTS chosen)
  if(NOT isa IN_LIST isas)
    message(FATAL_ERROR "XGRAD_ISAS: '${isa}' is none of the instruction sets ${isas} native")
  endif()
  xgrad_add_kernels(${isa})
  # Inlined functions leave no symbols behind, which would have to name a wide instruction set.
  if(XGRAD_PLAIN_FALLBACKS AND NOT isa STREQUAL taken)
    target_compile_options(xgrad_kernels_${isa} PRIVATE $<IF:$<STREQUAL:${isa},baseline>,-O0,-O1>)
  endif()
endforeach()
if(NOT "baseline" IN_LIST chosen)
  message(FATAL_ERROR "XGRAD_ISAS: baseline is missing in '${XGRAD_ISAS}'")
endif()
foreach(isa IN LISTS isas)
  if(NOT isa IN_LIST chosen)
    string(TOUPPER ${isa} upper)
    target_compile_definitions(xgrad PUBLIC XGRAD_WITHOUT_${upper})
  endif()
endforeach()
