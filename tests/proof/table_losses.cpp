#include <cmath>

#include "row.hpp"
#include "xgrad/ops/ctc.hpp"
#include "xgrad/ops/losses.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/softmax.hpp"

namespace proof {
namespace {

using xgrad::Reduction;

const std::vector<Number> kWeights = {0.5, 1, 2};

Number mean_of(const Reference& r) { return average(r.values); }

Reference scalar(Number v) {
  return generate({}, [&](const Index&) { return v; });
}

// The mean of a formula's elements.
Formula mean_of(Formula f) {
  return [f](const References& in) { return scalar(mean_of(f(in))); };
}
Formula sum_of(Formula f) {
  return [f](const References& in) { return scalar(add_up(f(in).values)); };
}

Number square_of(Number v) { return v * v; }
Number huber(Number e, Number delta) {
  return std::fabs(e) < delta ? e * e / 2 : delta * (std::fabs(e) - delta / 2);
}
Number bce(Number p, Number t) { return -(t * std::log(p) + (1 - t) * std::log1p(-p)); }
Number log_sigmoid(Number x) { return -std::log1p(std::exp(-x)); }

// Of sample n, out of 3 classes: 2, 0, 1, 2, ...
std::size_t label_of(std::size_t n) { return (n + 2) % 3; }

template <class T>
xgrad::Indices labels(const xgrad::Tensor<T>& x) {
  xgrad::Indices all(xgrad::Indices::shape_type{x.size(0)});
  for (std::size_t n = 0; n < x.size(0); ++n) all(n) = static_cast<std::int64_t>(label_of(n));
  return all;
}

std::vector<Number> row_of(const Reference& x, std::size_t n) {
  const auto c = static_cast<std::ptrdiff_t>(x.shape[1]);
  const auto begin = x.values.begin() + static_cast<std::ptrdiff_t>(n) * c;
  return {begin, begin + c};
}

// One number for each sample of x (n, c) and its label.
Formula per_sample(std::function<Number(const std::vector<Number>& row, std::size_t label)> f) {
  return [f](const References& in) {
    return generate({in[0].shape[0]},
                    [&](const Index& i) { return f(row_of(in[0], i[0]), label_of(i[0])); });
  };
}

Number cross(const std::vector<Number>& x, std::size_t label) { return log_sum_exp(x) - x[label]; }

// With class weights and label smoothing 0.1, divided by the weights of the labels.
Reference weighted_cross(const References& in) {
  Number sum = 0, weights = 0;
  for (std::size_t n = 0; n < in[0].shape[0]; ++n) {
    const std::vector<Number> y = log_soft_max(row_of(in[0], n));
    const std::size_t of_sample = label_of(n);
    Number smooth = 0;
    for (std::size_t c = 0; c < 3; ++c) smooth -= kWeights[c] * y[c];
    sum += 0.9L * -kWeights[of_sample] * y[of_sample] + 0.1L / 3 * smooth;
    weights += kWeights[of_sample];
  }
  return scalar(sum / weights);
}

// sum over j != label of max(0, x[j] - x[label] + margin)^power
Number hinge(const std::vector<Number>& x, std::size_t label, int power) {
  Number sum = 0;
  for (std::size_t j = 0; j < x.size(); ++j) {
    const Number d = x[j] - x[label] + 1, m = d <= 0 ? 0 : d;
    if (j != label) sum += power == 1 ? m : m * m;
  }
  return sum;
}

Number cosine(const std::vector<Number>& a, const std::vector<Number>& b) {
  Number ab = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    ab += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  return ab / std::sqrt(aa * bb);
}

Number distance(const std::vector<Number>& a, const std::vector<Number>& b) {
  Number sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += square_of(a[i] - b[i] + 0.25L);
  return std::sqrt(sum);
}

// Rows of the last axis, margin 4.
Reference triplets(const References& in) {
  Number sum = 0, rows = 0;
  const std::size_t width = in[0].shape.back();
  for (std::size_t n = 0; n * width < in[0].values.size(); ++n, ++rows) {
    const auto row = [&](const Reference& r) {
      const auto begin = r.values.begin() + static_cast<std::ptrdiff_t>(n * width);
      return std::vector<Number>(begin, begin + static_cast<std::ptrdiff_t>(width));
    };
    const Number d = distance(row(in[0]), row(in[1])) - distance(row(in[0]), row(in[2])) + 4;
    sum += d <= 0 ? 0 : d;
  }
  return scalar(sum / rows);
}

Formula cosines(Number sign, Number offset) {
  return [=](const References& in) {
    return generate({in[0].shape[0]}, [&](const Index& i) {
      return offset + sign * cosine(row_of(in[0], i[0]), row_of(in[1], i[0]));
    });
  };
}

// Predictions and targets of one shape in [low, high].
Row pair(double low, double high) {
  return {.arguments = {{{3, 4}, low, high}, {{3, 4}, low, high}},
          .shapes = {{{}, {}}, {{1, 1}, {1, 1}}, {{0, 3}, {0, 3}}},
          .large = {{512, 256}, {512, 256}}};
}
Row targets(double low, double high, double target_low, double target_high) {
  Row r = pair(low, high);
  r.arguments[1].low = target_low;
  r.arguments[1].high = target_high;
  r.may_be_infinite = 1;
  return r;
}
Row vectors() {
  Row r = pair(-2, 2);
  r.by_element = false;
  r.shapes = {{{1, 1}, {1, 1}}, {{0, 3}, {0, 3}}};
  return r;
}
Row classes() {
  return {.arguments = {{{4, 3}}}, .shapes = {{{1, 3}}, {{0, 3}}}, .large = {{50000, 3}}};
}

template <class T>
xgrad::Tensor<T> class_weights() {
  return xgrad::Tensor<T>::from({3}, std::vector<T>(kWeights.begin(), kWeights.end()));
}

// Of x (steps, n, 3), blank 0, to the labels 1, 2 in every sample: the sum over all paths.
Reference alignments(const References& in) {
  const Shape& shape = in[0].shape;
  std::size_t paths = 1;
  for (std::size_t t = 0; t < shape[0]; ++t) paths *= 3;
  return generate({shape[1]}, [&](const Index& i) {
    std::vector<Number> logs;
    for (std::size_t path = 0; path < paths; ++path) {
      std::vector<std::size_t> labels;
      Number log = 0;
      for (std::size_t t = 0, rest = path, before = 0; t < shape[0]; ++t, rest /= 3) {
        const std::size_t c = rest % 3;
        if (c != 0 && c != before) labels.push_back(c);
        log += in[0].at({t, i[0], c});
        before = c;
      }
      if (labels == std::vector<std::size_t>{1, 2}) logs.push_back(log);
    }
    return -log_sum_exp(logs);
  });
}

template <class T>
xgrad::Tensor<T> ctc_of(const xgrad::Tensor<T>& x) {
  const std::size_t n = x.size(1);
  xgrad::Indices targets(xgrad::Indices::shape_type{n, 2}), steps(xgrad::Indices::shape_type{n}),
      counts(xgrad::Indices::shape_type{n});
  for (std::size_t i = 0; i < n; ++i) {
    targets(i, 0) = 1;
    targets(i, 1) = counts(i) = 2;
    steps(i) = static_cast<std::int64_t>(x.size(0));
  }
  return ctc_loss(x, targets, steps, counts, {.reduction = Reduction::none});
}

}  // namespace

std::vector<Row> loss_rows() {
  const Formula squares = elementwise([](Number x, Number t) { return square_of(x - t); });
  const Formula cross_entropies = per_sample(cross);
  return {
      prove(
          "mse_loss", [](const auto& x, const auto& t) { return mse_loss(x, t); }, mean_of(squares),
          pair(-2, 2)),
      prove(
          "mse_loss: sum",
          [](const auto& x, const auto& t) {
            return mse_loss(x, t, {.reduction = Reduction::sum});
          },
          sum_of(squares), pair(-2, 2)),
      prove(
          "mse_loss: none",
          [](const auto& x, const auto& t) {
            return mse_loss(x, t, {.reduction = Reduction::none});
          },
          squares, pair(-2, 2)),
      prove(
          "mae_loss", [](const auto& x, const auto& t) { return mae_loss(x, t); },
          mean_of(elementwise([](Number x, Number t) { return std::fabs(x - t); })), pair(-2, 2)),
      prove(
          "huber_loss",
          [](const auto& x, const auto& t) { return huber_loss(x, t, {.delta = 0.75}); },
          mean_of(elementwise([](Number x, Number t) { return huber(x - t, 0.75L); })),
          pair(-2, 2)),
      prove(
          "huber_loss: infinite delta",
          [](const auto& x, const auto& t) { return huber_loss(x, t, {.delta = INFINITY}); },
          mean_of(elementwise([](Number x, Number t) { return square_of(x - t) / 2; })),
          pair(-2, 2)),
      prove(
          "cosine_similarity", [](const auto& a, const auto& b) { return cosine_similarity(a, b); },
          cosines(1, 0), vectors()),
      prove(
          "cosine_loss", [](const auto& a, const auto& b) { return cosine_loss(a, b); },
          mean_of(cosines(-1, 1)), vectors()),
      prove(
          "binary_cross_entropy",
          [](const auto& p, const auto& t) { return binary_cross_entropy(p, t); },
          mean_of(elementwise(bce)), targets(0.1, 0.9, 0.1, 0.9)),
      prove(
          "binary_cross_entropy_with_logits",
          [](const auto& x, const auto& t) { return binary_cross_entropy_with_logits(x, t); },
          mean_of(elementwise(
              [](Number x, Number t) { return -t * log_sigmoid(x) - (1 - t) * log_sigmoid(-x); })),
          targets(-3, 3, 0.1, 0.9)),
      prove(
          "smooth_l1_loss",
          [](const auto& x, const auto& t) { return smooth_l1_loss(x, t, {.beta = 0.75}); },
          mean_of(elementwise([](Number x, Number t) { return huber(x - t, 0.75L) / 0.75L; })),
          pair(-2, 2)),
      prove(
          "binary_cross_entropy_with_logits: positive weight",
          []<class T>(const xgrad::Tensor<T>& x, const xgrad::Tensor<T>& t) {
            return binary_cross_entropy_with_logits(x, t, {.pos_weight = xgrad::Tensor<T>(2.5)});
          },
          mean_of(elementwise([](Number x, Number t) {
            return -2.5L * t * log_sigmoid(x) - (1 - t) * log_sigmoid(-x);
          })),
          targets(-3, 3, 0.1, 0.9)),
      prove(
          "kl_div: batchmean",
          [](const auto& x, const auto& t) {
            return kl_div(x, t, {.reduction = Reduction::batchmean, .any_targets = true});
          },
          [](const References& in) {
            Number sum = 0;
            for (std::size_t i = 0; i < in[0].values.size(); ++i) {
              sum += in[1].values[i] * (std::log(in[1].values[i]) - in[0].values[i]);
            }
            return scalar(sum / static_cast<Number>(in[0].shape[0]));
          },
          {.arguments = {{{3, 4}, -3, 0}, {{3, 4}, 0.1, 0.9}}, .may_be_infinite = 1}),
      prove(
          "kl_div", [](const auto& x, const auto& t) { return kl_div(x, t); },
          mean_of(elementwise([](Number x, Number t) { return t * (std::log(t) - x); })),
          targets(-3, 0, 0.1, 0.9)),
      prove(
          "kl_div: log target",
          [](const auto& x, const auto& t) { return kl_div(x, t, {.log_target = true}); },
          mean_of(elementwise(
              [](Number x, Number t) { return t == -INFINITY ? 0 : std::exp(t) * (t - x); })),
          pair(-3, 0)),
      prove(
          "nll_loss", [](const auto& x) { return nll_loss(x, labels(x)); },
          mean_of(per_sample([](const auto& x, std::size_t label) { return -x[label]; })),
          classes()),
      prove(
          "cross_entropy", [](const auto& x) { return cross_entropy(x, labels(x)); },
          mean_of(cross_entropies), classes()),
      prove(
          "cross_entropy: none",
          [](const auto& x) { return cross_entropy(x, labels(x), {.reduction = Reduction::none}); },
          cross_entropies, classes()),
      prove(
          "cross_entropy: weights and smoothing",
          []<class T>(const xgrad::Tensor<T>& x) {
            return cross_entropy(x, labels(x),
                                 {.weight = class_weights<T>(), .label_smoothing = 0.1});
          },
          weighted_cross, classes()),
      prove(
          "cross_entropy: probabilities",
          [](const auto& x, const auto& t) { return cross_entropy(x, t, {.any_targets = true}); },
          [](const References& in) {
            Number sum = 0;
            for (std::size_t n = 0; n < in[0].shape[0]; ++n) {
              const std::vector<Number> y = log_soft_max(row_of(in[0], n)), t = row_of(in[1], n);
              for (std::size_t c = 0; c < y.size(); ++c) sum -= t[c] * y[c];
            }
            return scalar(sum / static_cast<Number>(in[0].shape[0]));
          },
          {.arguments = {{{4, 3}}, {{4, 3}, 0.1, 0.9}},
           .shapes = {{{1, 2}, {1, 2}}, {{0, 2}, {0, 2}}}}),
      prove("gaussian_nll_loss",
            [](const auto& x, const auto& t, const auto& v) { return gaussian_nll_loss(x, t, v); },
            mean_of(elementwise([](Number x, Number t, Number v) {
              return (std::log(v) + square_of(x - t) / v) / 2;
            })),
            {.arguments = {{{3, 4}}, {{3, 4}}, {{3, 4}, 0.2, 2}},
             .may_be_infinite = 2,
             .shapes = {{{}, {}, {}}, {{1, 1}, {1, 1}, {1, 1}}, {{0, 3}, {0, 3}, {0, 3}}},
             .large = {{512, 256}, {512, 256}, {512, 256}}}),
      prove(
          "poisson_nll_loss", [](const auto& x, const auto& t) { return poisson_nll_loss(x, t); },
          mean_of(elementwise([](Number x, Number t) { return std::exp(x) - t * x; })),
          targets(-2, 2, 0.1, 4)),
      prove("triplet_margin_loss",
            [](const auto& a, const auto& p, const auto& n) {
              return triplet_margin_loss(a, p, n, {.margin = 4, .eps = 0.25});
            },
            triplets,
            {.arguments = {{{3, 4}}, {{3, 4}}, {{3, 4}}},
             .shapes = {{{4}, {4}, {4}}, {{1, 1}, {1, 1}, {1, 1}}, {{0, 3}, {0, 3}, {0, 3}}},
             .large = {{512, 256}, {512, 256}, {512, 256}}}),
      prove(
          "sigmoid_focal_loss",
          [](const auto& x, const auto& t) { return sigmoid_focal_loss(x, t, {.gamma = 1.5}); },
          mean_of(elementwise([](Number x, Number t) {
            const Number p = 1 / (1 + std::exp(-x)), missed = t * (1 - p) + (1 - t) * p;
            const Number y = -t * log_sigmoid(x) - (1 - t) * log_sigmoid(-x);
            return (0.25L * t + 0.75L * (1 - t)) * std::pow(missed, 1.5L) * y;
          })),
          targets(-3, 3, 0.1, 0.9)),
      prove(
          "focal_loss", [](const auto& x) { return focal_loss(x, labels(x)); },
          mean_of(per_sample([](const auto& x, std::size_t label) {
            const Number y = cross(x, label);
            return square_of(std::expm1(-y)) * y;
          })),
          classes()),
      prove("ctc_loss", [](const auto& x) { return ctc_of(x); }, alignments,
            {.arguments = {{{4, 2, 3}, -3, 0}},
             .may_be_infinite = 0,
             .shapes = {{{2, 1, 3}}, {{3, 0, 3}}},
             .large = {{4, 4000, 3}}}),
      prove(
          "multi_class_hinge", [](const auto& x) { return multi_class_hinge(x, labels(x)); },
          mean_of(per_sample([](const auto& x, std::size_t label) { return hinge(x, label, 1); })),
          classes()),
      prove(
          "multi_class_squared_hinge",
          [](const auto& x) { return multi_class_squared_hinge(x, labels(x)); },
          mean_of(per_sample([](const auto& x, std::size_t label) { return hinge(x, label, 2); })),
          classes()),
  };
}

}  // namespace proof
