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

// x (n, in), h (n, d), weight_x, weight_h (3 d or d, ...), both biases.
Reference gru_step(const References& in) {
  const Reference zx = matrix_product(in[0], transposed(in[2])),
                  zh = matrix_product(in[1], transposed(in[3]));
  const std::size_t d = in[1].shape[1];
  return generate(in[1].shape, [&](const Index& i) {
    const auto x = [&](std::size_t part) {
      return zx.at({i[0], part * d + i[1]}) + in[4].at({part * d + i[1]});
    };
    const auto h = [&](std::size_t part) {
      return zh.at({i[0], part * d + i[1]}) + in[5].at({part * d + i[1]});
    };
    const Number r = sigmoid(x(0) + h(0)), z = sigmoid(x(1) + h(1)), n = std::tanh(x(2) + r * h(2));
    return (1 - z) * n + z * in[1].at(i);
  });
}

template <bool Relu>
Reference rnn_step(const References& in) {
  const Reference zx = matrix_product(in[0], transposed(in[2])),
                  zh = matrix_product(in[1], transposed(in[3]));
  return generate(in[1].shape, [&](const Index& i) {
    const Number z = zx.at(i) + in[4].at({i[1]}) + zh.at(i) + in[5].at({i[1]});
    return Relu ? std::max(z, Number(0)) : std::tanh(z);
  });
}

// Backwards; for x (steps, n, in).
xgrad::SequenceOptions some_lengths(const Shape& x) {
  xgrad::SequenceOptions o{.lengths = {}, .reverse = true};
  if (x.rank() != 3 || x[0] == 0) return o;  // refused
  for (std::size_t i = 0; i < x[1]; ++i) o.lengths.push_back(1 + (2 * i + 1) % x[0]);
  return o;
}

// Sequence by sequence; in: x (steps, n, in), states (n, d), weights.
template <class Step>
Reference sequences(const References& in, const xgrad::SequenceOptions& o, std::size_t states,
                    const Step& step) {
  const Shape &x = in[0].shape, &h = in[1].shape;
  Reference y(Shape{x[0], h[0], h[1]});
  for (std::size_t i = 0; i < x[1]; ++i) {
    References one = in;
    for (std::size_t s = 1; s <= states; ++s)
      one[s] = generate({1, h[1]}, [&](const Index& at) { return in[s].at({i, at[1]}); });
    const std::size_t length = o.lengths.empty() ? x[0] : o.lengths[i];
    for (std::size_t k = 0; k < length; ++k) {
      const std::size_t t = o.reverse ? length - 1 - k : k;
      one[0] = generate({1, x[2]}, [&](const Index& at) { return in[0].at({t, i, at[1]}); });
      step(one);
      for (std::size_t j = 0; j < h[1]; ++j) y.at({t, i, j}) = one[1].at({0, j});
    }
  }
  return y;
}

Reference gru_sequences(const References& in, const xgrad::SequenceOptions& o) {
  return sequences(in, o, 1, [](References& one) { one[1] = gru_step(one); });
}

template <bool Relu>
Reference rnn_sequences(const References& in, const xgrad::SequenceOptions& o) {
  return sequences(in, o, 1, [](References& one) { one[1] = rnn_step<Relu>(one); });
}

xgrad::SequenceOptions lengths_for(const References& in) { return some_lengths(in[0].shape); }

std::vector<Argument> unit_weights(std::size_t parts, const Shape& x) {
  return {{x, -1, 1},
          {{2, 2}, -1, 1},
          {{2 * parts, 3}, -0.7, 0.7},
          {{2 * parts, 2}, -0.7, 0.7},
          {{2 * parts}, -0.7, 0.7},
          {{2 * parts}, -0.4, 0.4}};
}

std::vector<Shape> unit_shapes(std::size_t parts, const Shape& x, std::size_t d) {
  return {x, {x[x.rank() - 2], d}, {parts * d, x.back()}, {parts * d, d}, {parts * d}, {parts * d}};
}

