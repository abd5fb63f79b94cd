#include "paths.hpp"

namespace benchmark_contenders {

template <class T>
std::unique_ptr<Workload> make_paths(const std::string& name, const Parameters& p) {
  using Way = typename Paths<T>::Way;
  if (name == "paths") return std::make_unique<Paths<T>>(p, Way::vmap);
  if (name == "paths_loop") return std::make_unique<Paths<T>>(p, Way::loop);
  return nullptr;
}

template std::unique_ptr<Workload> make_paths<float>(const std::string&, const Parameters&);
template std::unique_ptr<Workload> make_paths<double>(const std::string&, const Parameters&);

}  // namespace benchmark_contenders
