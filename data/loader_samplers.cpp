#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "xgrad/base/errors.hpp"
#include "xgrad/data/loader.hpp"

namespace xgrad {
namespace {

std::vector<std::int64_t> permutation(std::size_t n, Generator::State draw) {
  std::vector<std::int64_t> order(n);
  kernels::fill_permutation(order.data(), n, draw);
  return order;
}

void check_weights(const std::vector<double>& weights) {
  double sum = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (!(weights[i] >= 0) || !std::isfinite(weights[i])) {
      detail::fail("weighted_sampler", "weight ", i, " is ", weights[i]);
    }
    sum += weights[i];
  }
  if (!(sum > 0))
    detail::fail("weighted_sampler", "the weights of ", weights.size(), " samples are all 0");
}

}  // namespace

Sampler sequential_sampler() {
  return [](std::size_t size, Generator::State) {
    std::vector<std::int64_t> order(size);
    std::iota(order.begin(), order.end(), std::int64_t{0});
    return order;
  };
}

Sampler random_sampler() { return permutation; }

Sampler weighted_sampler(std::vector<double> weights, std::size_t count) {
  check_weights(weights);
  std::partial_sum(weights.begin(), weights.end(), weights.begin());
  return [sums = std::move(weights), count](std::size_t size, Generator::State draw) {
    if (size != sums.size()) {
      detail::fail("weighted_sampler", sums.size(), " weights for ", size, " samples");
    }
    std::vector<double> u(count == 0 ? size : count);
    kernels::fill_uniform(u.data(), u.size(), 0.0, sums.back(), draw);
    std::vector<std::int64_t> order;
    for (const double v : u) {
      order.push_back(std::upper_bound(sums.begin(), sums.end(), v) - sums.begin());
    }
    return order;
  };
}

// Each class in a random order of its own; its k-th of m samples stands at (k + u) / m of
// the epoch, u being one random number per sample, so that every stretch holds the classes
// in proportion.
Sampler stratified_sampler(const Indices& labels) {
  std::vector<std::int64_t> classes(labels.data(), labels.data() + labels.size());
  return [classes = std::move(classes)](std::size_t size, Generator::State draw) {
    if (size != classes.size()) {
      detail::fail("stratified_sampler", classes.size(), " labels for ", size, " samples");
    }
    std::map<std::int64_t, std::vector<std::int64_t>> members;
    for (const std::int64_t s : permutation(size, draw))
      members[classes[static_cast<std::size_t>(s)]].push_back(s);
    std::vector<double> u(size);
    kernels::fill_uniform(u.data(), size, 0.0, 1.0, {~draw.seed, draw.draws});
    std::vector<std::pair<double, std::int64_t>> placed;
    for (const auto& [label, list] : members) {
      for (std::size_t k = 0; k < list.size(); ++k) {
        const double at =
            (static_cast<double>(k) + u[placed.size()]) / static_cast<double>(list.size());
        placed.emplace_back(at, list[k]);
      }
    }
    std::sort(placed.begin(), placed.end());
    std::vector<std::int64_t> order;
    for (const auto& [at, sample] : placed) order.push_back(sample);
    return order;
  };
}

}  // namespace xgrad
