#include "xgrad/serialization/error.hpp"

namespace xgrad {

FileError::FileError(std::string_view reader, std::string_view path, std::string_view what)
    : std::runtime_error(std::string(reader).append(": ").append(path).append(": ").append(what)) {}

}  // namespace xgrad
