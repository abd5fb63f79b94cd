#pragma once

// What the kernels for many small matrices share. For kernel sources only.

#include <algorithm>
#include <type_traits>

#include "xgrad/kernels/lanes.hpp"
#include "xgrad/kernels/small_matrices.hpp"

namespace xgrad::kernels {

/// Room for a matrix in each lane.
template <class P>
using MatrixInLanes = RoomForLanes<P, kSmallMatrix * kSmallMatrix>;

/// group(first matrix, lanes, n) for groups of matrices; n is known to the compiler where it often
/// is that.
template <class P, class Group>
[[gnu::always_inline]] inline void over_groups(std::size_t count, std::size_t n,
                                               const Group& group) {
  const auto run = [&](auto order) __attribute__((always_inline)) {
    for (std::size_t first = 0; first < count; first += P::size)
      group(first, std::min(P::size, count - first), order);
  };
  if (n == 4) return run(std::integral_constant<std::size_t, 4>());
  if (n == 8) return run(std::integral_constant<std::size_t, 8>());
  run(n);
}

/// What went wrong in each lane.
template <class P>
class Failures {
 public:
  using T = typename P::value_type;

  [[gnu::always_inline]] void look_at(P x) { zero_ = zero_ + x * P(0); }
  [[gnu::always_inline]] void fail_where(typename P::Mask failed, std::size_t info) {
    info_ = where(failed && info_ == P(0), P(info), info_);
  }
  void tell(std::size_t first, std::size_t lanes, SmallOutcome& outcome) const {
    const auto not_finite = !(zero_ == P(0));
    if (outcome.info != 0 || !any(not_finite || info_ != P(0))) return;
    T info[P::size];
    where(not_finite, P(-1), info_).store(info);
    for (std::size_t i = 0; i < lanes; ++i) {
      if (info[i] == T(0)) continue;
      outcome = {first + i, info[i] < T(0) ? kNotFinite : static_cast<std::size_t>(info[i])};
      return;
    }
  }

 private:
  P zero_ = P(0), info_ = P(0);
};

}  // namespace xgrad::kernels
