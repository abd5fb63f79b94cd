#include "xgrad/data/idx.hpp"

#include <unistd.h>

#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "xgrad/base/errors.hpp"
#include "xgrad/serialization/atomic_file.hpp"
#include "xgrad/serialization/content.hpp"
#include "xgrad/serialization/deflate.hpp"

namespace xgrad {
namespace {

using detail::Bytes;
using detail::BytesView;
using detail::Content;
using detail::Origin;

constexpr std::string_view kReader = "idx";
constexpr std::size_t kImageAxes = 3, kLabelAxes = 1;
constexpr std::size_t kQmnistFields = 8;  // the first of which is the class

struct TypeCode {
  unsigned code;
  DType dtype;
};
constexpr TypeCode kTypes[] = {{0x08, DType::uint8},   {0x09, DType::int8},
                               {0x0B, DType::int16},   {0x0C, DType::int32},
                               {0x0D, DType::float32}, {0x0E, DType::float64}};

// 2051 for images, 2049 for labels.
std::uint32_t magic_number(unsigned type, std::size_t axes) {
  return (type << 8U) | static_cast<std::uint32_t>(axes);
}

struct Header {
  std::uint32_t magic;
  DType dtype;
  Shape shape;

  bool is_images() const { return magic == magic_number(0x08, kImageAxes); }
  bool is_labels() const { return shape.rank() == kLabelAxes && !is_floating(dtype); }
  bool is_qmnist_labels() const {
    return dtype == DType::int32 && shape.rank() == 2 && shape[1] == kQmnistFields;
  }
};

std::string describe(const Header& h) {
  const char* what = h.is_images() ? " (images)" : h.is_labels() ? " (labels)" : "";
  return detail::text(h.magic) + what + ", " + std::string(to_string(h.dtype)) + " " +
         to_string(h.shape);
}

const TypeCode* type_of(std::uint32_t magic) {
  const auto it = std::find_if(std::begin(kTypes), std::end(kTypes),
                               [&](const TypeCode& t) { return magic >> 8U == t.code; });
  return it == std::end(kTypes) ? nullptr : it;
}

std::uint32_t read_word(const Origin& from, Content& content, const char* what) {
  const Bytes word = content.read(4);
  if (word.size() < 4) from.fail("truncated in the header: no room for ", what);
  return detail::load_big<std::uint32_t>(word.data());
}

// A file that begins otherwise is none, whatever the numbers in it.
Header read_header(const Origin& from, BytesView file, Content& content) {
  const Bytes begin = content.read(4);
  const auto magic = begin.size() == 4 ? detail::load_big<std::uint32_t>(begin.data()) : 0;
  const TypeCode* type = type_of(magic);
  if (type == nullptr) from.fail("not an IDX file: ", detail::describe_content(file));
  Header h{magic, type->dtype, {}};
  const std::size_t axes = magic & 0xFFU;
  if (axes > Shape::kMaxRank) from.fail(axes, " axes, at most ", Shape::kMaxRank, " are supported");
  for (std::size_t i = 0; i < axes; ++i) h.shape.push_back(read_word(from, content, "the sizes"));
  return h;
}

Bytes read_data(const Origin& from, Content& content, const Header& h) {
  const auto bytes = detail::product(item_size(h.dtype), {h.shape.begin(), h.shape.size()});
  if (!bytes) from.fail("shape ", to_string(h.shape), " is too large");
  Bytes data = content.read(*bytes + 1);
  const bool more = data.size() > *bytes;
  if (data.size() != *bytes) {
    from.fail(more ? "more than " : "", more ? *bytes : data.size(),
              " bytes of data, its header says ", *bytes, ", shape ", to_string(h.shape));
  }
  detail::swap_bytes(data, item_size(h.dtype));
  return data;
}

using Accepts = bool (*)(const Header&);

StoredArray parse(const Origin& from, BytesView bytes, const char* wanted, Accepts accepts) {
  Content content(from, bytes);
  const Header h = read_header(from, bytes, content);
  if (!accepts(h)) from.fail("magic number ", describe(h), ", wanted ", wanted);
  return {h.dtype, h.shape, read_data(from, content, h)};
}

StoredArray parse(const Origin& from, BytesView bytes) {
  return parse(from, bytes, "", [](const Header&) { return true; });
}

Array<float> parse_images(const Origin& from, BytesView bytes) {
  return parse(from, bytes, "2051 (images)", [](const Header& h) { return h.is_images(); })
      .to<float>();
}

Indices first_column(const Indices& table) {
  Indices r = Indices::from_shape({table.shape(0)});
  for (std::size_t i = 0; i < r.size(); ++i) r.data()[i] = table.data()[i * table.shape(1)];
  return r;
}

Indices parse_labels(const Origin& from, BytesView bytes) {
  const auto accepts = [](const Header& h) { return h.is_labels() || h.is_qmnist_labels(); };
  const Indices r = parse(from, bytes, "2049 (labels)", accepts).to<std::int64_t>();
  return r.dimension() == 1 ? r : first_column(r);
}

// MNIST's test part has a name of its own.
std::vector<const char*> parts_of(Split split) {
  if (split == Split::train) return {"train"};
  return {"t10k", "test"};
}

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

// The first of these names that is there, plain or packed.
std::string find(const std::string& directory, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const std::string plain = directory + "/" + name, packed = plain + ".gz";
    if (exists(plain)) return plain;
    if (exists(packed)) return packed;
  }
  Origin{kReader, directory}.fail("holds neither ", names[0], " nor ", names[0], ".gz");
}

const TypeCode& code_of(DType dtype) {
  for (const TypeCode& t : kTypes) {
    if (t.dtype == dtype) return t;
  }
  detail::fail("write_idx", "IDX has no element type ", dtype);
}

Bytes encode(const StoredArray& a) {
  a.check();
  Bytes r;
  detail::append_big(r, magic_number(code_of(a.dtype).code, a.shape.rank()));
  for (const std::size_t size : a.shape) {
    if (size > std::numeric_limits<std::uint32_t>::max()) {
      detail::fail("write_idx", "a size beyond 32 bits: shape ", a.shape);
    }
    detail::append_big(r, static_cast<std::uint32_t>(size));
  }
  const std::size_t head = r.size();
  detail::append(r, a.bytes);
  detail::swap_bytes(std::span(r).subspan(head), item_size(a.dtype));
  return r;
}

// The array's elements as bytes; `level` refuses by a negative result.
template <class T, class F>
StoredArray to_levels(const char* writer, const char* range, const Array<T>& array,
                      std::size_t axes, const F& level) {
  const Shape shape(array.shape());
  if (shape.rank() != axes) {
    detail::fail(writer, axes, " axes are wanted: shape ", shape);
  }
  StoredArray r{DType::uint8, shape, Bytes(array.size())};
  for (std::size_t i = 0; i < array.size(); ++i) {
    const int byte = level(array.data()[i]);
    if (byte < 0) {
      detail::fail(writer, "element ", i, " is not in ", range, ": ", array.data()[i]);
    }
    r.bytes[i] = static_cast<std::byte>(byte);
  }
  return r;
}

}  // namespace

