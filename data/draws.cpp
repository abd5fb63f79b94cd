#include "xgrad/data/draws.hpp"

#include <cmath>

namespace xgrad {

std::uint64_t detail::mixed(std::uint64_t h) {
  h = (h ^ (h >> 30U)) * 0xbf58476d1ce4e5b9U;
  h = (h ^ (h >> 27U)) * 0x94d049bb133111ebU;
  return h ^ (h >> 31U);
}

namespace {

std::uint64_t key(std::uint64_t seed, std::uint64_t epoch, std::uint64_t sample) {
  constexpr std::uint64_t kStep = 0x9e3779b97f4a7c15U;
  using detail::mixed;
  return mixed(mixed(mixed(seed + kStep) + epoch + kStep) + sample + kStep);
}

}  // namespace

Draws::Draws(std::uint64_t seed, std::uint64_t epoch, std::uint64_t sample)
    : next_{key(seed, epoch, sample), 0} {}

double Draws::uniform() {
  if (used_ == ready_.size()) {
    kernels::fill_uniform(ready_.data(), ready_.size(), 0.0, 1.0, next_);
    ++next_.draws;
    used_ = 0;
  }
  return ready_[used_++];
}

std::int64_t Draws::integer(std::int64_t low, std::int64_t high) {
  return low + static_cast<std::int64_t>(uniform() * static_cast<double>(high - low + 1));
}

template <class T>
void Draws::normal(T* x, std::size_t n, double deviation) {
  kernels::fill_normal(x, n, T(0), static_cast<T>(deviation), next_);
  ++next_.draws;
}

template void Draws::normal(float*, std::size_t, double);
template void Draws::normal(double*, std::size_t, double);

}  // namespace xgrad
