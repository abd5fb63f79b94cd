#pragma once

// Compressed bytes: what gzip files and zip archives are made of. Used by the readers and writers;
// not an interface for users. Errors are FileErrors of the origin given.

#include <memory>

#include "xgrad/serialization/bytes.hpp"

struct z_stream_s;

namespace xgrad::detail {

enum class Packing {
  gzip,  ///< a gzip file: header, checksum, several members one after the other
  raw,   ///< a deflate stream alone, as in zip archives
};

/// Reads compressed bytes in pieces. Memory follows what really comes out (deflate's best is 1032
/// to 1), never what a header claims.
class Inflater {
 public:
  /// The bytes and the text of the origin must outlive the reader.
  Inflater(const Origin& from, BytesView compressed, Packing packing);
  ~Inflater();
  Inflater(Inflater&&) noexcept;
  Inflater& operator=(Inflater&&) = delete;

  /// The next `most` bytes, fewer only at the end. Throws for damaged or truncated streams, a wrong
  /// checksum, and bytes behind the end.
  Bytes read(std::size_t most);

 private:
  std::size_t fill(std::span<std::byte> out);
  void step(std::span<std::byte> out);
  void end_member();
  bool next_member();

  Origin from_;
  BytesView rest_;
  Packing packing_;
  bool done_ = false;
  std::unique_ptr<z_stream_s> stream_;
};

/// One whole stream; the same bytes for the same content.
Bytes deflate(BytesView bytes, Packing packing);

/// The checksum of zip archives.
std::uint32_t crc32_of(BytesView bytes);

/// True when the bytes begin as a gzip file does.
bool is_gzip(BytesView bytes);

/// A file's content, gunzipped when it is compressed.
class Content {
 public:
  /// The bytes and the text of the origin must outlive the reader.
  Content(const Origin& from, BytesView bytes);

  /// The next `most` bytes, fewer only at the end.
  Bytes read(std::size_t most);

 private:
  BytesView rest_;
  std::optional<Inflater> inflater_;
};

}  // namespace xgrad::detail
