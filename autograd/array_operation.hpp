#pragma once

// An operation and its gradients on plain arrays, for programs of small tensors that do without the tape:
// beside its rule, by the same kernels in the same order, so that the bits are the same. Internal: compile().
//
//   describe_arrays(
//       y, [view](const auto& a) { kernels::softmax(a.x[0], a.y, view); },
//       [view](const auto& a) { kernels::softmax_backward(a.y, a.gy, a.gx[0], view, a.adds(0)); });

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <variant>

namespace xgrad::detail {

constexpr std::size_t kMaxArrays = 8;  // operands

template <class T>
struct ForwardArrays {
  std::array<const T*, kMaxArrays> x;
  T* y;
  T* kept;
};

template <class T>
struct BackwardArrays {
  std::array<const T*, kMaxArrays> x;
  const T *y, *gy;
  T* kept;
  std::array<T*, kMaxArrays> gx;  // null: not wanted
  unsigned added = 0;             // those that have a part already

  bool adds(std::size_t i) const { return (added >> i & 1U) != 0; }
};

/// What an operation asks for.
struct ArrayNeeds {
  std::size_t kept = 0;        ///< room for numbers from there to back, and for those in between
  unsigned gradients = 1;      ///< operands that have one, as bits
  unsigned apart = 0;          ///< of these: computed anew, and added then
  bool may_need_tape = false;  ///< forward() may throw NeedsTape
};

template <class T>
struct ArrayOperation : ArrayNeeds {
  std::function<void(const ForwardArrays<T>&)> forward;
  std::function<void(const BackwardArrays<T>&)> backward;
};

/// By forward(), where numbers are such that the operation is another one: the program is run with the tape.
struct NeedsTape {};

using AnyArrayOperation = std::variant<std::monostate, std::shared_ptr<const ArrayOperation<float>>,
                                       std::shared_ptr<const ArrayOperation<double>>>;

/// Null: there is none of this type.
template <class T>
const ArrayOperation<T>* arrays_in(const AnyArrayOperation& a) {
  const auto* const p = std::get_if<std::shared_ptr<const ArrayOperation<T>>>(&a);
  return p != nullptr ? p->get() : nullptr;
}

/// The gradient where none was gathered yet: zeros to add to.
template <class T>
T* summed_into(const BackwardArrays<T>& a, std::size_t i, std::size_t elements) {
  if (!a.adds(i)) std::fill_n(a.gx[i], elements, T(0));
  return a.gx[i];
}

}  // namespace xgrad::detail
