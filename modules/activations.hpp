#pragma once

// Activation functions as modules, for Sequential. The functions themselves, with their gradients
// and sources, are in xgrad/ops/math.hpp, activations.hpp and softmax.hpp. All but Maxout keep the
// shape.

#include "xgrad/modules/library_module.hpp"
#include "xgrad/modules/linear.hpp"
#include "xgrad/ops/activations.hpp"

namespace xgrad {

// --- Without options ---

/// max(x, 0).
template <class T>
struct Relu : LibraryModule<Relu, T> {
  Tensor<T> forward(const Tensor<T>& x) override;
};
/// 1 / (1 + e^-x).
template <class T>
struct Sigmoid : LibraryModule<Sigmoid, T> {
  Tensor<T> forward(const Tensor<T>& x) override;
};
/// Hyperbolic tangent.
template <class T>
struct Tanh : LibraryModule<Tanh, T> {
  Tensor<T> forward(const Tensor<T>& x) override;
};
/// x limited to [0, 6].
template <class T>
struct Relu6 : LibraryModule<Relu6, T> {
  Tensor<T> forward(const Tensor<T>& x) override;
};
/// 1.0507 elu(x, 1.6733): see ops/activations.hpp. With lecun_normal_ and AlphaDropout.
template <class T>
struct Selu : LibraryModule<Selu, T> {
  Tensor<T> forward(const Tensor<T>& x) override;
};
/// x sigmoid(x), also known as swish.
template <class T>
struct Silu : LibraryModule<Silu, T> {
  Tensor<T> forward(const Tensor<T>& x) override;
};
/// x tanh(softplus(x)).
template <class T>
struct Mish : LibraryModule<Mish, T> {
  Tensor<T> forward(const Tensor<T>& x) override;
};
/// log(1 + e^x).
template <class T>
struct Softplus : LibraryModule<Softplus, T> {
  Tensor<T> forward(const Tensor<T>& x) override;
};
/// x / (1 + |x|).
template <class T>
struct Softsign : LibraryModule<Softsign, T> {
  Tensor<T> forward(const Tensor<T>& x) override;
};
/// log(sigmoid(x)).
template <class T>
struct LogSigmoid : LibraryModule<LogSigmoid, T> {
  Tensor<T> forward(const Tensor<T>& x) override;
};

// --- With options ---

/// x for x > 0, slope x else.
template <class T>
class LeakyRelu : public LibraryModule<LeakyRelu, T> {
 public:
  explicit LeakyRelu(double slope = 0.01) : slope_(slope) {}
  Tensor<T> forward(const Tensor<T>& x) override;
  ModuleOptions options() const override { return {{"slope", slope_}}; }
  static std::unique_ptr<Module<T>> from(const ModuleOptions& options);

 private:
  double slope_;
};

/// x for x > 0, alpha (e^x - 1) else. Throws std::invalid_argument unless alpha >= 0.
template <class T>
class Elu : public LibraryModule<Elu, T> {
 public:
  explicit Elu(double alpha = 1);
  Tensor<T> forward(const Tensor<T>& x) override;
  ModuleOptions options() const override { return {{"alpha", alpha_}}; }
  static std::unique_ptr<Module<T>> from(const ModuleOptions& options);

 private:
  double alpha_;
};

/// x for x > 0, alpha (e^(x / alpha) - 1) else. Throws std::invalid_argument unless alpha > 0.
template <class T>
class Celu : public LibraryModule<Celu, T> {
 public:
  explicit Celu(double alpha = 1);
  Tensor<T> forward(const Tensor<T>& x) override;
  ModuleOptions options() const override { return {{"alpha", alpha_}}; }
  static std::unique_ptr<Module<T>> from(const ModuleOptions& options);

 private:
  double alpha_;
};

/// x limited to [low, high]. Throws std::invalid_argument unless low <= high.
template <class T>
class Hardtanh : public LibraryModule<Hardtanh, T> {
 public:
  explicit Hardtanh(double low = -1, double high = 1);
  Tensor<T> forward(const Tensor<T>& x) override;
  ModuleOptions options() const override { return {{"low", low_}, {"high", high_}}; }
  static std::unique_ptr<Module<T>> from(const ModuleOptions& options);

