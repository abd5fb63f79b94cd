#include <cmath>

#include "row.hpp"
#include "xgrad/ops/normalization.hpp"

namespace proof {
namespace {

constexpr Number kEps = 1e-5L;

// Elements of x that share statistics are those with the same key; each group is replaced
// by f(group).
Reference by_group(const Reference& x, const std::function<std::size_t(const Index&)>& key,
                   const std::function<std::vector<Number>(const std::vector<Number>&)>& f) {
  Reference y(x.shape);
  for_each_index(x.shape, [&](const Index& i) {
    std::vector<Number> group;
    std::size_t place = 0;
    for_each_index(x.shape, [&](const Index& j) {
      if (key(j) != key(i)) return;
      if (j == i) place = group.size();
      group.push_back(x.at(j));
    });
    y.at(i) = f(group)[place];
  });
  return y;
}

std::vector<Number> standard(const std::vector<Number>& v) { return standardize(v, kEps); }

std::vector<Number> root_mean_square(const std::vector<Number>& v) {
  std::vector<Number> squares, y;
  for (const Number x : v) squares.push_back(x * x);
  for (const Number x : v) y.push_back(x / std::sqrt(average(squares) + kEps));
  return y;
}

// y weight + bias with one of each for every channel, axis 1; or for every element of the
// last axis.
Reference scale_channels(Reference y, const References& in, std::size_t weight) {
  if (in.size() <= weight) return y;
  return generate(y.shape, [&](const Index& i) {
    return y.at(i) * in[weight].at({i[1]}) + in[weight + 1].at({i[1]});
  });
}
Reference scale_last(const Reference& y, const References& in) {
  return generate(y.shape, [&](const Index& i) {
    return y.at(i) * in[1].at({i.back()}) + (in.size() > 2 ? in[2].at({i.back()}) : 0);
  });
}

Reference batch(const References& in) {
  return scale_channels(by_group(
                            in[0], [](const Index& i) { return i[1]; }, standard),
                        in, 1);
}

Reference groups_of_two(const References& in) {
  return scale_channels(by_group(
                            in[0], [](const Index& i) { return 100 * i[0] + i[1] / 2; }, standard),
                        in, 1);
}

Reference inference(const References& in) {
  const Reference z = generate(in[0].shape, [&](const Index& i) {
    return (in[0].at(i) - in[1].at({i[1]})) / std::sqrt(in[2].at({i[1]}) + kEps);
  });
  return scale_channels(z, in, 3);
}

Reference layer(const References& in) {
  return scale_last(by_group(
                        in[0], [](const Index& i) { return i[0]; }, standard),
                    in);
}
Reference rms(const References& in) {
  return scale_last(by_group(
                        in[0], [](const Index& i) { return i[0]; }, root_mean_square),
                    in);
}

// Statistics amplify rounding by the inverse of the deviation.
Row affine(Shape x, std::size_t channels, std::vector<std::vector<Shape>> shapes = {}) {
  return {.arguments = {{std::move(x)}, {{channels}, 0.5, 1.5}, {{channels}}},
          .shapes = std::move(shapes),
          .tolerance = 4e-14};
}

Row large(Row r, std::vector<Shape> shapes) {
  r.large = std::move(shapes);
  return r;
}

}  // namespace

std::vector<Row> normalization_rows() {
  return {
      prove(
          "batch_norm",
          [](const auto& x, const auto& w, const auto& b) { return batch_norm(x, w, b); }, batch,
          large(affine({4, 2}, 2,
                       {{{3, 1}, {1}, {1}},
                        {{2, 2, 3}, {2}, {2}},
                        {{2, 1, 1, 3}, {1}, {1}},
                        {{4, 0}, {0}, {0}}}),
                {{256, 8, 128}, {8}, {8}})),
      prove("batch_norm: plain", [](const auto& x) { return batch_norm(x); }, batch,
            {.arguments = {{{2, 2, 3}}}, .tolerance = 4e-14}),
      prove("batch_norm_inference",
            [](const auto& x, const auto& m, const auto& v, const auto& w, const auto& b) {
              return batch_norm_inference(x, m, v, w, b);
            },
            inference,
            {.arguments = {{{3, 2}}, {{2}}, {{2}, 0.3, 2}, {{2}}, {{2}}},
             .shapes = {{{1, 1}, {1}, {1}, {1}, {1}}, {{0, 2}, {2}, {2}, {2}, {2}}},
             .large = {{256, 8, 128}, {8}, {8}, {8}, {8}},
             .tolerance = 4e-14}),
      prove(
          "layer_norm",
          [](const auto& x, const auto& w, const auto& b) {
            return layer_norm(x, w.shape(), w, b);
          },
          layer,
          large(affine({3, 4}, 4, {{{1, 3}, {3}, {3}}, {{0, 3}, {3}, {3}}}),
                {{512, 256}, {256}, {256}})),
      prove("rms_norm", [](const auto& x, const auto& w) { return rms_norm(x, w.shape(), w); }, rms,
            {.arguments = {{{3, 4}}, {{4}, 0.5, 1.5}},
             .shapes = {{{1, 1}, {1}}, {{0, 3}, {3}}},
             .large = {{512, 256}, {256}},
             .tolerance = 4e-14}),
      prove(
          "group_norm",
          [](const auto& x, const auto& w, const auto& b) {
            return group_norm(x, x.size(1) / 2, w, b);
          },
          groups_of_two,
          large(affine({2, 4, 2}, 4, {{{1, 2, 3}, {2}, {2}}, {{0, 2, 3}, {2}, {2}}}),
                {{64, 16, 128}, {16}, {16}})),
  };
}

}  // namespace proof
