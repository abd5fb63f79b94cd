// Eigenvalues and singular values: LAPACK's time for values and vectors, and the products that the
// gradient needs. Matrices are column-major here; the functions do not depend on signs.

#include <cblas.h>

#include <algorithm>

#include "workloads.hpp"

extern "C" {
void ssyevd_(const char*, const char*, const int*, float*, const int*, float*, float*, const int*,
             int*, const int*, int*);
void dsyevd_(const char*, const char*, const int*, double*, const int*, double*, double*,
             const int*, int*, const int*, int*);
void sgesdd_(const char*, const int*, const int*, float*, const int*, float*, float*, const int*,
             float*, const int*, float*, const int*, int*, int*);
void dgesdd_(const char*, const int*, const int*, double*, const int*, double*, double*, const int*,
             double*, const int*, double*, const int*, int*, int*);
}

namespace benchmark_contenders {
namespace {

void syevd(int n, float* a, float* w, float* work, int room, int* whole, int whole_room) {
  int info = 0;
  ssyevd_("V", "U", &n, a, &n, w, work, &room, whole, &whole_room, &info);
}
void syevd(int n, double* a, double* w, double* work, int room, int* whole, int whole_room) {
  int info = 0;
  dsyevd_("V", "U", &n, a, &n, w, work, &room, whole, &whole_room, &info);
}
void gesdd(int n, float* a, float* s, float* u, float* vt, float* work, int room, int* whole) {
  int info = 0;
  sgesdd_("S", &n, &n, a, &n, s, u, &n, vt, &n, work, &room, whole, &info);
}
void gesdd(int n, double* a, double* s, double* u, double* vt, double* work, int room, int* whole) {
  int info = 0;
  dgesdd_("S", &n, &n, a, &n, s, u, &n, vt, &n, work, &room, whole, &info);
}

void multiply(bool ta, bool tb, int n, const float* a, const float* b, float* c) {
  cblas_sgemm(CblasColMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, n, n,
              n, 1, a, n, b, n, 0, c, n);
}
void multiply(bool ta, bool tb, int n, const double* a, const double* b, double* c) {
  cblas_dgemm(CblasColMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, n, n,
              n, 1, a, n, b, n, 0, c, n);
}

/// sum(l gl) + sum(v^2 gv) of a symmetric matrix.
template <class T>
class Eigenvalues : public Workload {
 public:
  explicit Eigenvalues(const Parameters& p)
      : n_(p.size("n", 200)),
        a_(numbers<T>(n_ * n_, seeds::kInput)),
        gl_(numbers<T>(n_, seeds::kGradient)),
        gv_(numbers<T>(n_ * n_, seeds::kOther)),
        l_(n_),
        v_(n_ * n_),
        g_(n_ * n_),
        m_(n_ * n_),
        ga_(n_ * n_),
        work_(1 + 6 * n_ + 2 * n_ * n_),
        whole_(3 + 5 * n_) {
    for (std::size_t i = 0; i < n_; ++i) {
      for (std::size_t j = 0; j < i; ++j) a_[j * n_ + i] = a_[i * n_ + j];
    }
  }
  void step() override {
    const int n = static_cast<int>(n_);
    std::copy(a_.begin(), a_.end(), v_.begin());
    syevd(n, v_.data(), l_.data(), work_.data(), static_cast<int>(work_.size()), whole_.data(),
          static_cast<int>(whole_.size()));
    loss_ = 0;
    for (std::size_t j = 0; j < n_; ++j) {
      loss_ += l_[j] * gl_[j];
      for (std::size_t i = 0; i < n_; ++i) {
        const T v = v_[j * n_ + i], gv = gv_[i * n_ + j];
        loss_ += v * v * gv;
        g_[j * n_ + i] = 2 * v * gv;
      }
    }
    multiply(true, false, n, v_.data(), g_.data(), m_.data());
    for (std::size_t i = 0; i < n_; ++i) {
      m_[i * n_ + i] = gl_[i];
      for (std::size_t j = 0; j < i; ++j) {
        const T k = (m_[j * n_ + i] - m_[i * n_ + j]) / (2 * (l_[j] - l_[i]));
        m_[j * n_ + i] = m_[i * n_ + j] = k;
      }
    }
    multiply(false, false, n, v_.data(), m_.data(), g_.data());
    multiply(false, true, n, g_.data(), v_.data(), ga_.data());
  }
  Results results() override {
    return {result("loss", &loss_, 1), result("gradient", ga_.data(), ga_.size())};
  }