// f(x, h, weight_x, weight_h, bias, bias_h).
template <class F>
auto of_six(F f) {
  return
      [f]<class T>(const xgrad::Tensor<T>& x, const xgrad::Tensor<T>& h, const xgrad::Tensor<T>& wx,
                   const xgrad::Tensor<T>& wh, const xgrad::Tensor<T>& b,
                   const xgrad::Tensor<T>& b_h) { return f(x, h, wx, wh, b, b_h); };
}

// Rows of a unit: a step, and sequences of it as they are and with lengths, backwards.
template <class Cell, class Sequence>
void add_unit(std::vector<Row>& rows, const std::string& name, const std::string& words,
              std::size_t parts, Cell cell, Sequence sequence, Formula step,
              Reference (*all)(const References&, const xgrad::SequenceOptions&)) {
  const Row one{.arguments = unit_weights(parts, {2, 3}),
                .shapes = {unit_shapes(parts, {1, 1}, 1), unit_shapes(parts, {0, 3}, 2)},
                .large = unit_shapes(parts, {128, 100}, 150),
                .tolerance = 1e-14};
  const Row many{.arguments = unit_weights(parts, {3, 2, 3}),
                 .shapes = {unit_shapes(parts, {1, 1, 1}, 1), unit_shapes(parts, {2, 3, 2}, 5),
                            unit_shapes(parts, {2, 0, 3}, 2)},
                 .large = unit_shapes(parts, {2, 128, 100}, 150),
                 .tolerance = 1e-14};
  // A sequence with some lengths, or with all of its steps.
  const auto with = [sequence](bool some) {
    return of_six([sequence, some](const auto& x, const auto&... weights) {
      const auto y =
          sequence(some ? some_lengths(x.shape()) : xgrad::SequenceOptions{}, x, weights...);
      return std::vector{y.h, y.last};
    });
  };
  rows.push_back(prove(name + "_cell" + words, of_six(cell), step, one));
  rows.push_back(prove(
      name + words, with(false), [all](const References& in) { return all(in, {}); }, many));
  rows.push_back(prove(
      name + ": lengths, reverse" + words, with(true),
      [all](const References& in) { return all(in, lengths_for(in)); }, many));
}

void add_units(std::vector<Row>& rows) {
  using Options = xgrad::SequenceOptions;
  using enum xgrad::Nonlinearity;
  add_unit(
      rows, "gru", "", 3, [](const auto&... in) { return gru_cell(in...); },
      [](const Options& o, const auto&... in) { return gru(in..., o); }, &gru_step, &gru_sequences);
  add_unit(
      rows, "rnn", "", 1, [](const auto&... in) { return rnn_cell(in...); },
      [](const Options& o, const auto&... in) { return rnn(in..., tanh, o); }, &rnn_step<false>,
      &rnn_sequences<false>);
  add_unit(
      rows, "rnn", ": relu", 1, [](const auto&... in) { return rnn_cell(in..., relu); },
      [](const Options& o, const auto&... in) { return rnn(in..., relu, o); }, &rnn_step<true>,
      &rnn_sequences<true>);
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
  std::vector<Row> rows = {
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
      prove(
          "lstm: lengths, reverse",
          []<class T>(const xgrad::Tensor<T>& x, const xgrad::Tensor<T>& h,
                      const xgrad::Tensor<T>& c, const xgrad::Tensor<T>& wx,
                      const xgrad::Tensor<T>& wh, const xgrad::Tensor<T>& b) {
            const auto y = lstm(x, {h, c}, wx, wh, b, {}, some_lengths(x.shape()));
            return std::vector<xgrad::Tensor<T>>{y.h, y.last.h, y.last.c};
          },
          [](const References& in) {
            return sequences(in, lengths_for(in), 2, [](References& one) {
              const Reference h = lstm_step(one, true);
              one[2] = lstm_step(one, false);
              one[1] = h;
            });
          },
          {.arguments = weights(6, {3, 2, 3}),
           .shapes = {{{1, 1, 1}, {1, 1}, {1, 1}, {4, 1}, {4, 1}, {4}},
                      {{2, 3, 2}, {3, 5}, {3, 5}, {20, 2}, {20, 5}, {20}}},
           .tolerance = 1e-14}),
  };
  add_units(rows);
  return rows;
}

}  // namespace proof
