#pragma once

// FileError: the one exception type for files, here and in data/. Wrong arguments remain
// std::invalid_argument.

#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

namespace xgrad {

/// A file that cannot be read or written. The message is one line, `reader: path: what is wrong`,
/// with the values at fault, for example `idx: labels.gz: 9996 bytes of data, its header says
/// 10000`. Reading from memory, the path is the name that was given.
class FileError : public std::runtime_error {
 public:
  FileError(std::string_view reader, std::string_view path, std::string_view what);
};

namespace detail {

/// Text out of a file as a message shows it: in quotes, on one line, cut after 40 characters.
std::string quote(std::string_view text);

/// Where bytes come from or go to, for messages. Refers to text of the caller.
struct Origin {
  std::string_view reader;
  std::string_view path;

  /// Throws FileError; the parts, text and integers, are joined.
  template <class... Parts>
  [[noreturn]] void fail(const Parts&... parts) const {
    std::string what;
    (append(what, parts), ...);
    throw FileError(reader, path, what);
  }

 private:
  template <class Part>
  static void append(std::string& what, const Part& part) {
    if constexpr (std::is_integral_v<Part>) {
      what += std::to_string(part);
    } else {
      what += part;
    }
  }
};

}  // namespace detail
}  // namespace xgrad
