#include <cmath>

#include "row.hpp"
#include "xgrad/ops/regularization.hpp"

namespace proof {
namespace {

// The sum of f over all elements of all inputs.
Formula over_all(std::function<Number(Number)> f, std::function<Number(Number)> finish) {
  return [=](const References& in) {
    Number sum = 0;
    for (const Reference& r : in) {
      for (const Number v : r.values) sum += f(v);
    }
    return generate({}, [&](const Index&) { return finish(sum); });
  };
}

template <class T>
xgrad::NamedTensors<T> both(const xgrad::Tensor<T>& a, const xgrad::Tensor<T>& b) {
  return {{"a", a}, {"b", b}};
}

Row weights(double low) {
  return {.arguments = {{{2, 3}, low, 2}, {{4}, low, 2}},
          .shapes = {{{}, {1}}, {{0}, {3}}},
          .large = {{1 << 17}, {1 << 16}}};
}

Row dropped() {
  return {.arguments = {{{5, 4}}},
          .makes_generator = true,
          .shapes = {{{1, 9}}, {{}}, {{0, 3}}},
          .large = {{512, 256}}};
}

// The same mask at every call.
template <class T, class F>
xgrad::Tensor<T> repeatable(F f) {
  xgrad::Generator generator(5);
  const xgrad::GeneratorScope scope(generator);
  return f(xgrad::default_generator());
}

}  // namespace

std::vector<Row> regularization_rows() {
  return {
      prove(
          "l1_penalty", [](const auto& a, const auto& b) { return l1_penalty(both(a, b), 0.5); },
          over_all([](Number v) { return std::fabs(v); }, [](Number s) { return s / 2; }),
          weights(0.2)),
      prove(
          "l2_penalty", [](const auto& a, const auto& b) { return l2_penalty(both(a, b), 0.5); },
          over_all([](Number v) { return v * v; }, [](Number s) { return s / 4; }), weights(-2)),
      prove(
          "elastic_net_penalty",
          [](const auto& a, const auto& b) { return elastic_net_penalty(both(a, b), 0.5, 0.25); },
          over_all([](Number v) { return std::fabs(v) / 2 + v * v / 8; },
                   [](Number s) { return s; }),
          weights(0.2)),
      prove(
          "lp_penalty", [](const auto& a, const auto& b) { return lp_penalty(both(a, b), 3, 0.5); },
          over_all([](Number v) { return std::pow(std::fabs(v), 3.0L); },
                   [](Number s) { return s / 2; }),
          weights(0.2)),
      prove(
          "norm_penalty",
          [](const auto& a, const auto& b) { return norm_penalty(both(a, b), 2, 0.5); },
          over_all([](Number v) { return v * v; }, [](Number s) { return std::sqrt(s) / 2; }),
          weights(0.2)),
      // A multiple of the mask that the operation itself draws for ones.
      prove(
          "dropout",
          []<class T>(const xgrad::Tensor<T>& x) {
            return repeatable<T>([&](xgrad::Generator& g) { return dropout(x, 0.5, g); });
          },
          [](const References& in) {
            xgrad::Generator g(5);
            const Reference mask(dropout(xgrad::Tensor<double>::filled(in[0].shape, 1), 0.5, g));
            return generate(in[0].shape, [&](const Index& i) { return in[0].at(i) * mask.at(i); });
          },
          dropped()),
      prove(
          "dropout2d",
          []<class T>(const xgrad::Tensor<T>& x) {
            return repeatable<T>([&](xgrad::Generator& g) { return dropout2d(x, 0.5, g); });
          },
          [](const References& in) {
            xgrad::Generator g(5);
            const Shape& s = in[0].shape;
            const Reference mask(dropout(xgrad::Tensor<double>::filled({s[0], s[1]}, 1), 0.5, g));
            return generate(s, [&](const Index& i) { return in[0].at(i) * mask.at({i[0], i[1]}); });
          },
          {.arguments = {{{5, 4, 2}}},
           .makes_generator = true,
           .shapes = {{{1, 9}}, {{1, 1, 1}}, {{0, 3}}},
           .large = {{512, 16, 16}}}),
      prove(
          "alpha_dropout",
          []<class T>(const xgrad::Tensor<T>& x) {
            return repeatable<T>([&](xgrad::Generator& g) { return alpha_dropout(x, 0.25, g); });
          },
          [](const References& in) {
            const Number alpha = -1.7580993408473766L, p = 0.25L;
            const Number a = 1 / std::sqrt(1 - p + p * (1 - p) * alpha * alpha), b = -a * p * alpha;
            xgrad::Generator g(5);
            const Reference mask(dropout(xgrad::Tensor<double>::filled(in[0].shape, 1), 0.25, g));
            return generate(in[0].shape, [&](const Index& i) {
              return mask.at(i) != 0 ? a * in[0].at(i) + b : a * alpha + b;
            });
          },
          dropped()),
  };
}

}  // namespace proof
