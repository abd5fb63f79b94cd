#include "xgrad/ops/einsum.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "xgrad/autograd/axis.hpp"
#include "xgrad/autograd/broadcast.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/ops/contraction.hpp"
#include "xgrad/ops/contraction_order.hpp"
#include "xgrad/ops/lattice.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/ops/subscripts.hpp"

namespace xgrad {

using detail::LetterSet;
using detail::require;
using detail::Subscripts;
using detail::view;

namespace {

// An operand on its way, with a letter for each axis.
template <class T>
struct Named {
  Tensor<T> x;
  std::string letters;

  bool has(char c) const { return letters.find(c) != letters.npos; }
};

template <class T>
const detail::Rule<T> kDiagonal = {"einsum", &detail::take_backward<T>, nullptr};

// Letters that occur twice become one axis, the diagonal.
template <class T>
void take_diagonals(Named<T>& n) {
  const detail::Strides strides = detail::strides_of(n.x.shape());
  Named<T> r;
  detail::Selection s;
  Shape shape;
  for (std::size_t i = 0; i < n.letters.size(); ++i) {
    if (r.has(n.letters[i])) continue;
    r.letters += n.letters[i];
    std::ptrdiff_t stride = 0;
    for (std::size_t j = i; j < n.letters.size(); ++j)
      stride += n.letters[j] == n.letters[i] ? strides[j] : 0;
    shape.push_back(n.x.shape()[i]);
    s.lattice.add_axis(shape.back(), stride);
  }
  if (r.letters.size() == n.letters.size()) return;
  r.x = detail::take(n.x, s, shape, kDiagonal<T>);
  n = std::move(r);
}

// An axis of size 1 where others have more: what is there does not depend on the letter.
template <class T>
void drop_repeated(Named<T>& n, const Subscripts& s) {
  Named<T> r;
  Shape shape;
  for (std::size_t i = 0; i < n.letters.size(); ++i) {
    if (n.x.shape()[i] == 1 && s.size_of(n.letters[i]) != 1) continue;
    shape.push_back(n.x.shape()[i]);
    r.letters += n.letters[i];
  }
  if (r.letters.size() == n.letters.size()) return;
  n = {view(n.x, shape), r.letters};
}

// Sums over the letters that `keep` does not want.
template <class T, class Keep>
void sum_out(Named<T>& n, const Keep& keep) {
  std::vector<std::ptrdiff_t> axes;
  std::string kept;
  for (std::size_t i = 0; i < n.letters.size(); ++i) {
    if (keep(n.letters[i])) {
      kept += n.letters[i];
    } else {
      axes.push_back(static_cast<std::ptrdiff_t>(i));
    }
  }
  if (!axes.empty()) n = {sum(n.x, Axes(axes)), kept};
}

template <class T>
std::vector<Named<T>> prepared(const Subscripts& s, const std::vector<Tensor<T>>& operands) {
  std::vector<Named<T>> all;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    all.push_back({operands[i], s.operands[i]});
    take_diagonals(all[i]);
    drop_repeated(all[i], s);
  }
  for (Named<T>& n : all) {
    sum_out(n, [&](char c) {
      return s.result.find(c) != s.result.npos ||
             std::any_of(all.begin(), all.end(),
                         [&](const Named<T>& other) { return &other != &n && other.has(c); });
    });
  }
  return all;
}

// Letters as numbers below 64.
class Numbers {
 public:
  template <class T>
  Numbers(const std::vector<Named<T>>& operands, const Subscripts& s) {
    for (const Named<T>& n : operands) sets_.push_back(set_of(n.letters));
    result_ = set_of(s.result);
    for (const char c : letters_) sizes_.push_back(static_cast<double>(s.size_of(c)));
  }

  detail::ContractionOrder order() const {
    return detail::contraction_order(sets_, result_, sizes_);
  }

 private:
  LetterSet set_of(const std::string& letters) {
    LetterSet r = 0;
    for (const char c : letters) {
      if (letters_.find(c) == letters_.npos) letters_ += c;
      r |= LetterSet{1} << letters_.find(c);
    }
    return r;
  }

