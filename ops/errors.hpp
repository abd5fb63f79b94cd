#pragma once

// How operations report what is wrong. Internal.

#include <sstream>
#include <stdexcept>

namespace xgrad::detail {

/// Throws Error("operation: part part ...").
template <class Error = std::invalid_argument, class... Parts>
[[noreturn]] void fail(const char* operation, const Parts&... parts) {
  std::ostringstream message;
  message << operation << ": ";
  (message << ... << parts);
  throw Error(message.str());
}

}  // namespace xgrad::detail
