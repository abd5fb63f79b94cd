// Sacado's reverse mode, which records in each call.

#include <Sacado_trad.hpp>

#include "problems.hpp"

namespace benchmark_scalar_tools {

Gradient of_sacado(const Problem& p) {
  return [p](const double* at, double* gradient) {
    using Number = Sacado::Rad::ADvar<double>;
    std::vector<Number> x(p.inputs());
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = at[i];
    const Number y = value_of(p, x);
    Number::Gradcomp();
    for (std::size_t i = 0; i < x.size(); ++i) gradient[i] = x[i].adj();
  };
}

}  // namespace benchmark_scalar_tools
