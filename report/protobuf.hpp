#pragma once

// Messages of Protocol Buffers, as far as event files need them: fields in the order they are added, in the
// encoding of proto3. Internal. **Source** protobuf.dev/programming-guides/encoding.

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace xgrad::detail {

class Message {
 public:
  Message& whole(unsigned field, std::int64_t v) {
    key(field, 0);
    varint(static_cast<std::uint64_t>(v));
    return *this;
  }
  Message& real(unsigned field, double v) {
    key(field, 1);
    fixed(std::bit_cast<std::uint64_t>(v), 8);
    return *this;
  }
  Message& single(unsigned field, float v) {
    key(field, 5);
    fixed(std::bit_cast<std::uint32_t>(v), 4);
    return *this;
  }
  Message& bytes(unsigned field, std::string_view v) {
    key(field, 2);
    varint(v.size());
    text_ += v;
    return *this;
  }
  Message& message(unsigned field, const Message& m) { return bytes(field, m.text_); }
  Message& packed(unsigned field, const std::vector<double>& values) {
    key(field, 2);
    varint(8 * values.size());
    for (const double v : values) fixed(std::bit_cast<std::uint64_t>(v), 8);
    return *this;
  }
  const std::string& text() const { return text_; }

 private:
  void key(unsigned field, unsigned type) { varint(field << 3U | type); }
  void varint(std::uint64_t v) {
    for (; v >= 0x80; v >>= 7U) text_ += static_cast<char>(v | 0x80U);
    text_ += static_cast<char>(v);
  }
  void fixed(std::uint64_t v, unsigned count) {
    for (unsigned i = 0; i < count; ++i) text_ += static_cast<char>(v >> (8 * i));
  }

  std::string text_;
};

}  // namespace xgrad::detail
