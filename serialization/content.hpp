#pragma once

// What a file is, told by its first bytes, for messages about files that are something else than
// was asked for. Used by the readers; not an interface for users.

#include <string>

#include "xgrad/serialization/bytes.hpp"

namespace xgrad::detail {

/// "a zip archive, 2310 bytes", "text, 34 bytes, beginning with \"a;b;quality\"". Looks into gzipped
/// content: "gzipped text, 54 bytes, ...". Nothing in it is a number read from the content.
std::string describe_content(BytesView file);

}  // namespace xgrad::detail
