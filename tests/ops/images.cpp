#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>

#include "tests/ops/reference_rows.hpp"
#include "xgrad/ops/pooling.hpp"
#include "xgrad/ops/resizing.hpp"

namespace xgrad::test {
namespace {

using X = const Tensors&;

using MaxPool = D (*)(const D&, const ImageSizes&, const MaxPoolOptions&);
using AvgPool = D (*)(const D&, const ImageSizes&, const AvgPoolOptions&);
using Adaptive = D (*)(const D&, const ImageSizes&);

// Those of one, two and three axes.
constexpr MaxPool kMaxPool[] = {max_pool1d<double>, max_pool2d<double>, max_pool3d<double>};
constexpr AvgPool kAvgPool[] = {avg_pool1d<double>, avg_pool2d<double>, avg_pool3d<double>};
constexpr Adaptive kAdaptiveAvg[] = {adaptive_avg_pool1d<double>, adaptive_avg_pool2d<double>,
                                     adaptive_avg_pool3d<double>};
constexpr Adaptive kAdaptiveMax[] = {adaptive_max_pool1d<double>, adaptive_max_pool2d<double>,
                                     adaptive_max_pool3d<double>};

class ReferenceRows {
 public:
  std::vector<Row> rows;

  // Of x (n, c, ...), or (c, ...).
  void add_pools(const Shape& shape, std::size_t axes) {
    const auto max = kMaxPool[axes - 1];
    const auto avg = kAvgPool[axes - 1];
    const AvgPoolOptions ceil{.stride = 2, .padding = 1, .ceil_mode = true},
        inside{.stride = 2, .padding = 1, .ceil_mode = true, .count_include_pad = false};
    add("max_pool", shape, [=](const D& x) { return max(x, 2, {}); });
    add("max_pool 3 2 1 ceil", shape,
        [=](const D& x) { return max(x, 3, {.stride = 2, .padding = 1, .ceil_mode = true}); });
    add("max_pool 2 1 0 dilation", shape,
        [=](const D& x) { return max(x, 2, {.stride = 1, .dilation = 2}); });
    add("avg_pool", shape, [=](const D& x) { return avg(x, 2, {}); });
    add("avg_pool 3 2 1 ceil", shape, [=](const D& x) { return avg(x, 3, ceil); });
    add("avg_pool 3 2 1 ceil inside", shape, [=](const D& x) { return avg(x, 3, inside); });
    if (axes == 2)
      add("avg_pool divisor", shape, [](const D& x) {
        return avg_pool2d(x, {2, 3}, {.stride = {1, 2}, .padding = 1, .divisor = 5});
      });
    if (axes == 3)
      add("avg_pool divisor", shape, [](const D& x) {
        return avg_pool3d(x, {2, 3, 1}, {.stride = {1, 2, 1}, .padding = {1, 1, 0}, .divisor = 5});
      });
    for (const std::size_t size : {1UL, 3UL, 10UL}) {
      if (axes == 3 && size == 10) continue;
      const std::string of = "_pool " + std::to_string(size);
      add("adaptive_avg" + of, shape, [=](const D& x) { return kAdaptiveAvg[axes - 1](x, size); });
      add("adaptive_max" + of, shape, [=](const D& x) { return kAdaptiveMax[axes - 1](x, size); });
    }
  }

  void add_sizes(const Shape& shape) {
    add("nearest 2.5", shape, [](const D& x) { return upsample(x, {.scale_factor = {2.5}}); });
    add("nearest size 4", shape, [](const D& x) { return upsample(x, {.size = 4}); });
    add("linear 1.7", shape, [](const D& x) {
      return upsample(x, {.scale_factor = {1.7}, .mode = UpsampleMode::linear});
    });
    add("linear size 4", shape,
        [](const D& x) { return upsample(x, {.size = 4, .mode = UpsampleMode::linear}); });
    add("linear corners", shape, [](const D& x) {
      return upsample(x, {.size = 11, .mode = UpsampleMode::linear, .align_corners = true});
    });
  }

