#include "xgrad/autograd/trace.hpp"

namespace xgrad::detail {

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
