#include "xgrad/ops/convolution.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstring>

#include "tests/ops/reference_rows.hpp"
#include "tests/ops/threads.hpp"
#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/pooling.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/slicing.hpp"

namespace xgrad::test {
namespace {

using X = const Tensors&;

// --- Beside PyTorch ---

template <class F, class Options>
Row row(std::string name, F f, const Shape& x, const Shape& w, std::size_t bias, Options o) {
  Row r{std::move(name), {wave(x, 0), wave(w, 1)}, [f, o](X in) {
          return f(in[0], in[1], in.size() > 2 ? in[2] : D(), o);
        }};
  if (bias != 0) r.inputs.push_back(wave({bias}, 2));
  return r;
}

Row conv(const std::string& name, const Shape& x, const Shape& w, ConvOptions o = {},
         bool bias = true) {
  constexpr auto f = [](const D& a, const D& b, const D& c, const ConvOptions& options) {
    return b.rank() == 3   ? conv1d(a, b, c, options)
           : b.rank() == 4 ? conv2d(a, b, c, options)
                           : conv3d(a, b, c, options);
  };
  const std::string axes = std::to_string(w.rank() - 2);
  return row("conv" + axes + "d " + name, f, x, w, bias ? w[0] : 0, o);
}

Row transposed(const std::string& name, const Shape& x, const Shape& w, ConvTransposeOptions o = {},
               bool bias = true) {
  constexpr auto f = [](const D& a, const D& b, const D& c, const ConvTransposeOptions& options) {
    return b.rank() == 3   ? conv_transpose1d(a, b, c, options)
           : b.rank() == 4 ? conv_transpose2d(a, b, c, options)
                           : conv_transpose3d(a, b, c, options);
  };
  const std::string axes = std::to_string(w.rank() - 2);
  return row("conv_transpose" + axes + "d " + name, f, x, w, bias ? w[1] * o.groups : 0, o);
}

const RegisterRows kRows(
    "convolution",
    {
        conv("plain", {2, 3, 7}, {4, 3, 3}),
        conv("options", {2, 4, 9}, {6, 2, 3},
             {.stride = 2, .padding = 2, .dilation = 2, .groups = 2}),
        conv("same", {1, 2, 6}, {3, 2, 4}, {.padding = "same"}),
        conv("plain", {2, 3, 5, 6}, {4, 3, 3, 2}),
        conv("without bias", {2, 1, 4, 4}, {2, 1, 3, 3}, {.padding = 1}, false),
        conv("stride", {2, 3, 7, 6}, {4, 3, 3, 3}, {.stride = 2, .padding = 1}),
        conv("stride larger than the kernel", {2, 2, 7, 8}, {3, 2, 2, 1}, {.stride = {3, 2}}),
        conv("sizes apart", {1, 2, 7, 9}, {3, 2, 2, 3},
             {.stride = {2, 3}, .padding = {1, 2}, .dilation = {3, 1}}),
        conv("stride 3", {1, 2, 8, 11}, {2, 2, 3, 5}, {.stride = 3, .padding = {2, 1}}),
        conv("groups", {2, 6, 4, 5}, {4, 3, 3, 3}, {.padding = 1, .groups = 2}),
        conv("depthwise", {2, 5, 6, 7}, {5, 1, 3, 3}, {.padding = 1, .groups = 5}),
        conv("depthwise, stride", {2, 3, 7, 9}, {3, 1, 3, 3},
             {.stride = 2, .padding = 1, .groups = 3}),
        conv("depthwise, two each", {1, 3, 5, 5}, {6, 1, 3, 3},
             {.stride = {1, 2}, .padding = 1, .dilation = 2, .groups = 3}),
        conv("one by one", {2, 5, 3, 4}, {7, 5, 1, 1}),
        conv("one by one, stride", {2, 5, 5, 4}, {3, 5, 1, 1}, {.stride = 2}),
        conv("wide", {1, 18, 3, 3}, {19, 18, 1, 1}, {}, false),
        conv("same", {1, 2, 5, 6}, {2, 2, 4, 3}, {.padding = "same", .dilation = {1, 2}}),
        conv("reflect", {1, 2, 4, 5}, {3, 2, 3, 3},
             {.stride = 2, .padding = {2, 1}, .padding_mode = PaddingMode::reflect}),
        conv("replicate", {1, 2, 4, 5}, {3, 2, 3, 3},
             {.padding = {1, 3}, .padding_mode = PaddingMode::replicate}),
        conv("circular", {1, 2, 4, 5}, {3, 2, 3, 3},
             {.padding = {2, 1}, .padding_mode = PaddingMode::circular}),
        conv("plain", {1, 2, 4, 3, 5}, {3, 2, 2, 3, 2}),
        conv("options", {1, 4, 5, 4, 6}, {2, 2, 3, 2, 3},
             {.stride = {2, 1, 2}, .padding = {1, 0, 2}, .dilation = {1, 2, 1}, .groups = 2}),
        conv("depthwise", {1, 3, 3, 4, 5}, {3, 1, 3, 3, 3},
             {.stride = {1, 2, 1}, .padding = 1, .groups = 3}),
        transposed("options", {2, 4, 5}, {4, 2, 3},
                   {.stride = 2, .padding = 1, .output_padding = 1, .groups = 2, .dilation = 2}),
        transposed("plain", {2, 3, 4, 3}, {3, 2, 3, 2}),
        transposed("without bias", {2, 3, 4, 3}, {3, 2, 2, 2}, {.stride = 2}, false),
        transposed("options", {1, 4, 3, 4}, {4, 3, 3, 3},
                   {.stride = {2, 3}, .padding = {1, 2}, .output_padding = {1, 2}, .groups = 2}),
        transposed("stride larger than the kernel", {1, 2, 3, 2}, {2, 3, 1, 2},
                   {.stride = 3, .output_padding = 1, .dilation = {2, 1}}),
        transposed("depthwise", {2, 3, 4, 5}, {3, 1, 3, 3},
                   {.stride = 2, .padding = 1, .output_padding = 1, .groups = 3}),
        transposed("plain", {1, 2, 3, 2, 3}, {2, 2, 2, 3, 2},
                   {.stride = {1, 2, 2}, .padding = {0, 1, 1}}),
        conv("sample", {4, 9}, {6, 2, 3}, {.stride = 2, .padding = 2, .dilation = 2, .groups = 2}),
        conv("sample", {3, 5, 6}, {4, 3, 3, 2}, {.stride = {1, 2}, .padding = 1}),
        conv("sample, depthwise", {3, 5, 6}, {3, 1, 3, 3}, {.padding = 1, .groups = 3}),
        conv("sample, reflect", {2, 4, 5}, {3, 2, 3, 3},
             {.stride = 2, .padding = {2, 1}, .padding_mode = PaddingMode::reflect}),
        conv("sample", {2, 4, 3, 5}, {3, 2, 2, 3, 2}, {.padding = {1, 0, 1}}),
        transposed("sample", {4, 5}, {4, 2, 3},
                   {.stride = 2, .padding = 1, .output_padding = 1, .groups = 2, .dilation = 2}),
        transposed("sample", {3, 4, 3}, {3, 2, 3, 2}, {.stride = 2}),
        transposed("sample", {2, 3, 2, 3}, {2, 2, 2, 3, 2},
                   {.stride = {1, 2, 2}, .padding = {0, 1, 1}}, false),
    });

// --- Large ones ---

D plain_convolution(const D& x, const D& w, std::size_t stride, std::size_t padding) {
  const Shape &s = x.shape(), &k = w.shape();
  const std::size_t h = (s[2] + 2 * padding - k[2]) / stride + 1,
                    v = (s[3] + 2 * padding - k[3]) / stride + 1;
  D y = D::filled({s[0], k[0], h, v}, 0);
  double* to = y.mutable_data();
  const auto at = [&](std::size_t n, std::size_t c, std::size_t i, std::size_t j) {
    const std::size_t row = i - padding, column = j - padding;
    return row < s[2] && column < s[3] ? x.data()[((n * s[1] + c) * s[2] + row) * s[3] + column]
                                       : 0;
  };
  for (std::size_t n = 0; n < s[0]; ++n)
    for (std::size_t o = 0; o < k[0]; ++o)
      for (std::size_t i = 0; i < h; ++i)
        for (std::size_t j = 0; j < v; ++j, ++to)
          for (std::size_t c = 0; c < s[1]; ++c)
            for (std::size_t a = 0; a < k[2]; ++a)
              for (std::size_t b = 0; b < k[3]; ++b)
                *to += at(n, c, i * stride + a, j * stride + b) *
                       w.data()[((o * s[1] + c) * k[2] + a) * k[3] + b];
  return y;
}

double inner(const D& a, const D& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a.data()[i] * b.data()[i];
  return sum;
}

// More numbers to add up than a panel holds, images that share panels, channels beyond one block: the
// value beside plain loops, the gradients by <y, u> = <x, gx> = <w, gw>, linear in either.
void check_large(const Shape& xs, const Shape& ws, std::size_t stride, std::size_t padding) {
  D x = wave(xs, 0).requires_grad_(), w = wave(ws, 1).requires_grad_();
  const D y = conv2d(x, w, {}, {.stride = stride, .padding = padding});
  check_close(y, plain_convolution(x, w, stride, padding), 1e-11);
  const D u = wave(y.shape(), 2);
  y.backward(u);
  const double expected = inner(y, u), size = std::sqrt(inner(y, y) * inner(u, u));
  BOOST_TEST(std::abs(inner(x, x.gradient()) - expected) <= 1e-12 * size);
  BOOST_TEST(std::abs(inner(w, w.gradient()) - expected) <= 1e-12 * size);
  // Another x and w by the same gradients.
  const D x2 = wave(xs, 3), w2 = wave(ws, 4);
  const NoGrad guard;
  const auto value = [&](const D& a, const D& b) {
    return inner(conv2d(a, b, {}, {.stride = stride, .padding = padding}), u);
  };
  BOOST_TEST(std::abs(inner(x2, x.gradient()) - value(x2, w)) <= 1e-12 * size);
  BOOST_TEST(std::abs(inner(w2, w.gradient()) - value(x, w2)) <= 1e-12 * size);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(convolution)

BOOST_AUTO_TEST_CASE(large_ones) {
  check_large({3, 50, 5, 6}, {37, 50, 3, 3}, 1, 1);
  check_large({5, 9, 11, 9}, {33, 9, 3, 3}, 2, 1);
  check_large({9, 7, 4, 4}, {3, 7, 2, 2}, 2, 0);
  check_large({2, 3, 40, 37}, {6, 3, 5, 5}, 1, 2);
  // Gradients that go to every other place: rows of several registers, also added to in two parts.
  check_large({17, 2, 9, 61}, {40, 2, 3, 3}, 2, 1);
  check_large({2, 3, 6, 37}, {110, 3, 3, 3}, 2, 1);
}

// Images that share a sum, several blocks of channels that share an image.
BOOST_AUTO_TEST_CASE(gradients_of_a_channel_do_not_depend_on_the_others) {
  const D x = wave({25, 1, 50, 62}, 0), w = wave({40, 1, 3, 3}, 1), u = wave({25, 40, 50, 62}, 2);
  const auto gradient = [&](std::ptrdiff_t first, std::ptrdiff_t last) {
    const D part = slice(w, 0, first, last).clone().requires_grad_();
    conv2d(x, part, {}, {.padding = 1}).backward(slice(u, 1, first, last));
    return part.gradient();
  };
  const D all = gradient(0, 40);
  check_identical(gradient(0, 7), slice(all, 0, 0, 7));
  check_identical(gradient(33, 40), slice(all, 0, 33, 40));
}

BOOST_AUTO_TEST_CASE(threads_do_not_show) {
  check_threads([](X in) { return conv2d(in[0], in[1], {}, {.stride = 2, .padding = 1}); },
                {wave({2, 3, 64, 61}, 0), wave({40, 3, 3, 3}, 1)});
}

BOOST_AUTO_TEST_CASE(a_sample_does_not_depend_on_its_batch) {
  for (const std::size_t groups : {1UL, 2UL, 6UL}) {
    const D x = wave({7, 6, 5, 7}, 0), w = wave({12, 6 / groups, 3, 3}, 1);
    const ConvOptions o{.padding = 1, .groups = groups};
    const D all = conv2d(x, w, {}, o);
    for (std::ptrdiff_t i = 0; i < 7; ++i) {
      const D one = conv2d(slice(x, 0, i, i + 1), w, {}, o);
      BOOST_TEST(std::memcmp(one.data(), all.data() + static_cast<std::size_t>(i) * one.size(),
                             one.size() * sizeof(double)) == 0);
    }
  }
}

// The gradient of a batch is put together from the numbers of each residue of a stride of 2, that of a
// few samples goes to its places at once.
template <class T>
void check_gradients_alone(const Shape& x_shape, const Shape& w_shape, const ConvOptions& o) {
  const Tensor<T> x = wave(x_shape, 0).to<T>(), w = wave(w_shape, 1).to<T>();
  const auto gradient = [&](const Tensor<T>& images, std::ptrdiff_t first, std::ptrdiff_t last) {
    const Tensor<T> leaf = images.clone().requires_grad_(), y = conv2d(leaf, w, {}, o);
    Shape whole = y.shape();
    whole[0] = x_shape[0];
    y.backward(slice(wave(whole, 2).to<T>(), 0, first, last));
    return leaf.gradient();
  };
  const auto n = static_cast<std::ptrdiff_t>(x_shape[0]);
  const Tensor<T> all = gradient(x, 0, n);
  for (std::ptrdiff_t i = 0; i < n; ++i) {
    const Tensor<T> one = gradient(slice(x, 0, i, i + 1), i, i + 1);
    BOOST_TEST(std::memcmp(one.data(), all.data() + static_cast<std::size_t>(i) * one.size(),
                           one.size() * sizeof(T)) == 0);
  }
}

template <class T>
void check_gradients_alone() {
  for (const std::size_t width : {2UL, 7UL, 28UL, 33UL, 66UL})
    check_gradients_alone<T>({9, 9, 5, width}, {4, 9, 3, 3}, {.stride = 2, .padding = 1});
  check_gradients_alone<T>({19, 6, 6, 9}, {4, 3, 2, 3}, {.stride = 2, .padding = 1, .groups = 2});
  check_gradients_alone<T>({10, 2, 9, 40}, {3, 2, 3, 3}, {.stride = {1, 2}, .padding = 1});
  check_gradients_alone<T>({10, 2, 9, 40}, {3, 2, 3, 2}, {.stride = {3, 2}});
  check_gradients_alone<T>({8, 500, 5, 5}, {2, 500, 3, 3}, {.stride = 2, .padding = 1});
  check_gradients_alone<T>({8, 2, 15, 17}, {500, 2, 3, 3}, {.stride = 2, .padding = 1});
}

BOOST_AUTO_TEST_CASE(a_gradient_does_not_depend_on_its_batch) {
  check_gradients_alone<float>();
  check_gradients_alone<double>();
}

BOOST_AUTO_TEST_CASE(an_empty_batch) {
  const D x = D::filled({0, 2, 4, 4}, 1).requires_grad_(), w = wave({3, 2, 3, 3}).requires_grad_();
  const D y = conv2d(x, w, wave({3}));
  check_shape(y, {0, 3, 2, 2});
  y.backward(y.clone());
  check_shape(x.gradient(), {0, 2, 4, 4});
  check_close(w.gradient(), D::filled(w.shape(), 0));
}

// One result along each axis, whatever the stride: nothing takes room or time for what it leaves out.
BOOST_AUTO_TEST_CASE(strides_far_beyond_the_image) {
  constexpr std::size_t kFar = (std::size_t{1} << 31) - 1;
  for (const std::size_t groups : {1UL, 4UL}) {
    const D x = parameter(wave({2, 4, 5, 6}, 0)), w = parameter(wave({4, 4 / groups, 3, 2}, 1));
    const auto results = [&](std::size_t stride) {
      const D y = conv2d(x, w, {}, {.stride = stride, .padding = 1, .groups = groups});
      check_shape(y, {2, 4, 1, 1});
      Tensors all = grad({sum(y * y)}, {x, w}, {.create_graph = true});
      const Tensors second = grad({sum(all[0] * all[0]) + sum(all[1] * all[1])}, {x, w});
      all.insert(all.end(), second.begin(), second.end());
      all.push_back(y);
      return all;
    };
    const Tensors near = results(8), far = results(kFar);
    for (std::size_t i = 0; i < near.size(); ++i) check_close(far[i], near[i], 0);
  }
  const D line = parameter(D::from({1, 1, 3}, {1, 3, 2}));
  check_close(grad(sum(max_pool1d(line, 2, {.stride = kFar})), line),
              D::from({1, 1, 3}, {0, 1, 0}));
  check_close(avg_pool1d(line, 2, {.stride = kFar}), slice(avg_pool1d(line, 2), 2, 0, 1));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace xgrad::test
