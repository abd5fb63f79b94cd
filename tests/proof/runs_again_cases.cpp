// What the table has no rows for: labels that are arguments, random numbers, checks that are made each
// time, and operations that choose by the numbers what they compute.

#include <boost/test/unit_test.hpp>
#include <limits>

#include "runs_again.hpp"
#include "xgrad/xgrad.hpp"

using namespace xgrad;

namespace {

using D = Tensor<double>;
using Tensors = std::vector<D>;
using Lists = std::vector<Indices>;

D numbers(const Shape& shape, std::uint64_t seed, double low = 0.1, double high = 0.9) {
  Generator generator(seed);
  return uniform<double>(shape, low, high, generator);
}

template <class F>
TensorFunction<double> function(F f) {
  return as_tensor_function<double>(std::move(f), "test");
}

template <class F>
void check(F f, const Tensors& x, const Tensors& other) {
  proof::check_runs_again(function(f), x, other, std::vector<bool>(x.size(), true));
}

template <class F>
void check_labels(F f, const Tensors& x, const Lists& at, const Lists& other_at) {
  Tensors other;
  for (const D& t : x) other.push_back(numbers(t.shape(), 77));
  proof::check_follows_indices<double>(
      [f](const Tensors& now, const Lists& labels) { return Tensors{f(now, labels)}; }, x, other,
      at, other_at);
}

// A positive definite matrix.
D definite(std::uint64_t seed) {
  const D x = numbers({3, 3}, seed);
  return matmul(x, x, {.transpose_b = true}) + eye<double>(3);
}

const double kNan = std::numeric_limits<double>::quiet_NaN();

}  // namespace

BOOST_AUTO_TEST_SUITE(runs_again)

BOOST_AUTO_TEST_CASE(labels_that_are_arguments) {
  const Tensors x = {numbers({3, 4}, 1)};
  const Lists at = {indices({3}, {0, 2, 1})}, other = {indices({3}, {3, 1, 0})};
  const auto each = [&](const auto& f) { check_labels(f, x, at, other); };
  each([](const Tensors& t, const Lists& l) { return cross_entropy(t[0], l[0]); });
  each([](const Tensors& t, const Lists& l) {
    return cross_entropy(t[0], l[0], {.label_smoothing = 0.1, .reduction = Reduction::none});
  });
  each([](const Tensors& t, const Lists& l) { return nll_loss(t[0], l[0], {.ignore_index = 1}); });
  each([](const Tensors& t, const Lists& l) { return focal_loss(t[0], l[0]); });
  each([](const Tensors& t, const Lists& l) { return multi_class_hinge(t[0], l[0]); });
  each([](const Tensors& t, const Lists& l) { return multi_class_squared_hinge(t[0], l[0]); });
  each([](const Tensors& t, const Lists& l) { return t[0] * one_hot<double>(l[0], 4); });
  each([](const Tensors& t, const Lists& l) {
    return t[0] * unsqueeze(from_indices<double>(l[0]), 1);
  });
  each([](const Tensors& t, const Lists& l) { return index_select(t[0], 1, l[0]); });
}

BOOST_AUTO_TEST_CASE(weights_of_classes_are_operands) {
  const Lists at = {indices({3}, {0, 2, 1})}, other = {indices({3}, {3, 1, 0})};
  const Tensors x = {numbers({3, 4}, 1), numbers({4}, 2)};
  const auto weighted = [&](const auto& f) {
    proof::check_follows_indices<double>(
        [f](const Tensors& t, const Lists& l) { return Tensors{f(t[0], l[0], t[1].detach())}; }, x,
        {numbers({3, 4}, 3), numbers({4}, 4)}, at, other);
  };
  weighted([](const D& t, const Indices& l, const D& w) { return nll_loss(t, l, {.weight = w}); });
  weighted(
      [](const D& t, const Indices& l, const D& w) { return cross_entropy(t, l, {.weight = w}); });
  weighted([](const D& t, const Indices& l, const D& w) {
    return cross_entropy(t, l, {.weight = w, .label_smoothing = 0.2});
  });
  weighted(
      [](const D& t, const Indices& l, const D& w) { return focal_loss(t, l, {.weight = w}); });
}