  std::string letters_;
  std::vector<LetterSet> sets_;
  std::vector<double> sizes_;
  LetterSet result_ = 0;
};

// The letters of a contraction of a and b in the order that asks for no copy: batches, rows,
// columns. Those of the last one have the order of the result.
template <class T>
std::string letters_between(const std::vector<Named<T>>& all, const Named<T>& a, const Named<T>& b,
                            const std::string& result) {
  const auto needed = [&](char c) {
    return result.find(c) != result.npos ||
           std::any_of(all.begin(), all.end(),
                       [&](const Named<T>& n) { return &n != &a && &n != &b && n.has(c); });
  };
  std::string both, rows, columns;
  for (const char c : a.letters) {
    if (needed(c)) (b.has(c) ? both : rows) += c;
  }
  for (const char c : b.letters) {
    if (needed(c) && !a.has(c)) columns += c;
  }
  return both + rows + columns;
}

std::string in_order_of(const std::string& result, const std::string& letters) {
  std::string r;
  for (const char c : result) {
    if (letters.find(c) != letters.npos) r += c;
  }
  return r;
}

// The axes in the order of the result, with axes of size 1 for those that are not there: all
// operands have size 1.
template <class T>
Tensor<T> finished(const Named<T>& n, const Subscripts& s) {
  const std::string order = in_order_of(s.result, n.letters);
  std::vector<std::ptrdiff_t> axes;
  for (const char c : order) axes.push_back(static_cast<std::ptrdiff_t>(n.letters.find(c)));
  const Tensor<T> y = order == n.letters ? n.x : permute(n.x, axes);
  Shape shape;
  for (const char c : s.result) shape.push_back(s.size_of(c));
  return view(y, shape);
}

// A string that asks for what matmul does, with operands 0 and 1, or 1 and 0 when `swapped`.
struct PlainProduct {
  bool swapped;
  MatmulOptions options;
};

// Whether `letters` are those of batches and then `first` and `second`, or the other way round, which
// `swapped` tells.
bool is_matrix_of(std::string_view letters, std::string_view batch, char first, char second,
                  bool& swapped) {
  if (letters.size() != batch.size() + 2 || !letters.starts_with(batch)) return false;
  const char x = letters[batch.size()], y = letters[batch.size() + 1];
  swapped = x == second && y == first;
  return swapped || (x == first && y == second);
}

std::optional<PlainProduct> product_of(std::string_view a, std::string_view b,
                                       std::string_view result) {
  if (result.size() < 2 || a.size() != result.size() || b.size() != result.size()) return {};
  const std::string_view batch = result.substr(0, result.size() - 2);
  const char row = result[batch.size()], column = result.back();
  const bool swapped = b.substr(batch.size()).find(row) != b.npos;
  if (swapped) std::swap(a, b);
  const std::string_view last = a.substr(batch.size());
  const char sum = last[0] == row ? last[1] : last[0];
  PlainProduct p{swapped, {}};
  if (result.find(sum) != result.npos || row == column) return {};
  if (!is_matrix_of(a, batch, row, sum, p.options.transpose_a)) return {};
  if (!is_matrix_of(b, batch, sum, column, p.options.transpose_b)) return {};
  return p;
}

// What follows from the string and the shapes.
struct Program {
  std::string text;
  std::vector<Shape> shapes;
  Subscripts subscripts;
  std::optional<detail::ContractionOrder> order;
  std::optional<PlainProduct> product;

  Program(std::string_view string, std::vector<Shape> of_operands)
      : text(string),
        shapes(std::move(of_operands)),
        subscripts(detail::parse_subscripts(text, shapes)) {
    const auto& letters = subscripts.operands;
    if (letters.size() == 2 && !broadcasts())
      product = product_of(letters[0], letters[1], subscripts.result);
  }

 private:
  bool broadcasts() const {
    for (std::size_t i = 0; i < shapes.size(); ++i) {
      for (std::size_t j = 0; j < shapes[i].rank(); ++j) {
        if (shapes[i][j] != subscripts.size_of(subscripts.operands[i][j])) return true;
      }
    }
    return false;
  }
};

// The programs that a thread ran last: reading a string costs more than a product of small matrices.
class Programs {
 public:
  template <class T>
  Program& of(std::string_view text, const std::vector<Tensor<T>>& operands) {
    std::optional<Program>& p = programs_[hash(text, operands) % programs_.size()];
    if (!p || p->text != text || !has_shapes(p->shapes, operands)) {
      std::vector<Shape> shapes;
      for (const Tensor<T>& x : operands) shapes.push_back(x.shape());
      p.reset();
      p.emplace(text, std::move(shapes));
    }
    return *p;
  }

 private:
  template <class T>
  static std::size_t hash(std::string_view text, const std::vector<Tensor<T>>& operands) {
    std::size_t h = std::hash<std::string_view>()(text);
    for (const Tensor<T>& x : operands) {
      for (const std::size_t size : x.shape()) h = h * 0x9e3779b97f4a7c15U + size;
    }
    return h ^ h >> 32;
  }
  template <class T>
  static bool has_shapes(const std::vector<Shape>& shapes, const std::vector<Tensor<T>>& operands) {
    return std::equal(shapes.begin(), shapes.end(), operands.begin(), operands.end(),
                      [](const Shape& shape, const Tensor<T>& x) { return shape == x.shape(); });
  }

  std::array<std::optional<Program>, 32> programs_;
};

template <class T>
Program& program_of(std::string_view text, const std::vector<Tensor<T>>& operands) {
  static thread_local const std::unique_ptr<Programs> programs = std::make_unique<Programs>();
  return programs->of(text, operands);
}

}  // namespace

