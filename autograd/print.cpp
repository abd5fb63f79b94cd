#include "xgrad/autograd/print.hpp"

#include <algorithm>
#include <cmath>
#include <ostream>
#include <vector>

#include "xgrad/autograd/tensor.hpp"
#include "xgrad/base/text.hpp"

namespace xgrad {
namespace {

// --- Numbers in a column ---

std::string padded(const std::string& s, std::size_t width) {
  return std::string(width - std::min(width, s.size()), ' ') + s;
}

// A finite number in its parts: "-12.5e+09" without the point.
struct Parts {
  std::string whole, decimals, exponent;
};

Parts in_parts(const std::string& s) {
  const std::size_t e = std::min(s.find('e'), s.size()), point = std::min(s.find('.'), e);
  return {s.substr(0, point), s.substr(std::min(point + 1, e), e - std::min(point + 1, e)),
          e < s.size() ? s.substr(e + 1) : ""};
}

Parts without_zeros_behind(Parts p) {
  p.decimals.erase(p.decimals.find_last_not_of('0') + 1);
  return p;
}

template <class T>
Parts with_exponent(T v, int precision) {
  Parts p = in_parts(detail::scientific(v));
  if (p.decimals.size() <= static_cast<std::size_t>(precision)) return p;
  return without_zeros_behind(in_parts(detail::scientific(static_cast<double>(v), precision)));
}

// The shortest digits, or all of those before the point where there are more of them.
template <class T>
Parts without_exponent(T v, int precision) {
  const Parts s = in_parts(detail::scientific(v));
  const int e = std::stoi(s.exponent);
  const bool minus = s.whole[0] == '-';
  std::string digits = s.whole.substr(minus ? 1 : 0) + s.decimals;
  if (e < 0) digits.insert(0, static_cast<std::size_t>(-e), '0');
  const std::size_t point = static_cast<std::size_t>(std::max(e, 0)) + 1;
  if (digits.size() < point) return {detail::fixed(static_cast<double>(v), 0), "", ""};
  const Parts p = {(minus ? "-" : "") + digits.substr(0, point), digits.substr(point), ""};
  if (p.decimals.size() <= static_cast<std::size_t>(precision)) return without_zeros_behind(p);
  return without_zeros_behind(in_parts(detail::fixed(static_cast<double>(v), precision)));
}

template <class T>
class Column {
 public:
  Column(const std::vector<T>& values, int precision) : precision_(precision) {
    double most = 0, least = INFINITY;
    for (const T v : values) {
      if (!std::isfinite(v) || v == 0) continue;
      most = std::max(most, std::abs(static_cast<double>(v)));
      least = std::min(least, std::abs(static_cast<double>(v)));
    }
    scientific_ = most > 0 && (most >= 1e8 || least < 1e-4 || most / least > 1000);
    for (const T v : values) {
      if (!std::isfinite(v)) continue;
      const Parts p = parts(v);
      whole_ = std::max(whole_, p.whole.size());
      decimals_ = std::max(decimals_, p.decimals.size());
      exponent_ = std::max(exponent_, p.exponent.size());
    }
    for (const T v : values) {
      if (std::isfinite(v)) continue;
      const std::size_t right = behind();
      whole_ = std::max(whole_, name(v).size() - std::min(name(v).size(), right));
    }
  }

  std::string operator()(T v) const {
    if (!std::isfinite(v)) return padded(name(v), whole_ + behind());
    const Parts p = parts(v);
    const std::string zeros(decimals_ - p.decimals.size(), scientific_ ? '0' : ' ');
    const std::string number = padded(p.whole, whole_) + "." + p.decimals + zeros;
    if (!scientific_) return number;
    return number + "e" + p.exponent[0] + std::string(exponent_ - p.exponent.size(), '0') +
           p.exponent.substr(1);
  }

 private:
  Parts parts(T v) const {
    return scientific_ ? with_exponent(v, precision_) : without_exponent(v, precision_);
  }
  // From the point on.
  std::size_t behind() const { return 1 + decimals_ + (scientific_ ? 1 + exponent_ : 0); }
  static std::string name(T v) { return std::isnan(v) ? "nan" : v < 0 ? "-inf" : "inf"; }

  int precision_;
  bool scientific_ = false;
  std::size_t whole_ = 0, decimals_ = 0, exponent_ = 0;
};

template <>
class Column<std::int64_t> {
 public:
  Column(const std::vector<std::int64_t>& values, int) {
    for (const std::int64_t v : values) width_ = std::max(width_, detail::text(v).size());
  }
  std::string operator()(std::int64_t v) const { return padded(detail::text(v), width_); }

 private:
  std::size_t width_ = 0;
};

// --- Lists in brackets ---

template <class T>
class Lists {
 public:
  Lists(const Shape& shape, const T* data, const PrintOptions& o, std::size_t indent)
      : shape_(shape),
        data_(data),
        edge_(std::max<std::size_t>(o.edge_items, 1)),
        indent_(indent),
        width_(o.line_width),
        summary_(shape.elements() > o.threshold),
        column_(shown(), o.precision) {}

  // Of what is behind an axis, from an offset on.
  std::string text(std::size_t axis = 0, std::size_t offset = 0) const {
    if (axis == shape_.rank()) return column_(data_[offset]);
    return "[" + (axis + 1 == shape_.rank() ? row(offset) : rows(axis, offset)) + "]";
  }

 private:
  bool shortened(std::size_t axis) const { return summary_ && 2 * edge_ < shape_[axis]; }

