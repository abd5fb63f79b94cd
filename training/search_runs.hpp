#pragma once

// Running the trials of a search: in this process or in others, with a log. Internal.

#include <string>
#include <vector>

#include "xgrad/training/search.hpp"

namespace xgrad::detail {

/// What became of a trial.
struct Outcome {
  double score = 0;
  std::string error = {};  ///< empty: the score counts
};

/// One for each trial, in their order.
std::vector<Outcome> run_trials(const std::vector<Trial>& trials, const Objective& objective,
                                const SearchOptions& options);

}  // namespace xgrad::detail
