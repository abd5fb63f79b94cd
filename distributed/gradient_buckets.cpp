#include "xgrad/distributed/gradient_buckets.hpp"

#include <algorithm>
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
  for (Bucket& b : buckets_) b.sum->clear();
}

template <class T>
void GradientBuckets<T>::begin_shard(bool last) {
  last_ = last;
  for (Bucket& b : buckets_) {
    b.missing = b.parameters;
    std::fill_n(b.sum->next(), b.size, T(0));
  }
}

template <class T>
void GradientBuckets<T>::arrived(std::size_t i, const Tensor<T>& g) {
  Entry& e = entries_[i];
  ++e.used;
  Bucket& bucket = buckets_[e.bucket];
  std::copy_n(g.data(), g.size(), bucket.sum->next() + e.offset);
  --bucket.missing;
  if (last_) start_ready();
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
  if (!last_) {
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
void GradientBuckets<T>::put(const std::vector<bool>& used) {
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    Tensor<T>& t = entries_[i].parameter.tensor;
    t.zero_grad();
    if (!used[i]) continue;
    Array<T> g(t.value().shape());
    std::copy_n(buckets_[entries_[i].bucket].sum->wait() + entries_[i].offset, g.size(), g.data());
    t.set_gradient(Tensor<T>(std::move(g)));
  }
}

template class GradientBuckets<float>;
template class GradientBuckets<double>;

}  // namespace xgrad::detail
