// Tensors, arrays and shapes as text.

#include "xgrad/autograd/print.hpp"

#include <fstream>
#include <sstream>

#include "tests/autograd/helpers.hpp"
#include "xgrad/ops/math.hpp"

namespace xgrad::test {
namespace {

struct Case {
  std::string type, numbers, text;
  PrintOptions options;
  Shape shape;
};

bool read(std::istream& in, Case& c) {
  std::size_t rank = 0;
  if (!(in >> c.type >> c.options.precision >> c.options.threshold >> c.options.edge_items >>
        c.options.line_width >> rank)) {
    return false;
  }
  c.shape = {};
  for (std::size_t size = 0; c.shape.rank() < rank;) {
    in >> size;
    c.shape.push_back(size);
  }
  in.ignore(9, '\n');
  std::getline(in, c.numbers);
  c.text.clear();
  for (std::string line; in.peek() == '|' && std::getline(in, line);) {
    c.text += (c.text.empty() ? "" : "\n") + line.substr(1);
  }
  return true;
}

// As tests/references/printing.py says.
template <class T>
Array<T> array_of(const Case& c) {
  constexpr std::size_t kMany = 50;
  Array<T> a = Array<T>::from_shape(c.shape);
  std::istringstream words(c.numbers);
  std::string word;
  double scale = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a.size() < kMany || i == 0) words >> word;
    if (a.size() >= kMany) {
      scale = std::stod(word);
      const auto n = static_cast<double>((7919 * i + 13) % 2003) - 1001;
      a.data()[i] = static_cast<T>(n * scale);
    } else if constexpr (std::is_integral_v<T>) {
      a.data()[i] = std::stoll(word);
    } else {
      a.data()[i] = static_cast<T>(std::strtod(word.c_str(), nullptr));
    }
  }
  return a;
}

template <class V>
std::string streamed(const V& value) {
  std::ostringstream out;
  out << value;
  return out.str();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(print)

BOOST_AUTO_TEST_CASE(arrays_as_numpy_writes_them) {
  std::ifstream in(std::string(XGRAD_SOURCE_DIR) + "/tests/references/printing.txt");
  std::size_t cases = 0;
  for (Case c; read(in, c); ++cases) {
    const std::string text = c.type == "float64" ? to_string(array_of<double>(c), c.options)
                             : c.type == "float32"
                                 ? to_string(array_of<float>(c), c.options)
                                 : to_string(array_of<std::int64_t>(c), c.options);
    BOOST_TEST(text == c.text);
  }
  BOOST_TEST(cases > 150U);
}

BOOST_AUTO_TEST_CASE(tensors_say_what_they_are) {
  BOOST_TEST(streamed(D::from({{1, 2.5}, {3, 4}})) ==
             "tensor([[1. , 2.5],\n        [3. , 4. ]], shape=(2, 2), dtype=float64)");
  const Tensor<float> x = parameter(Tensor<float>::from({1, 2}));
  BOOST_TEST(streamed(x) == "tensor([1., 2.], shape=(2), dtype=float32, requires_grad=true)");
  BOOST_TEST(streamed(square(x)) ==
             "tensor([1., 4.],\n       shape=(2), dtype=float32, requires_grad=true, "
             "operation=square)");
  BOOST_TEST(streamed(D(0.1)) == "tensor(0.1, shape=(), dtype=float64)");
  BOOST_TEST(streamed(D::from({0, 3}, {})) == "tensor([], shape=(0, 3), dtype=float64)");
  BOOST_TEST(streamed(D()) == "tensor(undefined)");
}

BOOST_AUTO_TEST_CASE(arrays_and_shapes) {
  BOOST_TEST(streamed(Shape{2, 3}) == "(2, 3)");
  BOOST_TEST(streamed(Shape{}) == "()");
  BOOST_TEST(streamed(Indices{1, 20}) == "array([ 1, 20])");
  BOOST_TEST(streamed(Array<float>{1, 2}) == "array([1., 2.], dtype=float32)");
  BOOST_TEST(streamed(leaf({1, 2}).value()) == "array([1., 2.])");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace xgrad::test
