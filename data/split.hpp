#pragma once

// Splits: the numbers of the samples of each part, for Subset and take(). Functions of the
// arguments only, seed included.
//
//   const auto parts = random_split(data.size(), {0.8, 0.1, 0.1}, 42);
//   const Subset train(data, parts[0]), validation(data, parts[1]), test(data, parts[2]);
//
//   for (const Fold& fold : k_fold(data.size(), 5, 42)) { ... fold.train, fold.validation ... }

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "xgrad/autograd/array.hpp"

namespace xgrad {

/// Numbers of samples in a data set, from 0.
using Samples = std::vector<std::int64_t>;

/// The samples 0 ... n - 1 in parts of these shares, each in random order. Sizes are the shares of
/// n rounded so that they add up. Throws std::invalid_argument unless the shares are positive and
/// add up to 1.
std::vector<Samples> random_split(std::size_t n, const std::vector<double>& shares,
                                  std::uint64_t seed = 0);

/// The same with the classes in each part as in the whole, as nearly as whole samples allow.
std::vector<Samples> stratified_split(const Indices& labels, const std::vector<double>& shares,
                                      std::uint64_t seed = 0);

/// One round of cross-validation.
struct Fold {
  Samples train, validation;
};

/// k rounds: each sample is in one validation part, whose sizes differ by one at most. Throws
/// std::invalid_argument unless 2 <= k <= n.
std::vector<Fold> k_fold(std::size_t n, std::size_t k, std::uint64_t seed = 0);

/// The same with each class shared out over the parts, whose counts of it differ by one at most.
std::vector<Fold> stratified_k_fold(const Indices& labels, std::size_t k, std::uint64_t seed = 0);

/// Rows of x (n, ...), in that order. Throws std::out_of_range for a number that is not below n.
template <class T>
Array<T> take(const Array<T>& x, std::span<const std::int64_t> samples);

}  // namespace xgrad
