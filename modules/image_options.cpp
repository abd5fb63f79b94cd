#include "xgrad/modules/image_options.hpp"

#include "xgrad/base/errors.hpp"

namespace xgrad::detail {

OptionValue option_of(const ImageSizes& sizes) {
  const auto& v = sizes.values();
  return v.size() == 1 ? ModuleOptions::of(v[0]) : ModuleOptions::of(Shape(v));
}

ImageSizes image_sizes(const ModuleOptions& options, const char* key) {
  for (const ModuleOption& option : options) {
    if (option.key != key || !std::holds_alternative<std::string>(option.value)) continue;
    const Shape sizes = options.shape(key);
    require(!sizes.empty(), key, "there are no sizes: ", quote(options.text(key)));
    return sizes;
  }
  return ImageSizes(options.size(key));
}

}  // namespace xgrad::detail
