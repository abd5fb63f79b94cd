#include "xgrad/distributed/gradient_buckets.hpp"

#include <algorithm>
#include <functional>
#include <stdexcept>
#include <utility>

#include "xgrad/base/errors.hpp"
#include "xgrad/distributed/calls.hpp"

namespace xgrad::detail {
namespace {

// ... + (x[2] + (x[1] + x[0])), n numbers each; null: zeros. `to` may be the last one.
template <class T>
void add_up(const std::vector<const T*>& x, std::size_t n, T* to) {
  static const T zeros[kSumBlock] = {};
  T block[kSumBlock];
  for (std::size_t first = 0; first < n; first += kSumBlock) {
    const std::size_t size = std::min(kSumBlock, n - first);
    const auto part = [&](const T* p) { return p == nullptr ? zeros : p + first; };
    const T* sum = part(x[0]);
    if (x.size() == 1) std::copy_n(sum, size, to + first);
    for (std::size_t j = 1; j < x.size(); ++j) {
      T* const next = j + 1 == x.size() ? to + first : block;
      add_block(part(x[j]), sum, next, size);
      sum = next;
    }
  }
}

}  // namespace

template <class T>
GradientBuckets<T>::GradientBuckets(TwoPhases comms, std::size_t shards, NamedTensors<T> parameters,
                                    std::size_t bucket_bytes, bool shares) {
  std::reverse(parameters.begin(), parameters.end());
  for (auto& p : parameters) {
    if (p.tensor.requires_grad()) {
      add(std::move(p), std::max<std::size_t>(bucket_bytes / sizeof(T), 1));
    } else {
      frozen_.push_back(std::move(p));
    }
  }
  make_sums(comms, shards, shares);
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    entries_[i].hook = entries_[i].parameter.tensor.register_hook([this, i](const Tensor<T>& g) {
      if (listening_) arrived(i, g);
      return Tensor<T>();
    });
  }
}

// Each rank's part of the shared memory: a line of the cache for each bucket, in which the rank says how far it
// is, and the buckets' nodes.
template <class T>
void GradientBuckets<T>::make_sums(TwoPhases comms, std::size_t shards, bool shares) {
  constexpr std::size_t kLine = 64, kPage = 4096;
  int n = 1;
  check_mpi(MPI_Comm_size(comms.exchange, &n), "MPI_Comm_size");
  const auto ranks = static_cast<std::size_t>(n);
  const auto bytes_of = [&](const Bucket& b) {
    return (most_nodes(shards, ranks) * b.size * sizeof(T) + kLine - 1) / kLine * kLine;
  };
  std::size_t own = buckets_.size() * kLine;
  for (const Bucket& b : buckets_) own += bytes_of(b);
  own = (own + kPage - 1) / kPage * kPage;
  if (shares && ranks > 1) shared_ = SharedMemory(comms.exchange, ranks * own);
  std::size_t at = buckets_.size() * kLine;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    SharedNodes<T> nodes;
    for (std::size_t r = 0; shared_.data() != nullptr && r < ranks; ++r) {
      std::byte* const of_rank = shared_.data() + r * own;
      nodes.nodes.push_back(reinterpret_cast<T*>(of_rank + at));
      nodes.begun.push_back(reinterpret_cast<std::uint64_t*>(of_rank + i * kLine));
    }
    at += bytes_of(buckets_[i]);
    buckets_[i].sum = std::make_unique<TreeSum<T>>(comms, shards, buckets_[i].size, nodes);
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
  started_ = collecting_ = read_ = 0;
  for (Entry& e : entries_) e.used = 0, e.held.clear(), e.sum = Tensor<T>();
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
  for (Bucket& b : buckets_) b.missing = b.parameters;
  for (Entry& e : entries_) e.arrived = e.taken = false;
}

template <class T>
void GradientBuckets<T>::arrived(std::size_t i, const Tensor<T>& g) {
  Entry& e = entries_[i];
  ++e.used;
  e.arrived = true;
  if (use_ == Use::keep) {
    T* const to = kept(shard_)[e.bucket].data() + e.offset;
    std::transform(g.data(), g.data() + g.size(), to, to, std::plus<T>());
  } else if (!may_hold(e)) {
    e.taken = true;
    take_in(e, g.data());
  }
  --buckets_[e.bucket].missing;
  if (use_ == Use::send_last) start_ready();
}

// Nothing is added to it yet.
template <class T>
bool GradientBuckets<T>::is_first(const Entry& e) const {
  return use_ == Use::send && !adds_ && buckets_[e.bucket].sum->sums() == 0;
}

