# XGRAD_UNITY for tests: the sources of an executable as one or a few, as cmake/unity.cmake has it for the library. A new
# test whose names meet those of another one gets other names, or its place here.
set(second
    compile/static compile/static_arrays compile/static_failures
    data/idx data/preprocessing data/split
    errors/modules
    gradients/derivatives gradients/random_programs
    modules/layers modules/lists modules/module modules/recurrent
    ops/gamma ops/images ops/normalization ops/numbers ops/reference_rows ops/user_operations
    proof/batched proof/compiled proof/properties proof/table_convolution proof/table_losses proof/table_math
    proof/table_normalization proof/table_regularization proof/table_spectral proof/words
    training/diagnostics training/resumption training/trainer)
set(third
    compile/vmap compile/vmap_rules
    modules/normalization modules/summary
    ops/linear_systems_accuracy ops/shape ops/special_functions
    proof/runs_again proof/table_products)
set(apart
    autograd/print
    data/table
    doctor/replay doctor/replay_recurrent doctor/zoo/ill
    errors/operations errors/optimizers
    gradients/misbehaviour gradients/vacuous
    modules/regularization
    ops/losses ops/products ops/recurrent ops/reductions ops/softmax
    optimizers/minimize optimizers/trajectories
    precision/slopes
    proof/table_reductions proof/table_shape
    serialization/npz serialization/safetensors
    training/scores training/search)

# One test's names may be another one's variables.
add_library(xgrad_unity_tests INTERFACE)
target_compile_options(xgrad_unity_tests INTERFACE -Wno-shadow $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)

# The sources of `target`, which are in tests.
function(xgrad_unity_tests target)
  if(NOT XGRAD_UNITY STREQUAL "ON")
    return()
  endif()
  xgrad_compile_as_one(${target} ${PROJECT_SOURCE_DIR}/tests)
  target_link_libraries(${target} PRIVATE xgrad_unity_tests)  # after the warnings
endfunction()
