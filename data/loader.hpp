#pragma once

// DataLoader: a data set in batches, in an order that a seed decides.
//
//   DataLoader loader(data, {.batch_size = 128, .shuffle = true, .seed = 42});
//   for (const auto& [images, labels] : loader) { ... }    // one epoch
//
// The order of epoch e is a function of (seed, e) only. `state()` is the position, also in the
// middle of an epoch; a loader with that state goes on with the very next batch.

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "xgrad/base/errors.hpp"
#include "xgrad/data/dataset.hpp"
#include "xgrad/kernels/random.hpp"

namespace xgrad {

/// The order of an epoch: the samples to visit, a function of the arguments only.
using Sampler = std::function<std::vector<std::int64_t>(std::size_t size, Generator::State draw)>;

/// 0 ... n - 1.
Sampler sequential_sampler();
/// A random order.
Sampler random_sampler();
/// `count` samples (0: as many as there are) with replacement, in proportion to the weights.
/// Throws std::invalid_argument for weights that are negative, not finite, or all 0.
Sampler weighted_sampler(std::vector<double> weights, std::size_t count = 0);
/// A random order in which every stretch of the epoch has the classes in the proportions of
/// the whole.
Sampler stratified_sampler(const Indices& labels);

struct LoaderOptions {
  std::size_t batch_size = 32;
  bool shuffle = false;    ///< random_sampler; ignored when a sampler is given
  bool drop_last = false;  ///< leaves out a last batch that is smaller
  std::uint64_t seed = 0;
  std::size_t prefetch =
      0;                 ///< batches prepared ahead by a background thread, at most; 0: no thread
  Sampler sampler = {};  ///< the order of each epoch; empty: as `shuffle` says
};

/// Where a loader is.
struct LoaderState {
  std::uint64_t seed = 0;
  std::uint64_t epoch = 0;  ///< epochs begun before this one
  std::uint64_t batch = 0;  ///< batches of this epoch that were delivered
  bool operator==(const LoaderState&) const = default;
};

namespace detail {

/// Batches made ahead by one background thread, at most `capacity` of them waiting.
template <class Batch>
class Prefetcher {
 public:
  Prefetcher(std::size_t capacity, std::size_t first, std::size_t count,
             std::function<Batch(std::size_t)> make)
      : capacity_(capacity),
        thread_([this, first, count, make = std::move(make)] { run(first, count, make); }) {}
  ~Prefetcher() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  Prefetcher(const Prefetcher&) = delete;
  Prefetcher& operator=(const Prefetcher&) = delete;

  /// The next batch, in order. An exception thrown in the thread comes out here.
  Batch next() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !ready_.empty() || error_; });
    if (ready_.empty()) std::rethrow_exception(error_);
    Batch b = std::move(ready_.front());
    ready_.pop_front();
    changed_.notify_all();
    return b;
  }

 private:
  void run(std::size_t first, std::size_t count, const std::function<Batch(std::size_t)>& make) {
    try {
      for (std::size_t i = first; i < count; ++i) {
        {
          std::unique_lock lock(mutex_);
          changed_.wait(lock, [this] { return stop_ || ready_.size() < capacity_; });
          if (stop_) return;
        }
        Batch b = make(i);
        const std::lock_guard lock(mutex_);
        ready_.push_back(std::move(b));
        changed_.notify_all();
      }
    } catch (...) {
      const std::lock_guard lock(mutex_);
      error_ = std::current_exception();
      changed_.notify_all();
    }
  }

  std::size_t capacity_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Batch> ready_;
  std::exception_ptr error_;
  bool stop_ = false;
  std::thread thread_;  // last: it uses the others
};

}  // namespace detail

/// Batches of a data set, which must outlive it.
template <class Source>
class DataLoader {
 public:
  using Batch = typename Source::Batch;  ///< what the data set makes of some samples

