#include "xgrad/serialization/safetensors_writer.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "xgrad/base/errors.hpp"
#include "xgrad/serialization/atomic_file.hpp"
#include "xgrad/serialization/safetensors_header.hpp"

namespace xgrad::detail {
namespace {

constexpr const char* kWriter = "write_safetensors";

using Metadata = std::map<std::string, std::string>;

std::string json_text(const std::string& text) {
  try {
    return nlohmann::json(text).dump();
  } catch (const nlohmann::json::exception&) {
    fail(kWriter, "not UTF-8: ", quote(text));
  }
}

void append_metadata(std::string& header, const Metadata& metadata) {
  if (metadata.empty()) return;
  const char* separator = "\"__metadata__\":{";
  for (const auto& [key, value] : metadata) {
    header += separator + json_text(key) + ":" + json_text(value);
    separator = ",";
  }
  header += "}";
}

std::string shape_text(const Shape& shape) {
  std::string r = to_string(shape);  // (2, 3)
  r.front() = '[';
  r.back() = ']';
  return r;
}

void append_tensor(std::string& header, const ArraySource& array, std::size_t begin) {
  if (array.name == "__metadata__") fail(kWriter, "reserved name ", array.name);
  if (header.size() > 1) header += ",";
  header += json_text(array.name) + ":{\"dtype\":\"" + std::string(safetensors_name(array.dtype)) +
            "\",\"shape\":" + shape_text(array.shape) + ",\"data_offsets\":[" + text(begin) + "," +
            text(begin + array.size()) + "]}";
}

std::vector<const ArraySource*> aligned_order(const std::vector<ArraySource>& sources) {
  std::vector<const ArraySource*> r;
  for (const ArraySource& s : sources) r.push_back(&s);
  std::stable_sort(r.begin(), r.end(),
                   [](auto* a, auto* b) { return item_size(a->dtype) > item_size(b->dtype); });
  return r;
}

// All that comes before the data.
Bytes beginning(const Metadata& metadata, const std::vector<const ArraySource*>& order) {
  std::string header = "{";
  append_metadata(header, metadata);
  std::size_t at = 0;
  for (const ArraySource* array : order) {
    append_tensor(header, *array, at);
    at += array->size();
  }
  header += "}";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  Bytes bytes;
  append_little(bytes, std::uint64_t{header.size()});
  append(bytes, as_bytes(header));
  return bytes;
}

void write_all(const std::vector<ArraySource>& sources, const Metadata& metadata,
               const ByteSink& sink) {
  const auto order = aligned_order(sources);
  sink(beginning(metadata, order));
  for (const ArraySource* array : order) {
    std::size_t given = 0;
    array->bytes([&](BytesView bytes) {
      given += bytes.size();
      sink(bytes);
    });
    require<std::logic_error>(given == array->size(), kWriter, "array ", quote(array->name), ": ",
                              given, " bytes, not ", array->size());
  }
}

}  // namespace

std::vector<ArraySource> sources_of(const Archive& archive) {
  std::vector<ArraySource> r;
  for (const auto& [name, array] : archive) {
    array.check();
    const BytesView bytes = array.bytes;
    r.push_back({name, array.dtype, array.shape, [bytes](const ByteSink& sink) { sink(bytes); }});
  }
  return r;
}

void write_safetensors(const std::string& path, const std::vector<ArraySource>& sources,
                       const Metadata& metadata, const std::string& previous) {
  AtomicFile file("safetensors", path);
  write_all(sources, metadata, [&](BytesView bytes) { file.write(bytes); });
  file.commit(previous);
}

Bytes format_safetensors(const std::vector<ArraySource>& sources, const Metadata& metadata) {
  Bytes all;
  write_all(sources, metadata, [&](BytesView bytes) { append(all, bytes); });
  return all;
}

}  // namespace xgrad::detail
