#include "xgrad/modules/image_options.hpp"

namespace xgrad::detail {

OptionValue option_of(const ImageSizes& sizes) {
  const auto& v = sizes.values();
  return v.size() == 1 ? ModuleOptions::of(v[0]) : ModuleOptions::of(Shape(v));
}

ImageSizes image_sizes(const ModuleOptions& options, const char* key) {
  for (const ModuleOption& option : options) {
    if (option.key == key && std::holds_alternative<std::string>(option.value))
      return ImageSizes(options.shape(key));
  }
  return ImageSizes(options.size(key));
}

}  // namespace xgrad::detail
