#include "workload.hpp"

#include <cmath>
#include <stdexcept>

namespace benchmark_contenders {

Parameters::Parameters(const std::vector<std::string>& pairs) {
  for (const std::string& pair : pairs) {
    const std::size_t at = pair.find('=');
    if (at == std::string::npos) throw std::invalid_argument("not name=value: " + pair);
    values_[pair.substr(0, at)] = pair.substr(at + 1);
  }
}

std::size_t Parameters::size(const std::string& name, std::size_t otherwise) const {
  const auto it = values_.find(name);
  return it == values_.end() ? otherwise : static_cast<std::size_t>(std::stod(it->second));
}

std::string Parameters::text(const std::string& name, const std::string& otherwise) const {
  const auto it = values_.find(name);
  return it == values_.end() ? otherwise : it->second;
}

}  // namespace benchmark_contenders
