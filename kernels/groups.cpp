#include "xgrad/kernels/groups.hpp"

namespace xgrad::kernels {
namespace {

const GroupTable& table() {
  static const GroupTable all = [] {
    GroupTable t;
    add_groups(t);
    return t;
  }();
  return all;
}

}  // namespace

void GroupTable::add(ForwardKernel<float> forward, const GroupKernels<float>& kernels) {
  of_float_.push_back({forward, kernels});
}
void GroupTable::add(ForwardKernel<double> forward, const GroupKernels<double>& kernels) {
  of_double_.push_back({forward, kernels});
}

template <class T>
GroupKernels<T> group_kernels(ForwardKernel<T> forward) {
  for (const auto& entry : table().entries(T()))
    if (entry.forward == forward) return entry.kernels;
  return {};
}

template GroupKernels<float> group_kernels(ForwardKernel<float>);
template GroupKernels<double> group_kernels(ForwardKernel<double>);

}  // namespace xgrad::kernels
