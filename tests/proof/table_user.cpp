// Operations that a user makes.

#include <cmath>

#include "row.hpp"
#include "xgrad/ops/function.hpp"
#include "xgrad/ops/map.hpp"

namespace proof {

std::vector<Row> user_rows() {
  return {
      prove("map",
            [](const auto& x, const auto& a) {
              return map([](auto t, auto s) { return t * sigmoid(s * t); }, x, a);
            },
            elementwise([](Number x, Number a) { return x / (1 + std::exp(-a * x)); }),
            {.arguments = {{{2, 3}, 0.1, 2}, {{2, 3}, 0.1, 2}}, .elementwise = true}),
      prove("custom_function",
            []<class T>(const xgrad::Tensor<T>& x) {
              using Tensors = std::vector<xgrad::Tensor<T>>;
              return xgrad::custom_function<T>(
                  "cube", {x}, [](const Tensors& in) { return in[0] * in[0] * in[0]; },
                  [](const Tensors& in, const auto&, const auto& gy) {
                    return Tensors{3 * square(in[0]) * gy};
                  });
            },
            elementwise([](Number x) { return x * x * x; }),
            {.arguments = {{{2, 3}}}, .elementwise = true}),
  };
}

}  // namespace proof