 private:
  double low_, high_;
};

/// x Phi(x), or its approximation with tanh.
template <class T>
class Gelu : public LibraryModule<Gelu, T> {
 public:
  explicit Gelu(GeluForm form = GeluForm::exact) : form_(form) {}
  Tensor<T> forward(const Tensor<T>& x) override;
  ModuleOptions options() const override;
  static std::unique_ptr<Module<T>> from(const ModuleOptions& options);

 private:
  GeluForm form_;
};

/// exp(x) / sum(exp(x)) along an axis.
template <class T>
class Softmax : public LibraryModule<Softmax, T> {
 public:
  explicit Softmax(std::ptrdiff_t axis = -1) : axis_(axis) {}
  Tensor<T> forward(const Tensor<T>& x) override;
  ModuleOptions options() const override { return {{"axis", static_cast<double>(axis_)}}; }
  static std::unique_ptr<Module<T>> from(const ModuleOptions& options);

 private:
  std::ptrdiff_t axis_;
};

/// The logarithm of softmax.
template <class T>
class LogSoftmax : public LibraryModule<LogSoftmax, T> {
 public:
  explicit LogSoftmax(std::ptrdiff_t axis = -1) : axis_(axis) {}
  Tensor<T> forward(const Tensor<T>& x) override;
  ModuleOptions options() const override { return {{"axis", static_cast<double>(axis_)}}; }
  static std::unique_ptr<Module<T>> from(const ModuleOptions& options);

 private:
  std::ptrdiff_t axis_;
};

// --- With parameters ---

/// LeakyRelu with slopes that are learned.
/// **Shapes** x (n, c, ...) -> the same; one slope for each of the `count` channels on axis 1, or
/// one for all. Parameter: weight (count), initially `slope`.
/// **Source** He, Zhang, Ren, Sun 2015.
template <class T>
class Prelu : public LibraryModule<Prelu, T> {
 public:
  /// Throws std::invalid_argument for a count of 0.
  explicit Prelu(std::size_t count = 1, double slope = 0.25);
  /// Throws std::invalid_argument when axis 1 has not `count` channels.
  Tensor<T> forward(const Tensor<T>& x) override;
  ModuleOptions options() const override;
  static std::unique_ptr<Module<T>> from(const ModuleOptions& options);

  Tensor<T>& weight;
};

/// The largest of several affine maps: y[o] = max over j of (x W^T + b)[o pieces + j].
/// **Shapes** x (..., in) -> (..., out). Parameters: weight (out pieces, in) and bias (out pieces),
/// initially as in Linear.
/// **Source** Goodfellow, Warde-Farley, Mirza, Courville, Bengio 2013.
template <class T>
class Maxout : public LibraryModule<Maxout, T> {
 public:
  /// Throws std::invalid_argument for a size of 0.
  Maxout(std::size_t in, std::size_t out, std::size_t pieces = 2, LinearOptions options = {});
  Tensor<T> forward(const Tensor<T>& x) override;
  ModuleOptions options() const override;
  static std::unique_ptr<Module<T>> from(const ModuleOptions& options);

  Tensor<T>& weight;
  Tensor<T>& bias;  ///< undefined without bias

 private:
  std::size_t pieces_;
};

// clang-format off
extern template struct Relu<float>;  extern template struct Relu<double>;
extern template struct Sigmoid<float>;  extern template struct Sigmoid<double>;
extern template struct Tanh<float>;  extern template struct Tanh<double>;
extern template struct Relu6<float>;  extern template struct Relu6<double>;
extern template struct Selu<float>;  extern template struct Selu<double>;
extern template struct Silu<float>;  extern template struct Silu<double>;
extern template struct Mish<float>;  extern template struct Mish<double>;
extern template struct Softplus<float>;  extern template struct Softplus<double>;
extern template struct Softsign<float>;  extern template struct Softsign<double>;
extern template struct LogSigmoid<float>;  extern template struct LogSigmoid<double>;
extern template class LeakyRelu<float>;  extern template class LeakyRelu<double>;
extern template class Elu<float>;  extern template class Elu<double>;
extern template class Celu<float>;  extern template class Celu<double>;
extern template class Hardtanh<float>;  extern template class Hardtanh<double>;
extern template class Gelu<float>;  extern template class Gelu<double>;
extern template class Softmax<float>;  extern template class Softmax<double>;
extern template class LogSoftmax<float>;  extern template class LogSoftmax<double>;
extern template class Prelu<float>;  extern template class Prelu<double>;
extern template class Maxout<float>;  extern template class Maxout<double>;
// clang-format on

}  // namespace xgrad
