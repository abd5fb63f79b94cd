#include "xgrad/report/markup.hpp"

#include <cstdint>
#include <nlohmann/json.hpp>

namespace xgrad::detail {
namespace {

constexpr const char* kReplacement = "\xEF\xBF\xBD";

const char* name_of(char c) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#39;";
    default:
      return nullptr;
  }
}

}  // namespace

std::string valid_utf8(std::string_view text) {
  using Json = nlohmann::json;
  const std::string quoted =
      Json(std::string(text)).dump(-1, ' ', false, Json::error_handler_t::replace);
  return Json::parse(quoted).get<std::string>();
}

std::string escape_markup(std::string_view text) {
  std::string r;
  for (const char c : valid_utf8(text)) {
    const auto code = static_cast<unsigned char>(c);
    if (const char* name = name_of(c)) {
      r += name;
    } else if (code < 0x20 && c != '\n' && c != '\t') {
      r += kReplacement;
    } else {
      r += c;
    }
  }
  return r;
}

std::string json_in_script(std::string json) {
  std::string r;
  r.reserve(json.size());
  for (const char c : json) {
    if (c == '<') {
      r += "\\u003c";
    } else {
      r += c;
    }
  }
  return r;
}

std::string base64(std::string_view bytes) {
  static constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string r;
  r.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      const char c = i + k < bytes.size() ? bytes[i + k] : '\0';
      group = group << 8U | static_cast<unsigned char>(c);
    }
    for (std::size_t k = 0; k < 4; ++k)
      r += i + k <= bytes.size() ? kDigits[group >> (18 - 6 * k) & 63U] : '=';
  }
  return r;
}

}  // namespace xgrad::detail
