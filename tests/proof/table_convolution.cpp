// Convolutions and what goes with them.

#include "row.hpp"
#include "xgrad/ops/convolution.hpp"

namespace proof {
namespace {

/// Of all axes of an image alike.
struct Options {
  std::size_t stride = 1, padding = 0, dilation = 1, groups = 1, output_padding = 0;
};

// Where elements of x, the kernel and y meet: i = t stride + k dilation - padding; false outside.
bool meet(const Options& o, const Index& t, const Index& k, const Shape& image, Index& i) {
  for (std::size_t a = 2; a < image.rank(); ++a) {
    i[a] = t[a] * o.stride + k[a] * o.dilation - o.padding;  // in the margin: too large
    if (i[a] >= image[a]) return false;
  }
  return true;
}

// x (n, c, ...), w (out, c / groups, ...) and b (out) or none.
Reference convolved(const References& in, const Options& o) {
  const Reference &x = in[0], &w = in[1];
  const std::size_t each = w.shape[1], out = w.shape[0] / o.groups;
  Shape shape = x.shape;
  shape[1] = w.shape[0];
  for (std::size_t a = 2; a < shape.rank(); ++a) {
    shape[a] = (shape[a] + 2 * o.padding - o.dilation * (w.shape[a] - 1) - 1) / o.stride + 1;
  }
  return generate(shape, [&](const Index& t) {
    Number sum = in.size() > 2 ? in[2].at({t[1]}) : 0;
    Shape kernel = w.shape;
    kernel[0] = 1;
    for_each_index(kernel, [&](const Index& k) {
      Index at = k, i = t;
      at[0] = t[1];
      i[1] = t[1] / out * each + k[1];
      sum += w.at(at) * (meet(o, t, k, x.shape, i) ? x.at(i) : 0);
    });
    return sum;
  });
}

// The transpose: x (n, c, ...), w (c, out / groups, ...). Zeros around x meet the weights as well.
Reference transposed_convolution(const References& in, const Options& o) {
  const Reference &x = in[0], &w = in[1];
  const std::size_t each = w.shape[0] / o.groups, out = w.shape[1];
  Shape shape = x.shape;
  shape[1] = out * o.groups;
  for (std::size_t a = 2; a < shape.rank(); ++a) {
    shape[a] = (shape[a] - 1) * o.stride - 2 * o.padding + o.dilation * (w.shape[a] - 1) +
               o.output_padding + 1;
  }
  return generate(shape, [&](const Index& i) {
    Number sum = in.size() > 2 ? in[2].at({i[1]}) : 0;
    Shape kernel = w.shape;
    kernel[0] = each;
    kernel[1] = 1;
    for_each_index(kernel, [&](const Index& k) {
      Index at = k, t = i;
      at[0] = i[1] / out * each + k[0];
      at[1] = i[1] % out;
      t[1] = at[0];
      for (std::size_t a = 2; a < shape.rank(); ++a) {
        const std::size_t place = i[a] + o.padding - k[a] * o.dilation;
        if (place % o.stride != 0 || place / o.stride >= x.shape[a]) return;
        t[a] = place / o.stride;
      }
      sum += w.at(at) * x.at(t);
    });
    return sum;
  });
}

Formula convolution(Options o) {
  return [o](const References& in) { return convolved(in, o); };
}
Formula transposed(Options o) {
  return [o](const References& in) { return transposed_convolution(in, o); };
}

// What the formula says of a batch of one.
Formula one_sample(Formula of_batch) {
  return [=](References in) {
    Shape batch = {1};
    for (const std::size_t size : in[0].shape) batch.push_back(size);
    in[0].shape = batch;
    Reference y = of_batch(in);
    y.shape = Shape(y.shape.begin() + 1, y.shape.end());
    return y;
  };
}

// x, w and, where it has a size, the bias; and further ones.
using Operands = std::vector<Shape>;
Row operands(const Operands& first, std::vector<Operands> shapes, Operands large) {
  Row r;
  for (const Shape& s : first) r.arguments.push_back({s});
  r.shapes = std::move(shapes);
  r.large = std::move(large);
  r.tolerance = 1e-14;
  return r;
}
Row only_finite_weights(Row r) {
  r.may_be_infinite = 1;
  return r;
}

}  // namespace

std::vector<Row> convolution_rows() {
  return {
      prove(
          "conv1d",
          [](const auto& x, const auto& w, const auto& b) {
            return conv1d(x, w, b, {.stride = 2, .padding = 1});
          },
          convolution({.stride = 2, .padding = 1}),
          operands({{2, 2, 5}, {3, 2, 3}, {3}},
                   {{{1, 1, 1}, {1, 1, 1}, {1}}, {{0, 2, 5}, {3, 2, 3}, {3}}},
                   {{16, 8, 300}, {40, 8, 5}, {40}})),
      prove(
          "conv2d",
          [](const auto& x, const auto& w, const auto& b) {
            return conv2d(x, w, b, {.padding = 1});
          },
          convolution({.padding = 1}),
          operands({{2, 2, 3, 4}, {3, 2, 3, 3}, {3}},
                   {{{1, 1, 1, 1}, {1, 1, 1, 1}, {1}},
                    {{0, 2, 3, 4}, {3, 2, 3, 3}, {3}},
                    {{1, 2, 2, 7}, {5, 2, 3, 2}, {5}}},
                   {{16, 8, 20, 21}, {40, 8, 3, 3}, {40}})),
      prove(
          "conv2d: stride, dilation, without bias",
          [](const auto& x, const auto& w) {
            return conv2d(x, w, {}, {.stride = 2, .padding = 1, .dilation = 2});
          },
          convolution({.stride = 2, .padding = 1, .dilation = 2}),
          operands({{1, 2, 5, 6}, {2, 2, 2, 3}}, {}, {{1, 16, 64, 61}, {9, 16, 3, 3}})),
      prove(
          "conv2d: groups",
          [](const auto& x, const auto& w, const auto& b) {
            return conv2d(x, w, b, {.groups = 2});
          },
          convolution({.groups = 2}),
          operands({{2, 4, 3, 3}, {2, 2, 2, 2}, {2}}, {}, {{9, 4, 33, 30}, {6, 2, 5, 5}, {6}})),
      prove(
          "conv2d: depthwise",
          [](const auto& x, const auto& w, const auto& b) {
            return conv2d(x, w, b, {.stride = 2, .padding = 1, .groups = x.size(1)});
          },
          convolution({.stride = 2, .padding = 1, .groups = 3}),
          operands({{2, 3, 4, 5}, {3, 1, 3, 3}, {3}}, {}, {{9, 16, 33, 30}, {16, 1, 3, 3}, {16}})),
      prove(
          "conv3d",
          [](const auto& x, const auto& w, const auto& b) {
            return conv3d(x, w, b, {.padding = 1});
          },
          convolution({.padding = 1}),
          operands(
              {{1, 2, 2, 3, 2}, {2, 2, 3, 2, 1}, {2}},
              {{{1, 1, 1, 1, 1}, {1, 1, 1, 1, 1}, {1}}, {{0, 2, 2, 3, 2}, {2, 2, 3, 2, 1}, {2}}},
              {{2, 3, 12, 13, 14}, {40, 3, 3, 3, 3}, {40}})),
      prove(
          "conv_transpose1d",
          [](const auto& x, const auto& w, const auto& b) {
            return conv_transpose1d(x, w, b, {.stride = 2, .padding = 1, .output_padding = 1});
          },
          transposed({.stride = 2, .padding = 1, .output_padding = 1}),
          only_finite_weights(operands({{2, 2, 4}, {2, 3, 3}, {3}},
                                       {{{1, 1, 2}, {1, 1, 1}, {1}}, {{0, 2, 4}, {2, 3, 3}, {3}}},
                                       {{16, 8, 300}, {8, 40, 5}, {40}}))),
      prove(
          "conv_transpose2d",
          [](const auto& x, const auto& w, const auto& b) {
            return conv_transpose2d(x, w, b, {.stride = 2, .padding = 1});
          },
          transposed({.stride = 2, .padding = 1}),
          only_finite_weights(
              operands({{2, 2, 2, 3}, {2, 2, 3, 3}, {2}},
                       {{{1, 1, 2, 2}, {1, 1, 1, 1}, {1}}, {{0, 2, 2, 3}, {2, 2, 3, 3}, {2}}},
                       {{9, 8, 20, 21}, {8, 10, 3, 3}, {10}}))),
      prove(
          "conv_transpose3d",
          [](const auto& x, const auto& w, const auto& b) {
            return conv_transpose3d(x, w, b, {.stride = 2});
          },
          transposed({.stride = 2}),
          only_finite_weights(operands(
              {{1, 2, 2, 2, 1}, {2, 2, 2, 1, 2}, {2}},
              {{{1, 1, 1, 1, 1}, {1, 1, 1, 1, 1}, {1}}, {{0, 2, 2, 2, 1}, {2, 2, 2, 1, 2}, {2}}},
              {{2, 8, 5, 6, 7}, {8, 10, 3, 3, 3}, {10}}))),
      prove(
          "conv1d: one sample",
          [](const auto& x, const auto& w, const auto& b) {
            return conv1d(x, w, b, {.stride = 2, .padding = 1});
          },
          one_sample(convolution({.stride = 2, .padding = 1})),
          operands({{2, 5}, {3, 2, 3}, {3}}, {{{1, 1}, {1, 1, 1}, {1}}},
                   {{8, 4000}, {40, 8, 5}, {40}})),
      prove(
          "conv2d: one sample",
          [](const auto& x, const auto& w, const auto& b) {
            return conv2d(x, w, b, {.padding = 1});
          },
          one_sample(convolution({.padding = 1})),
          operands({{2, 3, 4}, {3, 2, 3, 3}, {3}}, {{{1, 1, 1}, {1, 1, 1, 1}, {1}}},
                   {{8, 60, 61}, {40, 8, 3, 3}, {40}})),
      prove(
          "conv3d: one sample",
          [](const auto& x, const auto& w, const auto& b) {
            return conv3d(x, w, b, {.padding = 1});
          },
          one_sample(convolution({.padding = 1})),
          operands({{2, 2, 3, 2}, {3, 2, 3, 2, 1}, {3}}, {{{1, 1, 1, 1}, {1, 1, 1, 1, 1}, {1}}},
                   {{3, 12, 13, 28}, {40, 3, 3, 3, 3}, {40}})),
      prove(
          "conv_transpose1d: one sample",
          [](const auto& x, const auto& w, const auto& b) {
            return conv_transpose1d(x, w, b, {.stride = 2, .padding = 1});
          },
          one_sample(transposed({.stride = 2, .padding = 1})),
          only_finite_weights(operands({{2, 4}, {2, 3, 3}, {3}}, {{{1, 2}, {1, 1, 1}, {1}}},
                                       {{8, 4000}, {8, 40, 5}, {40}}))),
      prove(
          "conv_transpose2d: one sample",
          [](const auto& x, const auto& w, const auto& b) {
            return conv_transpose2d(x, w, b, {.stride = 2, .padding = 1});
          },
          one_sample(transposed({.stride = 2, .padding = 1})),
          only_finite_weights(operands({{2, 2, 3}, {2, 3, 3, 3}, {3}},
                                       {{{1, 2, 2}, {1, 1, 1, 1}, {1}}},
                                       {{8, 60, 61}, {8, 10, 3, 3}, {10}}))),
      prove(
          "conv_transpose3d: one sample",
          [](const auto& x, const auto& w, const auto& b) {
            return conv_transpose3d(x, w, b, {.stride = 2});
          },
          one_sample(transposed({.stride = 2})),
          only_finite_weights(operands({{2, 2, 2, 1}, {2, 3, 2, 1, 2}, {3}},
                                       {{{1, 1, 1, 1}, {1, 1, 1, 1, 1}, {1}}},
                                       {{8, 5, 6, 14}, {8, 10, 3, 3, 3}, {10}}))),
      prove(
          "pad: reflected",
          [](const auto& x) {
            return pad(x, {{1, 2}, {0, 1}}, xgrad::PaddingMode::reflect);
          },
          [](const References& in) {
            const Shape& s = in[0].shape;
            return generate({s[0] + 3, s[1] + 1}, [&](const Index& i) {
              const auto mirrored = [](std::size_t at, std::size_t n) {
                return at < n ? at : 2 * (n - 1) - at;
              };
              return in[0].at({i[0] == 0 ? 1 : mirrored(i[0] - 1, s[0]), mirrored(i[1], s[1])});
            });
          },
          {.arguments = {{{3, 4}}}}),
  };
}

}  // namespace proof
