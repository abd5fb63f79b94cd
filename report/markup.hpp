#pragma once

// Text inside of XML and HTML, and bytes inside of text. Internal.

#include <string>
#include <string_view>

namespace xgrad::detail {

/// For element content and attributes in quotes: & < > " ' are named; what XML cannot hold (control
/// characters, bytes that are no UTF-8) becomes U+FFFD.
std::string escape_markup(std::string_view text);

/// JSON to stand inside of <script type="application/json">: no < is left that could end it.
std::string json_in_script(std::string json);

/// RFC 4648, with padding.
std::string base64(std::string_view bytes);

/// The same text with U+FFFD for each byte that is no UTF-8.
std::string valid_utf8(std::string_view text);

}  // namespace xgrad::detail
