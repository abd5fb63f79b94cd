#pragma once

// Mean, variance and ends of each feature of a data set. Internal.

#include <algorithm>
#include <cmath>
#include <vector>

#include "xgrad/doctor/examples.hpp"
#include "xgrad/doctor/patient.hpp"
#include "xgrad/doctor/statistics.hpp"

namespace xgrad::detail {

/// A sample at a time: data sets are large.
template <class T>
struct Features {
  std::vector<Moments> of;  // the variance is that times n - 1 until finish()
  std::vector<double> low, high;

  void add(const Tensor<T>& x) {
    of.resize(row_size(x));
    low.resize(of.size(), HUGE_VAL);
    high.resize(of.size(), -HUGE_VAL);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const std::size_t j = i % of.size();
      const auto v = static_cast<double>(x.data()[i]);
      if (!std::isfinite(v)) continue;
      const double before = v - of[j].mean;
      of[j].mean += before / static_cast<double>(++of[j].n);
      of[j].variance += before * (v - of[j].mean);
      low[j] = std::min(low[j], v);
      high[j] = std::max(high[j], v);
    }
  }
  void add(const Examples<T>& all) {
    constexpr std::size_t kRows = 2048;
    std::vector<std::int64_t> rows;
    for (std::size_t i = 0; i < all.size(); ++i) {
      rows.push_back(static_cast<std::int64_t>(i));
      if (rows.size() < kRows && i + 1 < all.size()) continue;
      add(all.get(rows).inputs);
      rows.clear();
    }
  }
  Features& finish() {
    for (Moments& m : of) m.variance = m.n > 1 ? m.variance / static_cast<double>(m.n - 1) : 0;
    return *this;
  }
};

}  // namespace xgrad::detail
