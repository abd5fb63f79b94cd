#pragma once

// What an attention is: sizes, numbers of pairs, and the composition of other operations that it stands for. Internal:
// ops/attention.cpp.

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <limits>
#include <vector>

#include "xgrad/autograd/broadcast.hpp"
#include "xgrad/autograd/tensor.hpp"
#include "xgrad/kernels/attention.hpp"
#include "xgrad/kernels/random.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/extrema.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/softmax.hpp"

namespace xgrad::detail::attention {

inline constexpr const char* kName = "scaled_dot_product_attention";

enum Input { kQuery, kKey, kValue, kFirstConstant };

struct Plan {
  kernels::AttentionSizes sizes;
  Shape groups;  // the leading axes
  double scale;
  bool causal;
  std::ptrdiff_t offset;
  double dropout;
  Generator::State draw;
  bool masked, biased;
};

template <class T>
struct Kept {
  Plan plan;
  Tensor<T> largest, over_sum;  // of each query
};

inline Shape with_last(const Shape& groups, std::size_t rows, std::size_t columns) {
  Shape s = groups;
  s.push_back(rows);
  s.push_back(columns);
  return s;
}

// --- The kernels ---

// Numbers (..., l, s) that broadcast to the pairs, and where those of each group begin.
template <class T>
class Pairs {
 public:
  Pairs(const Tensor<T>& t, const Plan& plan) {
    if (!t.defined()) return;
    tensor_ = t;
    const std::size_t rank = t.rank(), leading = plan.groups.rank();
    const auto size = [&](std::size_t from_the_end) {
      return from_the_end <= rank ? t.shape()[rank - from_the_end] : 1;
    };
    numbers_.key = size(1) == 1 ? 0 : 1;
    numbers_.query = size(2) == 1 ? 0 : size(1);
    begin_.assign(plan.sizes.groups, 0);
    std::size_t step = size(1) * size(2), repeat = 1;
    for (std::size_t a = 0; a < leading; ++a) {
      const std::size_t n = plan.groups[leading - 1 - a], own = size(a + 3);
      for (std::size_t g = 0; own != 1 && g < begin_.size(); ++g)
        begin_[g] += g / repeat % n * step;
      repeat *= n;
      step *= own;
    }
    numbers_.data = tensor_.data();
    numbers_.group = begin_.data();
  }
  const kernels::PairNumbers<T>& numbers() const { return numbers_; }

 private:
  Tensor<T> tensor_;
  std::vector<std::size_t> begin_;
  kernels::PairNumbers<T> numbers_;
};

template <class T>
bool all_finite(std::initializer_list<const Tensor<T>*> operands) {
  return std::all_of(operands.begin(), operands.end(),
                     [](const Tensor<T>* t) { return kernels::is_finite(t->data(), t->size()); });
}

template <class T>
kernels::Attention<T> arguments(const Plan& p, bool finite, const Pairs<T>& mask,
                                const Pairs<T>& bias) {
  return {p.sizes,        static_cast<T>(p.scale), p.causal,  finite, p.offset,
          mask.numbers(), bias.numbers(),          p.dropout, p.draw};
}

// --- The composition ---

template <class T>
Tensor<T> visible(const Plan& p, const Tensor<T>& mask, const Tensor<T>& scores) {
  constexpr T kNothing = -std::numeric_limits<T>::infinity();
  Tensor<T> seen = !(scores.detach() == Tensor<T>(kNothing));
  if (mask.defined()) seen = logical_and(seen, mask.detach());
  if (!p.causal) return seen;
  const Tensor<T> before = Tensor<T>::filled({p.sizes.queries, p.sizes.keys}, 0);
  for (std::size_t i = 0; i < p.sizes.queries; ++i) {
    for (std::size_t j = 0; j < p.sizes.keys; ++j) {
      const auto ahead = static_cast<std::ptrdiff_t>(j) - static_cast<std::ptrdiff_t>(i);
      before.node()->data[i * p.sizes.keys + j] = static_cast<T>(ahead <= p.offset);
    }
  }
  return logical_and(seen, before);
}

template <class T>
Tensor<T> composed(const Plan& p, const Tensor<T>& query, const Tensor<T>& key,
                   const Tensor<T>& value, const Tensor<T>& mask, const Tensor<T>& bias,
                   std::size_t first_group = 0) {
  constexpr T kNothing = -std::numeric_limits<T>::infinity();
  Tensor<T> scores = matmul(query * static_cast<T>(p.scale), key, {.transpose_b = true});
  if (bias.defined()) scores = scores + bias;
  const Tensor<T> seen = visible(p, mask, scores), any = max(seen, -1, {.keep_dims = true}),
                  hidden = where(any, kNothing, T(0));  // a query that sees nothing has y = 0
  const auto weigh = [&](const Tensor<T>& counts, const Tensor<T>& s) {
    return where(seen, softmax(where(counts, s, hidden), -1), T(0));
  };
  const Tensor<T> counts = logical_and(seen, !(weigh(seen, scores.detach()) == T(0)));
  Tensor<T> weights = weigh(counts, scores);
  if (p.dropout > 0) {
    const Tensor<T> factors =
        Tensor<T>::uninitialized(with_last(p.groups, p.sizes.queries, p.sizes.keys));
    kernels::attention_dropout(p.sizes, p.dropout, p.draw, first_group, factors.node()->data);
    weights = weights * factors;
  }
  return matmul(weights, value);
}

}  // namespace xgrad::detail::attention
