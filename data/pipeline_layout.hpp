#pragma once

// What a Pipeline knows beside its steps' numbers, as JSON. Used by Pipeline; not an interface
// for users.

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "xgrad/data/pipeline.hpp"

namespace xgrad::detail {

struct PipelineLayout {
  bool of_arrays;
  Encoding encoding;
  Unknown unknown;
  std::vector<std::pair<std::string, std::vector<std::string>>> inputs;  // names, categories
  std::vector<std::vector<std::size_t>> steps;                           // their columns
};

/// Text that is not UTF-8 is kept as well.
std::string to_json(const PipelineLayout& layout);

/// Throws std::invalid_argument for other text, no inputs, and categories that occur twice.
PipelineLayout layout_from_json(const std::string& text);

}  // namespace xgrad::detail
