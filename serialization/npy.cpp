#include "xgrad/serialization/npy.hpp"

#include <charconv>

#include "xgrad/base/errors.hpp"
#include "xgrad/serialization/atomic_file.hpp"
#include "xgrad/serialization/content.hpp"
#include "xgrad/serialization/npy_format.hpp"

namespace xgrad {
namespace detail {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::size_t kAlignment = 64;

// NumPy's type strings without the byte order.
struct TypeName {
  std::string_view name;
  DType dtype;
};
constexpr TypeName kTypes[] = {
    {"b1", DType::boolean}, {"u1", DType::uint8},   {"i1", DType::int8},   {"u2", DType::uint16},
    {"i2", DType::int16},   {"f2", DType::float16}, {"u4", DType::uint32}, {"i4", DType::int32},
    {"f4", DType::float32}, {"u8", DType::uint64},  {"i8", DType::int64},  {"f8", DType::float64}};

// Reads the header, a Python dictionary such as {'descr': '<f4', 'fortran_order': False, 'shape':
// (3, 4), }.
class HeaderText {
 public:
  HeaderText(const Origin& from, std::string_view text) : from_(from), rest_(text) {}

  // True, and past it, when `token` comes next; blanks before it do not count.
  bool skip(std::string_view token) {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(" \n"), rest_.size()));
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }

  void expect(std::string_view token) {
    if (!skip(token)) from_.fail("header: wanted ", token, " at ", quote(rest_));
  }

  std::string_view text() {
    const std::string_view mark = skip("\"") ? "\"" : "'";
    if (mark == "'") expect(mark);
    const std::size_t end = rest_.find(mark);
    if (end == std::string_view::npos) from_.fail("header: text without an end: ", quote(rest_));
    const std::string_view r = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return r;
  }

  bool boolean() {
    if (skip("True")) return true;
    expect("False");
    return false;
  }

  Shape shape() {
    Shape r;
    expect("(");
    while (!skip(")")) {
      if (r.rank() == Shape::kMaxRank) from_.fail("more than ", Shape::kMaxRank, " axes");
      r.push_back(size());
      if (!skip(",")) {
        expect(")");
        break;
      }
    }
    return r;
  }

  void expect_end() {
    skip("");
    if (!rest_.empty()) from_.fail("header: unexpected ", quote(rest_));
  }

 private:
  std::size_t size() {
    skip("");
    std::size_t r = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), r);
    if (error != std::errc()) from_.fail("header: not a size: ", quote(rest_));
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    skip("L");  // written by Python 2
    return r;
  }

  Origin from_;
  std::string_view rest_;
};

struct Header {
  std::string_view descr;
  bool fortran_order = false;
  Shape shape;
};

Header parse_header(const Origin& from, std::string_view text) {
  Header h;
  bool descr = false, order = false, shape = false;
  HeaderText in(from, text);
  for (in.expect("{"); !in.skip("}");) {
    const std::string_view key = in.text();
    in.expect(":");
    if (key == "descr" && !std::exchange(descr, true)) {
      if (in.skip("[")) from.fail("structured arrays are not supported");
      h.descr = in.text();
    } else if (key == "fortran_order" && !std::exchange(order, true)) {
      h.fortran_order = in.boolean();
    } else if (key == "shape" && !std::exchange(shape, true)) {
      h.shape = in.shape();
    } else {
      from.fail("header: unknown or repeated key ", quote(key));
    }
    if (!in.skip(",")) {
      in.expect("}");
      break;
    }
  }
  in.expect_end();
  if (!descr || !order || !shape) from.fail("header: wants descr, fortran_order and shape");
  return h;
}

DType type_of(const Origin& from, std::string_view descr) {
  const std::string_view orders = "<>|=";
  if (!descr.empty() && orders.find(descr[0]) != std::string_view::npos) {
    for (const TypeName& t : kTypes) {
      if (t.name == descr.substr(1)) return t.dtype;
    }
  }
  from.fail("element type ", quote(descr), " is not supported");
}

