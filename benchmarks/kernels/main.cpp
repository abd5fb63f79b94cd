#include <cblas.h>

#include "rates.hpp"
#include "xgrad/kernels/isa.hpp"
#include "xgrad/kernels/parallel.hpp"

int main(int argc, char** argv) {
  xgrad::set_num_threads(1);
  openblas_set_num_threads(1);
  benchmark::AddCustomContext("xgrad", xgrad::to_string(xgrad::isa()));
  benchmark::AddCustomContext("openblas", openblas_get_config());
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
}
