// Steps of recurrent networks.

#include <cmath>

#include "row.hpp"
#include "xgrad/ops/recurrent.hpp"

namespace proof {
namespace {

Number sigmoid(Number x) { return 1 / (1 + std::exp(-x)); }

// x (n, in), h, c (n, d), weight_x (4 d, in), weight_h (4 d, d), bias (4 d) or none.
Reference lstm_step(const References& in, bool output) {
  const Reference zx = matrix_product(in[0], transposed(in[3])),
                  zh = matrix_product(in[1], transposed(in[4]));
  const std::size_t d = in[1].shape[1];
  return generate(in[1].shape, [&](const Index& i) {
    const auto z = [&](std::size_t part) {
      const Index at = {i[0], part * d + i[1]};
      return zx.at(at) + zh.at(at) + (in.size() > 5 ? in[5].at({at[1]}) : 0) +
             (in.size() > 6 ? in[6].at({at[1]}) : 0);
    };
    const Number memory = sigmoid(z(1)) * in[2].at(i) + sigmoid(z(0)) * std::tanh(z(2));
    return output ? sigmoid(z(3)) * std::tanh(memory) : memory;
  });
}

// The outputs of all steps of x (steps, n, in), or the memory after the last.
Reference lstm_steps(References in, bool output) {
  const Reference x = in[0];
  Reference h(Shape{x.shape[0], in[1].shape[0], in[1].shape[1]});
  for (std::size_t t = 0; t < x.shape[0]; ++t) {
    in[0] = generate({x.shape[1], x.shape[2]}, [&](const Index& i) {
      return x.at({t, i[0], i[1]});
    });
    const Reference next = lstm_step(in, true);
    in[2] = lstm_step(in, false);
    in[1] = next;
    for_each_index(next.shape, [&](const Index& i) { h.at({t, i[0], i[1]}) = next.at(i); });
  }
  return output ? h : in[2];
}

// Small enough that no gate saturates: a derivative of 1e-9 is beyond what differences can prove.
std::vector<Argument> weights(std::size_t count, const Shape& x = {2, 3}) {
  std::vector<Argument> all = {{x, -1, 1},          {{2, 2}, -1, 1},     {{2, 2}, -1, 1},
                               {{8, 3}, -0.7, 0.7}, {{8, 2}, -0.7, 0.7}, {{8}, -0.7, 0.7},
                               {{8}, -0.4, 0.4}};
  all.resize(count);
  return all;
}

}  // namespace

std::vector<Row> recurrent_rows() {
  return {
      prove(
          "lstm_cell",
          []<class T>(const xgrad::Tensor<T>& x, const xgrad::Tensor<T>& h,
                      const xgrad::Tensor<T>& c, const xgrad::Tensor<T>& wx,
                      const xgrad::Tensor<T>& wh, const xgrad::Tensor<T>& b) {
            const auto next = lstm_cell(x, {h, c}, wx, wh, b);
            return std::vector<xgrad::Tensor<T>>{next.h, next.c};
          },
          [](const References& in) { return lstm_step(in, true); },
          {.arguments = weights(6),
           .shapes = {{{1, 1}, {1, 1}, {1, 1}, {4, 1}, {4, 1}, {4}},
                      {{3, 2}, {3, 5}, {3, 5}, {20, 2}, {20, 5}, {20}},
                      {{0, 3}, {0, 2}, {0, 2}, {8, 3}, {8, 2}, {8}}},
           .large = {{128, 100}, {128, 150}, {128, 150}, {600, 100}, {600, 150}, {600}},
           .tolerance = 1e-14}),
      prove(
          "lstm_cell: memory, without bias",
          []<class T>(const xgrad::Tensor<T>& x, const xgrad::Tensor<T>& h,
                      const xgrad::Tensor<T>& c, const xgrad::Tensor<T>& wx,
                      const xgrad::Tensor<T>& wh) {
            return lstm_cell(x, {h, c}, wx, wh).c;
          },
          [](const References& in) { return lstm_step(in, false); },
          {.arguments = weights(5), .tolerance = 1e-14}),
      prove(
          "lstm_cell: two biases",
          []<class T>(const xgrad::Tensor<T>& x, const xgrad::Tensor<T>& h,
                      const xgrad::Tensor<T>& c, const xgrad::Tensor<T>& wx,
                      const xgrad::Tensor<T>& wh, const xgrad::Tensor<T>& b,
                      const xgrad::Tensor<T>& b_h) {
            return lstm_cell(x, {h, c}, wx, wh, b, b_h).h;
          },
          [](const References& in) { return lstm_step(in, true); },
          {.arguments = weights(7), .tolerance = 1e-14}),
      prove(
          "lstm_cell: two steps",
          []<class T>(const xgrad::Tensor<T>& x, const xgrad::Tensor<T>& h,
                      const xgrad::Tensor<T>& c, const xgrad::Tensor<T>& wx,
                      const xgrad::Tensor<T>& wh, const xgrad::Tensor<T>& b) {
            return lstm_cell(x, lstm_cell(x, {h, c}, wx, wh, b), wx, wh, b).h;
          },
          [](const References& in) {
            References second = in;
            second[1] = lstm_step(in, true);
            second[2] = lstm_step(in, false);
            return lstm_step(second, true);
          },
          {.arguments = weights(6), .tolerance = 1e-14}),
      prove(
          "lstm",
          []<class T>(const xgrad::Tensor<T>& x, const xgrad::Tensor<T>& h,
                      const xgrad::Tensor<T>& c, const xgrad::Tensor<T>& wx,
                      const xgrad::Tensor<T>& wh, const xgrad::Tensor<T>& b) {
            const auto y = lstm(x, {h, c}, wx, wh, b);
            return std::vector<xgrad::Tensor<T>>{y.h, y.last.h, y.last.c};
          },
          [](const References& in) { return lstm_steps(in, true); },
          {.arguments = weights(6, {3, 2, 3}),
           .shapes = {{{1, 1, 1}, {1, 1}, {1, 1}, {4, 1}, {4, 1}, {4}},
                      {{2, 3, 2}, {3, 5}, {3, 5}, {20, 2}, {20, 5}, {20}},
                      {{2, 0, 3}, {0, 2}, {0, 2}, {8, 3}, {8, 2}, {8}}},
           .large = {{2, 128, 100}, {128, 150}, {128, 150}, {600, 100}, {600, 150}, {600}},
           .tolerance = 1e-14}),
      prove(
          "lstm: memory, without bias",
          []<class T>(const xgrad::Tensor<T>& x, const xgrad::Tensor<T>& h,
                      const xgrad::Tensor<T>& c, const xgrad::Tensor<T>& wx,
                      const xgrad::Tensor<T>& wh) {
            return lstm(x, {h, c}, wx, wh).last.c;
          },
          [](const References& in) { return lstm_steps(in, false); },
          {.arguments = weights(5, {3, 2, 3}), .tolerance = 1e-14}),
  };
}

}  // namespace proof
