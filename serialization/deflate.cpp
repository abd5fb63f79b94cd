#include "xgrad/serialization/deflate.hpp"

#include <zlib.h>

#include <new>

namespace xgrad::detail {
namespace {

constexpr std::size_t kFirstPiece = std::size_t{64} << 10;
constexpr std::size_t kLargestPiece = std::size_t{1} << 30;  // zlib counts in 32 bits

// zlib's windowBits: 15 is the largest window, 16 more says gzip, a negative number says no header.
int window_bits(Packing packing) { return packing == Packing::gzip ? 15 + 16 : -15; }

Bytef* zlib_bytes(const std::byte* p) {
  return const_cast<Bytef*>(reinterpret_cast<const Bytef*>(p));  // zlib does not write its input
}

uInt zlib_size(std::size_t n) { return static_cast<uInt>(std::min(n, kLargestPiece)); }

}  // namespace

Inflater::Inflater(const Origin& from, BytesView compressed, Packing packing)
    : from_(from), rest_(compressed), packing_(packing), stream_(std::make_unique<z_stream>()) {
  if (inflateInit2(stream_.get(), window_bits(packing)) != Z_OK) throw std::bad_alloc();
}

Inflater::Inflater(Inflater&&) noexcept = default;

Inflater::~Inflater() {
  if (stream_) inflateEnd(stream_.get());
}

bool Inflater::next_member() { return packing_ == Packing::gzip && is_gzip(rest_); }

void Inflater::end_member() {
  if (next_member()) {
    inflateReset(stream_.get());
    return;
  }
  if (!rest_.empty()) from_.fail(rest_.size(), " bytes behind the end of the compressed data");
  done_ = true;
}

// One call of zlib; what it consumed leaves rest_.
void Inflater::step(std::span<std::byte> out) {
  z_stream& z = *stream_;
  z.next_in = zlib_bytes(rest_.data());
  z.avail_in = zlib_size(rest_.size());
  z.next_out = zlib_bytes(out.data());
  z.avail_out = zlib_size(out.size());
  const std::size_t given = z.avail_in;
  const int result = inflate(&z, Z_NO_FLUSH);
  rest_ = rest_.subspan(given - z.avail_in);
  if (result == Z_STREAM_END) return end_member();
  if (result == Z_MEM_ERROR) throw std::bad_alloc();
  if (result == Z_BUF_ERROR) from_.fail("truncated: the compressed data have no end");
  if (result != Z_OK)
    from_.fail("damaged compressed data: ", z.msg != nullptr ? z.msg : "not deflate");
}

std::size_t Inflater::fill(std::span<std::byte> out) {
  std::size_t n = 0;
  while (n < out.size() && !done_) {
    const std::span<std::byte> room = out.subspan(n);
    step(room);
    n += zlib_size(room.size()) - stream_->avail_out;
  }
  return n;
}

Bytes Inflater::read(std::size_t most) {
  Bytes bytes;
  while (bytes.size() < most && !done_) {
    const std::size_t before = bytes.size();
    bytes.resize(std::min(most, std::max(2 * before, kFirstPiece)));
    bytes.resize(before + fill(std::span(bytes).subspan(before)));
  }
  return bytes;
}

Bytes deflate(BytesView bytes, Packing packing) {
  z_stream z{};
  if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, window_bits(packing), 8,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::bad_alloc();
  }
  const std::unique_ptr<z_stream, int (*)(z_stream*)> end(&z, deflateEnd);
  Bytes out(deflateBound(&z, static_cast<uLong>(bytes.size())));
  std::size_t written = 0;
  int result = Z_OK;
  while (result == Z_OK) {
    z.next_in = zlib_bytes(bytes.data());
    z.avail_in = zlib_size(bytes.size());
    z.next_out = zlib_bytes(out.data() + written);
    z.avail_out = zlib_size(out.size() - written);
    const std::size_t given = z.avail_in, room = z.avail_out;
    result = ::deflate(&z, given == bytes.size() ? Z_FINISH : Z_NO_FLUSH);
    bytes = bytes.subspan(given - z.avail_in);
    written += room - z.avail_out;
  }
  out.resize(written);
  return out;
}

std::uint32_t crc32_of(BytesView bytes) {
  return static_cast<std::uint32_t>(crc32_z(0, zlib_bytes(bytes.data()), bytes.size()));
}

bool is_gzip(BytesView bytes) {
  return bytes.size() >= 2 && bytes[0] == std::byte{0x1F} && bytes[1] == std::byte{0x8B};
}

Content::Content(const Origin& from, BytesView bytes) : rest_(bytes) {
  if (is_gzip(bytes)) inflater_.emplace(from, bytes, Packing::gzip);
}

Bytes Content::read(std::size_t most) {
  if (inflater_) return inflater_->read(most);
  const BytesView next = rest_.first(std::min(most, rest_.size()));
  rest_ = rest_.subspan(next.size());
  return {next.begin(), next.end()};
}

}  // namespace xgrad::detail
