#include "xgrad/data/fitted_on.hpp"

#include <algorithm>
#include <bit>
#include <limits>

#include "xgrad/data/draws.hpp"

namespace xgrad {
namespace {

// Of the values, so that float and double have the same where their numbers are the same.
template <class T>
std::uint64_t hash_of(const T* x, std::size_t n) {
  std::uint64_t h = n;
  for (std::size_t i = 0; i < n; ++i) {
    const double value = x[i] == T(0) ? 0.0 : static_cast<double>(x[i]);
    h = detail::mixed(h + 0x9e3779b97f4a7c15U + std::bit_cast<std::uint64_t>(value));
  }
  return h;
}

template <class T>
std::vector<std::uint64_t> hashes_of(const Array<T>& x) {
  const std::size_t n = x.shape(0), row = n == 0 ? 0 : x.size() / n;
  std::vector<std::uint64_t> r(n);
  for (std::size_t i = 0; i < n; ++i) r[i] = hash_of(x.data() + i * row, row);
  return r;
}

}  // namespace

template <class T>
FittedOn FittedOn::of(const Array<T>& x, std::string name) {
  const Shape shape(x.shape());
  FittedOn r{std::move(name), shape[0], shape.without(0), hashes_of(x)};
  std::sort(r.hashes.begin(), r.hashes.end());
  r.hashes.erase(std::unique(r.hashes.begin(), r.hashes.end()), r.hashes.end());
  if (r.hashes.size() > kHashes) r.hashes.resize(kHashes);
  return r;
}

template <class T>
double FittedOn::share_of(const Array<T>& x) const {
  std::size_t comparable = 0, common = 0;
  for (const std::uint64_t h : hashes_of(x)) {
    if (hashes.size() == kHashes && h > hashes.back()) continue;
    ++comparable;
    if (std::binary_search(hashes.begin(), hashes.end(), h)) ++common;
  }
  if (comparable == 0) return std::numeric_limits<double>::quiet_NaN();
  return static_cast<double>(common) / static_cast<double>(comparable);
}

template FittedOn FittedOn::of(const Array<float>&, std::string);
template FittedOn FittedOn::of(const Array<double>&, std::string);
template double FittedOn::share_of(const Array<float>&) const;
template double FittedOn::share_of(const Array<double>&) const;

}  // namespace xgrad