StoredArray read_idx(const std::string& path) {
  return parse({kReader, path}, detail::read_file(kReader, path));
}

StoredArray parse_idx(std::span<const std::byte> bytes, std::string_view name) {
  return parse({kReader, name}, bytes);
}

Array<float> read_idx_images(const std::string& path, const IdxOptions& options) {
  auto images = parse_images({kReader, path}, detail::read_file(kReader, path));
  if (!options.raw) images /= 255.0F;
  return images;
}

Indices read_idx_labels(const std::string& path) {
  return parse_labels({kReader, path}, detail::read_file(kReader, path));
}

ImageData load_idx(const std::string& directory, Split split, const IdxOptions& options) {
  std::vector<std::string> image_names, label_names;
  for (const char* part : parts_of(split)) {
    image_names.push_back(options.prefix + part + "-images-idx3-ubyte");
    label_names.push_back(options.prefix + part + "-labels-idx1-ubyte");
    label_names.push_back(options.prefix + part + "-labels-idx2-int");
  }
  const std::string images = find(directory, image_names), labels = find(directory, label_names);
  ImageData r{read_idx_images(images, options), read_idx_labels(labels)};
  if (r.images.shape(0) != r.labels.shape(0)) {
    Origin{kReader, labels}.fail(r.labels.shape(0), " labels for the ", r.images.shape(0),
                                 " images in ", images);
  }
  return r;
}

void write_idx(const std::string& path, const StoredArray& array) {
  const Bytes plain = encode(array);
  const bool gz = path.ends_with(".gz");
  detail::write_file(kReader, path, gz ? detail::deflate(plain, detail::Packing::gzip) : plain);
}

void write_idx_images(const std::string& path, const Array<float>& images) {
  write_idx(path, to_levels("write_idx_images", "[0, 1]", images, kImageAxes, [](float x) {
              return x >= 0 && x <= 1 ? static_cast<int>(std::lround(255 * x)) : -1;
            }));
}

void write_idx_labels(const std::string& path, const Indices& labels) {
  write_idx(path, to_levels("write_idx_labels", "[0, 255]", labels, kLabelAxes, [](std::int64_t x) {
              return x >= 0 && x <= 255 ? static_cast<int>(x) : -1;
            }));
}

}  // namespace xgrad
