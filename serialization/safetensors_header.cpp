#include "xgrad/serialization/safetensors_header.hpp"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

#include "xgrad/base/text.hpp"

namespace xgrad::detail {
namespace {

using nlohmann::json;

constexpr const char* kMetadata = "__metadata__";

struct SafetensorsType {
  std::string_view name;
  DType dtype;
};
constexpr SafetensorsType kSafetensorsTypes[] = {
    {"BOOL", DType::boolean},  {"U8", DType::uint8},   {"I8", DType::int8},
    {"U16", DType::uint16},    {"I16", DType::int16},  {"F16", DType::float16},
    {"BF16", DType::bfloat16}, {"U32", DType::uint32}, {"I32", DType::int32},
    {"F32", DType::float32},   {"U64", DType::uint64}, {"I64", DType::int64},
    {"F64", DType::float64}};

// Follows the parser through the header and stops at the first thing that the format does not have;
// no document is built, so that a hostile header costs no more than its own size.
class HeaderReader : public nlohmann::json_sax<json> {
 public:
  HeaderReader(const Origin& from, std::map<std::string, std::string>& metadata)
      : from_(from), metadata_(metadata) {}

  std::vector<TensorInfo> tensors;

  bool start_object(std::size_t) override {
    if (at_ == At::start) return go(At::names);
    if (at_ == At::tensor_begin) return go(At::fields);
    if (at_ == At::metadata_begin) return go(At::metadata);
    return refuse("an object");
  }

  bool key(std::string& text) override {
    if (at_ == At::metadata) return metadata_key(text);
    if (at_ == At::names) return name(text);
    return field(text);
  }

  bool end_object() override {
    if (at_ != At::fields) return go(at_ == At::names ? At::end : At::names);
    if (fields_.size() != 3) from_.fail(place(), "wants dtype, shape and data_offsets");
    return go(At::names);
  }

  bool string(std::string& text) override {
    if (at_ == At::text) {
      metadata_[text_key_] = text;
      return go(At::metadata);
    }
    if (at_ != At::dtype) return refuse(quote(text));
    tensors.back().dtype = text;
    return go(At::fields);
  }

  bool start_array(std::size_t) override {
    if (at_ == At::shape_begin) return go(At::shape);
    if (at_ == At::offsets_begin) return go(At::begin);
    return refuse("a list");
  }

  bool number_unsigned(std::uint64_t value) override {
    if (at_ == At::shape) return size(tensors.back().shape, value);
    if (at_ == At::begin) {
      tensors.back().begin = value;
      return go(At::end_offset);
    }
    if (at_ != At::end_offset) return refuse(detail::text(value));
    tensors.back().end = value;
    return go(At::offsets_end);
  }

  bool end_array() override {
    if (at_ != At::shape && at_ != At::offsets_end) return refuse("the end of the list");
    return go(At::fields);
  }

  bool null() override { return refuse("null"); }
  bool boolean(bool value) override { return refuse(value ? "true" : "false"); }
  bool number_integer(std::int64_t value) override { return refuse(detail::text(value)); }
  bool number_float(double, const std::string& text) override { return refuse(text); }
  bool binary(json::binary_t&) override { return refuse("binary data"); }
  bool parse_error(std::size_t position, const std::string&, const json::exception&) override {
    from_.fail("header: not JSON at byte ", position);
  }

 private:
  enum class At {
    start,
    names,
    tensor_begin,
    fields,
    dtype,
    shape_begin,
    shape,
    offsets_begin,
    begin,
    end_offset,
    offsets_end,
    metadata_begin,
    metadata,
    text,
    end
  };

  bool go(At next) {
    at_ = next;
    return true;
  }

  // Where the parser stands, for messages.
  std::string place() const {
    if (at_ == At::start || at_ == At::names) return "header: ";
    if (at_ == At::metadata_begin || at_ == At::metadata || at_ == At::text)
      return "header: metadata: ";
    return "tensor " + (tensors.empty() ? "" : quote(tensors.back().name)) + ": ";
  }

  bool refuse(const std::string& what) const { from_.fail(place(), "unexpected ", what); }

  bool name(const std::string& text) {
    if (!names_.insert(text).second) from_.fail("tensor ", quote(text), ": named twice");
    fields_.clear();
    if (text == kMetadata) return go(At::metadata_begin);
    tensors.push_back({text});
    return go(At::tensor_begin);
  }

  bool metadata_key(const std::string& text) {
    if (metadata_.count(text) > 0)
      from_.fail("header: metadata: key ", quote(text), " occurs twice");
    text_key_ = text;
    return go(At::text);
  }

  bool size(Shape& shape, std::uint64_t value) const {
    if (shape.rank() == Shape::kMaxRank)
      from_.fail(place(), "more than ", Shape::kMaxRank, " axes");
    shape.push_back(value);
    return true;
  }

  bool field(const std::string& text) {
    if (!fields_.insert(text).second) from_.fail(place(), text, " is given twice");
    if (text == "dtype") return go(At::dtype);
    if (text == "shape") return go(At::shape_begin);
    if (text == "data_offsets") return go(At::offsets_begin);
    return refuse(quote(text));
  }

  Origin from_;
  std::map<std::string, std::string>& metadata_;
  At at_ = At::start;
  std::set<std::string> names_, fields_;
  std::string text_key_;
};

}  // namespace

std::vector<TensorInfo> parse_safetensors_header(const Origin& from, BytesView header,
                                                 std::map<std::string, std::string>& metadata) {
  if (!as_text(header).starts_with('{')) from.fail("header: does not begin with {");
  HeaderReader reader(from, metadata);
  const std::string_view text = as_text(header);
  json::sax_parse(text.begin(), text.end(), &reader);
  std::stable_sort(reader.tensors.begin(), reader.tensors.end(), [](const auto& a, const auto& b) {
    return std::tie(a.begin, a.end) < std::tie(b.begin, b.end);
  });
  return std::move(reader.tensors);
}

std::optional<DType> safetensors_type(std::string_view name) {
  for (const SafetensorsType& t : kSafetensorsTypes) {
    if (t.name == name) return t.dtype;
  }
  return std::nullopt;
}

std::string_view safetensors_name(DType dtype) {
  return std::find_if(std::begin(kSafetensorsTypes), std::end(kSafetensorsTypes),
                      [&](const SafetensorsType& t) { return t.dtype == dtype; })
      ->name;
}

}  // namespace xgrad::detail
