// The contender written by hand. OpenBLAS shares its products out over the threads; the loops run
// on one. Only einsum and paths are written by hand in
// xgrad's own operations.

#include <cblas.h>

#include "workloads.hpp"
#include "xgrad/kernels/parallel.hpp"

namespace benchmark_contenders {

std::unique_ptr<Workload> make_workload(const std::string& name, const Parameters& p) {
  return p.text("dtype", "f32") == "f64" ? make_of_type<double>(name, p)
                                         : make_of_type<float>(name, p);
}

void use_threads(int threads) {
  openblas_set_num_threads(threads);
  xgrad::set_num_threads(threads);
}

}  // namespace benchmark_contenders
