#include "xgrad/modules/convert.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace xgrad::detail {

template <class U, class T>
void convert_state(Module<U>& to, const Module<T>& from) {
  for (const std::vector<std::string>& names : from.tied()) {
    const auto there = [&](const std::string& name) { return to.has(name); };
    if (std::all_of(names.begin(), names.end(), there)) to.tie(names);
  }
  to.load_state_dict(from.state_dict());
  for (const NamedTensor<T>& p : from.parameters()) {
    to.at(p.name).requires_grad_(p.tensor.requires_grad());
  }
  std::vector<bool> modes;
  from.apply([&](const std::string&, const Module<T>& m) { modes.push_back(m.is_training()); });
  std::size_t i = 0;
  to.apply([&](const std::string&, Module<U>& m) {
    if (i < modes.size()) m.train(modes[i++]);
  });
}

template void convert_state(Module<float>&, const Module<float>&);
template void convert_state(Module<float>&, const Module<double>&);
template void convert_state(Module<double>&, const Module<float>&);
template void convert_state(Module<double>&, const Module<double>&);

}  // namespace xgrad::detail
