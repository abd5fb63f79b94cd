#pragma once

// Direction: which values of a figure are better. The library's figures know it; a Metric of your
// own says it; where nobody does, nothing is taken for the best.

#include <optional>
#include <string>
#include <string_view>

namespace xgrad {

/// Which values of a figure are better.
enum class Better { smaller, larger };

/// "smaller", "larger".
std::string_view to_string(Better better);

/// Of one of the library's figures, by its name, with "train " or "validation " in front or not:
/// smaller for "loss", "mse", "rmse" and "mae", larger for "accuracy", "top-5 accuracy" and "r2".
/// None for other names.
std::optional<Better> better_of(std::string_view figure);

namespace detail {

/// Whether larger values of a figure are better: as it is `known`, or else as the caller wants.
/// Throws std::invalid_argument when neither says it, and when the two differ.
bool larger_is_better(std::string_view operation, std::string_view figure,
                      std::optional<Better> known, std::optional<bool> wanted);

}  // namespace detail
}  // namespace xgrad
