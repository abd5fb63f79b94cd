#include "xgrad/ops/losses.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>

#include "tests/ops/failure.hpp"
#include "tests/ops/reference_rows.hpp"
#include "tests/ops/threads.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/ctc.hpp"
#include "xgrad/ops/indexing.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/slicing.hpp"
#include "xgrad/ops/softmax.hpp"

namespace xgrad::test {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

class LossRows {
 public:
  using Loss = std::function<D(const Tensors& x, Reduction reduction)>;

  void add(const std::string& name, const Tensors& inputs, const Loss& loss) {
    for (const auto& [title, reduction] :
         {std::pair{"none", Reduction::none}, {"mean", Reduction::mean}, {"sum", Reduction::sum}}) {
      rows.push_back({name + " " + title, inputs,
                      [loss, r = reduction](const Tensors& x) { return loss(x, r); }});
    }
  }

  std::vector<Row> rows;
};

void add_elementwise(LossRows& t) {
  const Tensors xt = {wave({3, 5}, 0), wave({3, 5}, 1)}, pq = {unit({3, 5}, 2), unit({3, 5}, 3)};
  const Tensors xq = {xt[0], pq[1]};
  using X = const Tensors&;
  using R = Reduction;
  t.add("mse", xt, [](X x, R r) { return mse_loss(x[0], x[1], {r}); });
  t.add("mae", xt, [](X x, R r) { return mae_loss(x[0], x[1], {r}); });
  t.add("huber", xt, [](X x, R r) { return huber_loss(x[0], x[1], {0.7, r}); });
  t.add("bce", pq, [](X x, R r) { return binary_cross_entropy(x[0], x[1], {r}); });
  t.add("bce of logits", xq,
        [](X x, R r) { return binary_cross_entropy_with_logits(x[0], x[1], {r}); });
  t.add("bce of large logits", xq,
        [](X x, R r) { return binary_cross_entropy_with_logits(40 * x[0], x[1], {r}); });
  t.add("kl", xq, [](X x, R r) { return kl_div(x[0], x[1], {false, r}); });
  t.add("kl of logs", xt, [](X x, R r) { return kl_div(x[0], x[1], {true, r}); });
  t.add("smooth l1", xt, [](X x, R r) { return smooth_l1_loss(x[0], x[1], {0.7, r}); });
  t.add("smooth l1 without a bend", xt, [](X x, R r) {
    return smooth_l1_loss(x[0], x[1], {0, r});
  });
  t.add("bce of logits with positive weight", xq, [](X x, R r) {
    return binary_cross_entropy_with_logits(x[0], x[1],
                                            {.reduction = r, .pos_weight = 3 * unit({5}, 4)});
  });
  t.rows.push_back({"kl batchmean", xq, [](X x) {
                      const D q = x[1] / sum(x[1], 1, {.keep_dims = true});
                      return kl_div(x[0], q, {.reduction = R::batchmean});
                    }});
  t.add("cosine", xt, [](X x, R r) { return cosine_loss(x[0], x[1], {.reduction = r}); });
  t.add("cosine 0", xt,
        [](X x, R r) { return cosine_loss(x[0], x[1], {.axis = 0, .reduction = r}); });
}

void add_hinges(LossRows& t) {
  const Tensors x = {wave({5, 4})};
  const Indices y = labels({5}, 4);
  using X = const Tensors&;
  t.add("hinge", x, [y](X v, Reduction r) { return multi_class_hinge(v[0], y, {1, r}); });
  t.add("hinge margin", x, [y](X v, Reduction r) { return multi_class_hinge(v[0], y, {0.3, r}); });
  t.add("squared hinge", x, [y](X v, Reduction r) {
    return multi_class_squared_hinge(v[0], y, {1, r});
  });
}

void add_cross_entropies(LossRows& t, const std::string& shape_name, const Shape& shape,
                         const Indices& y) {
  const D w = unit({4}, 9);
  const Tensors inputs = {wave(shape)};
  const std::string name = "cross entropy " + shape_name;
  using X = const Tensors&;
  using R = Reduction;
  t.add(name, inputs, [y](X x, R r) { return cross_entropy(x[0], y, {.reduction = r}); });
  t.add(name + " weighted", inputs, [=](X x, R r) {
    return cross_entropy(x[0], y, {.weight = w, .ignore_index = 2, .reduction = r});
  });
  t.add(name + " smooth", inputs,
        [y](X x, R r) { return cross_entropy(x[0], y, {.label_smoothing = 0.2, .reduction = r}); });
  t.add(name + " smooth weighted", inputs, [=](X x, R r) {
    return cross_entropy(x[0], y,
                         {.weight = w, .label_smoothing = 0.2, .ignore_index = 2, .reduction = r});
  });
  t.add(name + " probabilities", {wave(shape), unit(shape, 1)}, [w](X x, R r) {
    return cross_entropy(
        x[0], x[1], {.weight = w, .label_smoothing = 0.1, .reduction = r, .any_targets = true});
  });
  const int axis = shape.rank() == 1 ? 0 : 1;
  t.add("nll " + shape_name, inputs, [=](X x, R r) {
    return nll_loss(log_softmax(x[0], axis), y, {.weight = w, .ignore_index = 1, .reduction = r});
  });
}

void add_likelihoods(LossRows& t) {
  const D x = wave({3, 5}, 0), y = wave({3, 5}, 1), var = 2 * unit({3, 5}, 5);
  const D counts = 4 * unit({3, 5}, 3), rates = unit({3, 5}, 2);
  using X = const Tensors&;
  using R = Reduction;
  const auto gaussian = [&](const std::string& name, const D& v, GaussianNllOptions o) {
    t.add("gaussian nll" + name, {x, y, v}, [o](X in, R r) {
      return gaussian_nll_loss(in[0], in[1], in[2], {o.full, o.eps, r});
    });
  };
  gaussian("", var, {});
  gaussian(" full", var, {.full = true});
  gaussian(" clamped", var, {.eps = 0.9});
  gaussian(" rows", select(var, 1, 0), {});
  gaussian(" columns", slice(var, 1, 0, 1), {});
  t.add("poisson nll", {x, counts},
        [](X in, R r) { return poisson_nll_loss(in[0], in[1], {.reduction = r}); });
  t.add("poisson nll of rates", {rates, counts}, [](X in, R r) {
    return poisson_nll_loss(in[0], in[1], {.log_input = false, .eps = 0.1, .reduction = r});
  });
  t.add("poisson nll full", {x, counts},
        [](X in, R r) { return poisson_nll_loss(in[0], in[1], {.full = true, .reduction = r}); });
}

void add_triplets(LossRows& t) {
  const auto triplet = [&](const std::string& name, TripletMarginOptions o) {
    t.add("triplet" + name, {wave({4, 5}, 0), wave({4, 5}, 1), wave({4, 5}, 2)},
          [o](const Tensors& x, Reduction r) {
            return triplet_margin_loss(x[0], x[1], x[2], {o.margin, o.p, o.eps, o.swap, r});
          });
  };
  triplet("", {});
  triplet(" 1", {.margin = 0.3, .p = 1});
  triplet(" 3 swapped", {.p = 3, .eps = 0.01, .swap = true});
}

void add_focal(LossRows& t) {
  const Tensors xq = {wave({3, 5}, 0), unit({3, 5}, 3)};
  const D w = unit({4}, 9);
  using X = const Tensors&;
  using R = Reduction;
  t.add("sigmoid focal", xq,
        [](X x, R r) { return sigmoid_focal_loss(x[0], x[1], {.reduction = r}); });
  t.add("sigmoid focal without weights", xq, [](X x, R r) {
    return sigmoid_focal_loss(x[0], x[1], {.alpha = -1, .gamma = 1.5, .reduction = r});
  });
  t.add("focal", {wave({5, 4})},
        [](X x, R r) { return focal_loss(x[0], labels({5}, 4), {.reduction = r}); });
  t.add("focal weighted", {wave({5, 4})}, [w](X x, R r) {
    return focal_loss(x[0], labels({5}, 4), {1.5, w, 2, r});
  });
  t.add("focal of images", {wave({2, 4, 2, 2})}, [w](X x, R r) {
    return focal_loss(x[0], labels({2, 2, 2}, 4), {0.5, w, 2, r});
  });
}

void add_ctc(LossRows& t) {
  const auto ctc = [&](const std::string& name, std::int64_t blank, const Indices& targets,
                       const Indices& steps, const Indices& counts) {
    t.add(name, {wave({5, 3, 3})}, [=](const Tensors& x, Reduction r) {
      return ctc_loss(log_softmax(x[0], 2), targets, steps, counts, {blank, false, r});
    });
  };
  ctc("ctc", 0, indices({3, 3}, {1, 2, 0, 2, 2, 1, 1, 0, 0}), {5, 5, 3}, {2, 3, 1});
  ctc("ctc, blank last", 2, indices({4}, {1, 0, 1, 1}), {4, 2, 5}, {2, 0, 2});
}

std::vector<Row> loss_rows() {
  LossRows t;
  add_ctc(t);
  add_likelihoods(t);
  add_triplets(t);
  add_focal(t);
  add_elementwise(t);
  add_hinges(t);
  add_cross_entropies(t, "5x4", {5, 4}, labels({5}, 4));
  add_cross_entropies(t, "4", {4}, labels({}, 4));
  add_cross_entropies(t, "2x4x3", {2, 4, 3}, labels({2, 3}, 4));
  add_cross_entropies(t, "2x4x2x2", {2, 4, 2, 2}, labels({2, 2, 2}, 4));
  return t.rows;
}

const RegisterRows registered("losses", loss_rows());

// Gradient and second derivative, in the direction of ones, of an elementwise loss at one point.
struct Slopes {
  double first, second;
};
Slopes slopes(const std::function<D(const D&)>& f, double at) {
  const D x = parameter(D(at));
  const D fast = grad(f(x), x), g = grad(f(x), x, {.create_graph = true});
  BOOST_TEST(fast.item() == g.item());
  return {g.item(), g.requires_grad() ? grad(g, x).item() : 0};
}
void check_slopes(const std::function<D(const D&)>& f, double at, double first, double second) {
  const Slopes s = slopes(f, at);
  BOOST_TEST(s.first == first);
  BOOST_TEST(s.second == second);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(losses)

BOOST_AUTO_TEST_CASE(kinks) {
  check_slopes([](const D& x) { return mae_loss(x, D(1.0)); }, 1, 0, 0);
  const auto huber = [](const D& x) { return huber_loss(x, D(0.0), {.delta = 2}); };
  check_slopes(huber, 1.5, 1.5, 1);
  check_slopes(huber, 2, 2, 0);
  check_slopes(huber, -2, -2, 0);
  check_slopes(huber, 3, 2, 0);
  const auto bce_of = [](double t) {
    return [t](const D& p) { return binary_cross_entropy(p, D(t)); };
  };
  check_slopes(bce_of(1), 0, 0, 0);
  check_slopes(bce_of(0), 1, 0, 0);
  check_slopes(bce_of(0), 0, 1, 1);
  const auto logit = [](const D& x) { return binary_cross_entropy_with_logits(x, D(0.25)); };
  check_slopes(logit, 0, 0.25, 0.25);
  const auto kl_target = [](const D& t) { return kl_div(D(0.5), t); };
  check_slopes(kl_target, 0, 0, 0);
}

BOOST_AUTO_TEST_CASE(focal_losses_without_focus_are_cross_entropies) {
  const D x = wave({5, 4}), w = unit({4}, 9);
  const Indices y = labels({5}, 4);
  for (const Reduction r : {Reduction::none, Reduction::mean, Reduction::sum}) {
    is(focal_loss(x, y, {0, w, 2, r}),
       cross_entropy(x, y, {.weight = w, .ignore_index = 2, .reduction = r}).value());
    is(sigmoid_focal_loss(x, unit({5, 4}), {-1, 0, r}),
       binary_cross_entropy_with_logits(x, unit({5, 4}), {.reduction = r}).value());
  }
  BOOST_TEST(std::isnan(focal_loss(x, Indices{2, 2, 2, 2, 2}, {.ignore_index = 2}).item()));
  BOOST_TEST(focal_loss(x, Indices{7, 1, 7, 7, 7}, {.ignore_index = 7}).item() ==
             focal_loss(slice(x, 0, 1, 2), Indices{1}).item());
}

// What nothing is missed of counts nothing, for a gamma below 1 too, whose power has no slope there.
BOOST_AUTO_TEST_CASE(focal_losses_of_sure_predictions) {
  const auto sigmoid_focal = [](double t) {
    return [t](const D& x) { return sigmoid_focal_loss(x, D(t), {.alpha = -1, .gamma = 0.5}); };
  };
  check_slopes(sigmoid_focal(1), 800, 0, 0);
  check_slopes(sigmoid_focal(0), -800, 0, 0);
  check_slopes(sigmoid_focal(1), -800, -1, 0);
  const auto focal = [](const D& x) {
    return focal_loss(x * D::from({1, 2}, {1, 0}), Indices{0}, {.gamma = 0.5});
  };
  check_slopes(focal, 800, 0, 0);
  check_slopes(focal, -800, -1, 0);
}

// Where in float what is missed is 0 and its logarithm not yet, or both are nearly.
BOOST_AUTO_TEST_CASE(focal_losses_near_sure_predictions) {
  using F = Tensor<float>;
  for (float v = 80; v < 110; v += 0.5F) {
    const F x = parameter(F(v)), row = parameter(F::from({1, 2}, {v, 0}));
    const F sigmoid = sigmoid_focal_loss(x, F(1.0F), {.alpha = -1, .gamma = 0.5}),
            focal = focal_loss(row, Indices{0}, {.gamma = 0.5});
    BOOST_TEST(sigmoid.item() < 1e-30F);
    BOOST_TEST(std::abs(grad(sigmoid, x).item()) < 1e-30F, v);
    BOOST_TEST(focal.item() < 1e-30F);
    BOOST_TEST(std::abs(grad(focal, row).data()[0]) < 1e-30F, v);
  }
}

// Two equal labels need three steps.
BOOST_AUTO_TEST_CASE(ctc_of_labels_that_do_not_fit) {
  const D x = parameter(log_softmax(wave({2, 2, 3}), 2));
  const Indices y = indices({2, 2}, {1, 1, 1, 2}), steps{2, 2}, counts{2, 2};
  const D losses = ctc_loss(x, y, steps, counts, {.reduction = Reduction::none});
  BOOST_TEST(losses.data()[0] == kInfinity);
  BOOST_TEST(std::isfinite(losses.data()[1]));
  const CtcOptions zero{.zero_infinity = true, .reduction = Reduction::none};
  BOOST_TEST(ctc_loss(x, y, steps, counts, zero).data()[0] == 0);
  const D g = grad(sum(losses), x), g0 = grad(sum(ctc_loss(x, y, steps, counts, zero)), x);
  const D recorded = grad(sum(ctc_loss(x, y, steps, counts, zero)), x, {.create_graph = true});
  check_close(recorded, g0);
  const D twice = grad(sum(square(recorded)), x);
  for (std::size_t i = 0; i < g.size(); ++i) {
    const bool first = i % 6 < 3;
    BOOST_TEST((first ? twice.data()[i] == 0 : std::isfinite(twice.data()[i])));
    BOOST_TEST(std::isnan(g.data()[i]) == (first && i % 3 < 2));
    if (first) BOOST_TEST(g0.data()[i] == 0);
  }
}

// Behind the last step nothing counts, whatever is there; no labels are all blanks, no steps nothing.
BOOST_AUTO_TEST_CASE(ctc_of_short_samples) {
  D values = log_softmax(wave({4, 2, 3}), 2).clone();
  for (std::size_t t = 2; t < 4; ++t) values.mutable_data()[t * 6] = kNaN;
  const D x = parameter(values);
  const Indices y = indices({2, 1}, {1, 1}), steps{2, 0}, counts{0, 0};
  const D losses = ctc_loss(x, y, steps, counts, {.reduction = Reduction::none});
  BOOST_TEST(losses.data()[0] == -x.data()[0] - x.data()[6]);
  BOOST_TEST(losses.data()[1] == 0);
  const D g = grad(sum(losses), x);
  for (std::size_t i = 0; i < g.size(); ++i) BOOST_TEST(g.data()[i] == (i == 0 || i == 6 ? -1 : 0));
  const D one =
      ctc_loss(select(x, 1, 0), Indices{1}, Indices{2}, Indices{1}, {.reduction = Reduction::none});
  BOOST_TEST(one.rank() == 0U);
  const D both = ctc_loss(x, y, steps, {1, 0}, {.reduction = Reduction::none});
  BOOST_TEST(one.item() == both.data()[0]);
  BOOST_TEST(ctc_loss(x, y, steps, {1, 0}, {.reduction = Reduction::batchmean}).item() ==
             one.item() / 2);
  BOOST_TEST(ctc_loss(x, y, steps, {0, 1}, {.reduction = Reduction::none}).data()[1] == kInfinity);
  BOOST_TEST(ctc_loss(D::filled({3, 0, 2}, 0), indices({0, 1}, {}), Indices(Indices::shape_type{0}),
                      Indices(Indices::shape_type{0}), {.reduction = Reduction::sum})
                 .item() == 0);
}

BOOST_AUTO_TEST_CASE(a_class_at_the_margin_has_no_gradient) {
  const D x = parameter(D::from({1, 3}, {2, 1, 1.5}));
  const Indices y{0};
  BOOST_TEST(multi_class_hinge(x, y).item() == 0.5);
  check_close(grad(multi_class_hinge(x, y), x), D::from({1, 3}, {-1, 0, 1}));
  const D g = grad(multi_class_squared_hinge(x, y), x, {.create_graph = true});
  check_close(g, D::from({1, 3}, {-1, 0, 1}));
  check_close(grad(sum(g * D::from({1, 3}, {0, 1, 0})), x), D::filled({1, 3}, 0));
}

BOOST_AUTO_TEST_CASE(extreme_values) {
  check_close(binary_cross_entropy(D::from({2}, {0, 1}), D::from({2}, {1, 0})), D(100.0));
  check_close(binary_cross_entropy(D::from({2}, {0, 1}), D::from({2}, {0, 1})), D(0.0));
  BOOST_TEST(std::isnan(binary_cross_entropy(D(kNaN), D(1.0)).item()));
  const D x = D::from({2}, {-800, 800}), t = D::from({2}, {0, 1});
  check_close(binary_cross_entropy_with_logits(x, t), D(0.0));
  check_close(binary_cross_entropy_with_logits(x, 1 - t), D(800.0));
  // log1p(exp(-40)), which 40 - 40 + ... would lose
  BOOST_TEST(binary_cross_entropy_with_logits(D(40.0), D(1.0)).item() / std::exp(-40) == 1,
             boost::test_tools::tolerance(1e-12));
  check_close(kl_div(D::from({2}, {-1, -2}), D::from({2}, {0, 1}), {.reduction = Reduction::sum}),
              D(2.0));
}

BOOST_AUTO_TEST_CASE(cross_entropy_of_extreme_logits) {
  const D x = parameter(D::from({2, 3}, {1000, -1000, 0, -kInfinity, 1, 1}));
  const Indices y{1, 2};
  const D loss = cross_entropy(x, y, {.reduction = Reduction::none});
  check_close(loss, D::from({2}, {2000, std::log(2)}));
  check_close(grad(sum(loss), x), D::from({2, 3}, {1, -1, 0, 0, 0.5, -0.5}));
  // A small loss next to large logits.
  const D far = D::from({1, 2}, {1020, 1000});
  BOOST_TEST(cross_entropy(far, Indices{0}).item() == std::log1p(std::exp(-20)),
             boost::test_tools::tolerance(1e-14));
}

BOOST_AUTO_TEST_CASE(ignored_samples) {
  const D x = parameter(wave({3, 4}));
  const Indices y{-100, 2, -100}, none{-100, -100, -100};
  const D one = cross_entropy(x, y);
  check_close(one, -log_softmax(x).value()(1, 2));
  const D g = grad(one, x);
  for (const std::size_t i : {0U, 1U, 2U, 3U, 8U, 9U, 10U, 11U}) BOOST_TEST(g.data()[i] == 0);
  BOOST_TEST(std::isnan(cross_entropy(x, none).item()));
  BOOST_TEST(cross_entropy(x, none, {.reduction = Reduction::sum}).item() == 0);
  BOOST_TEST(nll_loss(x, none, {.reduction = Reduction::sum}).item() == 0);
  check_close(nll_loss(x, y), -x.value()(1, 2));
}

BOOST_AUTO_TEST_CASE(one_hot_probabilities_are_labels) {
  const D x = wave({2, 3}), hot = D::from({2, 3}, {0, 0, 1, 1, 0, 0});
  for (const double s : {0.0, 0.3}) {
    check_close(cross_entropy(x, hot, {.label_smoothing = s}),
                cross_entropy(x, Indices{2, 0}, {.label_smoothing = s}));
  }
}

BOOST_AUTO_TEST_CASE(cosine_of_vanishing_vectors) {
  const D a = parameter(D::from({2, 2}, {0, 0, 3, 4})), b = D::from({2, 2}, {1, 2, 6, 8});
  check_close(cosine_similarity(a, b), D::from({2}, {0, 1}));
  BOOST_TEST(std::isfinite(grad(cosine_loss(a, b), a).data()[0]));
  check_close(cosine_similarity(D::from({2}, {3, 4}), D::from({2}, {-3, -4}), {.axis = 0}),
              D(-1.0));
}

BOOST_AUTO_TEST_CASE(of_nothing) {
  const D x = parameter(D::uninitialized({0, 3})), t = D::uninitialized({0, 3});
  const Indices y = Indices::from_shape({0});
  for (const bool summed : {false, true}) {
    const Reduction r = summed ? Reduction::sum : Reduction::mean;
    const double expected = summed ? 0 : kNaN;
    for (const D& loss :
         {mse_loss(x, t, {r}), binary_cross_entropy(x, t, {r}),
          cross_entropy(x, y, {.reduction = r}), cross_entropy(x, t, {.reduction = r}),
          cross_entropy(x, y, {.label_smoothing = 0.1, .reduction = r}),
          nll_loss(x, y, {.reduction = r}), multi_class_hinge(x, y, {.reduction = r})}) {
      BOOST_TEST_CONTEXT(loss.operation()) {
        check_close(loss, D(expected));
        BOOST_TEST((grad(loss, x).shape() == x.shape()));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(errors) {
  const D x = wave({5, 4}), t = wave({5, 1}), p = unit({2, 2});
  const Indices y = labels({5}, 4), bad{0, 1, 4, 3, 2}, negative{0, 1, 2, 3, -1};
  using std::invalid_argument;
  using std::out_of_range;
  check_failure<invalid_argument>([&] { mse_loss(x, t); },
                                  "mse_loss: shapes differ: x (5, 4), t (5, 1)");
  check_failure<invalid_argument>([&] { cosine_similarity(x, t); },
                                  "cosine_similarity: shapes differ: a (5, 4), b (5, 1)");
  check_failure<invalid_argument>([&] { cross_entropy(x, t); },
                                  "cross_entropy: shapes differ: x (5, 4), t (5, 1)");
  check_failure<out_of_range>([&] { cosine_loss(p, p, {.axis = 2}); },
                              "cosine_similarity: axis 2 is out of range [-2, 1]: a (2, 2)");
  check_failure<invalid_argument>([&] { huber_loss(p, p, {.delta = 0}); },
                                  "huber_loss: delta is not in (0, inf]: 0");
  check_failure<invalid_argument>([&] { smooth_l1_loss(p, p, {.beta = -1}); },
                                  "smooth_l1_loss: beta is not in [0, inf): -1");
  check_failure<invalid_argument>(
      [&] { binary_cross_entropy_with_logits(p, p, {.pos_weight = unit({3})}); },
      "binary_cross_entropy_with_logits: pos_weight does not broadcast to x: pos_weight (3), x "
      "(2, 2)");
  check_failure<invalid_argument>(
      [&] {
        binary_cross_entropy(D::from({2}, {0.5, 1.5}), D::from({2}, {0, 1}));
      },
      "binary_cross_entropy: not a probability: 1.5 at position 1");
  check_failure<invalid_argument>([&] { cross_entropy(x, labels({4}, 4)); },
                                  "cross_entropy: labels (4) do not fit x (5, 4): (5) expected");
  check_failure<invalid_argument>([&] { cross_entropy(D(1.0), labels({}, 1)); },
                                  "cross_entropy: x has no axis of classes: x ()");
  check_failure<invalid_argument>(
      [&] {
        nll_loss(D::uninitialized({2, 0}), labels({2}, 1));
      },
      "nll_loss: there are no classes: x (2, 0)");
  check_failure<out_of_range>([&] { cross_entropy(x, bad); },
                              "cross_entropy: label 4 at position 2 is not in [0, 4)");
  check_failure<out_of_range>([&] { nll_loss(x, negative); },
                              "nll_loss: label -1 at position 4 is not in [0, 4)");
  check_failure<out_of_range>([&] { multi_class_hinge(x, bad); },
                              "multi_class_hinge: label 4 at position 2 is not in [0, 4)");
  check_failure<invalid_argument>([&] { cross_entropy(x, y, {.weight = unit({3})}); },
                                  "cross_entropy: weight (3) for 4 classes");
  check_failure<invalid_argument>([&] { cross_entropy(x, x, {.weight = unit({3})}); },
                                  "cross_entropy: weight (3) for 4 classes");
  check_failure<invalid_argument>([&] { cross_entropy(x, y, {.label_smoothing = 1.5}); },
                                  "cross_entropy: label_smoothing is not in [0, 1]: 1.5");
}

// What is no distribution is a mistake, unless it is said to be weights.
BOOST_AUTO_TEST_CASE(targets_that_are_no_probabilities) {
  const D x = wave({2, 3});
  const auto refused = [&](std::vector<double> t, const std::string& why) {
    check_failure<std::invalid_argument>(
        [&] {
          cross_entropy(x, D::from({2, 3}, t));
        },
        "cross_entropy: the targets of sample 1 are no probabilities: " + why +
            "; give {.any_targets = true} if they are weights");
  };
  refused({1, 0, 0, 2, 3, 5}, "they add up to 10");
  refused({1, 0, 0, 1.5, -0.5, 0}, "one is -0.5");
  refused({1, 0, 0, 0.5, 0.51, 0}, "they add up to 1.01");
  refused({1, 0, 0, 0, 0, 0}, "they add up to 0");
  BOOST_TEST(std::isfinite(
      cross_entropy(x, D::from({2, 3}, {2, 3, 5, -1, 0, 0}), {.any_targets = true}).item()));
  const D rounded = D::from({2, 3}, {0.333, 0.333, 0.3335, 1e-9, 1, -1e-12});
  BOOST_TEST(std::isfinite(cross_entropy(x, rounded).item()));
  BOOST_TEST(std::isnan(cross_entropy(x, D::filled({2, 3}, kNaN)).item()));
  // The classes are along axis 1.
  const D image = wave({2, 2, 3}), t = D::from({2, 2, 3}, {1, 0, 1, 0, 1, 0, 1, 1, 1, 0, 0, 1});
  check_failure<std::invalid_argument>(
      [&] { cross_entropy(image, t); },
      "cross_entropy: the targets of sample 5 are no probabilities: they add up to 2; give "
      "{.any_targets = true} if they are weights");
  check_failure<std::invalid_argument>(
      [&] {
        kl_div(x, D::from({2, 3}, {1, 0, 0, 2, 3, 5}), {.reduction = Reduction::batchmean});
      },
      "kl_div: the targets of sample 1 are no probabilities: they add up to 10; give "
      "{.any_targets = true} if they are weights");
}

BOOST_AUTO_TEST_CASE(means_over_the_batch) {
  const D x = wave({4, 3}), t = wave({4, 3}, 1);
  const Indices y = labels({4}, 3);
  const Reduction batch = Reduction::batchmean, all = Reduction::sum;
  check_close(mse_loss(x, t, {batch}), mse_loss(x, t, {all}) / 4);
  check_close(cross_entropy(x, y, {.reduction = batch}),
              cross_entropy(x, y, {.reduction = all}) / 4);
  check_close(cross_entropy(x, y, {.label_smoothing = 0.1, .reduction = batch}),
              cross_entropy(x, y, {.label_smoothing = 0.1, .reduction = all}) / 4);
  check_close(mse_loss(D(3.0), D(1.0), {batch}), D(4.0));
}

BOOST_AUTO_TEST_CASE(float_agrees) {
  const D x = wave({6, 40});
  const Indices y = labels({6}, 40);
  Tensor<float> f = Tensor<float>::uninitialized(x.shape());
  std::copy_n(x.data(), x.size(), f.mutable_data());
  const Tensor<float> leaf = parameter(f);
  const D exact = parameter(x);
  const Tensor<float> loss = cross_entropy(leaf, y);
  const D exact_loss = cross_entropy(exact, y);
  BOOST_TEST(std::abs(loss.item() - exact_loss.item()) < 1e-6);
  const Tensor<float> g = grad(loss, leaf);
  const D exact_g = grad(exact_loss, exact);
  for (std::size_t i = 0; i < x.size(); ++i) {
    BOOST_TEST(std::abs(g.data()[i] - exact_g.data()[i]) < 1e-7);
  }
}

BOOST_AUTO_TEST_CASE(the_same_for_any_number_of_threads) {
  const Indices y = labels({2000}, 100);
  const D x = wave({2000, 100}), t = unit({2000, 100}, 1);
  using X = const Tensors&;
  check_threads([&](X v) { return cross_entropy(v[0], y); }, {x});
  check_threads([&](X v) { return cross_entropy(v[0], y, {.label_smoothing = 0.1}); }, {x});
  check_threads([&](X v) { return cross_entropy(v[0], v[1], {.any_targets = true}); }, {x, t});
  check_threads([&](X v) { return multi_class_hinge(v[0], y); }, {x});
  check_threads([&](X v) { return huber_loss(v[0], v[1]); }, {x, t});
  check_threads([&](X v) { return cosine_loss(v[0], v[1]); }, {x, t});
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace xgrad::test
