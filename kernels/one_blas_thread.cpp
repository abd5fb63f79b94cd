#include "xgrad/kernels/one_blas_thread.hpp"

#include <cblas.h>
#include <omp.h>

namespace xgrad::kernels {

OneBlasThread::OneBlasThread() : before_(omp_get_max_threads()) {
  if (before_ != 1) omp_set_num_threads(1);
  static const bool told = (openblas_set_num_threads(1), true);
  static_cast<void>(told);
}

OneBlasThread::~OneBlasThread() {
  if (before_ != 1) omp_set_num_threads(before_);
}

}  // namespace xgrad::kernels
