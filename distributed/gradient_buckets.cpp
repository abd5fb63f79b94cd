#include "xgrad/distributed/gradient_buckets.hpp"

#include <algorithm>
#include <functional>
#include <stdexcept>
#include <utility>

#include "xgrad/base/errors.hpp"

namespace xgrad::detail {

template <class T>
GradientBuckets<T>::GradientBuckets(TwoPhases comms, std::size_t shards, NamedTensors<T> parameters,
                                    std::size_t bucket_bytes) {
  std::reverse(parameters.begin(), parameters.end());
  for (auto& p : parameters) {
    if (p.tensor.requires_grad()) {
      add(std::move(p), std::max<std::size_t>(bucket_bytes / sizeof(T), 1));
    } else {
      frozen_.push_back(std::move(p));
    }
  }
  for (Bucket& b : buckets_) b.sum = std::make_unique<TreeSum<T>>(comms, shards, b.size);
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    entries_[i].hook = entries_[i].parameter.tensor.register_hook([this, i](const Tensor<T>& g) {
      if (listening_) arrived(i, g);
      return Tensor<T>();
    });
  }
}

template <class T>
GradientBuckets<T>::~GradientBuckets() {
  for (Entry& e : entries_) e.parameter.tensor.remove_hook(e.hook);
}

template <class T>
void GradientBuckets<T>::add(NamedTensor<T> parameter, std::size_t most) {
  const std::size_t n = parameter.tensor.size();
  if (buckets_.empty() || (buckets_.back().size > 0 && buckets_.back().size + n > most))
    buckets_.emplace_back();
  Bucket& bucket = buckets_.back();
  entries_.push_back({std::move(parameter), buckets_.size() - 1, bucket.size});
  bucket.size += n;
  ++bucket.parameters;
}

template <class T>
void GradientBuckets<T>::check_frozen() const {
  for (const auto& p : frozen_) {
    require<std::logic_error>(!p.tensor.requires_grad(), "DataParallel", p.name,
                              " was frozen and is not now: make another DataParallel");
  }
}

template <class T>
void GradientBuckets<T>::clear() {
  started_ = 0;
  for (Entry& e : entries_) e.used = 0;
  kept_.clear();
  for (Bucket& b : buckets_) b.sum->clear();
}

// Zeros at first.
template <class T>
std::vector<std::vector<T>>& GradientBuckets<T>::kept(std::size_t shard) {
  if (kept_.size() <= shard) kept_.resize(shard + 1);
  if (kept_[shard].empty()) {
    for (const Bucket& b : buckets_) kept_[shard].emplace_back(b.size);
  }
  return kept_[shard];
}

template <class T>
void GradientBuckets<T>::begin_shard(std::size_t shard, Use use) {
  use_ = use;
  shard_ = shard;
  adds_ = use == Use::keep || shard < kept_.size();
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    Bucket& b = buckets_[i];
    b.missing = b.parameters;
    if (use != Use::keep && adds_) std::copy_n(kept(shard)[i].data(), b.size, b.sum->next());
  }
  for (Entry& e : entries_) e.arrived = false;
}

template <class T>
void GradientBuckets<T>::arrived(std::size_t i, const Tensor<T>& g) {
  Entry& e = entries_[i];
  ++e.used;
  e.arrived = true;
  Bucket& bucket = buckets_[e.bucket];
  T* const to = (use_ == Use::keep ? kept(shard_)[e.bucket].data() : bucket.sum->next()) + e.offset;
  if (adds_) {
    std::transform(g.data(), g.data() + g.size(), to, to, std::plus<T>());
  } else {
    std::copy_n(g.data(), g.size(), to);
  }
  --bucket.missing;
  if (use_ == Use::send_last) start_ready();
}

// Buckets leave in their order, which is the same on all ranks; so do their second phases.
template <class T>
void GradientBuckets<T>::start_ready() {
  for (; started_ < buckets_.size() && buckets_[started_].missing == 0; ++started_) {
    buckets_[started_].sum->add();
    buckets_[started_].sum->start();
  }
  bool may_collect = true;
  for (std::size_t i = 0; i < started_; ++i) {
    buckets_[i].sum->poll(may_collect);
    may_collect = may_collect && buckets_[i].sum->is_collecting();
  }
}

template <class T>
void GradientBuckets<T>::end_shard() {
  if (use_ == Use::keep) return;
  for (const Entry& e : entries_) {
    Bucket& b = buckets_[e.bucket];
    if (!adds_ && !e.arrived)
      std::fill_n(b.sum->next() + e.offset, e.parameter.tensor.size(), T(0));
  }
  if (use_ == Use::send) {
    for (Bucket& b : buckets_) b.sum->add();
    return;
  }
  for (Bucket& b : buckets_) b.missing = 0;
  start_ready();
}

template <class T>
void GradientBuckets<T>::wait() {
  for (Bucket& b : buckets_) b.sum->wait();
}

template <class T>
std::vector<std::uint64_t> GradientBuckets<T>::uses() const {
  std::vector<std::uint64_t> r;
  for (const Entry& e : entries_) r.push_back(e.used);
  return r;
}

template <class T>
void GradientBuckets<T>::put(const std::vector<bool>& used, T factor) {
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    Tensor<T>& t = entries_[i].parameter.tensor;
    t.zero_grad();
    if (!used[i]) continue;
    Array<T> g(t.value().shape());
    const T* const sum = buckets_[entries_[i].bucket].sum->wait() + entries_[i].offset;
    std::transform(sum, sum + g.size(), g.data(), [factor](T v) { return v * factor; });
    t.set_gradient(Tensor<T>(std::move(g)));
  }
}

template class GradientBuckets<float>;
template class GradientBuckets<double>;

}  // namespace xgrad::detail
