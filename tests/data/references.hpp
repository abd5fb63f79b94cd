#pragma once

// Rows `name: numbers` of a file that a script in tests/references wrote.

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "xgrad/autograd/array.hpp"

namespace xgrad_test {

using Rows = std::map<std::string, std::vector<double>>;

inline Rows read_rows(const std::string& file) {
  std::ifstream in(std::string(XGRAD_SOURCE_DIR) + "/tests/references/" + file);
  Rows rows;
  std::string line;
  while (std::getline(in, line)) {
    std::istringstream numbers(line.substr(line.find(':') + 1));
    auto& row = rows[line.substr(0, line.find(':'))];
    for (double v; numbers >> v;) row.push_back(v);
  }
  BOOST_TEST_REQUIRE(!rows.empty());
  return rows;
}

template <class T>
xgrad::Array<T> shaped(const xgrad::Shape& shape, const std::vector<double>& values) {
  BOOST_TEST_REQUIRE(values.size() == shape.elements());
  xgrad::Array<T> r(typename xgrad::Array<T>::shape_type(shape.begin(), shape.end()));
  for (std::size_t i = 0; i < values.size(); ++i) r.data()[i] = static_cast<T>(values[i]);
  return r;
}

/// |a - b| <= tolerance max(1, |b|) for each number.
template <class T>
void check_close(const xgrad::Array<T>& a, const std::vector<double>& b, double tolerance) {
  BOOST_TEST_REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < b.size(); ++i) {
    const auto v = static_cast<double>(a.data()[i]);
    BOOST_TEST(std::abs(v - b[i]) <= tolerance * std::max(1.0, std::abs(b[i])),
               "at " << i << ": " << v << ", not " << b[i]);
  }
}

}  // namespace xgrad_test
