#include "xgrad/ops/normalization.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "tests/ops/failure.hpp"
#include "tests/ops/reference_rows.hpp"
#include "tests/ops/threads.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/ops/slicing.hpp"

namespace xgrad::test {
namespace {

constexpr double kEps = 0.01;
using X = const Tensors&;

std::string joined(const Shape& shape) {
  std::string s;
  for (const std::size_t n : shape) s += (s.empty() ? "" : "x") + std::to_string(n);
  return s;
}

void add_groups(std::vector<Row>& rows, const Shape& shape, std::size_t groups) {
  const std::string name = "group_norm " + joined(shape) + " " + std::to_string(groups);
  const D x = wave(shape, 0), w = wave({shape[1]}, 1), b = wave({shape[1]}, 2);
  rows.push_back(
      {name, {x, w, b}, [=](X v) { return group_norm(v[0], groups, v[1], v[2], {kEps}); }});
  rows.push_back(
      {name + " plain", {x}, [=](X v) { return group_norm(v[0], groups, {}, {}, {kEps}); }});
}

void add_channels(std::vector<Row>& rows, const Shape& shape) {
  const std::string name = joined(shape);
  const std::size_t c = shape[1];
  const D x = wave(shape, 0), w = wave({c}, 1), b = wave({c}, 2);
  const D m = wave({c}, 3), v = unit({c}, 4);
  const BatchNormOptions<double> eps{.eps = kEps};
  rows.push_back({"batch_norm " + name, {x, w, b}, [=](X in) {
                    return batch_norm(in[0], in[1], in[2], eps);
                  }});
  rows.push_back({"batch_norm " + name + " weight", {x, w}, [=](X in) {
                    return batch_norm(in[0], in[1], {}, eps);
                  }});
  rows.push_back({"batch_norm " + name + " bias", {x, b}, [=](X in) {
                    return batch_norm(in[0], {}, in[1], eps);
                  }});
  rows.push_back(
      {"batch_norm " + name + " plain", {x}, [=](X in) { return batch_norm(in[0], {}, {}, eps); }});
  rows.push_back({"batch_norm_inference " + name, {x, m, v, w, b}, [](X in) {
                    return batch_norm_inference(in[0], in[1], in[2], in[3], in[4], {kEps});
                  }});
  add_groups(rows, shape, 1);
  add_groups(rows, shape, 2);
  if (shape.rank() > 2) add_groups(rows, shape, c);
}

void add_last_axes(std::vector<Row>& rows, const Shape& shape, std::size_t axes) {
  const std::string name = " " + joined(shape) + " last " + std::to_string(axes);
  const Shape last(shape.end() - axes, shape.end());
  const D x = wave(shape, 0), w = wave(last, 1), b = wave(last, 2);
  rows.push_back({"layer_norm" + name, {x, w, b}, [=](X v) {
                    return layer_norm(v[0], last, v[1], v[2], {kEps});
                  }});
  rows.push_back({"layer_norm" + name + " plain", {x}, [=](X v) {
                    return layer_norm(v[0], last, {}, {}, {kEps});
                  }});
  if (axes > 1) return;
  rows.push_back(
      {"rms_norm" + name, {x, w}, [=](X v) { return rms_norm(v[0], last, v[1], {kEps}); }});
  rows.push_back(
      {"rms_norm" + name + " plain", {x}, [=](X v) { return rms_norm(v[0], last, {}, {kEps}); }});
}

// Mean and variance after three batches.
D running(const D& x) {
  D mean = D::filled({6}, 0), variance = D::filled({6}, 1);
  for (int k = 0; k < 3; ++k) {
    BatchStatistics<double> batch;
    batch_norm(x.detach() * (k + 1) + k, {}, {}, {.statistics = &batch});
    update_running_statistics(batch, 0.3, mean, variance);
  }
  return concat({mean, variance}, 0);
}

std::vector<Row> normalization_rows() {
  std::vector<Row> rows;
  for (const Shape& shape : {Shape{5, 4}, Shape{2, 4, 3}, Shape{2, 4, 2, 3}, Shape{3, 18}}) {
    add_channels(rows, shape);
  }
  add_last_axes(rows, {5, 6}, 1);
  add_last_axes(rows, {2, 3, 4}, 1);
  add_last_axes(rows, {2, 3, 4}, 2);
  add_last_axes(rows, {2, 35}, 1);
  rows.push_back({"running statistics", {wave({5, 6})}, [](X x) { return running(x[0]); }});
  return rows;
}

const RegisterRows registered("normalization", normalization_rows());

}  // namespace

BOOST_AUTO_TEST_SUITE(normalizations)

BOOST_AUTO_TEST_CASE(statistics_of_the_batch) {
  for (const Shape& shape : {Shape{5, 6}, Shape{3, 4, 5}, Shape{700, 130}}) {
    const D x = wave(shape);
    BatchStatistics<double> s;
    batch_norm(x, {}, {}, {.statistics = &s});
    const Axes others = shape.rank() == 2 ? Axes{0} : Axes{0, 2};
    check_close(s.mean, mean(x, others));
    check_close(s.variance, var(x, others, {.correction = 0}));
    BOOST_TEST(s.count == x.size() / shape[1]);
  }
}

// Where squares leave the range, and the mean is rounded, so that twice something infinite is found.
BOOST_AUTO_TEST_CASE(of_large_numbers) {
  const double scale = std::sqrt(38. / 4);
  const D around = D::from({4, 1}, {-3 / scale, -2 / scale, 0, 5 / scale});
  for (const double s : {1e100, 1e160, 1e200, 1e300}) {
    const D x = D::from({4, 1}, {1 * s, 2 * s, 4 * s, 9 * s}), row = transpose(x);
    const auto near = [](const D& y, const D& expected) {
      for (std::size_t i = 0; i < y.size(); ++i)
        BOOST_TEST(std::abs(y.data()[i] - expected.data()[i]) < 1e-13);
    };
    near(layer_norm(row, {4}), around);
    near(batch_norm(x, {}, {}), around);
    near(group_norm(reshape(x, {1, 1, 4}), 1), around);
    const D p = parameter(row), c = D::from({1, 4}, {1, 2, 0, 0});
    const double m = 3. / 4, k = -7. / 4 / (scale * scale);  // means of c and of c times the result
    near(grad(sum(layer_norm(p, {4}) * c), p) * D(s * scale),
         c - D(m) - D::from({1, 4}, {-3, -2, 0, 5}) * D(k));
    BOOST_TEST(var(row).item() == (s < 1e150 ? 38. / 3 * s * s : HUGE_VAL),
               boost::test_tools::tolerance(1e-14));
    BOOST_TEST(stddev(row).item() / s == std::sqrt(38. / 3), boost::test_tools::tolerance(1e-14));
  }
}

// Channels know nothing of each other, whoever computes them.
BOOST_AUTO_TEST_CASE(channels_alone_and_among_others) {
  for (const Shape& shape : {Shape{128, 256}, Shape{60, 1003}, Shape{700, 130}}) {
    const std::size_t c = shape[1];
    const auto run = [](const D& x, const D& w, const D& b) {
      const Tensors in = {parameter(x), parameter(w), parameter(b)};
      const D y = batch_norm(in[0], in[1], in[2]);
      sum(y * y * y).backward();
      return Tensors{y.detach(), in[0].gradient(), in[1].gradient(), in[2].gradient()};
    };
    const D x = wave(shape), w = wave({c}, 1), b = wave({c}, 2);
    const Tensors all = run(x, w, b);
    for (std::size_t at = 0; at + 3 < c; at += 61) {
      const auto part = [at](const D& t) {
        return slice(t, -1, static_cast<std::ptrdiff_t>(at), static_cast<std::ptrdiff_t>(at + 3));
      };
      const Tensors alone = run(part(x), part(w), part(b));
      for (std::size_t i = 0; i < all.size(); ++i) check_close(part(all[i]), alone[i]);
    }
  }
}

BOOST_AUTO_TEST_CASE(large_means_do_not_cancel) {
  // In float 1e5 + wave is known to 0.004; what was made of the numbers as they are must be right.
  for (const Shape& shape : {Shape{400, 40}, Shape{40, 4, 300}}) {
    const D x = wave(shape);
    Tensor<float> f = Tensor<float>::uninitialized(shape);
    D exact = D::uninitialized(shape);
    for (std::size_t i = 0; i < x.size(); ++i) {
      f.mutable_data()[i] = static_cast<float>(1e5 + x.data()[i]);
      exact.mutable_data()[i] = f.data()[i];
    }
    const auto difference = [](const Tensor<float>& a, const D& b) {
      double worst = 0;
      for (std::size_t i = 0; i < b.size(); ++i) {
        worst = std::max(worst, std::abs(a.data()[i] - b.data()[i]));
      }
      return worst;
    };
    const Shape last{shape.back()};
    BOOST_TEST(difference(batch_norm(f), batch_norm(exact)) < 1e-2);
    BOOST_TEST(difference(layer_norm(f, last), layer_norm(exact, last)) < 1e-2);
    BOOST_TEST(difference(group_norm(f, 2), group_norm(exact, 2)) < 1e-2);
  }
}

BOOST_AUTO_TEST_CASE(statistics_are_not_needed) {
  const D x = wave({4, 3});
  BatchStatistics<double> s;
  check_identical(batch_norm(x), batch_norm(x, {}, {}, {.statistics = &s}));
}

BOOST_AUTO_TEST_CASE(frozen_operands_get_no_gradient) {
  const D x = wave({4, 3}), w = parameter(wave({3}, 1)), b = parameter(wave({3}, 2));
  sum(batch_norm(x, w, b) * wave({4, 3}, 5)).backward();
  BOOST_TEST(w.has_grad());
  BOOST_TEST(b.has_grad());
  BOOST_TEST(!x.has_grad());
}

BOOST_AUTO_TEST_CASE(of_nothing) {
  const D x = parameter(D::uninitialized({0, 3})), w = parameter(wave({3}));
  const D y = layer_norm(x, {3}, w);
  BOOST_TEST(to_string(y.shape()) == "(0, 3)");
  sum(y).backward();
  check_close(w.gradient(), D::filled({3}, 0));
  BOOST_TEST(to_string(x.gradient().shape()) == "(0, 3)");
  BOOST_TEST(to_string(group_norm(x, 3).shape()) == "(0, 3)");
  BOOST_TEST(to_string(batch_norm(D::uninitialized({4, 0})).shape()) == "(4, 0)");
  BOOST_TEST(to_string(batch_norm(D::uninitialized({4, 0, 2})).shape()) == "(4, 0, 2)");
}

BOOST_AUTO_TEST_CASE(errors) {
  const D x = wave({2, 4, 3}), w = wave({3});
  using std::invalid_argument;
  check_failure<invalid_argument>([&] { batch_norm(wave({4})); },
                                  "batch_norm: x (4) has no axis of channels");
  check_failure<invalid_argument>([&] { batch_norm(x, w); },
                                  "batch_norm: weight (3), (4) expected");
  check_failure<invalid_argument>([&] { batch_norm(x, {}, w); },
                                  "batch_norm: bias (3), (4) expected");
  check_failure<invalid_argument>(
      [&] {
        batch_norm(wave({1, 4}));
      },
      "batch_norm: more than one element of each channel is needed: x (1, 4)");
  check_failure<invalid_argument>([&] { batch_norm_inference(x, w, w); },
                                  "batch_norm_inference: mean (3), (4) expected");
  check_failure<invalid_argument>([&] { layer_norm(x, {4}); },
                                  "layer_norm: the last axes of x (2, 4, 3) are not (4)");
  check_failure<invalid_argument>([&] { layer_norm(x, {}); },
                                  "layer_norm: the last axes of x (2, 4, 3) are not ()");
  check_failure<invalid_argument>(
      [&] {
        rms_norm(x, {1, 2, 4, 3});
      },
      "rms_norm: the last axes of x (2, 4, 3) are not (1, 2, 4, 3)");
  check_failure<invalid_argument>([&] { layer_norm(x, {3}, wave({4})); },
                                  "layer_norm: weight (4), (3) expected");
  check_failure<invalid_argument>([&] { group_norm(x, 3); },
                                  "group_norm: 4 channels cannot be divided into 3 groups");
  check_failure<invalid_argument>([&] { group_norm(x, 0); },
                                  "group_norm: 4 channels cannot be divided into 0 groups");
}

BOOST_AUTO_TEST_CASE(the_same_for_any_number_of_threads) {
  const D w = wave({60}, 1), b = wave({60}, 2);
  for (const Shape& shape : {Shape{5000, 60}, Shape{30, 60, 91}}) {
    const Tensors in = {wave(shape), w, b};
    check_threads([](X x) { return batch_norm(x[0], x[1], x[2]); }, in);
    check_threads([](X x) { return group_norm(x[0], 3, x[1], x[2]); }, in);
    check_threads([](X x) { return batch_norm_inference(x[0], x[1], square(x[1]), x[1], x[2]); },
                  in);
  }
  const Tensors in = {wave({5000, 60}), w, b};
  check_threads([](X x) { return layer_norm(x[0], {60}, x[1], x[2]); }, in);
  check_threads([](X x) { return rms_norm(x[0], {60}, x[1]); }, {in[0], w});
  check_threads([](X x) { return batch_norm(x[0], x[1], x[2]); },
                {wave({100, 500}), wave({500}, 1), wave({500}, 2)});
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace xgrad::test
