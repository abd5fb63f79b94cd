#include "xgrad/ops/recurrent.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "tests/ops/failure.hpp"
#include "tests/ops/reference_rows.hpp"
#include "tests/ops/threads.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/ops/slicing.hpp"

namespace xgrad::test {
namespace {

using X = const Tensors&;

D bias_of(X v) { return v.size() > 5 ? v[5] : D(); }
LstmState<double> cell(X v) { return lstm_cell(v[0], {v[1], v[2]}, v[3], v[4], bias_of(v)); }
LstmOutput<double> sequence(X v) { return lstm(v[0], {v[1], v[2]}, v[3], v[4], bias_of(v)); }

D all(const LstmOutput<double>& o) {
  return concat({o.h, unsqueeze(o.last.h, 0), unsqueeze(o.last.c, 0)}, 0);
}

// The same steps, one by one.
LstmOutput<double> step_by_step(X v) {
  LstmState<double> state{v[1], v[2]};
  Tensors h;
  for (std::size_t t = 0; t < v[0].shape()[0]; ++t) {
    const D x = select(v[0], 0, static_cast<std::ptrdiff_t>(t));
    state = lstm_cell(x, state, v[3], v[4], bias_of(v));
    h.push_back(state.h);
  }
  return {stack(h), state};
}

// x, h, c, weight_x, weight_h and, if asked for, bias.
Tensors inputs(const Shape& x, std::size_t d, bool bias = true) {
  const std::size_t n = x[x.rank() - 2], m = x.back();
  Tensors v = {wave(x, 0), wave({n, d}, 1), wave({n, d}, 2), wave({4 * d, m}, 3),
               wave({4 * d, d}, 4)};
  if (bias) v.push_back(wave({4 * d}, 5));
  return v;
}

std::string title(const char* name, const Shape& x, std::size_t d) {
  std::string s = name;
  for (const std::size_t size : x) s += " " + std::to_string(size);
  return s + " " + std::to_string(d);
}

void add_cell(std::vector<Row>& rows, const Shape& x, std::size_t d) {
  const std::string name = title("lstm_cell", x, d);
  rows.push_back({name, inputs(x, d), [](X v) {
                    const auto next = cell(v);
                    return concat({next.h, next.c}, 1);
                  }});
  rows.push_back({name + " h", inputs(x, d), [](X v) { return cell(v).h; }});
  rows.push_back({name + " c without bias", inputs(x, d, false), [](X v) { return cell(v).c; }});
}

void add_sequence(std::vector<Row>& rows, const Shape& x, std::size_t d) {
  const std::string name = title("lstm", x, d);
  rows.push_back({name, inputs(x, d), [](X v) { return all(sequence(v)); }});
  rows.push_back(
      {name + " h without bias", inputs(x, d, false), [](X v) { return sequence(v).h; }});
  rows.push_back({name + " last h", inputs(x, d), [](X v) { return sequence(v).last.h; }});
  rows.push_back({name + " last c", inputs(x, d), [](X v) { return sequence(v).last.c; }});
}

// gru, rnn and lstm with both biases, as lists: x, h (, c), weights, biases -> the outputs, and
// behind them the last states.
enum class Unit { gru, tanh, relu, lstm };
constexpr Unit kUnits[] = {Unit::gru, Unit::tanh, Unit::relu, Unit::lstm};
const std::string kNames[] = {"gru", "rnn tanh", "rnn relu", "lstm"};
const std::string& name_of(Unit unit) { return kNames[static_cast<std::size_t>(unit)]; }

template <class T>
std::vector<Tensor<T>> run(Unit unit, const std::vector<Tensor<T>>& v, const SequenceOptions& o) {
  if (unit == Unit::lstm) {
    const auto y = lstm(v[0], {v[1], v[2]}, v[3], v[4], v[5], v[6], o);
    return {y.h, y.last.h, y.last.c};
  }
  const auto f = unit == Unit::relu ? Nonlinearity::relu : Nonlinearity::tanh;
  const auto y = unit == Unit::gru ? gru(v[0], v[1], v[2], v[3], v[4], v[5], o)
                                   : rnn(v[0], v[1], v[2], v[3], v[4], v[5], f, o);
  return {y.h, y.last};
}

template <class T>
Tensor<T> joined(const std::vector<Tensor<T>>& y) {
  std::vector<Tensor<T>> all = {y[0]};
  for (std::size_t i = 1; i < y.size(); ++i) all.push_back(unsqueeze(y[i], 0));
  return concat(all, 0);
}

Tensors unit_inputs(Unit unit, const Shape& x, std::size_t d) {
  const std::size_t n = x[x.rank() - 2], m = x.back();
  const std::size_t wide = d * (unit == Unit::lstm ? 4 : unit == Unit::gru ? 3 : 1);
  std::vector<Shape> shapes = {x, {n, d}};
  if (unit == Unit::lstm) shapes.push_back({n, d});
  for (const Shape& s : {Shape{wide, m}, Shape{wide, d}, Shape{wide}, Shape{wide}})
    shapes.push_back(s);
  Tensors v;
  for (const Shape& s : shapes) v.push_back(wave(s, static_cast<int>(v.size())));
  return v;
}

void add_unit(std::vector<Row>& rows, Unit unit, const Shape& x, std::size_t d,
              const std::string& what, const SequenceOptions& options = {}) {
  rows.push_back({title(name_of(unit).c_str(), x, d) + " " + what, unit_inputs(unit, x, d),
                  [unit, options](X v) { return joined(run(unit, v, options)); }});
}

void add_units(std::vector<Row>& rows) {
  for (const Unit unit : kUnits) {
    add_unit(rows, unit, {1, 2, 3}, 2, "two biases");
    add_unit(rows, unit, {4, 3, 2}, 2, "two biases");
    add_unit(rows, unit, {4, 3, 2}, 2, "reverse", {.reverse = true});
    add_unit(rows, unit, {4, 3, 2}, 2, "lengths", {.lengths = {2, 4, 1}});
    add_unit(rows, unit, {4, 3, 2}, 2, "lengths reverse", {.lengths = {3, 1, 2}, .reverse = true});
  }
  add_unit(rows, Unit::gru, {3, 1, 1}, 9, "two biases");
  rows.push_back({"gru_cell 2 3 4", unit_inputs(Unit::gru, {2, 3}, 4),
                  [](X v) { return gru_cell(v[0], v[1], v[2], v[3], v[4], v[5]); }});
  rows.push_back({"rnn_cell tanh 2 3 4", unit_inputs(Unit::tanh, {2, 3}, 4),
                  [](X v) { return rnn_cell(v[0], v[1], v[2], v[3], v[4], v[5]); }});
  rows.push_back({"rnn_cell relu 2 3 4", unit_inputs(Unit::relu, {2, 3}, 4), [](X v) {
                    return rnn_cell(v[0], v[1], v[2], v[3], v[4], v[5], Nonlinearity::relu);
                  }});
}

std::vector<Row> recurrent_rows() {
  std::vector<Row> rows;
  add_units(rows);
  add_cell(rows, {2, 3}, 4);
  add_cell(rows, {1, 1}, 1);
  add_cell(rows, {2, 2}, 9);
  add_sequence(rows, {1, 2, 3}, 2);
  add_sequence(rows, {3, 2, 3}, 2);
  add_sequence(rows, {4, 1, 1}, 9);
  return rows;
}

const RegisterRows registered("recurrent", recurrent_rows());

}  // namespace

BOOST_AUTO_TEST_SUITE(recurrent)

BOOST_AUTO_TEST_CASE(a_sequence_is_its_steps) {
  const Tensors v = inputs({7, 5, 6}, 35);
  Tensors gradients[2];
  D values[2];
  for (int way = 0; way < 2; ++way) {
    Tensors leaves;
    for (const D& t : v) leaves.push_back(parameter(t));
    values[way] = all(way == 0 ? sequence(leaves) : step_by_step(leaves));
    values[way].backward(wave(values[way].shape(), 8));
    for (const D& t : leaves) gradients[way].push_back(t.gradient());
  }
  check_close(values[0], values[1]);
  for (std::size_t i = 0; i < v.size(); ++i) check_close(gradients[0][i], gradients[1][i]);
}

BOOST_AUTO_TEST_CASE(a_sequence_in_two_pieces) {
  const Tensors v = inputs({6, 2, 3}, 4);
  const auto whole = sequence(v);
  const auto first = lstm(slice(v[0], 0, 0, 2), {v[1], v[2]}, v[3], v[4], v[5]);
  const auto second = lstm(slice(v[0], 0, 2, 6), first.last, v[3], v[4], v[5]);
  check_close(concat({first.h, second.h}, 0), whole.h);
  check_close(second.last.c, whole.last.c);
  check_identical(whole.last.h, select(whole.h, 0, -1));
}

namespace {

template <class T>
std::vector<Tensor<T>> parameters_of(const Tensors& v) {
  std::vector<Tensor<T>> all;
  for (const D& t : v) {
    const std::vector<T> numbers(t.data(), t.data() + t.size());
    all.push_back(parameter(Tensor<T>::from(t.shape(), numbers)));
  }
  return all;
}

// Sequence i of (steps, n, ...), its first `length` steps, or of (n, ...).
template <class T>
Tensor<T> part(const Tensor<T>& t, std::size_t i, std::size_t length) {
  const auto at = static_cast<std::ptrdiff_t>(i), end = static_cast<std::ptrdiff_t>(length);
  return t.rank() == 3 ? slice(slice(t, 0, 0, end), 1, at, at + 1) : slice(t, 0, at, at + 1);
}

template <class T>
void check_same_bits(const Tensor<T>& a, const Tensor<T>& b) {
  BOOST_TEST(a.shape() == b.shape());
  BOOST_TEST(std::equal(a.data(), a.data() + a.size(), b.data(), b.data() + b.size()));
}

template <class T>
std::vector<Tensor<T>> outputs_and_gradients(Unit unit, const std::vector<Tensor<T>>& v,
                                             const SequenceOptions& options) {
  std::vector<Tensor<T>> all = run<T>(unit, v, options);
  Tensor<T> s = sum(all[0] * all[0]);
  for (std::size_t k = 1; k < all.size(); ++k) s = s + sum(all[k]);
  s.backward();
  for (std::size_t k = 0; k + 4 < v.size(); ++k) all.push_back(v[k].gradient());
  return all;
}

template <class T>
void check_each_alone(Unit unit, std::size_t d, bool reverse) {
  const std::vector<std::size_t> lengths = {3, 7, 1, 7, 4, 2, 5, 6, 1};
  const std::size_t steps = 8, n = lengths.size(), m = 6;
  Tensors inputs = unit_inputs(unit, {steps, n, m}, d);
  const double none = std::numeric_limits<double>::quiet_NaN();
  for (std::size_t t = 0; t < steps; ++t) {
    for (std::size_t i = 0; i < n; ++i) {
      if (t >= lengths[i]) std::fill_n(inputs[0].mutable_data() + (t * n + i) * m, m, none);
    }
  }
  const auto v = parameters_of<T>(inputs);
  const auto together = outputs_and_gradients<T>(unit, v, {.lengths = lengths, .reverse = reverse});
  for (std::size_t i = 0; i < n; ++i) {
    Tensors mine;
    for (const D& t : inputs)
      mine.push_back(mine.size() + 4 < v.size() ? part(t, i, lengths[i]) : t);
    const auto one = outputs_and_gradients<T>(unit, parameters_of<T>(mine), {.reverse = reverse});
    for (std::size_t k = 0; k < one.size(); ++k) {
      BOOST_TEST_CONTEXT("sequence " << i << ", quantity " << k)
      check_same_bits(part(together[k], i, lengths[i]), one[k]);
    }
    // Padding gives 0 and is not differentiated.
    for (const std::size_t k : {std::size_t{0}, one.size() + 4 - v.size()}) {
      const std::size_t wide = together[k].shape()[2];
      for (std::size_t t = lengths[i]; t < steps; ++t) {
        const T* const row = together[k].data() + (t * n + i) * wide;
        BOOST_TEST(std::all_of(row, row + wide, [](T x) { return x == T(0); }));
      }
    }
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(sequences_of_different_lengths_are_each_alone) {
  for (const Unit unit : kUnits) {
    for (const bool reverse : {false, true}) {
      BOOST_TEST_CONTEXT(name_of(unit) << (reverse ? ", reverse" : "")) {
        for (const std::size_t d : {std::size_t{5}, std::size_t{35}}) {
          check_each_alone<float>(unit, d, reverse);
          check_each_alone<double>(unit, d, reverse);
        }
      }
    }
  }
}

// Weights, too, see nothing of padding: their gradients are the sums of those of each alone.
BOOST_AUTO_TEST_CASE(gradients_of_weights_are_sums_over_the_sequences) {
  const SequenceOptions options{.lengths = {2, 4, 1}, .reverse = true};
  for (const Unit unit : kUnits) {
    const Tensors inputs = unit_inputs(unit, {4, 3, 2}, 5);
    const auto v = parameters_of<double>(inputs);
    outputs_and_gradients<double>(unit, v, options);
    Tensors sums(v.size());
    for (std::size_t i = 0; i < 3; ++i) {
      Tensors mine;
      for (const D& t : inputs)
        mine.push_back(mine.size() + 4 < v.size() ? part(t, i, options.lengths[i]) : t);
      const auto leaves = parameters_of<double>(mine);
      outputs_and_gradients<double>(unit, leaves, {.reverse = true});
      for (std::size_t k = v.size() - 4; k < v.size(); ++k)
        sums[k] = i == 0 ? leaves[k].gradient() : sums[k] + leaves[k].gradient();
    }
    for (std::size_t k = v.size() - 4; k < v.size(); ++k) check_close(v[k].gradient(), sums[k]);
  }
}

BOOST_AUTO_TEST_CASE(units_are_their_steps) {
  for (const Unit unit : {Unit::gru, Unit::tanh, Unit::relu}) {
    Tensors v = unit_inputs(unit, {7, 5, 6}, 35);
    v[3] = 0.1 * v[3];  // or what relu makes grows from step to step
    const auto f = unit == Unit::relu ? Nonlinearity::relu : Nonlinearity::tanh;
    Tensors h = {v[1]};
    for (std::size_t t = 0; t < 7; ++t) {
      const D x = select(v[0], 0, static_cast<std::ptrdiff_t>(t));
      h.push_back(unit == Unit::gru ? gru_cell(x, h.back(), v[2], v[3], v[4], v[5])
                                    : rnn_cell(x, h.back(), v[2], v[3], v[4], v[5], f));
    }
    const Tensors y = run(unit, v, {});
    check_close(y[0], stack(Tensors(h.begin() + 1, h.end())));
    check_close(y[1], h.back());
  }
}

namespace {

// The gradient of each entry of the bias, with weights of 0, so that it alone opens the gates.
template <class T>
std::vector<double> slopes(bool of_sequence, const std::vector<double>& bias) {
  const std::size_t d = bias.size() / 4;
  const auto zeros = [](const Shape& s) { return Tensor<T>::filled(s, T(0)); };
  const auto b = parameter(Tensor<T>::from({4 * d}, std::vector<T>(bias.begin(), bias.end())));
  const LstmState<T> state{zeros({1, d}), Tensor<T>::filled({1, d}, T(0.5))};
  const Tensor<T> x = zeros({1, 1}), wx = zeros({4 * d, 1}), wh = zeros({4 * d, d});
  if (of_sequence) {
    sum(lstm(unsqueeze(x, 0), state, wx, wh, b).h).backward();
  } else {
    sum(lstm_cell(x, state, wx, wh, b).h).backward();
  }
  const Tensor<T> g = b.gradient();
  return {g.data(), g.data() + g.size()};
}

}  // namespace

// sigmoid'(15) and tanh'(8) are there in float, 1 - sigmoid(15) and 1 - tanh(8) are rounded.
BOOST_AUTO_TEST_CASE(slopes_of_gates_that_are_nearly_open) {
  const std::vector<double> bias = {15, -15, .1, .2, 14, -14, 16,  .3,
                                    8,  -8,  .2, -7, 15, 2,   -15, 16};
  for (const bool of_sequence : {false, true}) {
    const std::vector<double> is = slopes<float>(of_sequence, bias),
                              expected = slopes<double>(of_sequence, bias);
    for (std::size_t i = 0; i < is.size(); ++i)
      BOOST_TEST(is[i] == expected[i], boost::test_tools::tolerance(2e-6));
    // s' (c) s(o) sech^2(c1) of the first unit's i: slope e^-15 / (1 + e^-15)^2.
    const auto s = [](double z) { return 1 / (1 + std::exp(-z)); };
    const double c1 = s(14) * 0.5 + s(15) * std::tanh(8.), u = std::tanh(c1);
    BOOST_TEST(expected[0] == s(15) * (1 - u * u) * std::tanh(8.) * s(15) * s(-15),
               boost::test_tools::tolerance(1e-12));
  }
}

namespace {

// Likewise of a GRU: gates r, z, and n.
template <class T>
std::vector<double> gru_slopes(bool of_sequence, const std::vector<double>& bias) {
  const std::size_t d = bias.size() / 3;
  const auto zeros = [](const Shape& s) { return Tensor<T>::filled(s, T(0)); };
  const auto b = parameter(Tensor<T>::from({3 * d}, std::vector<T>(bias.begin(), bias.end())));
  const auto h = Tensor<T>::filled({1, d}, T(0.5));
  const Tensor<T> x = zeros({1, 1}), wx = zeros({3 * d, 1}), wh = zeros({3 * d, d});
  sum(of_sequence ? gru(unsqueeze(x, 0), h, wx, wh, b).h : gru_cell(x, h, wx, wh, b)).backward();
  const Tensor<T> g = b.gradient();
  return {g.data(), g.data() + g.size()};
}

}  // namespace

// What goes to n is sigmoid(-15), which 1 - sigmoid(15) rounds.
BOOST_AUTO_TEST_CASE(slopes_of_an_update_gate_that_is_nearly_shut) {
  const std::vector<double> bias = {0.3, -1, 2, 1, 15, 14, -15, 8, 0.7, -0.2, 1.5, -8};
  const auto s = [](double z) { return 1 / (1 + std::exp(-z)); };
  for (const bool of_sequence : {false, true}) {
    const std::vector<double> is = gru_slopes<float>(of_sequence, bias),
                              expected = gru_slopes<double>(of_sequence, bias);
    for (std::size_t i = 4; i < is.size(); ++i)
      BOOST_TEST(is[i] == expected[i], boost::test_tools::tolerance(2e-6));
    const double n = std::tanh(0.7);
    BOOST_TEST(expected[4] == (0.5 - n) * s(15) * s(-15), boost::test_tools::tolerance(1e-12));
    BOOST_TEST(expected[8] == s(-15) * (1 - n * n), boost::test_tools::tolerance(1e-12));
  }
}

// The sum is 0 exactly: nothing goes back, as with relu.
BOOST_AUTO_TEST_CASE(a_unit_of_relu_at_0) {
  for (const bool of_sequence : {false, true}) {
    const D b = parameter(D::from({4}, {0, -0.0, 1, -1}));
    const auto zeros = [](const Shape& s) { return D::filled(s, 0); };
    const D x = zeros({1, 1}), h = zeros({1, 4}), wx = zeros({4, 1}), wh = zeros({4, 4});
    sum(of_sequence ? rnn(unsqueeze(x, 0), h, wx, wh, b, {}, Nonlinearity::relu).h
                    : rnn_cell(x, h, wx, wh, b, {}, Nonlinearity::relu))
        .backward();
    check_identical(b.gradient(), D::from({4}, {0, 0, 1, 0}));
  }
}

BOOST_AUTO_TEST_CASE(threads) {
  check_threads([](X v) { return all(sequence(v)); }, inputs({3, 200, 30}, 70));
  check_threads([](X v) { return cell(v).h; }, inputs({200, 30}, 70));
  check_threads(
      [](X v) { return joined(run(Unit::gru, v, {.lengths = std::vector<std::size_t>(200, 2)})); },
      unit_inputs(Unit::gru, {3, 200, 30}, 70));
}

BOOST_AUTO_TEST_CASE(frozen_operands_get_no_gradient) {
  for (std::size_t trained = 0; trained < 6; ++trained) {
    Tensors v = inputs({3, 2, 3}, 4);
    Tensors all_leaves;
    for (const D& t : v) all_leaves.push_back(parameter(t));
    v[trained] = parameter(v[trained]);
    sum(sequence(v).h).backward();
    sum(sequence(all_leaves).h).backward();
    for (std::size_t i = 0; i < v.size(); ++i) BOOST_TEST(v[i].has_grad() == (i == trained));
    check_identical(v[trained].gradient(), all_leaves[trained].gradient());
  }
}

BOOST_AUTO_TEST_CASE(saturated_gates) {
  Tensors v = inputs({2, 1, 1}, 1);
  v[0] = D::filled({2, 1, 1}, 1e4);
  for (D& t : v) t = parameter(t);
  const auto y = sequence(v);
  (sum(y.h) + sum(y.last.c)).backward();
  for (const D& t : v) BOOST_TEST(std::isfinite(sum(t.gradient()).item()));
}

BOOST_AUTO_TEST_CASE(no_sequences) {
  Tensors v = inputs({3, 0, 2}, 4);
  for (D& t : v) t = parameter(t);
  const auto y = sequence(v);
  BOOST_TEST(to_string(y.h.shape()) == "(3, 0, 4)");
  (sum(y.h) + sum(y.last.c)).backward();
  check_close(v[3].gradient(), D::filled({16, 2}, 0));
  check_close(v[4].gradient(), D::filled({16, 4}, 0));
}

BOOST_AUTO_TEST_CASE(errors) {
  const Tensors v = inputs({2, 3}, 4), s = inputs({5, 2, 3}, 4);
  const LstmState<double> state{v[1], v[2]};
  using std::invalid_argument;
  check_failure<invalid_argument>([&] { lstm_cell(s[0], state, v[3], v[4]); },
                                  "lstm_cell: x and h must have two axes: x (5, 2, 3), h (2, 4)");
  check_failure<invalid_argument>(
      [&] {
        lstm_cell(wave({3, 3}), state, v[3], v[4]);
      },
      "lstm_cell: h (2, 4), (3, 4) expected");
  check_failure<invalid_argument>(
      [&] {
        lstm_cell(v[0], {v[1], wave({2, 3})}, v[3], v[4]);
      },
      "lstm_cell: c (2, 3), (2, 4) expected");
  check_failure<invalid_argument>([&] { lstm_cell(v[0], state, v[4], v[4]); },
                                  "lstm_cell: weight_x (16, 4), (16, 3) expected");
  check_failure<invalid_argument>([&] { lstm_cell(v[0], state, v[3], v[3]); },
                                  "lstm_cell: weight_h (16, 3), (16, 4) expected");
  check_failure<invalid_argument>([&] { lstm_cell(v[0], state, v[3], v[4], wave({4})); },
                                  "lstm_cell: bias (4), (16) expected");
  check_failure<invalid_argument>(
      [&] { lstm(v[0], state, v[3], v[4]); },
      "lstm: x must be (steps, n, in) with a step at least, h (n, d): x (2, 3), h (2, 4)");
  check_failure<invalid_argument>(
      [&] {
        lstm(wave({0, 2, 3}), state, v[3], v[4]);
      },
      "lstm: x must be (steps, n, in) with a step at least, h (n, d): x (0, 2, 3), h (2, 4)");
  check_failure<invalid_argument>([&] { lstm(s[0], state, v[3], v[4], wave({4})); },
                                  "lstm: bias (4), (16) expected");
  const auto with = [&](const SequenceOptions& o) { lstm(s[0], state, v[3], v[4], {}, {}, o); };
  check_failure<invalid_argument>(
      [&] {
        with({.lengths = {1, 2, 3}});
      },
      "lstm: lengths has 3 numbers for 2 sequences");
  check_failure<invalid_argument>(
      [&] {
        with({.lengths = {0, 2}});
      },
      "lstm: a length is not in [1, 5]: 0");
  check_failure<invalid_argument>(
      [&] {
        with({.lengths = {2, 6}});
      },
      "lstm: a length is not in [1, 5]: 6");
  const Tensors g = unit_inputs(Unit::gru, {5, 2, 3}, 4);
  check_failure<invalid_argument>([&] { gru(g[0], g[1], g[3], g[3]); },
                                  "gru: weight_x (12, 4), (12, 3) expected");
  check_failure<invalid_argument>([&] { gru(g[0], g[1], g[2], g[3], {}, wave({4})); },
                                  "gru: bias_h (4), (12) expected");
  check_failure<invalid_argument>(
      [&] {
        rnn(g[0], wave({3, 4}), g[2], g[3]);
      },
      "rnn: h (3, 4), (2, 4) expected");
  check_failure<invalid_argument>([&] { gru_cell(g[0], g[1], g[2], g[3]); },
                                  "gru_cell: x and h must have two axes: x (5, 2, 3), h (2, 4)");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace xgrad::test
