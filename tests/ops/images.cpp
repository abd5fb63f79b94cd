#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>

#include "tests/ops/reference_rows.hpp"
#include "xgrad/ops/pooling.hpp"
#include "xgrad/ops/resizing.hpp"

namespace xgrad::test {
namespace {

using X = const Tensors&;

D max_pool(const D& x, const ImageSizes& kernel, const MaxPoolOptions& o = {}) {
  return x.rank() == 3 ? max_pool1d(x, kernel, o) : max_pool2d(x, kernel, o);
}
D avg_pool(const D& x, const ImageSizes& kernel, const AvgPoolOptions& o = {}) {
  return x.rank() == 3 ? avg_pool1d(x, kernel, o) : avg_pool2d(x, kernel, o);
}
D adaptive(bool average, const D& x, std::size_t size) {
  if (x.rank() == 3) return average ? adaptive_avg_pool1d(x, size) : adaptive_max_pool1d(x, size);
  return average ? adaptive_avg_pool2d(x, size) : adaptive_max_pool2d(x, size);
}

std::vector<Row> rows_of_all_ranks() {
  std::vector<Row> rows;
  for (const Shape& shape : {Shape{2, 2, 9}, Shape{1, 2, 5, 6}, Shape{1, 1, 7, 8}}) {
    std::string name;
    for (const std::size_t n : shape) name += (name.empty() ? " " : "x") + std::to_string(n);
    const auto add = [&](const std::string& what, std::function<D(const D&)> f) {
      rows.push_back({what + name, {wave(shape, 0)}, [f](X in) { return f(in[0]); }});
    };
    add("max_pool", [](const D& x) { return max_pool(x, 2); });
    add("max_pool 3 2 1 ceil",
        [](const D& x) { return max_pool(x, 3, {.stride = 2, .padding = 1, .ceil_mode = true}); });
    add("max_pool 2 1 0 dilation",
        [](const D& x) { return max_pool(x, 2, {.stride = 1, .dilation = 2}); });
    add("avg_pool", [](const D& x) { return avg_pool(x, 2); });
    add("avg_pool 3 2 1 ceil",
        [](const D& x) { return avg_pool(x, 3, {.stride = 2, .padding = 1, .ceil_mode = true}); });
    add("avg_pool 3 2 1 ceil inside", [](const D& x) {
      return avg_pool(x, 3,
                      {.stride = 2, .padding = 1, .ceil_mode = true, .count_include_pad = false});
    });
    if (shape.rank() == 4) {
      add("avg_pool divisor", [](const D& x) {
        return avg_pool2d(x, {2, 3}, {.stride = {1, 2}, .padding = 1, .divisor = 5});
      });
    }
    for (const std::size_t size : {1UL, 3UL, 10UL}) {
      const std::string of = "_pool " + std::to_string(size);
      add("adaptive_avg" + of, [size](const D& x) { return adaptive(true, x, size); });
      add("adaptive_max" + of, [size](const D& x) { return adaptive(false, x, size); });
    }
    add("nearest 2.5", [](const D& x) { return upsample(x, {.scale_factor = {2.5}}); });
    add("nearest size 4", [](const D& x) { return upsample(x, {.size = 4}); });
    add("linear 1.7", [](const D& x) {
      return upsample(x, {.scale_factor = {1.7}, .mode = UpsampleMode::linear});
    });
    add("linear size 4",
        [](const D& x) { return upsample(x, {.size = 4, .mode = UpsampleMode::linear}); });
    add("linear corners", [](const D& x) {
      return upsample(x, {.size = 11, .mode = UpsampleMode::linear, .align_corners = true});
    });
  }
  return rows;
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

BOOST_AUTO_TEST_SUITE_END()

}  // namespace xgrad::test
