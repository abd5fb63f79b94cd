#include "row.hpp"
#include "xgrad/ops/linalg.hpp"

namespace proof {
namespace {

Row matrices(Shape a, Shape b, std::vector<std::vector<Shape>> shapes = {}) {
  return {.arguments = {{std::move(a)}, {std::move(b)}},
          .shapes = std::move(shapes),
          .tolerance = 1e-14};
}

Row large(Row r, std::vector<Shape> shapes = {{300, 200}, {200, 250}}) {
  r.large = std::move(shapes);
  return r;
}

Formula product() {
  return [](const References& in) { return matrix_product(in[0], in[1]); };
}

// x W' + b
Reference affine(const References& in) {
  Reference y = matrix_product(in[0], transposed(in[1]));
  if (in.size() < 3) return y;
  return generate(y.shape, [&](const Index& i) { return y.at(i) + in[2].at(i); });
}

}  // namespace

std::vector<Row> linear_algebra_rows() {
  return {
      prove(
          "matmul", [](const auto& a, const auto& b) { return matmul(a, b); }, product(),
          large(matrices({2, 3}, {3, 4},
                         {{{1, 1}, {1, 1}},
                          {{1, 3}, {3, 1}},
                          {{3}, {3}},
                          {{3}, {3, 2}},
                          {{2, 3}, {3}},
                          {{0, 3}, {3, 2}},
                          {{2, 0}, {0, 3}},
                          {{2, 3}, {3, 0}}}))),
      prove(
          "matmul: batches", [](const auto& a, const auto& b) { return matmul(a, b); }, product(),
          matrices({2, 2, 3}, {2, 3, 2},
                   {{{2, 2, 3}, {3, 2}},
                    {{2, 3}, {2, 3, 2}},
                    {{2, 1, 1, 3}, {3, 3, 2}},
                    {{1, 2, 3}, {4, 3, 1}}})),
      prove(
          "matmul: a transposed",
          [](const auto& a, const auto& b) { return matmul(a, b, {.transpose_a = true}); },
          [](const References& in) { return matrix_product(transposed(in[0]), in[1]); },
          matrices({3, 2}, {3, 4}, {{{1, 1}, {1, 1}}, {{2, 3, 2}, {3, 1}}})),
      prove(
          "matmul: b transposed",
          [](const auto& a, const auto& b) { return matmul(a, b, {.transpose_b = true}); },
          [](const References& in) { return matrix_product(in[0], transposed(in[1])); },
          matrices({2, 3}, {4, 3}, {{{1, 1}, {1, 1}}, {{2, 3}, {2, 4, 3}}})),
      prove(
          "matmul: both transposed",
          [](const auto& a, const auto& b) {
            return matmul(a, b, {.transpose_a = true, .transpose_b = true});
          },
          [](const References& in) { return matrix_product(transposed(in[0]), transposed(in[1])); },
          matrices({3, 2}, {4, 3})),
      prove(
          "dot", [](const auto& a, const auto& b) { return dot(a, b); }, product(),
          large(matrices({4}, {4}, {{{1}, {1}}, {{0}, {0}}}), {{1 << 17}, {1 << 17}})),
      prove(
          "outer", [](const auto& a, const auto& b) { return outer(a, b); },
          [](const References& in) {
            return generate({in[0].shape[0], in[1].shape[0]},
                            [&](const Index& i) { return in[0].at({i[0]}) * in[1].at({i[1]}); });
          },
          large(matrices({3}, {3}, {{{1}, {4}}, {{0}, {2}}}), {{500}, {400}})),
      prove("linear", [](const auto& x, const auto& w, const auto& b) { return linear(x, w, b); },
            affine,
            {.arguments = {{{2, 3}}, {{4, 3}}, {{4}}},
             .shapes = {{{3}, {2, 3}, {2}},
                        {{1, 1}, {1, 1}, {1}},
                        {{2, 2, 3}, {4, 3}, {4}},
                        {{0, 3}, {2, 3}, {2}}},
             .large = {{128, 200}, {250, 200}, {250}},
             .tolerance = 1e-14}),
      prove(
          "linear: no bias", [](const auto& x, const auto& w) { return linear(x, w); }, affine,
          matrices({2, 3}, {4, 3})),
  };
}

}  // namespace proof
