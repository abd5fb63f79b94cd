#include "xgrad/autograd/recorded_pass.hpp"

#include <array>
#include <atomic>
#include <stdexcept>

#include "xgrad/base/errors.hpp"

namespace xgrad::detail {
namespace {

template <class T>
std::array<std::atomic<const Rule<T>*>, 8> rules{};

}  // namespace

template <class T>
void require_recorded_pass(const Rule<T>& rule) {
  for (auto& place : rules<T>) {
    const Rule<T>* found = nullptr;
    if (place.compare_exchange_strong(found, &rule) || found == &rule) return;
  }
  fail<std::logic_error>(rule.name, "no more rules can require a recorded pass");
}

template <class T>
bool any_recorded_passes() {
  return rules<T>[0].load(std::memory_order_acquire) != nullptr;
}

template <class T>
bool requires_recorded_pass(const Rule<T>* rule) {
  for (const auto& place : rules<T>) {
    const Rule<T>* const found = place.load(std::memory_order_acquire);
    if (found == rule || found == nullptr) return found != nullptr;
  }
  return false;
}

#define XGRAD_INSTANTIATE(T)                           \
  template void require_recorded_pass(const Rule<T>&); \
  template bool any_recorded_passes<T>();              \
  template bool requires_recorded_pass(const Rule<T>*);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::detail
