#include "xgrad/ops/padding.hpp"

#include <array>
#include <cstdint>

#include "xgrad/base/errors.hpp"
#include "xgrad/ops/indexing.hpp"

namespace xgrad {
namespace {

constexpr std::array kModes = {PaddingMode::zeros, PaddingMode::reflect, PaddingMode::replicate,
                               PaddingMode::circular};

// Which of n numbers stands at place i, counted from the first one.
std::int64_t source(PaddingMode mode, std::int64_t i, std::int64_t n) {
  if (mode == PaddingMode::replicate) return i < 0 ? 0 : i < n ? i : n - 1;
  if (mode == PaddingMode::circular) return (i + n) % n;
  return i < 0 ? -i : i < n ? i : 2 * (n - 1) - i;
}

void check_margin(PaddingMode mode, const Padding& p, const Shape& x, std::size_t axis) {
  const std::size_t n = x[axis], widest = p.before > p.after ? p.before : p.after;
  if (widest == 0) return;
  const std::size_t most = mode == PaddingMode::reflect    ? (n == 0 ? 0 : n - 1)
                           : mode == PaddingMode::circular ? n
                           : n == 0                        ? 0
                                                           : widest;
  detail::require(widest <= most, "pad", "the margin is wider than ", to_string(mode),
                  " allows: ", widest, " on axis ", axis, ", x ", x);
}

}  // namespace

const char* to_string(PaddingMode mode) {
  constexpr std::array kNames = {"zeros", "reflect", "replicate", "circular"};
  return kNames[static_cast<std::size_t>(mode)];
}

PaddingMode detail::padding_mode(std::string_view word) {
  for (const PaddingMode mode : kModes) {
    if (word == to_string(mode)) return mode;
  }
  detail::fail("padding_mode",
               "none of zeros, reflect, replicate, circular: ", detail::quote(word));
}

template <class T>
Tensor<T> pad(const Tensor<T>& x, const std::vector<Padding>& paddings, PaddingMode mode) {
  if (mode == PaddingMode::zeros) return pad(x, paddings);
  const Shape whole = detail::padded_shape(x.shape(), paddings, sizeof(T));
  for (std::size_t a = 0; a < x.rank(); ++a) check_margin(mode, paddings[a], x.shape(), a);
  Tensor<T> y = x;
  for (std::size_t a = 0; a < x.rank(); ++a) {
    if (whole[a] == x.shape()[a]) continue;
    const auto n = static_cast<std::int64_t>(x.shape()[a]),
               before = static_cast<std::int64_t>(paddings[a].before);
    std::vector<std::int64_t> at(whole[a]);
    for (std::size_t i = 0; i < at.size(); ++i)
      at[i] = source(mode, static_cast<std::int64_t>(i) - before, n);
    y = index_select(y, static_cast<std::ptrdiff_t>(a), indices(at));
  }
  return y;
}

template Tensor<float> pad(const Tensor<float>&, const std::vector<Padding>&, PaddingMode);
template Tensor<double> pad(const Tensor<double>&, const std::vector<Padding>&, PaddingMode);

}  // namespace xgrad
