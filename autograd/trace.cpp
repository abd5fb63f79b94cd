#include "xgrad/autograd/trace.hpp"

#include <cstddef>
#include <cstdint>

namespace xgrad::detail {

bool FollowedGenerator::is_in_recording(const void* generator) {
  const std::byte here{};
  const auto at = reinterpret_cast<std::uintptr_t>(generator);
  return recording_frame != nullptr && at > reinterpret_cast<std::uintptr_t>(&here) &&
         at < reinterpret_cast<std::uintptr_t>(recording_frame);
}

FollowedIndices::FollowedIndices(const Indices& indices)
    : copy_(std::make_shared<const Indices>(indices)) {
  if (index_arguments == nullptr) return;
  const Indices* const original = FollowedCopy::original(&indices);
  for (std::size_t i = 0; i < index_arguments->size(); ++i) {
    if (&(*index_arguments)[i] == original) argument_ = i;
  }
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
