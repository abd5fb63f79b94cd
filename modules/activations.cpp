#include "xgrad/modules/activations.hpp"

#include <stdexcept>
#include <string>

#include "xgrad/autograd/broadcast.hpp"
#include "xgrad/modules/axis_option.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/softmax.hpp"

namespace xgrad {
namespace {

void require(bool ok, const char* module, const char* what, double value) {
  if (!ok)
    throw std::invalid_argument(std::string(module) + ": " + what + ": " + std::to_string(value));
}

}  // namespace

template <class T>
Tensor<T> Relu<T>::forward(const Tensor<T>& x) {
  return relu(x);
}

template <class T>
Tensor<T> Sigmoid<T>::forward(const Tensor<T>& x) {
  return sigmoid(x);
}

template <class T>
Tensor<T> Tanh<T>::forward(const Tensor<T>& x) {
  return tanh(x);
}

template <class T>
Tensor<T> Relu6<T>::forward(const Tensor<T>& x) {
  return relu6(x);
}

template <class T>
Tensor<T> Selu<T>::forward(const Tensor<T>& x) {
  return selu(x);
}

template <class T>
Tensor<T> Silu<T>::forward(const Tensor<T>& x) {
  return silu(x);
}

template <class T>
Tensor<T> Mish<T>::forward(const Tensor<T>& x) {
  return mish(x);
}

template <class T>
Tensor<T> Softplus<T>::forward(const Tensor<T>& x) {
  return softplus(x);
}

template <class T>
Tensor<T> Softsign<T>::forward(const Tensor<T>& x) {
  return softsign(x);
}

template <class T>
Tensor<T> LogSigmoid<T>::forward(const Tensor<T>& x) {
  return log_sigmoid(x);
}

template <class T>
Tensor<T> LeakyRelu<T>::forward(const Tensor<T>& x) {
  return leaky_relu(x, static_cast<T>(slope_));
}

template <class T>
std::unique_ptr<Module<T>> LeakyRelu<T>::from(const ModuleOptions& o) {
  return std::make_unique<LeakyRelu>(o.number("slope"));
}

template <class T>
Elu<T>::Elu(double alpha) : alpha_(alpha) {
  require(alpha >= 0, "Elu", "alpha is not at least 0", alpha);
}

template <class T>
Tensor<T> Elu<T>::forward(const Tensor<T>& x) {
  return elu(x, static_cast<T>(alpha_));
}

template <class T>
std::unique_ptr<Module<T>> Elu<T>::from(const ModuleOptions& o) {
  return std::make_unique<Elu>(o.number("alpha"));
}

template <class T>
Celu<T>::Celu(double alpha) : alpha_(alpha) {
  require(alpha > 0, "Celu", "alpha is not above 0", alpha);
}

template <class T>
Tensor<T> Celu<T>::forward(const Tensor<T>& x) {
  return celu(x, static_cast<T>(alpha_));
}

template <class T>
std::unique_ptr<Module<T>> Celu<T>::from(const ModuleOptions& o) {
  return std::make_unique<Celu>(o.number("alpha"));
}

template <class T>
Hardtanh<T>::Hardtanh(double low, double high) : low_(low), high_(high) {
  if (low <= high) return;
  throw std::invalid_argument("Hardtanh: low is not at most high: low " + std::to_string(low) +
                              ", high " + std::to_string(high));
}

template <class T>
Tensor<T> Hardtanh<T>::forward(const Tensor<T>& x) {
  return hardtanh(x, static_cast<T>(low_), static_cast<T>(high_));
}

template <class T>
std::unique_ptr<Module<T>> Hardtanh<T>::from(const ModuleOptions& o) {
  return std::make_unique<Hardtanh>(o.number("low"), o.number("high"));
}

template <class T>
Tensor<T> Gelu<T>::forward(const Tensor<T>& x) {
  return gelu(x, form_);
}

template <class T>
ModuleOptions Gelu<T>::options() const {
  return {{"form", std::string(form_ == GeluForm::exact ? "exact" : "tanh")}};
}

template <class T>
std::unique_ptr<Module<T>> Gelu<T>::from(const ModuleOptions& o) {
  return std::make_unique<Gelu>(o.text("form") == "tanh" ? GeluForm::tanh : GeluForm::exact);
}

template <class T>
Tensor<T> Softmax<T>::forward(const Tensor<T>& x) {
  return softmax(x, axis_);
}

template <class T>
std::unique_ptr<Module<T>> Softmax<T>::from(const ModuleOptions& o) {
  return std::make_unique<Softmax>(detail::axis_of(o));
}

template <class T>
Tensor<T> LogSoftmax<T>::forward(const Tensor<T>& x) {
  return log_softmax(x, axis_);
}

template <class T>
std::unique_ptr<Module<T>> LogSoftmax<T>::from(const ModuleOptions& o) {
  return std::make_unique<LogSoftmax>(detail::axis_of(o));
}

// --- With parameters ---

template <class T>
Prelu<T>::Prelu(std::size_t count, double slope)
    : weight(this->add_parameter("weight", Tensor<T>::filled({count}, static_cast<T>(slope)))) {
  require(count > 0, "Prelu", "count is 0", 0);
}

template <class T>
Tensor<T> Prelu<T>::forward(const Tensor<T>& x) {
  const std::size_t count = weight.size();
  if (count == 1) return prelu(x, weight);
  if (x.rank() < 2 || x.shape()[1] != count) {
    throw std::invalid_argument("prelu: axis 1 has not one channel for each slope: x " +
                                to_string(x.shape()) + ", weight " + to_string(weight.shape()));
  }
  Shape along_channels{count};
  for (std::size_t i = 2; i < x.rank(); ++i) along_channels.push_back(1);
  return prelu(x, detail::view(weight, along_channels));
}

template <class T>
ModuleOptions Prelu<T>::options() const {
  return {{"count", ModuleOptions::of(weight.size())}};
}

template <class T>
std::unique_ptr<Module<T>> Prelu<T>::from(const ModuleOptions& o) {
  return std::make_unique<Prelu>(o.size("count"));
}

template <class T>
Maxout<T>::Maxout(std::size_t in, std::size_t out, std::size_t pieces, LinearOptions options)
    : weight(this->add_parameter(
          "weight", detail::initial_weight<T>(
                        "Maxout", {detail::checked_product("Maxout", out, pieces), in}, options))),
      bias(this->add_parameter("bias", detail::initial_bias<T>({out * pieces, in}, options))),
      pieces_(pieces) {}

template <class T>
Tensor<T> Maxout<T>::forward(const Tensor<T>& x) {
  return maxout(linear(x, weight, bias), pieces_);
}

template <class T>
ModuleOptions Maxout<T>::options() const {
  return {{"in", ModuleOptions::of(weight.shape()[1])},
          {"out", ModuleOptions::of(weight.shape()[0] / pieces_)},
          {"pieces", ModuleOptions::of(pieces_)},
          {"bias", ModuleOptions::of(bias.defined())}};
}

template <class T>
std::unique_ptr<Module<T>> Maxout<T>::from(const ModuleOptions& o) {
  return std::make_unique<Maxout>(o.size("in"), o.size("out"), o.size("pieces"),
                                  LinearOptions{.bias = o.flag("bias", true)});
}

// clang-format off
template struct Relu<float>;  template struct Relu<double>;
template struct Sigmoid<float>;  template struct Sigmoid<double>;
template struct Tanh<float>;  template struct Tanh<double>;
template struct Relu6<float>;  template struct Relu6<double>;
template struct Selu<float>;  template struct Selu<double>;
template struct Silu<float>;  template struct Silu<double>;
template struct Mish<float>;  template struct Mish<double>;
template struct Softplus<float>;  template struct Softplus<double>;
template struct Softsign<float>;  template struct Softsign<double>;
template struct LogSigmoid<float>;  template struct LogSigmoid<double>;
template class LeakyRelu<float>;  template class LeakyRelu<double>;
template class Elu<float>;  template class Elu<double>;
template class Celu<float>;  template class Celu<double>;
template class Hardtanh<float>;  template class Hardtanh<double>;
template class Gelu<float>;  template class Gelu<double>;
template class Softmax<float>;  template class Softmax<double>;
template class LogSoftmax<float>;  template class LogSoftmax<double>;
template class Prelu<float>;  template class Prelu<double>;
template class Maxout<float>;  template class Maxout<double>;
// clang-format on

}  // namespace xgrad
