#pragma once

// Activation functions as modules, for Sequential. The functions themselves, with their gradients
// and sources, are in xgrad/ops/math.hpp, activations.hpp and softmax.hpp. All but Maxout keep
// the shape.

#include "xgrad/base/errors.hpp"
#include "xgrad/modules/library_module.hpp"
#include "xgrad/modules/linear.hpp"
#include "xgrad/ops/activations.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/softmax.hpp"

namespace xgrad {

// --- Without options ---

/// max(x, 0).
template <class T>
struct Relu : FunctionModule<Relu, T, OfTensor<T>(relu<T>)> {};
/// 1 / (1 + e^-x).
template <class T>
struct Sigmoid : FunctionModule<Sigmoid, T, OfTensor<T>(sigmoid<T>)> {};
/// Hyperbolic tangent.
template <class T>
struct Tanh : FunctionModule<Tanh, T, OfTensor<T>(tanh<T>)> {};
/// x limited to [0, 6].
template <class T>
struct Relu6 : FunctionModule<Relu6, T, OfTensor<T>(relu6<T>)> {};
/// 1.0507 elu(x, 1.6733): see ops/activations.hpp. With lecun_normal_ and AlphaDropout.
template <class T>
struct Selu : FunctionModule<Selu, T, OfTensor<T>(selu<T>)> {};
/// x sigmoid(x), also known as swish.
template <class T>
struct Silu : FunctionModule<Silu, T, OfTensor<T>(silu<T>)> {};
/// x tanh(softplus(x)).
template <class T>
struct Mish : FunctionModule<Mish, T, OfTensor<T>(mish<T>)> {};
/// x / (1 + |x|).
template <class T>
struct Softsign : FunctionModule<Softsign, T, OfTensor<T>(softsign<T>)> {};
/// log(sigmoid(x)).
template <class T>
struct LogSigmoid : FunctionModule<LogSigmoid, T, OfTensor<T>(log_sigmoid<T>)> {};

// --- With options ---

/// x for x > 0, slope x else.
template <class T>
struct LeakyRelu : FunctionModule<LeakyRelu, T, OfTensorAndNumber<T>(leaky_relu<T>), double> {
  static constexpr std::array kOptions = {"slope"};
  explicit LeakyRelu(double slope = 0.01) : LeakyRelu::FunctionModule(slope) {}
};

/// x for x > 0, alpha (e^x - 1) else. Throws std::invalid_argument unless alpha >= 0.
template <class T>
struct Elu : FunctionModule<Elu, T, OfTensorAndNumber<T>(elu<T>), double> {
  static constexpr std::array kOptions = {"alpha"};
  explicit Elu(double alpha = 1) : Elu::FunctionModule(alpha) {
    detail::require_in("Elu", "alpha", alpha, "[0, inf]");
  }
};

/// x for x > 0, alpha (e^(x / alpha) - 1) else. Throws std::invalid_argument unless alpha > 0.
template <class T>
struct Celu : FunctionModule<Celu, T, OfTensorAndNumber<T>(celu<T>), double> {
  static constexpr std::array kOptions = {"alpha"};
  explicit Celu(double alpha = 1) : Celu::FunctionModule(alpha) {
    detail::require_in("Celu", "alpha", alpha, "(0, inf]");
  }
};

/// log(1 + e^(beta x)) / beta. Throws std::invalid_argument unless beta > 0, finite.
template <class T>
struct Softplus : FunctionModule<Softplus, T, OfTensorAndNumber<T>(softplus<T>), double> {
  static constexpr std::array kOptions = {"beta"};
  explicit Softplus(double beta = 1) : Softplus::FunctionModule(beta) {
    detail::require_in("Softplus", "beta", beta, "(0, inf)");
  }
  /// Without a beta, as in files of before it was an option: 1.
  static std::unique_ptr<Module<T>> from(const ModuleOptions& options) {
    return std::make_unique<Softplus>(options.number("beta", 1));
  }
};

/// x limited to [low, high]. Throws std::invalid_argument unless low <= high.
template <class T>
struct Hardtanh : FunctionModule<Hardtanh, T, hardtanh<T>, double, double> {
  static constexpr std::array kOptions = {"low", "high"};
  explicit Hardtanh(double low = -1, double high = 1) : Hardtanh::FunctionModule(low, high) {
    detail::require(low <= high, "Hardtanh", "low is not at most high: low ", low, ", high ", high);
  }
};

/// x Phi(x), or its approximation with tanh.
template <class T>
class Gelu : public LibraryModule<Gelu, T> {
 public:
  /// The form is kept by its name in files.
  explicit Gelu(GeluForm form = GeluForm::exact) : form_(form) {}
  Tensor<T> forward(const Tensor<T>& x) override { return gelu(x, form_); }
  ModuleOptions options() const override;
  static std::unique_ptr<Module<T>> from(const ModuleOptions& options);

 private:
  GeluForm form_;
};

/// exp(x) / sum(exp(x)) along an axis.
template <class T>
struct Softmax : FunctionModule<Softmax, T, softmax<T>, std::ptrdiff_t> {
  static constexpr std::array kOptions = {"axis"};
  explicit Softmax(std::ptrdiff_t axis = -1) : Softmax::FunctionModule(axis) {}
};

/// The logarithm of softmax.
template <class T>
struct LogSoftmax : FunctionModule<LogSoftmax, T, log_softmax<T>, std::ptrdiff_t> {
  static constexpr std::array kOptions = {"axis"};
  /// Along `axis`.
  explicit LogSoftmax(std::ptrdiff_t axis = -1) : LogSoftmax::FunctionModule(axis) {}
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

}  // namespace xgrad
