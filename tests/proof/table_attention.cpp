// Attention.

#include <cmath>
#include <limits>

#include "row.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/attention.hpp"
#include "xgrad/ops/positions.hpp"

namespace proof {
namespace {

using xgrad::Tensor;

constexpr Number kNothing = -std::numeric_limits<Number>::infinity();

struct Options {
  bool mask = false, bias = false, causal = false;
  std::ptrdiff_t offset = 0;
  Number scale = 0;  // 0: by the width
};

Index group_of(const Index& i) { return Index(i.begin(), i.end() - 2); }

Index in_group(Index group, std::size_t row, std::size_t column) {
  group.push_back(row);
  group.push_back(column);
  return group;
}

// The weights of a query: 0 for all keys when it sees none.
std::vector<Number> weights_of(std::vector<Number> scores) {
  bool sees = false;
  for (const Number s : scores) sees = sees || s != kNothing;
  return sees ? soft_max(scores) : std::vector<Number>(scores.size(), 0);
}

// q (..., l, width), k (..., s, width), v (..., s, n) and what the options say.
Reference attended(const References& in, const Options& o) {
  const Reference &q = in[0], &k = in[1], &v = in[2];
  const std::size_t width = q.shape[q.rank() - 1], keys = k.shape[k.rank() - 2];
  const Number scale = o.scale != 0 ? o.scale : 1 / std::sqrt(static_cast<Number>(width));
  Shape shape = q.rank() >= k.rank() ? q.shape : k.shape;
  for (std::size_t a = 0; a + 2 < shape.rank(); ++a) {
    if (shape[a] == 1 && a + 2 < k.rank()) shape[a] = k.shape[a];
  }
  shape[shape.rank() - 2] = q.shape[q.rank() - 2];
  shape[shape.rank() - 1] = v.shape[v.rank() - 1];
  return generate(shape, [&](const Index& i) {
    const Index g = group_of(i);
    const std::size_t row = i[i.size() - 2];
    std::vector<Number> scores(keys);
    for (std::size_t j = 0; j < keys; ++j) {
      for (std::size_t e = 0; e < width; ++e)
        scores[j] += scale * q.at(in_group(g, row, e)) * k.at(in_group(g, j, e));
      std::size_t next = 3;
      if (o.mask && in[next++].at(in_group(g, row, j)) == 0) scores[j] = kNothing;
      if (o.bias) scores[j] += in[next].at(in_group(g, row, j));
      const auto ahead = static_cast<std::ptrdiff_t>(j) - static_cast<std::ptrdiff_t>(row);
      if (o.causal && ahead > o.offset) scores[j] = kNothing;
    }
    const std::vector<Number> p = weights_of(scores);
    Number sum = 0;
    for (std::size_t j = 0; j < keys; ++j) sum += p[j] * v.at(in_group(g, j, i.back()));
    return sum;
  });
}

Formula attention(Options o) {
  return [o](const References& in) { return attended(in, o); };
}

Row operands(const std::vector<Argument>& arguments, std::vector<std::vector<Shape>> shapes,
             std::vector<Shape> large = {}) {
  Row r;
  r.arguments = arguments;
  r.shapes = std::move(shapes);
  r.large = std::move(large);
  r.tolerance = 1e-14;
  return r;
}
// Pairs of numbers at (2 k, 2 k + 1), or half a width apart, turned.
Reference turned(const Reference& x, std::size_t first, Number base, bool halves) {
  const std::size_t width = x.shape.back(), pairs = width / 2;
  return generate(x.shape, [&](const Index& i) {
    const std::size_t e = i.back(), pair = halves ? e % pairs : e / 2;
    const bool second = halves ? e >= pairs : e % 2 == 1;
    Index other = i;
    other.back() = halves ? (e + pairs) % width : e ^ 1U;
    const Number angle =
        static_cast<Number>(first + i[i.size() - 2]) *
        std::pow(base, -2 * static_cast<Number>(pair) / static_cast<Number>(width));
    return x.at(i) * std::cos(angle) + (second ? 1 : -1) * x.at(other) * std::sin(angle);
  });
}

Argument mask(const Shape& shape) { return {shape, 0, 1, false}; }

}  // namespace

std::vector<Row> attention_rows() {
  constexpr const char* name = "scaled_dot_product_attention";
  const auto named = [&](const std::string& what) { return name + (": " + what); };
  return {
      prove(
          name,
          [](const auto& q, const auto& k, const auto& v) {
            return scaled_dot_product_attention(q, k, v);
          },
          attention({}),
          operands({{{2, 3, 4}}, {{2, 5, 4}}, {{2, 5, 3}}},
                   {{{1, 1}, {1, 1}, {1, 1}},
                    {{0, 2}, {3, 2}, {3, 2}},
                    {{2, 2}, {0, 2}, {0, 3}},
                    {{2, 1, 3, 2}, {1, 2, 2, 2}, {2, 2, 2, 1}},
                    {{7, 17}, {9, 17}, {9, 65}}},
                   {{2, 70, 33}, {2, 800, 33}, {2, 800, 65}})),
      prove(
          named("causal"),
          [](const auto& q, const auto& k, const auto& v) {
            return scaled_dot_product_attention(q, k, v, {.causal = true, .scale = 0.7});
          },
          attention({.causal = true, .scale = 0.7L}),
          operands({{{2, 4, 3}}, {{2, 4, 3}}, {{2, 4, 2}}},
                   {{{2, 2}, {5, 2}, {5, 2}}, {{5, 2}, {2, 2}, {2, 2}}},
                   {{3, 500, 17}, {3, 500, 17}, {3, 500, 17}})),
      prove(
          named("causal with earlier keys"),
          [](const auto& q, const auto& k, const auto& v) {
            return scaled_dot_product_attention(q, k, v, {.causal = true, .offset = 2});
          },
          attention({.causal = true, .offset = 2}),
          operands({{{2, 3, 3}}, {{2, 5, 3}}, {{2, 5, 2}}}, {},
                   {{9, 130, 8}, {9, 400, 8}, {9, 400, 8}})),
      prove(
          named("causal with later keys: queries that see none"),
          [](const auto& q, const auto& k, const auto& v) {
            return scaled_dot_product_attention(q, k, v, {.causal = true, .offset = -2});
          },
          attention({.causal = true, .offset = -2}),
          operands({{{2, 4, 3}}, {{2, 4, 3}}, {{2, 4, 2}}}, {})),
      prove(
          named("mask"),
          []<class T>(const Tensor<T>& q, const Tensor<T>& k, const Tensor<T>& v,
                      const Tensor<T>& m) {
            return scaled_dot_product_attention(q, k, v, {.mask = m});
          },
          attention({.mask = true}),
          operands({{{2, 3, 4}}, {{2, 5, 4}}, {{2, 5, 3}}, mask({2, 3, 5})},
                   {{{2, 3, 2}, {2, 4, 2}, {2, 4, 2}, {4}},
                    {{2, 2, 3, 2}, {2, 2, 4, 2}, {2, 2, 4, 2}, {2, 1, 1, 4}},
                    {{2, 2, 3, 2}, {2, 2, 4, 2}, {2, 2, 4, 2}, {2, 3, 1}}},
                   {{9, 200, 8}, {9, 300, 8}, {9, 300, 8}, {9, 1, 300}})),
      prove(
          named("bias"),
          []<class T>(const Tensor<T>& q, const Tensor<T>& k, const Tensor<T>& v,
                      const Tensor<T>& b) {
            return scaled_dot_product_attention(q, k, v, {.bias = b});
          },
          attention({.bias = true}),
          operands({{{2, 3, 4}}, {{2, 5, 4}}, {{2, 5, 3}}, {{3, 5}}},
                   {{{2, 2, 3, 2}, {2, 2, 4, 2}, {2, 2, 4, 2}, {2, 1, 3, 4}}})),
      prove(
          named("mask, constant bias and causal"),
          []<class T>(const Tensor<T>& q, const Tensor<T>& k, const Tensor<T>& v,
                      const Tensor<T>& m, const Tensor<T>& b) {
            return scaled_dot_product_attention(q, k, v, {.mask = m, .bias = b, .causal = true});
          },
          attention({.mask = true, .bias = true, .causal = true}),
          operands({{{2, 4, 4}}, {{2, 4, 4}}, {{2, 4, 3}}, mask({4, 4}), mask({2, 4, 1})}, {},
                   {{9, 200, 8}, {9, 300, 8}, {9, 300, 8}, {200, 300}, {300}})),
      prove(
          "rotary", [](const auto& x) { return rotary(x); },
          [](const References& in) { return turned(in[0], 0, 10000, false); },
          operands({{{2, 3, 4}}}, {{{1, 2, 6}}, {{0, 2}}, {{2, 0}}}, {{64, 64, 64}})),
      prove(
          "rotary: halves",
          [](const auto& x) {
            return rotary(x, {7, 50, true});
          },
          [](const References& in) { return turned(in[0], 7, 50, true); },
          operands({{{2, 3, 6}}}, {})),
  };
}

}  // namespace proof
