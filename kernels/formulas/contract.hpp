#pragma once

// What a formula says of itself beside its value.

namespace xgrad {

enum class Reads { nothing, input, output };

/// Which inputs a backward pass reads: bit i for input i.
struct SavedInputs {
  unsigned inputs = 0;
};

}  // namespace xgrad
