#include "xgrad/kernels/svd.hpp"

#include <algorithm>

#include "xgrad/kernels/scratch.hpp"

namespace xgrad::kernels {

// A row-major a is LAPACK's a', whose factors are u' and vh' the other way round.
template <class T>
lapack::Outcome decompose(Singular wanted, std::size_t m, std::size_t n, const T* a, T* u, T* s,
                          T* vh) {
  const auto vectors = wanted == Singular::values ? lapack::Vectors::none : lapack::Vectors::thin;
  Scratch<T> copy(m * n + 1);
  std::copy_n(a, m * n, copy.data());
  const auto o = lapack::gesdd(vectors, n, m, copy.data(), s, vh, u);
  if (!o.failed()) return o;
  std::copy_n(a, m * n, copy.data());
  return lapack::gesvd(vectors, n, m, copy.data(), s, vh, u);
}

template lapack::Outcome decompose(Singular, std::size_t, std::size_t, const float*, float*, float*,
                                   float*);
template lapack::Outcome decompose(Singular, std::size_t, std::size_t, const double*, double*,
                                   double*, double*);

}  // namespace xgrad::kernels
