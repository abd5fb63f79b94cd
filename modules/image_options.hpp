#pragma once

// Sizes of images in the options of modules. Internal.

#include "xgrad/modules/options.hpp"
#include "xgrad/ops/convolution.hpp"

namespace xgrad::detail {

/// One number as such, several as "2 1".
OptionValue option_of(const ImageSizes& sizes);
/// Throws std::invalid_argument as ModuleOptions does.
ImageSizes image_sizes(const ModuleOptions& options, const char* key);

}  // namespace xgrad::detail