// And it is all that the leaf has, and nobody changes it: hooks of others that come after ours would. Asked as it
// arrives; a hook may be gone afterwards.
template <class T>
bool GradientBuckets<T>::may_hold(const Entry& e) const {
  return is_first(e) && !e.parameter.tensor.has_grad() &&
         e.parameter.tensor.node()->hooks->entries.back().id == e.hook;
}

template <class T>
void GradientBuckets<T>::hold(Entry& e) {
  const std::size_t node = buckets_[e.bucket].sum->depth();
  e.held.resize(std::max(e.held.size(), node + 1));
  e.held[node] = e.arrived ? e.parameter.tensor.gradient() : Tensor<T>();
}

template <class T>
const T* GradientBuckets<T>::numbers(const Entry& e, std::size_t node) const {
  if (node >= e.held.size() || !e.held[node]) return buckets_[e.bucket].sum->node(node) + e.offset;
  return e.held[node]->defined() ? e.held[node]->data() : nullptr;
}

// A shard's gradient (null: zeros) into the sums that it completes.
template <class T>
void GradientBuckets<T>::take_in(Entry& e, const T* g) {
  TreeSum<T>& sum = *buckets_[e.bucket].sum;
  const std::size_t n = e.parameter.tensor.size(), depth = sum.depth(), to = depth - sum.sums();
  std::vector<const T*> addends;
  if (g != nullptr || !adds_) addends.push_back(g);
  if (adds_) addends.push_back(kept(shard_)[e.bucket].data() + e.offset);
  for (std::size_t node = depth; node-- > to;) addends.push_back(numbers(e, node));
  add_up(addends, n, sum.node(to) + e.offset);
  e.held.resize(std::min(e.held.size(), to));
  // What is sent is in the sum's memory.
  for (std::size_t node = 0; use_ == Use::send_last && node < e.held.size(); ++node) {
    if (e.held[node]) add_up({numbers(e, node)}, n, sum.node(node) + e.offset);
  }
}

// Buckets leave in their order, which is the same on all ranks; so do their second phases.
template <class T>
void GradientBuckets<T>::start_ready() {
  for (; started_ < buckets_.size() && buckets_[started_].missing == 0; ++started_) {
    buckets_[started_].sum->note_added();
    buckets_[started_].sum->start();
  }
  // One look at the first that waits for its first phase: MPI goes on with all of them then, and may give
  // the core away each time.
  const std::size_t before = collecting_;
  while (collecting_ < started_ && buckets_[collecting_].sum->poll()) ++collecting_;
  if (shared_.data() != nullptr) {  // while this rank's numbers are in its cache
    while (read_ < collecting_) read_sums(read_++);
  }
  if (collecting_ == before && collecting_ == started_ && started_ > 0)
    buckets_[started_ - 1].sum->poll();
}

template <class T>
void GradientBuckets<T>::end_shard() {
  if (use_ == Use::keep) return;
  for (Entry& e : entries_) {
    if (e.taken) continue;
    e.arrived || is_first(e) ? hold(e) : take_in(e, nullptr);
  }
  if (use_ == Use::send) {
    for (Bucket& b : buckets_) b.sum->note_added();
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
void GradientBuckets<T>::read_sums(std::size_t bucket) {
  for (Entry& e : entries_) {
    if (e.bucket != bucket) continue;
    e.sum = Tensor<T>::uninitialized(e.parameter.tensor.shape());
    buckets_[bucket].sum->read(e.offset, e.sum.size(), e.sum.mutable_data());
  }
}

template <class T>
std::vector<std::uint64_t> GradientBuckets<T>::uses() const {
  std::vector<std::uint64_t> r;
  for (const Entry& e : entries_) r.push_back(e.used);
  return r;
}

template <class T>
void GradientBuckets<T>::put(const std::vector<bool>& used, T factor) {
  while (read_ < buckets_.size()) read_sums(read_++);
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    Tensor<T>& t = entries_[i].parameter.tensor;
    t.zero_grad();
    Tensor<T> g = std::move(entries_[i].sum);
    if (!used[i]) continue;
    if (factor != T(1)) {
      T* const numbers = g.mutable_data();
      std::transform(numbers, numbers + g.size(), numbers, [factor](T v) { return v * factor; });
    }
    t.set_gradient(std::move(g));
  }
}

template class GradientBuckets<float>;
template class GradientBuckets<double>;

}  // namespace xgrad::detail
