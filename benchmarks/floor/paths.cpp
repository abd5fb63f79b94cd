// Paths with an axis for all of them, by hand in xgrad's operations.

#include "../library/paths.hpp"

#include "workloads.hpp"

namespace benchmark_contenders {

template <class T>
std::unique_ptr<Workload> make_paths(const std::string& name, const Parameters& p) {
  const bool has = name == "paths" || name == "paths_loop";
  return has ? std::make_unique<Paths<T>>(p, Paths<T>::Way::hand) : nullptr;
}

template std::unique_ptr<Workload> make_paths<float>(const std::string&, const Parameters&);
template std::unique_ptr<Workload> make_paths<double>(const std::string&, const Parameters&);

}  // namespace benchmark_contenders
