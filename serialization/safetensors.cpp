#include "xgrad/serialization/safetensors.hpp"

#include "xgrad/base/text.hpp"
#include "xgrad/serialization/content.hpp"
#include "xgrad/serialization/safetensors_header.hpp"
#include "xgrad/serialization/safetensors_writer.hpp"

namespace xgrad {
namespace {

using detail::BytesView;
using detail::Origin;
using detail::TensorInfo;

constexpr std::string_view kReader = "safetensors";
constexpr std::size_t kLengthSize = 8;
constexpr std::uint64_t kLongestHeader = 100'000'000;  // as in the reference implementation
constexpr std::uint64_t kNoLength = std::uint64_t{1} << 40U;

DType type_of(const Origin& from, const TensorInfo& info) {
  if (const auto dtype = detail::safetensors_type(info.dtype)) return *dtype;
  from.fail("tensor ", detail::quote(info.name), ": dtype ", detail::quote(info.dtype),
            " is not supported");
}

// Whether the first number can be the length of a header. That of a text is beyond all files, as
// eight letters are more than 2^61, and a header begins with a brace.
bool may_be_safetensors(BytesView bytes) {
  if (bytes.size() <= kLengthSize) return false;
  const auto length = detail::load_little<std::uint64_t>(bytes.data());
  return bytes[kLengthSize] == std::byte{'{'} && length < kNoLength;
}

// The header's text; `bytes` then begins with the data.
BytesView take_header(const Origin& from, BytesView& bytes) {
  if (!may_be_safetensors(bytes))
    from.fail("not a safetensors file: ", detail::describe_content(bytes));
  const auto length = detail::load_little<std::uint64_t>(bytes.data());
  const std::size_t rest = bytes.size() - kLengthSize;
  if (length > kLongestHeader)
    from.fail("header of ", length, " bytes, at most ", kLongestHeader, " are read");
  if (length > rest) from.fail("truncated: header of ", length, " bytes, the file has ", rest);
  const BytesView header = bytes.subspan(kLengthSize, length);
  bytes = bytes.subspan(kLengthSize + length);
  return header;
}

// The tensors' data follow one another without overlap or hole and fill the file.
void check_layout(const Origin& from, const std::vector<TensorInfo>& tensors, std::size_t size) {
  std::uint64_t at = 0;
  for (const TensorInfo& t : tensors) {
    if (t.begin != at || t.end < at) {
      from.fail("tensor ", detail::quote(t.name), ": data_offsets [", t.begin, ", ", t.end,
                "], the data before it end at ", at);
    }
    at = t.end;
  }
  if (at != size)
    from.fail(at > size ? "truncated: " : "", size, " bytes of data, its header says ", at);
}

StoredArray take_tensor(const Origin& from, const TensorInfo& info, BytesView data) {
  const DType dtype = type_of(from, info);
  const auto wanted = detail::product(item_size(dtype), {info.shape.begin(), info.shape.size()});
  if (wanted != info.end - info.begin) {
    from.fail("tensor ", detail::quote(info.name), ": ", info.end - info.begin,
              " bytes of data for ", info.dtype, " of shape ", to_string(info.shape));
  }
  const BytesView own = data.subspan(info.begin, info.end - info.begin);
  return {dtype, info.shape, {own.begin(), own.end()}};
}

}  // namespace

Archive parse_safetensors(std::span<const std::byte> bytes, std::string_view name) {
  const Origin from{kReader, name};
  const BytesView header = take_header(from, bytes);
  Archive archive(kReader, name);
  const auto tensors = detail::parse_safetensors_header(from, header, archive.metadata);
  check_layout(from, tensors, bytes.size());
  for (const TensorInfo& info : tensors) archive.add(info.name, take_tensor(from, info, bytes));
  return archive;
}

Archive read_safetensors(const std::string& path) {
  return parse_safetensors(detail::read_file(kReader, path), path);
}

std::vector<std::byte> format_safetensors(const Archive& archive) {
  return detail::format_safetensors(detail::sources_of(archive), archive.metadata);
}

void write_safetensors(const std::string& path, const Archive& archive,
                       const std::string& previous) {
  detail::write_safetensors(path, detail::sources_of(archive), archive.metadata, previous);
}

}  // namespace xgrad
