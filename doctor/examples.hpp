#pragma once

// Examples: a data set of samples with labels or targets, whatever its type, as the doctor's checks
// read it.

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "xgrad/autograd/tensor.hpp"
#include "xgrad/data/dataset.hpp"

namespace xgrad {

/// Samples with a class each, or with what they should map to: the other of the two is empty.
template <class T>
struct ExampleBatch {
  Tensor<T> inputs = {};   ///< (n, ...)
  Tensor<T> targets = {};  ///< (n, ...); undefined where there are labels
  Indices labels = {};     ///< (n)
  std::size_t size() const { return inputs.shape()[0]; }
};

template <class T>
class Examples {
 public:
  /// None.
  Examples() = default;

  /// Of a Dataset, or what a DataLoader draws from; it must outlive them.
  template <class Source>
  requires requires(const Source& s) { s.dataset(); }
  Examples(const Source& loader) : Examples(loader.dataset()) {}
  template <class Source>
  requires requires(const Source& s, std::span<const std::int64_t> samples) {
    s.get(samples).inputs;
  }
  Examples(const Source& data)
      : size_(data.size()),
        labeled_(requires { data.get({}).labels; }),
        get_([&data](std::span<const std::int64_t> samples) {
          const auto batch = data.get(samples);
          ExampleBatch<T> r{batch.inputs, {}, {}};
          if constexpr (requires { batch.labels; }) r.labels = batch.labels;
          if constexpr (requires { batch.targets; }) r.targets = batch.targets;
          return r;
        }) {}

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  bool labeled() const { return labeled_; }  ///< whether there are labels, not targets
  /// The batch of these samples.
  ExampleBatch<T> get(std::span<const std::int64_t> samples) const { return get_(samples); }

  /// Numbers of `count` samples, or of all when they are fewer, in a random order.
  std::vector<std::int64_t> choose(std::size_t count, std::uint64_t seed) const;
  ExampleBatch<T> some(std::size_t count, std::uint64_t seed) const {
    return get(choose(count, seed));
  }

 private:
  std::size_t size_ = 0;
  bool labeled_ = false;
  std::function<ExampleBatch<T>(std::span<const std::int64_t>)> get_;
};

/// The loss of predictions of a batch.
template <class T>
using ExampleLoss = std::function<Tensor<T>(const Tensor<T>&, const ExampleBatch<T>&)>;

}  // namespace xgrad
