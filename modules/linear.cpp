#include "xgrad/modules/linear.hpp"

#include <cmath>

#include "xgrad/autograd/broadcast.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/random.hpp"

namespace xgrad {
namespace {

// Uniform in +-1/sqrt(in).
template <class T>
Tensor<T> initial(const Shape& shape, std::size_t in, const LinearOptions& options) {
  Generator& generator = options.generator != nullptr ? *options.generator : default_generator();
  const T bound = T(1) / std::sqrt(static_cast<T>(in));
  return uniform<T>(shape, -bound, bound, generator);
}

}  // namespace

template <class T>
Tensor<T> detail::initial_weight(const char* module, const Shape& shape,
                                 const LinearOptions& options) {
  if (shape.elements() == 0) {
    detail::fail(module, "a size is 0: weight ", shape);
  }
  return initial<T>(shape, shape[1], options);
}

template <class T>
Tensor<T> detail::initial_bias(const Shape& weight, const LinearOptions& options) {
  return options.bias ? initial<T>({weight[0]}, weight[1], options) : Tensor<T>();
}

template <class T>
Linear<T>::Linear(std::size_t in, std::size_t out, LinearOptions options)
    : weight(
          this->add_parameter("weight", detail::initial_weight<T>("Linear", {out, in}, options))),
      bias(this->add_parameter("bias", detail::initial_bias<T>({out, in}, options))) {}

template <class T>
Tensor<T> Linear<T>::forward(const Tensor<T>& x) {
  return linear(x, weight, bias);
}

template <class T>
ModuleOptions Linear<T>::options() const {
  const Shape& w = weight.shape();
  return {{"in", ModuleOptions::of(w[1])},
          {"out", ModuleOptions::of(w[0])},
          {"bias", ModuleOptions::of(bias.defined())}};
}

template <class T>
std::unique_ptr<Module<T>> Linear<T>::from(const ModuleOptions& o) {
  const std::size_t in = o.size("in"), out = o.size("out");
  return std::make_unique<Linear>(in, out, LinearOptions{.bias = o.flag("bias", true)});
}

template <class T>
Bilinear<T>::Bilinear(std::size_t in_a, std::size_t in_b, std::size_t out, LinearOptions options)
    : weight(this->add_parameter(
          "weight", detail::initial_weight<T>("Bilinear", {out, in_a, in_b}, options))),
      bias(this->add_parameter("bias", detail::initial_bias<T>({out, in_a, in_b}, options))) {}

template <class T>
Tensor<T> Bilinear<T>::forward(const Tensor<T>& a, const Tensor<T>& b) {
  const Shape& w = weight.shape();
  const auto fits = [](const Shape& x, std::size_t in) { return x.rank() == 2 && x[1] == in; };
  if (!fits(a.shape(), w[1]) || !fits(b.shape(), w[2]) || a.shape()[0] != b.shape()[0]) {
    detail::fail("bilinear", "inputs do not fit the weight: a ", a.shape(), ", b ", b.shape(),
                 ", weight ", w);
  }
  const std::size_t n = a.shape()[0];
  const Tensor<T> products = detail::view(a, {n, w[1], 1}) * detail::view(b, {n, 1, w[2]});
  return linear(detail::view(products, {n, w[1] * w[2]}), detail::view(weight, {w[0], w[1] * w[2]}),
                bias);
}

template <class T>
Tensor<T> Bilinear<T>::operator()(const Tensor<T>& a, const Tensor<T>& b) {
  return this->inside([&] { return this->hooked(a, forward(a, b)); });
}

template <class T>
ModuleOptions Bilinear<T>::options() const {
  const Shape& w = weight.shape();
  return {{"in_a", ModuleOptions::of(w[1])},
          {"in_b", ModuleOptions::of(w[2])},
          {"out", ModuleOptions::of(w[0])},
          {"bias", ModuleOptions::of(bias.defined())}};
}

template <class T>
std::unique_ptr<Module<T>> Bilinear<T>::from(const ModuleOptions& o) {
  const std::size_t in_a = o.size("in_a"), in_b = o.size("in_b"), out = o.size("out");
  return std::make_unique<Bilinear>(in_a, in_b, out, LinearOptions{.bias = o.flag("bias", true)});
}

#define XGRAD_INSTANTIATE(T)                                                                  \
  template Tensor<T> detail::initial_weight(const char*, const Shape&, const LinearOptions&); \
  template Tensor<T> detail::initial_bias(const Shape&, const LinearOptions&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

template class Linear<float>;
template class Linear<double>;
template class Bilinear<float>;
template class Bilinear<double>;

}  // namespace xgrad