  // Calls visit(i) for what is shown along an axis, skip() in the middle.
  template <class Visit, class Skip>
  void along(std::size_t axis, const Visit& visit, const Skip& skip) const {
    const std::size_t n = shape_[axis];
    for (std::size_t i = 0; i < n; ++i) {
      if (shortened(axis) && i == edge_) {
        skip();
        i = n - edge_;
      }
      visit(i);
    }
  }

  void collect(std::size_t axis, std::size_t offset, std::vector<T>& values) const {
    if (axis == shape_.rank()) return values.push_back(data_[offset]);
    along(
        axis, [&](std::size_t i) { collect(axis + 1, at(axis, offset, i), values); }, [] {});
  }
  std::vector<T> shown() const {
    std::vector<T> values;
    if (shape_.elements() > 0) collect(0, 0, values);
    return values;
  }

  std::size_t at(std::size_t axis, std::size_t offset, std::size_t i) const {
    for (std::size_t a = axis + 1; a < shape_.rank(); ++a) i *= shape_[a];
    return offset + i;
  }

  // Of numbers, broken where the line is full.
  std::string row(std::size_t offset) const {
    const std::size_t axis = shape_.rank() - 1;
    const std::string begin(indent_ + axis + 1, ' ');
    const std::size_t full = width_ - std::min(width_, axis + 1);
    std::string done, line = begin;
    const auto add = [&](const std::string& word) {
      if (line.size() > begin.size()) line += ", ";
      if (line.size() > begin.size() && line.size() + word.size() > full) {
        done += line.substr(0, line.size() - 1) + "\n";
        line = begin;
      }
      line += word;
    };
    along(
        axis, [&](std::size_t i) { add(column_(data_[offset + i])); }, [&] { add("..."); });
    return (done + line).substr(begin.size());
  }

  std::string rows(std::size_t axis, std::size_t offset) const {
    const std::string between =
        "," + std::string(shape_.rank() - axis - 1, '\n') + std::string(indent_ + axis + 1, ' ');
    std::string lines;
    const auto add = [&](const std::string& block) {
      if (!lines.empty()) lines += between;
      lines += block;
    };
    along(
        axis, [&](std::size_t i) { add(text(axis + 1, at(axis, offset, i))); },
        [&] { add("..."); });
    return lines;
  }

  const Shape& shape_;
  const T* data_;
  std::size_t edge_, indent_, width_;
  bool summary_;
  Column<T> column_;
};

template <class T>
std::string lists(const std::string& before, const Shape& shape, const T* data,
                  PrintOptions options) {
  if (shape.elements() == 0) return before + "[]";
  options.line_width -= std::min<std::size_t>(options.line_width, 1);  // for the parenthesis
  return before + Lists<T>(shape, data, options, before.size()).text();
}

// Behind the numbers: on their last line, or on one of its own.
std::string with_remarks(const std::string& numbers, const std::string& remarks, std::size_t indent,
                         std::size_t width) {
  const std::size_t last = numbers.size() - (numbers.rfind('\n') + 1);
  const bool fits = last + 2 + remarks.size() + 1 <= width;
  return numbers + (fits ? ", " : ",\n" + std::string(indent, ' ')) + remarks + ")";
}

template <class T>
const char* type_name() {
  return std::is_same_v<T, float> ? "float32" : std::is_same_v<T, double> ? "float64" : "int64";
}

template <class T>
std::string text_of(const Array<T>& a, const PrintOptions& options) {
  const Shape shape(a.shape());
  std::string numbers = lists("array(", shape, a.data(), options);
  const bool empty = shape.elements() == 0;
  if (!empty && !std::is_same_v<T, float>) return numbers + ")";
  if (empty && shape.rank() > 1) numbers += ", shape=" + to_string(shape);
  return with_remarks(numbers, std::string("dtype=") + type_name<T>(), 6, options.line_width);
}

}  // namespace

template <class T>
std::string to_string(const Tensor<T>& t, const PrintOptions& options) {
  if (!t.defined()) return "tensor(undefined)";
  const std::string numbers = lists("tensor(", t.shape(), t.data(), options);
  std::string remarks = "shape=" + to_string(t.shape()) + ", dtype=" + type_name<T>();
  if (t.requires_grad()) remarks += ", requires_grad=true";
  if (!t.is_leaf()) remarks += std::string(", operation=") + t.operation();
  return with_remarks(numbers, remarks, 7, options.line_width);
}

template <class T>
std::ostream& operator<<(std::ostream& out, const Tensor<T>& t) {
  return out << to_string(t);
}

std::string to_string(const Array<float>& a, const PrintOptions& o) { return text_of(a, o); }
std::string to_string(const Array<double>& a, const PrintOptions& o) { return text_of(a, o); }
std::string to_string(const Indices& a, const PrintOptions& o) { return text_of(a, o); }
std::ostream& operator<<(std::ostream& out, const Array<float>& a) { return out << to_string(a); }
std::ostream& operator<<(std::ostream& out, const Array<double>& a) { return out << to_string(a); }
std::ostream& operator<<(std::ostream& out, const Indices& a) { return out << to_string(a); }
std::ostream& operator<<(std::ostream& out, const Shape& shape) { return out << to_string(shape); }

#define XGRAD_INSTANTIATE(T)                                             \
  template std::string to_string(const Tensor<T>&, const PrintOptions&); \
  template std::ostream& operator<<(std::ostream&, const Tensor<T>&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
