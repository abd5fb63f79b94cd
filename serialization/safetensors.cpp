#include "xgrad/serialization/safetensors.hpp"

#include <nlohmann/json.hpp>

#include "xgrad/base/errors.hpp"
#include "xgrad/serialization/atomic_file.hpp"
#include "xgrad/serialization/content.hpp"
#include "xgrad/serialization/safetensors_header.hpp"

namespace xgrad {
namespace {

using detail::BytesView;
using detail::Origin;
using detail::TensorInfo;

constexpr std::string_view kReader = "safetensors";
constexpr std::size_t kLengthSize = 8;
constexpr std::uint64_t kLongestHeader = 100'000'000;  // as in the reference implementation
constexpr std::uint64_t kNoLength = std::uint64_t{1} << 40U;

struct TypeName {
  std::string_view name;
  DType dtype;
};
constexpr TypeName kTypes[] = {
    {"BOOL", DType::boolean},  {"U8", DType::uint8},   {"I8", DType::int8},
    {"U16", DType::uint16},    {"I16", DType::int16},  {"F16", DType::float16},
    {"BF16", DType::bfloat16}, {"U32", DType::uint32}, {"I32", DType::int32},
    {"F32", DType::float32},   {"U64", DType::uint64}, {"I64", DType::int64},
    {"F64", DType::float64}};

DType type_of(const Origin& from, const TensorInfo& info) {
  for (const TypeName& t : kTypes) {
    if (t.name == info.dtype) return t.dtype;
  }
  from.fail("tensor ", detail::quote(info.name), ": dtype ", detail::quote(info.dtype),
            " is not supported");
}

std::string_view name_of(DType dtype) {
  return std::find_if(std::begin(kTypes), std::end(kTypes),
                      [&](auto& t) { return t.dtype == dtype; })
      ->name;
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

std::string json_text(const std::string& text) {
  try {
    return nlohmann::json(text).dump();
  } catch (const nlohmann::json::exception&) {
    detail::fail("write_safetensors", "not UTF-8: ", detail::quote(text));
  }
}

void append_metadata(std::string& json, const Archive& archive) {
  if (archive.metadata.empty()) return;
  const char* separator = "\"__metadata__\":{";
  for (const auto& [key, value] : archive.metadata) {
    json += separator + json_text(key) + ":" + json_text(value);
    separator = ",";
  }
  json += "}";
}

std::string shape_text(const Shape& shape) {
  std::string r = to_string(shape);  // (2, 3)
  r.front() = '[';
  r.back() = ']';
  return r;
}

void append_tensor(std::string& json, const Archive::Entry& entry, std::size_t begin) {
  const auto& [name, array] = entry;
  array.check();
  if (name == "__metadata__") detail::fail("write_safetensors", "reserved name ", name);
  if (json.size() > 1) json += ",";
  json += json_text(name) + ":{\"dtype\":\"" + std::string(name_of(array.dtype)) +
          "\",\"shape\":" + shape_text(array.shape) + ",\"data_offsets\":[" + detail::text(begin) +
          "," + detail::text(begin + array.bytes.size()) + "]}";
}

std::vector<const Archive::Entry*> aligned_order(const Archive& archive) {
  std::vector<const Archive::Entry*> r;
  for (const Archive::Entry& entry : archive) r.push_back(&entry);
  std::stable_sort(r.begin(), r.end(), [](auto* a, auto* b) {
    return item_size(a->second.dtype) > item_size(b->second.dtype);
  });
  return r;
}

std::string header_text(const Archive& archive, const std::vector<const Archive::Entry*>& order) {
  std::string json = "{";
  append_metadata(json, archive);
  std::size_t at = 0;
  for (const Archive::Entry* entry : order) {
    append_tensor(json, *entry, at);
    at += entry->second.bytes.size();
  }
  json += "}";
  json.resize((json.size() + 7) / 8 * 8, ' ');
  return json;
}

// All that comes before the data.
detail::Bytes beginning(const Archive& archive, const std::vector<const Archive::Entry*>& order) {
  const std::string header = header_text(archive, order);
  detail::Bytes bytes;
  detail::append_little(bytes, std::uint64_t{header.size()});
  detail::append(bytes, detail::as_bytes(header));
  return bytes;
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
  const auto order = aligned_order(archive);
  detail::Bytes bytes = beginning(archive, order);
  for (const Archive::Entry* entry : order) detail::append(bytes, entry->second.bytes);
  return bytes;
}

void write_safetensors(const std::string& path, const Archive& archive,
                       const std::string& previous) {
  const auto order = aligned_order(archive);
  detail::AtomicFile file(kReader, path);
  file.write(beginning(archive, order));
  for (const Archive::Entry* entry : order) file.write(entry->second.bytes);
  file.commit(previous);
}

}  // namespace xgrad
