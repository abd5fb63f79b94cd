#include "common.hpp"
#include "xgrad/kernels/parallel.hpp"

namespace benchmark_contenders {
namespace {

template <class T>
std::unique_ptr<Workload> make_of_type(const std::string& name, const Parameters& p) {
  for (const auto make :
       {&make_training<T>, &make_operation<T>, &make_recurrence<T>, &make_matrices<T>,
        &make_einsum<T>, &make_decomposition<T>, &make_paths<T>, &make_small_net<T>}) {
    if (auto w = make(name, p)) return w;
  }
  return nullptr;
}

}  // namespace

std::unique_ptr<Workload> make_workload(const std::string& name, const Parameters& p) {
  return p.text("dtype", "f32") == "f64" ? make_of_type<double>(name, p)
                                         : make_of_type<float>(name, p);
}

void use_threads(int threads) { xgrad::set_num_threads(threads); }

}  // namespace benchmark_contenders
