#pragma once

// FileError: the one exception type for files, here and in data/. Wrong arguments
// remain std::invalid_argument.

#include <stdexcept>
#include <string>
#include <string_view>

#include "xgrad/base/text.hpp"

namespace xgrad {

/// A file that cannot be read or written. The message is one line, `reader: path: what is wrong`,
/// with the values at fault, for example `idx: labels.gz: 9996 bytes of data, its header says
/// 10000`. Reading from memory, the path is the name that was given.
class FileError : public std::runtime_error {
 public:
  FileError(std::string_view reader, std::string_view path, std::string_view what);
};

namespace detail {

/// Where bytes come from or go to, for messages. Refers to text of the caller.
struct Origin {
  std::string_view reader;
  std::string_view path;

  /// Throws FileError; the parts are joined.
  template <class... Parts>
  [[noreturn]] void fail(const Parts&... parts) const {
    throw FileError(reader, path, (std::string() + ... + text(parts)));
  }
};

}  // namespace detail
}  // namespace xgrad
