#pragma once

// Dataset: numbered samples, fetched many at a time. Transforms are lazy: a view fetches from
// another data set and changes what it got.

#include <cstdint>
#include <functional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "xgrad/autograd/array.hpp"
#include "xgrad/autograd/tensor.hpp"
#include "xgrad/base/errors.hpp"

namespace xgrad {

/// Samples of a batch with their classes: `const auto& [inputs, labels] = batch`.
template <class T>
struct LabeledBatch {
  Tensor<T> inputs;  ///< (batch, ...)
  Indices labels;    ///< (batch)
};

/// Samples of a batch with what they should map to.
template <class T>
struct TargetBatch {
  Tensor<T> inputs;   ///< (batch, ...)
  Tensor<T> targets;  ///< (batch, ...)
};

/// What a loader draws from. `get` may be called from another thread, one call at a time.
template <class BatchType>
class Dataset {
 public:
  using Batch = BatchType;  ///< what a loader hands out
  virtual ~Dataset() = default;
  virtual std::size_t size() const = 0;
  /// The samples of these numbers, in this order. Throws std::out_of_range for a number that is not
  /// below size().
  virtual Batch get(std::span<const std::int64_t> samples) const = 0;
  /// The same as they are in an epoch: what is changed at random is different in each. Loaders
  /// call this.
  virtual Batch get_in_epoch(std::span<const std::int64_t> samples, std::uint64_t /*epoch*/) const {
    return get(samples);
  }
};

/// Samples along the first axis of an array, with a class each.
template <class T>
class LabeledDataset : public Dataset<LabeledBatch<T>> {
 public:
  /// inputs (n, ...), labels (n). Throws std::invalid_argument when the counts differ.
  LabeledDataset(Array<T> inputs, Indices labels);

  std::size_t size() const override { return labels_.size(); }
  LabeledBatch<T> get(std::span<const std::int64_t> samples) const override;

  /// The inputs, (n, ...); of a temporary a copy, and so the labels, (n).
  const Array<T>& inputs() const& { return inputs_; }
  Array<T> inputs() const&& { return inputs_; }
  /// The labels, (n).
  const Indices& labels() const& { return labels_; }
  Indices labels() const&& { return labels_; }

 private:
  Array<T> inputs_;
  Indices labels_;
};

/// Samples along the first axis of two arrays: inputs and targets.
template <class T>
class TargetDataset : public Dataset<TargetBatch<T>> {
 public:
  /// inputs (n, ...), targets (n, ...). Throws std::invalid_argument when the counts differ.
  TargetDataset(Array<T> inputs, Array<T> targets);

  std::size_t size() const override { return inputs_.shape(0); }
  TargetBatch<T> get(std::span<const std::int64_t> samples) const override;

  const Array<T>& inputs() const& { return inputs_; }
  Array<T> inputs() const&& { return inputs_; }
  const Array<T>& targets() const& { return targets_; }
  Array<T> targets() const&& { return targets_; }

 private:
  Array<T> inputs_, targets_;
};

/// Some samples of another data set, in a given order; the other one must outlive it.
template <class Source>
class Subset : public Dataset<typename Source::Batch> {
 public:
  Subset(const Source&&, std::vector<std::int64_t>) = delete;
  /// Throws std::out_of_range for a number that is not below source.size().
  Subset(const Source& source, std::vector<std::int64_t> samples)
      : source_(source), samples_(std::move(samples)) {
    for (const std::int64_t s : samples_) {
      if (s < 0 || static_cast<std::size_t>(s) >= source.size()) {
        detail::fail<std::out_of_range>("Subset", "sample ", s, " of ", source.size());
      }
    }
  }
  std::size_t size() const override { return samples_.size(); }
  typename Source::Batch get(std::span<const std::int64_t> samples) const override {
    return source_.get(chosen(samples));
  }
  typename Source::Batch get_in_epoch(std::span<const std::int64_t> samples,
                                      std::uint64_t epoch) const override {
    return source_.get_in_epoch(chosen(samples), epoch);
  }

 private:
  std::vector<std::int64_t> chosen(std::span<const std::int64_t> samples) const {
    std::vector<std::int64_t> r;
    for (const std::int64_t s : samples) r.push_back(samples_.at(static_cast<std::size_t>(s)));
    return r;
  }

  const Source& source_;
  std::vector<std::int64_t> samples_;
};

/// The batches of another data set after a function; the other one must outlive it.
template <class Source>
class Transformed : public Dataset<typename Source::Batch> {
 public:
  using Batch = typename Source::Batch;  ///< as the source's
  Transformed(const Source&&, std::function<Batch(Batch)>) = delete;
  /// `source` must outlive it; `transform` is called for each batch.
  Transformed(const Source& source, std::function<Batch(Batch)> transform)
      : source_(source), transform_(std::move(transform)) {}
  std::size_t size() const override { return source_.size(); }
  Batch get(std::span<const std::int64_t> samples) const override {
    return transform_(source_.get(samples));
  }
  Batch get_in_epoch(std::span<const std::int64_t> samples, std::uint64_t epoch) const override {
    return transform_(source_.get_in_epoch(samples, epoch));
  }

 private:
  const Source& source_;
  std::function<Batch(Batch)> transform_;
};

}  // namespace xgrad
