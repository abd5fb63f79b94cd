#include "tests/modules/references.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <fstream>
#include <sstream>

namespace xgrad::test {
namespace {

Shape parse_shape(const std::string& text) {
  std::istringstream sizes(text);
  Shape shape;
  for (std::string n; std::getline(sizes, n, 'x');) shape.push_back(std::stoul(n));
  return shape;
}

}  // namespace

Tensor<double> wave(const Shape& shape, int k) {
  std::vector<double> x(shape.elements());
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = 1.5 * std::sin(1 + 2.3 * static_cast<double>(i) + 5.1 * k);
  }
  return Tensor<double>::from(shape, x);
}

Tensor<double> unit(const Shape& shape, int k) {
  std::vector<double> x(shape.elements());
  const Tensor<double> w = wave(shape, k);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = 0.5 + 0.4 * w.data()[i] / 1.5;
  return Tensor<double>::from(shape, x);
}

Indices labels(std::size_t n, std::size_t classes) {
  Indices y(Indices::shape_type{n});
  for (std::size_t i = 0; i < n; ++i) {
    y.data()[i] = static_cast<std::int64_t>((7 * i + 3) % classes);
  }
  return y;
}

// A line is "case shape quantity: numbers"; case and quantity may have several words.
void for_each_reference(const std::string& name, std::size_t count,
                        const std::function<void(const Shape&, const Quantities&)>& check,
                        const std::string& file) {
  std::ifstream in(std::string(XGRAD_SOURCE_DIR) + "/tests/references/" + file);
  std::map<std::string, Quantities> by_shape;
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(name + " ")) continue;
    const std::size_t begin = name.size() + 1, space = line.find(' ', begin);
    const std::string shape = line.substr(begin, space - begin);
    if (shape.find_first_not_of("0123456789x") != std::string::npos) continue;  // a longer name
    const std::size_t colon = line.find(": ", space);
    std::istringstream numbers(line.substr(colon + 2));
    auto& to = by_shape[shape][line.substr(space + 1, colon - space - 1)];
    for (double v; numbers >> v;) to.push_back(v);
  }
  BOOST_TEST(by_shape.size() == count);
  for (const auto& [shape, quantities] : by_shape) {
    BOOST_TEST_CONTEXT(name << " " << shape) { check(parse_shape(shape), quantities); }
  }
}

void check_quantity(const Quantities& reference, const std::string& quantity,
                    const Array<double>& ours) {
  BOOST_TEST_CONTEXT(quantity) {
    const auto it = reference.find(quantity);
    BOOST_TEST_REQUIRE((it != reference.end()));
    BOOST_TEST_REQUIRE(it->second.size() == ours.size());
    for (std::size_t i = 0; i < ours.size(); ++i) {
      const double theirs = it->second[i];
      BOOST_TEST(std::abs(ours.data()[i] - theirs) <= 1e-10 * std::max(1.0, std::abs(theirs)));
    }
  }
}

void check_quantity(const Quantities& reference, const std::string& quantity,
                    const Tensor<double>& ours) {
  check_quantity(reference, quantity, ours.value());
}

}  // namespace xgrad::test