BOOST_AUTO_TEST_CASE(positions_that_are_arguments) {
  const Lists at = {indices({2, 4}, {0, 2, 1, -1, 0, 0, 1, 1})},
              other = {indices({2, 4}, {1, 1, 0, 0, 2, 1, -2, 0})};
  const Tensors x = {numbers({3, 4}, 1), numbers({2, 4}, 2)};
  check_labels([](const Tensors& t, const Lists& l) { return gather(t[0], 0, l[0]); }, x, at,
               other);
  check_labels([](const Tensors& t, const Lists& l) { return scatter_add(t[0], 0, l[0], t[1]); }, x,
               at, other);
  check_labels([](const Tensors& t, const Lists& l) { return index_add(t[0], 0, l[0], t[1]); },
               {numbers({3, 4}, 1), numbers({2, 4}, 2)}, {indices({2}, {0, 2})},
               {indices({2}, {-1, 1})});
  Embedding<double> words(5, 3);
  check_labels([&](const Tensors& t, const Lists& l) { return words(l[0]) * t[0]; },
               {numbers({2, 3}, 1)}, {indices({2}, {0, 2})}, {indices({2}, {4, 1})});
  check_labels([](const Tensors& t, const Lists& l) { return ctc_loss(t[0], l[0], l[1], l[2]); },
               {numbers({6, 2, 4}, 1)},
               {indices({2, 2}, {1, 2, 3, 3}), indices({2}, {6, 6}), indices({2}, {2, 2})},
               {indices({2, 2}, {2, 1, 1, 3}), indices({2}, {6, 5}), indices({2}, {1, 2})});
}

BOOST_AUTO_TEST_CASE(random_numbers_are_drawn_each_time) {
  const Tensors x = {numbers({3, 4}, 1), numbers({4}, 2)},
                other = {numbers({3, 4}, 3), numbers({4}, 4)};
  check([](const D& a, const D& b) { return sample_normal(a, b, {2}); }, x, other);
  check([](const D& a, const D& b) { return sample_uniform(a, a + b, {2}); }, x, other);
  check([](const D& a, const D& b) { return sample_gamma(a, b, {2}); }, x, other);
  check([](const D& a) { return gumbel_softmax(a); }, {x[0]}, {other[0]});
  check([](const D& a) { return gumbel_softmax(a, {.hard = true}); }, {x[0]}, {other[0]});
  check(
      [](const D& a) {
        return a * bernoulli<double>({3, 4}, 0.5) + normal<double>({4});
      },
      {x[0]}, {other[0]});
  check([](const D& a) { return scaled_dot_product_attention(a, a, a, {.dropout = 0.5}); }, {x[0]},
        {other[0]});
  DropConnect<double> layer(4, 2, {.p = 0.5});
  check([&](const D& a) { return layer(a); }, {x[0]}, {other[0]});
  GaussianNoise<double> noise(0.5);
  check([&](const D& a) { return noise(a); }, {x[0]}, {other[0]});
}

BOOST_AUTO_TEST_CASE(a_choice_by_numbers_is_made_each_time) {
  const auto flips = [](const auto& f, const D& x, const D& other) {
    check(f, {x}, {other});
    check(f, {other}, {x});
  };
  const D x = numbers({3, 4}, 1), huge = x * 1e200, nan = where(x < 0.3, kNan, x);
  flips([](const D& a) { return cosine_similarity(a, a * a, {.axis = 1}); }, x, huge);
  flips([](const D& a) { return norm(a, 3, 1); }, x, huge);
  flips([](const D& a) { return norm(a, 2, 1); }, x, huge);
  flips([](const D& a) { return layer_norm(a, {4}); }, x, huge);
  flips([](const D& a) { return batch_norm(a); }, x, huge);
  flips([](const D& a) { return median(a, 1); }, x, nan);
  flips([](const D& a) { return mean(a * 1e108, 1); }, x, huge);
  const D tied = eye<double>(3) * 2.0;
  flips([](const D& a) { return eigvalsh(a); }, definite(1), tied);
  flips([](const D& a) { return svdvals(a); }, definite(1), tied);
  flips([](const D& a) { return eigh(a).values; }, definite(1), tied);
  flips([](const D& a) { return slogdet(a).logarithm + slogdet(a).sign; }, definite(1),
        -definite(2));
}

