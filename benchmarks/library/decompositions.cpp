// Eigenvalues and singular values, with functions that do not depend on signs.

#include "common.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/eigen.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/svd.hpp"

namespace benchmark_contenders {
namespace {

template <class T>
std::unique_ptr<Workload> operation(const Tensor<T>& a, std::function<Tensor<T>()> forward) {
  return std::make_unique<Operation<T>>(std::vector<typename Operation<T>::Leaf>{{"gradient", a}},
                                        Tensor<T>(), std::move(forward), "loss");
}

template <class T>
std::unique_ptr<Workload> eigenvalues(std::size_t n) {
  Tensor<T> a = random<T>({n, n}, seeds::kInput);
  T* const numbers = a.mutable_data();
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < i; ++j) numbers[j * n + i] = numbers[i * n + j];
  }
  const Tensor<T> gl = random<T>({n}, seeds::kGradient), gv = random<T>({n, n}, seeds::kOther);
  return operation<T>(a, [=] {
    const auto [l, v] = eigh(a);
    return sum(l * gl) + sum(square(v) * gv);
  });
}

template <class T>
std::unique_ptr<Workload> singular_values(std::size_t n) {
  const Tensor<T> a = random<T>({n, n}, seeds::kInput), gs = random<T>({n}, seeds::kGradient);
  const Tensor<T> gu = random<T>({n, n}, seeds::kOther);
  const Tensor<T> gv = random<T>({n, n}, seeds::kParameters);
  return operation<T>(a, [=] {
    const auto [u, s, vh] = svd(a);
    return sum(s * gs) + sum(square(u) * gu) + sum(square(vh) * gv);
  });
}

}  // namespace

template <class T>
std::unique_ptr<Workload> make_decomposition(const std::string& name, const Parameters& p) {
  if (name == "eigh") return eigenvalues<T>(p.size("n", 200));
  if (name == "svd") return singular_values<T>(p.size("n", 200));
  return nullptr;
}

template std::unique_ptr<Workload> make_decomposition<float>(const std::string&, const Parameters&);
template std::unique_ptr<Workload> make_decomposition<double>(const std::string&,
                                                              const Parameters&);

}  // namespace benchmark_contenders
