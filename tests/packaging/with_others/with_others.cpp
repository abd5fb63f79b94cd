// One program with xgrad, Eigen and, where it is asked for, libtorch: the gradient of sum(tanh(x w)) by w from all of them.

#ifdef WITH_TORCH
#include <torch/torch.h>
#endif
#include <Eigen/Dense>
#include <cstdio>
#include <xgrad/autograd/eigen_map.hpp>
#include <xgrad/xgrad.hpp>

namespace {

using Matrix = xgrad::EigenMatrix<double>;

Matrix by_xgrad(const Matrix& x, const Matrix& w) {
  const auto p = xgrad::parameter(xgrad::from_eigen(w));
  sum(tanh(matmul(xgrad::from_eigen(x), p))).backward();
  const auto g = p.gradient();
  return xgrad::as_eigen(g);
}

Matrix by_eigen(const Matrix& x, const Matrix& w) {
  const Matrix y = (x * w).array().tanh();
  return x.transpose() * (1 - y.array().square()).matrix();
}

#ifdef WITH_TORCH
Matrix by_torch(Matrix x, Matrix w) {
  const auto tensor = [](Matrix& m) {
    return torch::from_blob(m.data(), {m.rows(), m.cols()}, torch::kDouble).clone();
  };
  const torch::Tensor p = tensor(w).requires_grad_();
  torch::tanh(torch::matmul(tensor(x), p)).sum().backward();
  const torch::Tensor g = p.grad().contiguous();
  return Eigen::Map<const Matrix>(g.data_ptr<double>(), w.rows(), w.cols());
}
#endif

bool agree(const char* name, const Matrix& a, const Matrix& b) {
  const double difference = (a - b).cwiseAbs().maxCoeff();
  std::printf("xgrad and %s differ by %g\n", name, difference);
  return difference < 1e-12;
}

}  // namespace

int main() {
  const Matrix x = Matrix::Random(70, 30), w = 0.2 * Matrix::Random(30, 20), g = by_xgrad(x, w);
  bool right = agree("Eigen", g, by_eigen(x, w));
#ifdef WITH_TORCH
  right = agree("libtorch", g, by_torch(x, w)) && right;
#endif
  return right ? 0 : 1;
}
