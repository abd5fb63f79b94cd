#include "xgrad/modules/drop_connect.hpp"

#include <string>

#include "xgrad/base/errors.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/random.hpp"
#include "xgrad/ops/regularization.hpp"

namespace xgrad {
namespace {

DropConnectOptions checked(DropConnectOptions o) {
  detail::require_in("DropConnect", "p", o.p, "[0, 1)");
  detail::require_in("DropConnect", "samples", o.samples, "[1, inf)");
  return o;
}

}  // namespace

template <class T>
DropConnect<T>::DropConnect(std::size_t in, std::size_t out, DropConnectOptions options,
                            std::unique_ptr<Module<T>> activation)
    : weight(
          this->add_parameter("weight", detail::initial_weight<T>("DropConnect", {out, in}, {}))),
      bias(this->add_parameter("bias", detail::initial_bias<T>({out, in}, {.bias = options.bias}))),
      options_(checked(options)) {
  if (activation != nullptr) this->add_module("activation", std::move(activation));
}

template <class T>
Generator& DropConnect<T>::generator() const {
  return options_.generator != nullptr ? *options_.generator : default_generator();
}

template <class T>
Tensor<T> DropConnect<T>::activate(const Tensor<T>& u) const {
  return this->children().empty() ? u : (*this->children()[0])(u);
}

template <class T>
Tensor<T> DropConnect<T>::forward(const Tensor<T>& x) {
  if (this->is_training()) {
    return activate(linear(x, dropout(weight, options_.p, generator()), bias));
  }
  const bool samples = options_.inference == DropConnectInference::gaussian && options_.p > 0;
  return samples && !this->children().empty() ? average(x) : activate(linear(x, weight, bias));
}

template <class T>
typename DropConnect<T>::Moments DropConnect<T>::moments(const Tensor<T>& x) const {
  const double factor = options_.p / (1 - options_.p);
  return {linear(x, weight, bias), linear(square(x), square(weight)) * factor};
}

template <class T>
Tensor<T> DropConnect<T>::average(const Tensor<T>& x) const {
  const auto [mean, variance] = moments(x);
  const Tensor<T> deviation = sqrt(variance);
  Tensor<T> total;
  for (std::size_t i = 0; i < options_.samples; ++i) {
    const Tensor<T> z = normal<T>(mean.shape(), T(0), T(1), generator());
    const Tensor<T> y = activate(mean + deviation * z);
    total = total.defined() ? total + y : y;
  }
  return total / static_cast<double>(options_.samples);
}

template <class T>
ModuleOptions DropConnect<T>::options() const {
  const bool gaussian = options_.inference == DropConnectInference::gaussian;
  return {{"in", ModuleOptions::of(weight.shape()[1])},
          {"out", ModuleOptions::of(weight.shape()[0])},
          {"p", options_.p},
          {"bias", ModuleOptions::of(bias.defined())},
          {"inference", std::string(gaussian ? "gaussian" : "mean")},
          {"samples", ModuleOptions::of(options_.samples)}};
}

template <class T>
std::unique_ptr<Module<T>> DropConnect<T>::structure() const {
  std::unique_ptr<Module<T>> activation;
  if (!this->children().empty()) {
    activation = this->children()[0]->structure();
    if (activation == nullptr) return nullptr;
  }
  const Shape& w = weight.shape();
  return std::make_unique<DropConnect>(w[1], w[0], options_, std::move(activation));
}

template <class T>
std::unique_ptr<Module<T>> DropConnect<T>::from(const ModuleOptions& o,
                                                std::unique_ptr<Module<T>> activation) {
  const DropConnectOptions options{.p = o.number("p"),
                                   .bias = o.flag("bias", true),
                                   .inference = o.text("inference") == "gaussian"
                                                    ? DropConnectInference::gaussian
                                                    : DropConnectInference::mean,
                                   .samples = o.size("samples")};
  const std::size_t in = o.size("in"), out = o.size("out");
  return std::make_unique<DropConnect>(in, out, options, std::move(activation));
}

template class DropConnect<float>;
template class DropConnect<double>;

}  // namespace xgrad