 private:
  void add(const std::string& what, const Shape& shape, std::function<D(const D&)> f) {
    std::string size;
    for (const std::size_t n : shape) size += (size.empty() ? " " : "x") + std::to_string(n);
    rows.push_back({what + size, {wave(shape, 0)}, [f](X in) { return f(in[0]); }});
  }
};

std::vector<Row> rows_of_all_ranks() {
  ReferenceRows r;
  for (const Shape& s : {Shape{2, 2, 9}, {1, 2, 5, 6}, {1, 1, 7, 8}, {1, 2, 4, 5, 3}}) {
    r.add_pools(s, s.rank() - 2);
    r.add_sizes(s);
  }
  for (const Shape& s : {Shape{2, 9}, {2, 5, 6}, {2, 4, 5, 3}}) r.add_pools(s, s.rank() - 1);
  return r.rows;
}

std::vector<Row> all_rows() {
  std::vector<Row> rows = rows_of_all_ranks();
  rows.push_back({"pixel_shuffle 2x9x2x3", {wave({2, 9, 2, 3}, 0)}, [](X in) {
                    return pixel_shuffle(in[0], 3);
                  }});
  rows.push_back({"pixel_unshuffle 1x2x4x6", {wave({1, 2, 4, 6}, 0)}, [](X in) {
                    return pixel_unshuffle(in[0], 2);
                  }});
  rows.push_back(
      {"unfold 2x2x5x6", {wave({2, 2, 5, 6}, 0)}, [](X in) {
         return unfold(in[0], {3, 2}, {.dilation = {1, 2}, .padding = {1, 0}, .stride = {2, 1}});
       }});
  rows.push_back({"fold 2x8x12", {wave({2, 8, 12}, 0)}, [](X in) {
                    return fold(in[0], {5, 7}, 2, {.dilation = 2, .padding = 1, .stride = 2});
                  }});
  return rows;
}

const RegisterRows kRows("images", all_rows());

constexpr double kInf = std::numeric_limits<double>::infinity();

}  // namespace

BOOST_AUTO_TEST_SUITE(images)

// What the largest number of a window is where it is none of the finite ones.
BOOST_AUTO_TEST_CASE(pooling_sees_nan_and_infinity) {
  const D x = D::from({1, 1, 2, 8}, {1, NAN, -kInf, -kInf, kInf, 1, NAN, NAN,  //
                                     2, 3, -kInf, -kInf, 1, 2, kInf, 1});
  const D y = max_pool2d(x, 2);
  BOOST_TEST(std::isnan(y.data()[0]));
  BOOST_TEST(y.data()[1] == -kInf);
  BOOST_TEST(y.data()[2] == kInf);
  BOOST_TEST(std::isnan(y.data()[3]));
  const D z = max_pool2d(x, 2, {.stride = 1});
  BOOST_TEST(std::isnan(z.data()[1]));
  BOOST_TEST(z.data()[2] == -kInf);
}

// Row by row, as in PyTorch.
BOOST_AUTO_TEST_CASE(the_first_of_equal_numbers_gets_the_gradient) {
  for (const bool pairs : {true, false}) {
    D x = D::from({1, 1, 2, 2}, {1, 2, 2, 1}).requires_grad_();
    (pairs ? max_pool2d(x, 2) : adaptive_max_pool2d(x, 1)).backward(D::filled({1, 1, 1, 1}, 1));
    check_close(x.gradient(), D::from({1, 1, 2, 2}, {0, 1, 0, 0}));
    D same = D::filled({1, 1, 2, 2}, 1).requires_grad_();
    max_pool2d(same, 2).backward(D::filled({1, 1, 1, 1}, 1));
    check_close(same.gradient(), D::from({1, 1, 2, 2}, {1, 0, 0, 0}));
  }
}

// Slice by slice.
BOOST_AUTO_TEST_CASE(the_first_of_equal_numbers_of_a_volume_gets_the_gradient) {
  D x = D::from({1, 1, 2, 2, 2}, {1, 0, 0, 3, 3, 1, 3, 2}).requires_grad_();
  max_pool3d(x, 2).backward(D::filled({1, 1, 1, 1, 1}, 1));
  check_close(x.gradient(), D::from({1, 1, 2, 2, 2}, {0, 0, 0, 1, 0, 0, 0, 0}));
  const D y = max_pool3d(D::from({1, 2, 2, 1}, {1, -kInf, NAN, 2}), {2, 1, 1});
  BOOST_TEST(std::isnan(y.data()[0]));
  BOOST_TEST(y.data()[1] == 2);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace xgrad::test