  DataLoader(const Source&&, LoaderOptions = {}) = delete;
  /// Throws std::invalid_argument for a batch size of 0.
  explicit DataLoader(const Source& data, LoaderOptions options = {})
      : data_(data), options_(std::move(options)) {
    if (options_.batch_size == 0) detail::fail("DataLoader", "batch_size is 0");
    if (!options_.sampler)
      options_.sampler = options_.shuffle ? random_sampler() : sequential_sampler();
    state_.seed = options_.seed;
  }

  /// Batches in an epoch: of the last one begun, or before that of the first, whose order is drawn to
  /// know it.
  std::size_t size() const { return batches((order_ ? order_ : order_of(state_))->size()); }

  /// What it draws from.
  const Source& dataset() const { return data_; }
  std::size_t batch_size() const { return options_.batch_size; }

  LoaderState state() const { return state_; }
  /// The next batch is the one after that position, also in a loop under way. Throws
  /// std::invalid_argument for a batch beyond the epoch's end.
  void set_state(LoaderState state) {
    Order order = order_of(state);
    if (state.batch > batches(order->size())) {
      detail::fail("DataLoader", "batch ", state.batch, " of ", batches(order->size()));
    }
    ahead_.reset();
    order_ = std::move(order);
    state_ = state;
  }

  class Iterator {
   public:
    explicit Iterator(DataLoader* loader) : loader_(loader) { fetch(); }
    const Batch& operator*() const& { return *batch_; }
    Batch operator*() const&& { return *batch_; }  // *loader.begin()
    Iterator& operator++() {
      fetch();
      return *this;
    }
    bool operator==(std::default_sentinel_t) const { return !batch_.has_value(); }

   private:
    void fetch() { batch_ = loader_->next(); }
    DataLoader* loader_;
    std::optional<Batch> batch_;
  };

  /// The rest of the epoch under way, or a whole one when none is.
  Iterator begin() {
    order_ = order_of(state_);
    ahead_.reset();
    if (options_.prefetch > 0) {
      ahead_ = std::make_unique<detail::Prefetcher<Batch>>(options_.prefetch, state_.batch, size(),
                                                           maker());
    }
    return Iterator(this);
  }
  std::default_sentinel_t end() const { return {}; }

 private:
  using Order = std::shared_ptr<const std::vector<std::int64_t>>;

  // Makes the batches of an epoch. A value: the background thread has its own, whatever becomes of
  // the loader's.
  struct Maker {
    const Source* data;
    Order order;
    std::uint64_t epoch;
    std::size_t batch_size;

    Batch operator()(std::size_t i) const {
      const std::size_t first = i * batch_size;
      const std::size_t count = std::min(batch_size, order->size() - first);
      return data->get_in_epoch(std::span(*order).subspan(first, count), epoch);
    }
  };
  Maker maker() const { return {&data_, order_, state_.epoch, options_.batch_size}; }

  Order order_of(const LoaderState& at) const {
    return std::make_shared<const std::vector<std::int64_t>>(
        options_.sampler(data_.size(), {at.seed, at.epoch}));
  }

  std::size_t batches(std::size_t samples) const {
    const std::size_t size = options_.batch_size, full = samples / size;
    return options_.drop_last || samples % size == 0 ? full : full + 1;
  }

  // The next batch of this epoch; none at its end, where the next epoch is prepared.
  std::optional<Batch> next() {
    if (state_.batch >= size()) {
      ahead_.reset();
      ++state_.epoch;
      state_.batch = 0;
      return std::nullopt;
    }
    std::optional<Batch> b = ahead_ ? ahead_->next() : maker()(state_.batch);
    ++state_.batch;
    return b;
  }

  const Source& data_;
  LoaderOptions options_;
  LoaderState state_;
  Order order_;  // of the epoch last begun; none before
  std::unique_ptr<detail::Prefetcher<Batch>> ahead_;
};

}  // namespace xgrad
