#include "xgrad/autograd/trace.hpp"

namespace xgrad::detail {

FollowedIndices::FollowedIndices(const Indices& indices)
    : copy_(std::make_shared<const Indices>(indices)) {
  if (index_arguments == nullptr) return;
  for (std::size_t i = 0; i < index_arguments->size(); ++i) {
    if (&(*index_arguments)[i] == &indices) argument_ = i;
  }
}

const Indices& FollowedIndices::get() const {
  if (argument_ == kNone || index_arguments == nullptr) return *copy_;
  return (*index_arguments)[argument_];
}

}  // namespace xgrad::detail
