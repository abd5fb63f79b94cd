#include "xgrad/ops/recurrent.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <stdexcept>

#include "tests/ops/failure.hpp"
#include "tests/ops/reference_rows.hpp"
#include "tests/ops/threads.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"

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

std::vector<Row> recurrent_rows() {
  std::vector<Row> rows;
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

BOOST_AUTO_TEST_CASE(threads) {
  check_threads([](X v) { return all(sequence(v)); }, inputs({3, 200, 30}, 70));
  check_threads([](X v) { return cell(v).h; }, inputs({200, 30}, 70));
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
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace xgrad::test
