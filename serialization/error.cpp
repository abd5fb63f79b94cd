#include "xgrad/serialization/error.hpp"

namespace xgrad {
namespace {

constexpr std::size_t kShown = 40;

std::string message(std::string_view reader, std::string_view path, std::string_view what) {
  std::string m;
  m.reserve(reader.size() + path.size() + what.size() + 4);
  m.append(reader).append(": ").append(path).append(": ").append(what);
  return m;
}

void append_escaped(std::string& r, char c) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  const auto code = static_cast<unsigned char>(c);
  if (code < 0x20 || code == 0x7F) {
    r += "\\x";
    r += kDigits[code >> 4U];
    r += kDigits[code & 15U];
  } else {
    r += c;
  }
}

// Never cuts a UTF-8 sequence in two.
std::size_t cut(std::string_view text) {
  std::size_t end = kShown;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return end;
}

}  // namespace

FileError::FileError(std::string_view reader, std::string_view path, std::string_view what)
    : std::runtime_error(message(reader, path, what)) {}

namespace detail {

std::string quote(std::string_view text) {
  const bool whole = text.size() <= kShown;
  std::string r = "\"";
  for (const char c : text.substr(0, whole ? text.size() : cut(text))) append_escaped(r, c);
  return r + (whole ? "\"" : "...\"");
}

}  // namespace detail
}  // namespace xgrad
