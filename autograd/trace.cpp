#include "xgrad/autograd/trace.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#if defined(__SANITIZE_ADDRESS__)
#define XGRAD_ADDRESS_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define XGRAD_ADDRESS_SANITIZER
#endif
#endif
#ifdef XGRAD_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#endif

namespace xgrad::detail {

namespace {

// AddressSanitizer keeps local variables elsewhere, and knows which frame they belong to.
std::uintptr_t place_on_stack(const void* local) {
#ifdef XGRAD_ADDRESS_SANITIZER
  void *begin = nullptr, *end = nullptr;
  const void* const frame = __asan_addr_is_in_fake_stack(__asan_get_current_fake_stack(),
                                                         const_cast<void*>(local), &begin, &end);
  if (frame != nullptr) local = frame;
#endif
  return reinterpret_cast<std::uintptr_t>(local);
}

}  // namespace

bool FollowedGenerator::is_in_recording(const void* generator) {
  const std::uintptr_t at = place_on_stack(generator);
  return recording_frame != nullptr &&
         at > reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)) &&
         at < reinterpret_cast<std::uintptr_t>(recording_frame);
}

FollowedIndices::FollowedIndices(const Indices& indices)
    : copy_(std::make_shared<const Indices>(indices)) {
  if (index_arguments == nullptr) return;
  const Indices* const original = FollowedCopy::original(&indices);
  for (std::size_t i = 0; i < index_arguments->size(); ++i) {
    if (&(*index_arguments)[i] == original) argument_ = i;
  }
  if (tracer == nullptr || argument_ != kNone) return;
  const auto is_copy = [&](const Indices& i) {
    return i.size() == indices.size() && std::equal(i.begin(), i.end(), indices.begin());
  };
  if (std::any_of(index_arguments->begin(), index_arguments->end(), is_copy))
    tracer->refuse("an operation is given a copy of indices that are an argument");
}

const Indices* FollowedCopy::original(const Indices* indices) {
  for (const FollowedCopy* c = innermost; c != nullptr; c = c->outer_) {
    if (c->copy_ == indices) indices = c->argument_;
  }
  return indices;
}

const Indices& FollowedIndices::get() const {
  if (argument_ == kNone || index_arguments == nullptr) return *copy_;
  return (*index_arguments)[argument_];
}

}  // namespace xgrad::detail
