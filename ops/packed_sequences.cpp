#include "xgrad/ops/packed_sequences.hpp"

#include <algorithm>
#include <numeric>

#include "xgrad/base/errors.hpp"
#include "xgrad/ops/creation.hpp"
#include "xgrad/ops/indexing.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/ops/slicing.hpp"

namespace xgrad::detail {
namespace {

using Sizes = std::vector<std::size_t>;

Sizes checked(const char* operation, std::size_t steps, std::size_t n, const Sizes& lengths) {
  if (lengths.empty()) return Sizes(n, steps);
  require(lengths.size() == n, operation, "lengths has ", lengths.size(), " numbers for ", n,
          " sequences");
  for (const std::size_t length : lengths) {
    require(length > 0 && length <= steps, operation, "a length is not in [1, ", steps,
            "]: ", length);
  }
  return lengths;
}

Sizes falling_order(const Sizes& lengths) {
  Sizes order(lengths.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return lengths[a] > lengths[b]; });
  return order;
}

Sizes inverse(const Sizes& order) {
  Sizes rank(order.size());
  for (std::size_t j = 0; j < order.size(); ++j) rank[order[j]] = j;
  return rank;
}

Sizes at(const Sizes& values, const Sizes& order) {
  Sizes all;
  for (const std::size_t j : order) all.push_back(values[j]);
  return all;
}

}  // namespace

Steps::Steps(std::size_t count, std::size_t sequences)
    : rows(count, sequences), n(sequences), total(count * sequences) {
  for (std::size_t t = 0; t < count; ++t) begin.push_back(t * sequences);
}

Steps::Steps(const Sizes& lengths) : n(lengths.size()) {
  for (std::size_t t = 0, r = n; r > 0; ++t) {
    while (r > 0 && lengths[r - 1] <= t) --r;
    if (r == 0) break;
    rows.push_back(r);
    begin.push_back(total);
    total += r;
  }
}

std::size_t Steps::last(std::size_t j) const {
  std::size_t t = 0;
  while (rows_at(t + 1) > j) ++t;
  return begin[t] + j;
}

Packing::Packing(const char* operation, std::size_t steps, std::size_t n,
                 const SequenceOptions& options)
    : plain_((options.lengths.empty() && !options.reverse) || n == 0),
      count_(steps),
      lengths_(checked(operation, steps, n, options.lengths)),
      reverse_(options.reverse),
      steps_(steps, n) {
  if (plain_) return;
  order_ = falling_order(lengths_);
  rank_ = inverse(order_);
  steps_ = Steps(at(lengths_, order_));
}

template <class T>
Tensor<T> Packing::pack(const Tensor<T>& x) const {
  const std::size_t n = steps_.n;
  const Tensor<T> rows = reshape(x, Shape{count_ * n, x.shape()[2]});
  if (plain_) return rows;
  Sizes from;
  for (std::size_t t = 0; t < steps_.count(); ++t) {
    for (std::size_t j = 0; j < steps_.rows[t]; ++j) {
      const std::size_t i = order_[j];
      from.push_back((reverse_ ? lengths_[i] - 1 - t : t) * n + i);
    }
  }
  return index_select(rows, 0, indices(from));
}

template <class T>
Tensor<T> Packing::unpack(const Tensor<T>& y) const {
  const std::size_t d = y.shape()[1], n = steps_.n;
  if (plain_) return reshape(y, Shape{count_, n, d});
  Sizes from;
  for (std::size_t t = 0; t < count_; ++t) {
    for (std::size_t i = 0; i < n; ++i) {
      const bool there = t < lengths_[i];
      const std::size_t step = reverse_ && there ? lengths_[i] - 1 - t : t;
      from.push_back(there ? steps_.begin[step] + rank_[i] : steps_.total);
    }
  }
  const bool full = steps_.total == count_ * n;
  const Tensor<T> rows = full ? y : concat({y, zeros<T>({1, d})}, 0);
  return reshape(index_select(rows, 0, indices(from)), Shape{count_, n, d});
}

template <class T>
Tensor<T> Packing::sorted(const Tensor<T>& state) const {
  return plain_ ? state : index_select(state, 0, indices(order_));
}
template <class T>
Tensor<T> Packing::unsorted(const Tensor<T>& state) const {
  return plain_ ? state : index_select(state, 0, indices(rank_));
}

template <class T>
Tensor<T> Packing::last(const Tensor<T>& y) const {
  if (plain_) {
    const auto begin = static_cast<std::ptrdiff_t>((count_ - 1) * steps_.n),
               end = static_cast<std::ptrdiff_t>(count_ * steps_.n);
    return slice(y, 0, begin, end);
  }
  Sizes rows;
  for (const std::size_t j : rank_) rows.push_back(steps_.last(j));
  return index_select(y, 0, indices(rows));
}

template <class T>
Tensor<T> previous_rows(const Steps& steps, const T* h0, const T* y, std::size_t d) {
  Tensor<T> all = Tensor<T>::uninitialized({steps.total, d});
  T* to = all.node()->data;
  for (std::size_t t = 0; t < steps.count(); ++t) {
    to = std::copy_n(t == 0 ? h0 : y + steps.begin[t - 1] * d, steps.rows[t] * d, to);
  }
  return all;
}

#define XGRAD_INSTANTIATE(T)                                    \
  template Tensor<T> Packing::pack(const Tensor<T>&) const;     \
  template Tensor<T> Packing::unpack(const Tensor<T>&) const;   \
  template Tensor<T> Packing::sorted(const Tensor<T>&) const;   \
  template Tensor<T> Packing::unsorted(const Tensor<T>&) const; \
  template Tensor<T> Packing::last(const Tensor<T>&) const;     \
  template Tensor<T> previous_rows(const Steps&, const T*, const T*, std::size_t);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::detail
