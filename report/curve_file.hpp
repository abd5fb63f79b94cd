#pragma once

// Learning curves that a program wrote, read again.

#include <string>

#include "xgrad/training/history.hpp"

namespace xgrad {

/// What History::write wrote: JSON when the name ends in `.json`, else CSV with a column "epoch"; an empty
/// field is NaN. The rows are numbered anew. Throws FileError for what cannot be read and what is no such
/// file.
History read_history(const std::string& path);

}  // namespace xgrad