// Takes the header off `bytes`: magic, version, length of the text, text.
std::string_view take_header(const Origin& from, BytesView& bytes) {
  if (!as_text(bytes).starts_with(kMagic)) from.fail("not an npy file: ", describe_content(bytes));
  if (bytes.size() < 10) from.fail("truncated in the header");
  const auto version = std::to_integer<unsigned>(bytes[6]);
  if (version < 1 || version > 3) from.fail("version ", version, " of the format, wanted 1 to 3");
  const std::size_t start = version == 1 ? 10 : 12;
  if (bytes.size() < start) from.fail("truncated in the header");
  const std::size_t length =
      version == 1 ? load_little<std::uint16_t>(&bytes[8]) : load_little<std::uint32_t>(&bytes[8]);
  if (length > bytes.size() - start) {
    from.fail("truncated in the header: ", length, " bytes of it, the file has ",
              bytes.size() - start);
  }
  const std::string_view header = as_text(bytes.subspan(start, length));
  bytes = bytes.subspan(start + length);
  return header;
}

Bytes to_row_major(BytesView in, const Shape& shape, std::size_t item) {
  Bytes out;
  out.reserve(in.size());
  std::array<std::size_t, Shape::kMaxRank> index{};
  while (out.size() < in.size()) {
    std::size_t from = 0;
    for (std::size_t k = shape.rank(); k-- > 0;) from = from * shape[k] + index[k];
    append(out, in.subspan(from * item, item));
    for (std::size_t k = shape.rank(); k-- > 0 && ++index[k] == shape[k];) index[k] = 0;
  }
  return out;
}

std::string header_text(const StoredArray& array) {
  for (const TypeName& t : kTypes) {
    if (t.dtype != array.dtype) continue;
    const std::string order = item_size(t.dtype) == 1 ? "|" : "<";
    std::string shape;
    for (const std::size_t size : array.shape) shape += detail::text(size) + ", ";
    if (array.shape.rank() > 1) shape.resize(shape.size() - 2);
    if (array.shape.rank() == 1) shape.resize(shape.size() - 1);
    return "{'descr': '" + order + std::string(t.name) + "', 'fortran_order': False, 'shape': (" +
           shape + "), }";
  }
  detail::fail("npy", "NumPy has no element type ", array.dtype);
}

}  // namespace

StoredArray decode_npy(const Origin& from, BytesView bytes) {
  const Header h = parse_header(from, take_header(from, bytes));
  StoredArray r{type_of(from, h.descr), h.shape, {}};
  const auto wanted = product(item_size(r.dtype), {h.shape.begin(), h.shape.size()});
  if (wanted != bytes.size()) {
    from.fail(bytes.size(), " bytes of data, its header says ",
              wanted ? detail::text(*wanted) : "too many", ", ", to_string(r.dtype), " of shape ",
              to_string(h.shape));
  }
  const bool reorder = h.fortran_order && h.shape.rank() > 1;
  r.bytes = reorder ? to_row_major(bytes, h.shape, item_size(r.dtype))
                    : Bytes(bytes.begin(), bytes.end());
  if (h.descr[0] == '>') swap_bytes(r.bytes, item_size(r.dtype));
  return r;
}

Bytes encode_npy(const StoredArray& array) {
  array.check();
  std::string text = header_text(array);
  text.append(kAlignment - (kMagic.size() + 4 + text.size() + 1) % kAlignment, ' ');
  text += '\n';
  Bytes r;
  r.reserve(kMagic.size() + 4 + text.size() + array.bytes.size());
  append(r, as_bytes(kMagic));
  append(r, as_bytes(std::string_view("\x01\x00", 2)));
  append_little(r, static_cast<std::uint16_t>(text.size()));
  append(r, as_bytes(text));
  append(r, array.bytes);
  return r;
}

}  // namespace detail

StoredArray parse_npy(std::span<const std::byte> bytes, std::string_view name) {
  return detail::decode_npy({"npy", name}, bytes);
}

StoredArray read_npy(const std::string& path) {
  return parse_npy(detail::read_file("npy", path), path);
}

void write_npy(const std::string& path, const StoredArray& array) {
  detail::write_file("npy", path, detail::encode_npy(array));
}

}  // namespace xgrad
