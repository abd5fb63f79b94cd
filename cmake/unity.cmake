# XGRAD_UNITY: the sources of a folder are compiled as one or a few, for the headers are most of the work. For builds that
# are made once, as those of CI; one that is built again and again does without, and there sources stand alone. It names
# the folders, or is ON: all of them.
#
# Names of anonymous namespaces meet in such a source. Where two of a folder have the same one, one of them is in the
# second lot below, the third, or apart: a new source that does not compile with XGRAD_UNITY gets another name, or its
# place there.
set(second
    compile/fused_code compile/program_passes compile/vmap_batch compile/vmap_rules
    data/csv_value data/decomposition data/draws data/idx data/image_changes data/mixing data/table
    doctor/diagnose_data doctor/diagnose_learning doctor/diagnose_loss
    kernels/gamma_distribution kernels/normalization kernels/random kernels/scan
    modules/functional modules/module_calls
    ops/attention ops/determinant ops/einsum ops/extrema ops/linalg ops/qr ops/reduction_plan ops/reductions
    ops/reductions_statistics ops/svd
    training/model_file training/search)
set(third
    kernels/softmax kernels/triangular
    ops/convolution ops/ctc ops/lstm_arrays ops/matrix_products ops/normalization ops/recurrent ops/reductions_logsumexp
    ops/slicing)
set(apart
    autograd/shape
    compile/fused_code_assembler compile/fusion_group
    gradient_check/coordinate gradient_check/judge gradient_check/probe gradient_check/witness
    modules/functional_samples
    ops/losses_classes ops/matrices ops/recurrent_gated
    serialization/safetensors)

string(TOUPPER "${XGRAD_UNITY}" all)
if(all MATCHES "^(ON|TRUE|YES|Y|1)$")
  set(XGRAD_UNITY ON)
endif()

# The sources of `target`, which are in folders of `base`, by the three lists of who calls.
function(xgrad_compile_as_one target base)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
  get_target_property(sources ${target} SOURCES)
  foreach(source IN LISTS sources)
    if(source MATCHES "^\\$<")
      continue()
    endif()
    cmake_path(ABSOLUTE_PATH source BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR} OUTPUT_VARIABLE source)
    cmake_path(IS_PREFIX PROJECT_BINARY_DIR ${source} NORMALIZE is_generated)
    cmake_path(RELATIVE_PATH source BASE_DIRECTORY ${base} OUTPUT_VARIABLE name)
    cmake_path(GET name PARENT_PATH lot)
    string(REGEX REPLACE "\\.cpp$" "" name ${name})
    if(is_generated OR name IN_LIST apart OR NOT (XGRAD_UNITY STREQUAL "ON" OR lot IN_LIST XGRAD_UNITY))
      continue()
    elseif(name IN_LIST second)
      string(APPEND lot _second)
    elseif(name IN_LIST third)
      string(APPEND lot _third)
    endif()
    set_source_files_properties(${source} PROPERTIES UNITY_GROUP ${lot})
  endforeach()
endfunction()

xgrad_compile_as_one(xgrad ${CMAKE_CURRENT_SOURCE_DIR})
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")  # every included file counts as a header, in which this would be a mistake
  target_compile_options(xgrad PRIVATE -Wno-subobject-linkage)
endif()
