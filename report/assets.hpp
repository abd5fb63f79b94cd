#pragma once

// The parts of a report that are the same for all: the files of report/assets, which the build makes part
// of the library. Internal.

#include <string_view>

namespace xgrad::detail::assets {

extern const std::string_view head, style, script;
extern const std::string_view d3, plot, dagre, licences;

}  // namespace xgrad::detail::assets
