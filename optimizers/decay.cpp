#include "xgrad/optimizers/decay.hpp"

#include <algorithm>
#include <utility>

#include "xgrad/base/errors.hpp"

namespace xgrad {
namespace {

// Goes back to the last star when the rest does not fit.
bool fits(const std::string& name, const std::string& pattern) {
  std::size_t i = 0, p = 0, star = std::string::npos, resume = 0;
  while (i < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = i;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[i])) {
      ++i, ++p;
    } else if (star != std::string::npos) {
      p = star + 1;
      i = ++resume;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string::npos;
}

}  // namespace

ParameterFilter names_like(std::vector<std::string> patterns) {
  return [patterns = std::move(patterns)](const std::string& name, const Shape&) {
    return std::any_of(patterns.begin(), patterns.end(),
                       [&](const std::string& pattern) { return fits(name, pattern); });
  };
}

ParameterFilter names_unlike(std::vector<std::string> patterns) {
  return [like = names_like(std::move(patterns))](const std::string& name, const Shape& shape) {
    return !like(name, shape);
  };
}

ParameterFilter matrices() {
  return [](const std::string&, const Shape& shape) { return shape.rank() >= 2; };
}

template <class T>
NamedTensors<T> filter_parameters(const NamedTensors<T>& parameters,
                                  const ParameterFilter& filter) {
  NamedTensors<T> r;
  for (const NamedTensor<T>& p : parameters) {
    if (!filter || filter(p.name, p.tensor.shape())) r.push_back(p);
  }
  return r;
}

template NamedTensors<float> filter_parameters(const NamedTensors<float>&, const ParameterFilter&);
template NamedTensors<double> filter_parameters(const NamedTensors<double>&,
                                                const ParameterFilter&);

namespace detail {

void check_decay(const char* operation, double weight_decay, const DecayOptions& decay) {
  require_in(operation, "weight_decay", weight_decay, "[0, inf)");
  require_in(operation, "decay.l1", decay.l1, "[0, inf)");
  require_in(operation, "decay.lp", decay.lp, "[0, inf)");
  require_in(operation, "decay.power", decay.power, "[1, inf]");
}

}  // namespace detail
}  // namespace xgrad
