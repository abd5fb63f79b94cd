#include "xgrad/training/transfer.hpp"

#include "xgrad/base/errors.hpp"

namespace xgrad {

template <class T>
void freeze(const NamedTensors<T>& parameters) {
  for (const auto& p : parameters) {
    Tensor<T> t = p.tensor;
    t.zero_grad();
    t.requires_grad_(false);
  }
}

template <class T>
void unfreeze(const NamedTensors<T>& parameters) {
  for (const auto& p : parameters) Tensor<T>(p.tensor).requires_grad_(true);
}

template <class T>
Sequential<T> first_layers(const Sequential<T>& net, std::size_t count) {
  if (count > net.size()) {
    detail::fail("first_layers", count, " of ", net.size(), " modules");
  }
  Sequential<T> r;
  for (std::size_t i = 0; i < count; ++i) r.append(clone(net[i]), net[i].name());
  return r;
}

#define XGRAD_INSTANTIATE(T)                      \
  template void freeze(const NamedTensors<T>&);   \
  template void unfreeze(const NamedTensors<T>&); \
  template Sequential<T> first_layers(const Sequential<T>&, std::size_t);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
