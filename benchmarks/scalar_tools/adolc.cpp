// ADOL-C: a tape of numbers, written by each call or run again.

#include <adolc/adolc.h>

#include <memory>

#include "problems.hpp"

namespace benchmark_scalar_tools {
namespace {

// Writes the tape and, for a reverse pass at once, what it needs of the values.
void record(const Problem& p, short tape, const double* at) {
  constexpr std::size_t kNumbers = std::size_t{1}
                                   << 22;  // of its buffers, so that no file is written
  trace_on(tape, 1, kNumbers, kNumbers, kNumbers, kNumbers, 1);
  {
    std::vector<adouble> x(p.inputs());
    for (std::size_t i = 0; i < x.size(); ++i) x[i] <<= at[i];
    adouble y = value_of(p, x);
    double value;
    y >>= value;
  }
  trace_off();
}

}  // namespace

Gradient of_adolc(const Problem& p, bool again) {
  static short tapes = 0;
  const short tape = tapes++;
  const auto recorded = std::make_shared<bool>(false);
  return [=](const double* x, double* gradient) {
    const int n = static_cast<int>(p.inputs());
    if (again && *recorded) {
      std::vector<double> at(x, x + n);
      ::gradient(tape, n, at.data(), gradient);
      return;
    }
    record(p, tape, x);
    *recorded = true;
    double one = 1;
    ::fos_reverse(tape, 1, n, &one, gradient);
  };
}

}  // namespace benchmark_scalar_tools
