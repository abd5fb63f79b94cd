#include "xgrad/data/split.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <stdexcept>
#include <string>

#include "xgrad/base/errors.hpp"
#include "xgrad/kernels/random.hpp"

namespace xgrad {
namespace {

Samples shuffled(std::size_t n, std::uint64_t seed) {
  Samples r(n);
  kernels::fill_permutation(r.data(), n, {seed, 0});
  return r;
}

// The samples of each class, in the order of a shuffle.
std::map<std::int64_t, Samples> by_class(const Indices& labels, std::uint64_t seed) {
  std::map<std::int64_t, Samples> r;
  for (const std::int64_t s : shuffled(labels.size(), seed)) r[labels.data()[s]].push_back(s);
  return r;
}

void check_labels(const char* operation, const Indices& labels) {
  if (labels.dimension() == 1) return;
  detail::fail(operation, "labels have shape ", Shape(labels.shape()));
}

// Where each part ends: share sums, the last exactly 1.
std::vector<double> ends_of(const char* operation, const std::vector<double>& shares) {
  std::vector<double> r;
  double sum = 0;
  bool positive = !shares.empty();
  for (const double s : shares) {
    positive = positive && s > 0;
    r.push_back(sum += s);
  }
  if (!positive || !(std::abs(sum - 1) < 1e-9)) {
    detail::fail(operation, "shares ", shares, " are not positive numbers that add up to 1");
  }
  r.back() = 1;
  return r;
}

// Adds samples to parts: those at rounded multiples of the ends, `offset` of a sample later.
void share_out(const Samples& samples, const std::vector<double>& ends, double offset,
               std::vector<Samples>& parts) {
  const auto n = static_cast<double>(samples.size());
  auto from = samples.begin();
  for (std::size_t p = 0; p < ends.size(); ++p) {
    const double end = p + 1 == ends.size() ? n : std::floor(std::min(n, ends[p] * n + offset));
    const auto to = samples.begin() + static_cast<std::ptrdiff_t>(end);
    parts[p].insert(parts[p].end(), from, to);
    from = to;
  }
}

// Classes one after the other become a random order again.
void shuffle(std::vector<Samples>& parts, std::uint64_t seed) {
  for (std::size_t p = 0; p < parts.size(); ++p) {
    Samples order(parts[p].size()), old = parts[p];
    kernels::fill_permutation(order.data(), order.size(), {seed, p + 1});
    for (std::size_t i = 0; i < old.size(); ++i) {
      parts[p][i] = old[static_cast<std::size_t>(order[i])];
    }
  }
}

std::vector<Fold> folds(const std::vector<Samples>& parts) {
  std::vector<Fold> r(parts.size());
  for (std::size_t v = 0; v < parts.size(); ++v) {
    r[v].validation = parts[v];
    for (std::size_t p = 0; p < parts.size(); ++p) {
      if (p != v) r[v].train.insert(r[v].train.end(), parts[p].begin(), parts[p].end());
    }
  }
  return r;
}

void check_folds(const char* operation, std::size_t n, std::size_t k) {
  if (k >= 2 && k <= n) return;
  detail::fail(operation, k, " parts of ", n, " samples");
}

}  // namespace

std::vector<Samples> random_split(std::size_t n, const std::vector<double>& shares,
                                  std::uint64_t seed) {
  const auto ends = ends_of("random_split", shares);
  std::vector<Samples> parts(shares.size());
  share_out(shuffled(n, seed), ends, 0.5, parts);
  return parts;
}

// The classes' rounding is spread, so that the parts' sizes add up as well as they can.
std::vector<Samples> stratified_split(const Indices& labels, const std::vector<double>& shares,
                                      std::uint64_t seed) {
  check_labels("stratified_split", labels);
  const auto ends = ends_of("stratified_split", shares);
  const auto classes = by_class(labels, seed);
  std::vector<Samples> parts(shares.size());
  double c = 0.5;
  for (const auto& [label, samples] : classes) {
    share_out(samples, ends, c / static_cast<double>(classes.size()), parts);
    ++c;
  }
  shuffle(parts, seed);
  return parts;
}

std::vector<Fold> k_fold(std::size_t n, std::size_t k, std::uint64_t seed) {
  check_folds("k_fold", n, k);
  const Samples order = shuffled(n, seed);
  std::vector<Samples> parts(k);
  for (std::size_t i = 0; i < n; ++i) parts[i % k].push_back(order[i]);
  return folds(parts);
}

std::vector<Fold> stratified_k_fold(const Indices& labels, std::size_t k, std::uint64_t seed) {
  check_labels("stratified_k_fold", labels);
  check_folds("stratified_k_fold", labels.size(), k);
  std::vector<Samples> parts(k);
  std::size_t next = 0;
  for (const auto& [label, samples] : by_class(labels, seed)) {
    for (const std::int64_t s : samples) parts[next++ % k].push_back(s);
  }
  shuffle(parts, seed);
  return folds(parts);
}

template <class T>
Array<T> take(const Array<T>& x, std::span<const std::int64_t> samples) {
  Shape shape(x.shape());
  const std::size_t n = shape.empty() ? 0 : shape[0], row = n == 0 ? 0 : x.size() / n;
  for (const std::int64_t s : samples) {
    if (s >= 0 && static_cast<std::size_t>(s) < n) continue;
    detail::fail<std::out_of_range>("take", "sample ", s, " of ", n);
  }
  if (!shape.empty()) shape[0] = samples.size();
  Array<T> r(typename Array<T>::shape_type(shape.begin(), shape.end()));
  for (std::size_t i = 0; i < samples.size(); ++i) {
    std::copy_n(x.data() + static_cast<std::size_t>(samples[i]) * row, row, r.data() + i * row);
  }
  return r;
}

template Array<float> take(const Array<float>&, std::span<const std::int64_t>);
template Array<double> take(const Array<double>&, std::span<const std::int64_t>);
template Indices take(const Indices&, std::span<const std::int64_t>);

}  // namespace xgrad