template <class T>
Tensor<T> einsum(std::string_view subscripts, const std::vector<Tensor<T>>& operands) {
  require(!operands.empty(), "einsum", "no operands: ", detail::quote(subscripts));
  Program& program = program_of(subscripts, operands);
  if (program.product) {
    const auto& [swapped, options] = *program.product;
    return matmul(operands[swapped ? 1 : 0], operands[swapped ? 0 : 1], options);
  }
  const Subscripts& s = program.subscripts;
  std::vector<Named<T>> all = prepared(s, operands);
  if (!program.order) program.order = Numbers(all, s).order();
  require(program.order->fits, "einsum", "an intermediate result would have more than ",
          Shape::kMaxRank, " axes: ", detail::quote(subscripts), ", operands ",
          detail::join(program.shapes));
  const auto& pairs = program.order->pairs;
  for (std::size_t step = 0; step < pairs.size(); ++step) {
    Named<T>&a = all[pairs[step].first], &b = all[pairs[step].second];
    std::string letters = letters_between(all, a, b, s.result);
    if (step + 1 == pairs.size()) letters = in_order_of(s.result, letters);
    a = {detail::contraction(a.x, a.letters, b.x, b.letters, letters), letters};
    b = {};
  }
  return finished(all[0], s);
}

namespace {

// For each axis of `shape` whether it is among `axes`.
std::vector<bool> chosen(const Axes& axes, const Shape& shape, const char* name) {
  std::vector<bool> r(shape.rank(), false);
  for (const std::ptrdiff_t axis : axes) {
    const std::size_t i = normalize_axis("tensordot", axis, shape, name);
    require(!r[i], "tensordot", "axis ", axis, " is given twice: ", name, " ", shape);
    r[i] = true;
  }
  return r;
}

void check_tensordot(const Shape& a, const Shape& b, const Axes& axes_a, const Axes& axes_b) {
  require(axes_a.size() == axes_b.size(), "tensordot", "other numbers of axes: ", axes_a, " of a ",
          a, ", ", axes_b, " of b ", b);
  for (std::size_t i = 0; i < axes_a.size(); ++i) {
    const std::size_t m = a[normalize_axis("tensordot", axes_a[i], a, "a")];
    const std::size_t n = b[normalize_axis("tensordot", axes_b[i], b, "b")];
    require(m == n, "tensordot", "axis ", axes_a[i], " of a and axis ", axes_b[i],
            " of b differ in size: a ", a, ", b ", b);
  }
  const std::size_t rank = a.rank() + b.rank() - 2 * axes_a.size();
  require(rank <= Shape::kMaxRank, "tensordot", "the result has ", rank, " axes, more than ",
          Shape::kMaxRank, ": a ", a, ", b ", b);
}

}  // namespace

template <class T>
Tensor<T> tensordot(const Tensor<T>& a, const Tensor<T>& b, const Axes& axes_a,
                    const Axes& axes_b) {
  const std::vector<bool> of_a = chosen(axes_a, a.shape(), "a"),
                          of_b = chosen(axes_b, b.shape(), "b");
  check_tensordot(a.shape(), b.shape(), axes_a, axes_b);
  std::string letters_a, letters_b, result;
  for (std::size_t i = 0; i < a.rank(); ++i) {
    letters_a += static_cast<char>('a' + i);
    if (!of_a[i]) result += letters_a.back();
  }
  for (std::size_t i = 0; i < b.rank(); ++i) {
    letters_b += static_cast<char>('A' + i);
    if (!of_b[i]) result += letters_b.back();
  }
  for (std::size_t i = 0; i < axes_a.size(); ++i) {
    letters_b[normalize_axis("tensordot", axes_b[i], b.shape(), "b")] =
        letters_a[normalize_axis("tensordot", axes_a[i], a.shape(), "a")];
  }
  return detail::contraction(a, letters_a, b, letters_b, result);
}

template <class T>
Tensor<T> tensordot(const Tensor<T>& a, const Tensor<T>& b, std::size_t axes) {
  require(axes <= a.rank() && axes <= b.rank(), "tensordot", "fewer than ", axes, " axes: a ",
          a.shape(), ", b ", b.shape());
  std::vector<std::ptrdiff_t> axes_a, axes_b;
  for (std::size_t i = 0; i < axes; ++i) {
    axes_a.push_back(static_cast<std::ptrdiff_t>(i) - static_cast<std::ptrdiff_t>(axes));
    axes_b.push_back(static_cast<std::ptrdiff_t>(i));
  }
  return tensordot(a, b, Axes(axes_a), Axes(axes_b));
}

#define XGRAD_INSTANTIATE(T)                                                                  \
  template Tensor<T> einsum(std::string_view, const std::vector<Tensor<T>>&);                 \
  template Tensor<T> tensordot(const Tensor<T>&, const Tensor<T>&, const Axes&, const Axes&); \
  template Tensor<T> tensordot(const Tensor<T>&, const Tensor<T>&, std::size_t);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