BOOST_AUTO_TEST_CASE(operations_with_several_results) {
  const auto several = [](const auto& f, const Tensors& x, const Tensors& other) {
    proof::check_runs_again<double>(f, x, other, std::vector<bool>(x.size(), true));
  };
  several(
      [](const Tensors& x) {
        const auto next = lstm_cell(x[0], {x[1], x[2]}, x[3], x[4]);
        return Tensors{next.h, next.c};
      },
      {numbers({2, 3}, 1), numbers({2, 2}, 2), numbers({2, 2}, 3), numbers({8, 3}, 4),
       numbers({8, 2}, 5)},
      {numbers({2, 3}, 6), numbers({2, 2}, 7), numbers({2, 2}, 8), numbers({8, 3}, 9),
       numbers({8, 2}, 10)});
  several(
      [](const Tensors& x) {
        const auto y = qr(x[0]);
        return Tensors{y.q, y.r};
      },
      {numbers({4, 3}, 1)}, {numbers({4, 3}, 2)});
  several(
      [](const Tensors& x) {
        const auto y = svd(x[0]);
        return Tensors{y.u, y.s, y.vh};
      },
      {numbers({4, 3}, 1)}, {numbers({4, 3}, 2)});
  several(
      [](const Tensors& x) {
        BatchStatistics<double> of;
        const D y = batch_norm(x[0], {}, {}, {.statistics = &of});
        return Tensors{y, of.mean, of.variance};
      },
      {numbers({4, 3}, 1)}, {numbers({4, 3}, 2)});
  several(
      [](const Tensors& x) {
        return Tensors{solve(x[0], x[1]), solve(x[0], x[1], {.spd = true}), det(x[0]), logdet(x[0]),
                       inverse(x[0]),     cholesky(x[0], {.upper = true})};
      },
      {definite(1), numbers({3, 2}, 2)}, {definite(3), numbers({3, 2}, 4)});
}

BOOST_AUTO_TEST_CASE(checks_are_made_each_time) {
  const auto throws = [](const auto& f, const Tensors& x, const Tensors& bad) {
    BOOST_CHECK_NO_THROW(proof::done_again(function(f), x, x));
    BOOST_CHECK_THROW(proof::done_again(function(f), x, bad), std::invalid_argument);
  };
  const D x = numbers({3, 4}, 1), t = numbers({3, 4}, 2), two = x + 2.0;
  throws([&](const D& p) { return binary_cross_entropy(p, t); }, {x}, {two});
  throws([&](const D& p) { return sigmoid_focal_loss(t, p); }, {x}, {two});
  const D sure = softmax(x, 1);
  throws([&](const D& p) { return cross_entropy(t, p); }, {sure}, {two});
  throws([&](const D& p) { return kl_div(t, p, {.reduction = Reduction::batchmean}); }, {sure},
         {two});
  throws([&](const D& v) { return gaussian_nll_loss(t, t, v); }, {x}, {-x});
  throws([&](const D& s) { return sample_normal(t, s); }, {x}, {-x});
  const D a = definite(1), singular = zeros<double>({3, 3}), b = numbers({3}, 2);
  const D nan = a * kNan;
  throws([&](const D& m) { return solve(m, b); }, {a}, {singular});
  throws([&](const D& m) { return inverse(m); }, {a}, {singular});
  throws([&](const D& m) { return triangular_solve(m, b); }, {a}, {singular});
  throws([&](const D& m) { return cholesky_solve(m, b); }, {a}, {singular});
  throws([&](const D& m) { return cholesky(m); }, {a}, {-a});
  throws([&](const D& m) { return matrix_exp(m); }, {a}, {nan});
  throws([&](const D& m) { return matrix_norm(m, MatrixNorm::frobenius); }, {a}, {nan});
  throws([&](const D& m) { return solve(a, m); }, {b}, {b * kNan});
  throws([&](const D& m) { return lstsq(a, m); }, {b}, {b * kNan});
}

BOOST_AUTO_TEST_CASE(what_the_host_reads_is_told) {
  const auto reads = [](const auto& f, const D& x) {
    proof::check_runs_again(function(f), {x}, {x}, {true}, proof::Reads::on_host);
  };
  const D x = numbers({3, 4}, 1);
  reads([](const D& a) { return a * static_cast<double>(argmax(a)); }, x);
  reads([](const D& a) { return a * a.item(0, 0); }, x);
  reads([](const D& a) { return from_indices<double>(multinomial(a, 2)); }, x);
  reads([](const D& a) { return from_indices<double>(topk(a, 2).indices); }, x);
  reads([](const D& a) { return from_indices<double>(predicted_classes(a)); }, x);
}

BOOST_AUTO_TEST_SUITE_END()