 private:
  std::size_t n_;
  std::vector<T> a_, gl_, gv_, l_, v_, g_, m_, ga_, work_;
  std::vector<int> whole_;
  T loss_ = 0;
};

/// sum(s gs) + sum(u^2 gu) + sum(vh^2 gv) of a square matrix; LAPACK sees its transpose.
template <class T>
class SingularValues : public Workload {
 public:
  explicit SingularValues(const Parameters& p)
      : n_(p.size("n", 200)),
        a_(numbers<T>(n_ * n_, seeds::kInput)),
        gs_(numbers<T>(n_, seeds::kGradient)),
        gu_(numbers<T>(n_ * n_, seeds::kOther)),
        gv_(numbers<T>(n_ * n_, seeds::kParameters)),
        copy_(n_ * n_),
        s_(n_),
        u_(n_ * n_),
        v_(n_ * n_),
        g_(n_ * n_),
        mu_(n_ * n_),
        mv_(n_ * n_),
        ga_(n_ * n_),
        work_(4 * n_ * n_ + 64 * n_),
        whole_(8 * n_) {}
  // u_ is U' and v_ is V, both column-major.
  void step() override {
    const int n = static_cast<int>(n_);
    std::copy(a_.begin(), a_.end(), copy_.begin());
    gesdd(n, copy_.data(), s_.data(), v_.data(), u_.data(), work_.data(),
          static_cast<int>(work_.size()), whole_.data());
    loss_ = 0;
    for (std::size_t i = 0; i < n_; ++i) loss_ += s_[i] * gs_[i];
    add(u_, gu_);
    multiply(false, true, n, u_.data(), g_.data(), mu_.data());
    add(v_, gv_);
    multiply(true, false, n, v_.data(), g_.data(), mv_.data());
    for (std::size_t i = 0; i < n_; ++i) {
      mu_[i * n_ + i] = gs_[i];
      for (std::size_t j = 0; j < i; ++j) {
        const T a = mu_[j * n_ + i] - mu_[i * n_ + j], b = mv_[j * n_ + i] - mv_[i * n_ + j];
        const T even = (a + b) / (2 * (s_[j] - s_[i])), odd = (a - b) / (2 * (s_[j] + s_[i]));
        mu_[j * n_ + i] = even + odd;
        mu_[i * n_ + j] = even - odd;
      }
    }
    multiply(true, false, n, u_.data(), mu_.data(), g_.data());
    multiply(false, true, n, v_.data(), g_.data(), ga_.data());  // V (U C)', row-major U C V'
  }
  Results results() override {
    return {result("loss", &loss_, 1), result("gradient", ga_.data(), ga_.size())};
  }

 private:
  // The memory of u_ is row-major U, that of v_ row-major V'.
  void add(const std::vector<T>& x, const std::vector<T>& gradient) {
    for (std::size_t i = 0; i < x.size(); ++i) {
      loss_ += x[i] * x[i] * gradient[i];
      g_[i] = 2 * x[i] * gradient[i];
    }
  }

  std::size_t n_;
  std::vector<T> a_, gs_, gu_, gv_, copy_, s_, u_, v_, g_, mu_, mv_, ga_, work_;
  std::vector<int> whole_;
  T loss_ = 0;
};

}  // namespace

template <class T>
std::unique_ptr<Workload> make_decomposition(const std::string& name, const Parameters& p) {
  if (name == "eigh") return std::make_unique<Eigenvalues<T>>(p);
  if (name == "svd") return std::make_unique<SingularValues<T>>(p);
  return nullptr;
}

template std::unique_ptr<Workload> make_decomposition<float>(const std::string&, const Parameters&);
template std::unique_ptr<Workload> make_decomposition<double>(const std::string&,
                                                              const Parameters&);

}  // namespace benchmark_contenders
