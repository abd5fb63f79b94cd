#include "xgrad/distributed/tree_sum.hpp"

#include <algorithm>
#include <atomic>
#include <thread>

#include "xgrad/distributed/calls.hpp"

namespace xgrad::detail {

namespace {

constexpr int kLooks = 1000;  // before the core is given away

}  // namespace

template <class T>
TreeSum<T>::TreeSum(TwoPhases comms, std::size_t shards, std::size_t n, SharedNodes<T> shared)
    : comms_(comms), shards_(shards), n_(n), shared_(std::move(shared)) {
  int rank = 0, ranks = 1;
  check_mpi(MPI_Comm_rank(comms.exchange, &rank), "MPI_Comm_rank");
  check_mpi(MPI_Comm_size(comms.exchange, &ranks), "MPI_Comm_size");
  rank_ = static_cast<std::size_t>(rank);
  ranks_ = static_cast<std::size_t>(ranks);
  own_ = part_of(shards_, ranks_, rank_);
  for (std::size_t r = 0; r < shared_.nodes.size(); ++r) {
    T* at = shared_.nodes[r];
    for (const ShardRange node : nodes_within(shards_, part_of(shards_, ranks_, r))) {
      there_.emplace_back(node, at);
      at += n_;
    }
  }
}

template <class T>
T* TreeSum<T>::node(std::size_t i) {
  if (!shared_.nodes.empty()) return shared_.nodes[rank_] + i * n_;
  while (stack_.size() <= i) stack_.emplace_back(n_);
  return stack_[i].data();
}

template <class T>
std::size_t TreeSum<T>::sums() const {
  return sums_complete_at(shards_, own_, own_.first + added_);
}

template <class T>
void TreeSum<T>::note_added() {
  depth_ += 1 - sums();
  ++added_;
}

template <class T>
void TreeSum<T>::add() {
  for (std::size_t k = 1; k <= sums(); ++k) {
    T* const left = node(depth_ - k);
    const T* const right = node(depth_ - k + 1);
    for (std::size_t i = 0; i < n_; ++i) left[i] += right[i];
  }
  note_added();
}

template <class T>
void TreeSum<T>::start() {
  started_ = true;
  if (!shared_.nodes.empty()) {
    std::atomic_ref<std::uint64_t>(*shared_.begun[rank_])
        .store(++begun_, std::memory_order_release);
  } else if (ranks_ > 1) {
    exchange();
  }
}

template <class T>
void TreeSum<T>::exchange() {
  sent_counts_.clear();
  counts_.clear();
  const bool packs = depth_ > 1;  // otherwise stretches lie one after another already
  if (packs) sent_.resize(depth_ * n_);
  T* to = sent_.data();
  for (std::size_t q = 0; q < ranks_; ++q) {
    const ShardRange s = segment(q);
    for (std::size_t d = 0; packs && d < depth_; ++d)
      to = std::copy_n(stack_[d].data() + s.first, s.size(), to);
    sent_counts_.push_back(mpi_count(depth_ * s.size()));
    const auto nodes = nodes_within(shards_, part_of(shards_, ranks_, q));
    counts_.push_back(mpi_count(nodes.size() * segment(rank_).size()));
  }
  sent_offsets_ = offsets_of(sent_counts_);
  offsets_ = offsets_of(counts_);
  received_.resize(static_cast<std::size_t>(offsets_.back() + counts_.back()));
  const T* const from = packs ? sent_.data() : stack_[0].data();
  check_mpi(MPI_Ialltoallv(from, sent_counts_.data(), sent_offsets_.data(), mpi_type<T>(),
                           received_.data(), counts_.data(), offsets_.data(), mpi_type<T>(),
                           comms_.exchange, &request_),
            "MPI_Ialltoallv");
}

// Of this rank's stretch; the left part of a node is overwritten.
template <class T>
T* TreeSum<T>::sum_of(ShardRange node) {
  for (const auto& [there, numbers] : there_) {
    if (there == node) return numbers;
  }
  const std::size_t middle = middle_of(node), n = segment(rank_).size();
  T* const left = sum_of({node.first, middle});
  const T* const right = sum_of({middle, node.last});
  for (std::size_t i = 0; i < n; ++i) left[i] += right[i];
  return left;
}

template <class T>
void TreeSum<T>::collect() {
  const std::size_t n = segment(rank_).size();
  there_.clear();
  T* at = received_.data();
  for (std::size_t r = 0; r < ranks_; ++r) {
    for (const ShardRange node : nodes_within(shards_, part_of(shards_, ranks_, r))) {
      there_.emplace_back(node, at);
      at += n;
    }
  }
  const T* const sum = sum_of({0, shards_});
  counts_.clear();
  for (std::size_t q = 0; q < ranks_; ++q) counts_.push_back(mpi_count(segment(q).size()));
  offsets_ = offsets_of(counts_);
  total_.resize(n_);
  check_mpi(MPI_Iallgatherv(sum, mpi_count(n), mpi_type<T>(), total_.data(), counts_.data(),
                            offsets_.data(), mpi_type<T>(), comms_.collect, &request_),
            "MPI_Iallgatherv");
  collecting_ = true;
}

template <class T>
bool TreeSum<T>::poll() {
  if (!started_ || collecting_) return collecting_;
  if (!shared_.nodes.empty()) {
    return collecting_ = std::all_of(shared_.begun.begin(), shared_.begun.end(), [&](auto* begun) {
             return std::atomic_ref<std::uint64_t>(*begun).load(std::memory_order_acquire) >=
                    begun_;
           });
  }
  if (ranks_ == 1) return collecting_ = true;
  int done = 0;
  check_mpi(MPI_Test(&request_, &done, MPI_STATUS_IGNORE), "MPI_Test");
  if (done != 0) collect();
  return collecting_;
}

template <class T>
void TreeSum<T>::wait() {
  for (int looks = 0; !shared_.nodes.empty() && !poll(); ++looks) {
    if (looks > kLooks) std::this_thread::yield();
  }
  if (ranks_ == 1 || !shared_.nodes.empty()) return;
  for (int phase = collecting_ ? 1 : 0; phase < 2; ++phase) {
    check_mpi(MPI_Wait(&request_, MPI_STATUS_IGNORE), "MPI_Wait");
    if (phase == 0) collect();
  }
}

// Of a few numbers, from where they lie or in `to`.
template <class T>
const T* TreeSum<T>::sum_there(ShardRange node, std::size_t first, std::size_t count, T* to) const {
  for (const auto& [there, numbers] : there_) {
    if (there == node) return numbers + first;
  }
  const std::size_t middle = middle_of(node);
  T other[kSumBlock];
  const T* const left = sum_there({node.first, middle}, first, count, to);
  const T* const right = sum_there({middle, node.last}, first, count, other);
  add_block(left, right, to, count);
  return to;
}

template <class T>
void TreeSum<T>::read(std::size_t first, std::size_t count, T* to) const {
  if (shared_.nodes.empty()) {
    std::copy_n((ranks_ == 1 ? stack_.front() : total_).data() + first, count, to);
    return;
  }
  for (std::size_t i = 0; i < count; i += kSumBlock) {
    const std::size_t size = std::min(kSumBlock, count - i);
    const T* const sum = sum_there({0, shards_}, first + i, size, to + i);
    if (sum != to + i) std::copy_n(sum, size, to + i);
  }
}

template <class T>
void TreeSum<T>::clear() {
  added_ = depth_ = 0;
  started_ = collecting_ = false;
}

template class TreeSum<float>;
template class TreeSum<double>;

}  // namespace xgrad::detail
