// LAPACK's factorisation alone, without a gradient: what the value and the gradient of `cholesky`
// are measured by.

#include <algorithm>

#include "workloads.hpp"

extern "C" {
void spotrf_(const char* triangle, const int* n, float* a, const int* step, int* info);
void dpotrf_(const char* triangle, const int* n, double* a, const int* step, int* info);
}

namespace benchmark_contenders {
namespace {

int potrf(int n, float* a) {
  int info = 0;
  spotrf_("U", &n, a, &n, &info);
  return info;
}
int potrf(int n, double* a) {
  int info = 0;
  dpotrf_("U", &n, a, &n, &info);
  return info;
}

template <class T>
class Cholesky : public Workload {
 public:
  explicit Cholesky(const Parameters& p) : n_(p.size("n", 512)), a_(n_ * n_), l_(n_ * n_) {
    correlations(a_.data(), n_);
  }
  void step() override {
    std::copy(a_.begin(), a_.end(), l_.begin());
    if (potrf(static_cast<int>(n_), l_.data()) != 0) l_[0] = 0;
  }
  Results results() override {
    for (std::size_t i = 0; i < n_; ++i)
      std::fill(l_.data() + i * n_ + i + 1, l_.data() + (i + 1) * n_, T(0));
    return {result("output", l_.data(), l_.size())};
  }

 private:
  std::size_t n_;
  std::vector<T> a_, l_;
};

}  // namespace

template <class T>
std::unique_ptr<Workload> make_matrices(const std::string& name, const Parameters& p) {
  if (name == "cholesky") return std::make_unique<Cholesky<T>>(p);
  return nullptr;
}

template std::unique_ptr<Workload> make_matrices<float>(const std::string&, const Parameters&);
template std::unique_ptr<Workload> make_matrices<double>(const std::string&, const Parameters&);

}  // namespace benchmark_contenders
