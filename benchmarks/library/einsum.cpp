// einsum as a user writes it.

#include "xgrad/ops/einsum.hpp"

#include "einsum.hpp"

namespace benchmark_contenders {

template <class T>
std::unique_ptr<Workload> make_einsum(const std::string& name, const Parameters& p) {
  return make_contraction<T>(name, p,
                             [](const EinsumPattern& pattern, const std::vector<Tensor<T>>& x) {
                               return xgrad::einsum(pattern.subscripts, x);
                             });
}

template std::unique_ptr<Workload> make_einsum<float>(const std::string&, const Parameters&);
template std::unique_ptr<Workload> make_einsum<double>(const std::string&, const Parameters&);

}  // namespace benchmark_contenders
