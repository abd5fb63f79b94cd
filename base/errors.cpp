#include "xgrad/base/errors.hpp"

namespace xgrad::detail {

std::string message(std::string_view operation, std::initializer_list<std::string> parts) {
  std::string r(operation);
  r += ": ";
  for (const std::string& part : parts) r += part;
  return r;
}

}  // namespace xgrad::detail
