#include "xgrad/modules/activations.hpp"

#include <string>

#include "xgrad/autograd/broadcast.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/ops/linalg.hpp"

namespace xgrad {

template <class T>
ModuleOptions Gelu<T>::options() const {
  return {{"form", std::string(form_ == GeluForm::exact ? "exact" : "tanh")}};
}

template <class T>
std::unique_ptr<Module<T>> Gelu<T>::from(const ModuleOptions& o) {
  return std::make_unique<Gelu>(o.text("form") == "tanh" ? GeluForm::tanh : GeluForm::exact);
}

// --- With parameters ---

template <class T>
Prelu<T>::Prelu(std::size_t count, double slope)
    : weight(this->add_parameter("weight", Tensor<T>::filled({count}, static_cast<T>(slope)))) {
  detail::require(count > 0, "Prelu", "count is 0");
}

template <class T>
Tensor<T> Prelu<T>::forward(const Tensor<T>& x) {
  const std::size_t count = weight.size();
  if (count == 1) return prelu(x, weight);
  if (x.rank() < 2 || x.shape()[1] != count) {
    detail::fail("prelu", "axis 1 has not one channel for each slope: x ", x.shape(), ", weight ",
                 weight.shape());
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
  const std::size_t in = o.size("in"), out = o.size("out"), pieces = o.size("pieces");
  return std::make_unique<Maxout>(in, out, pieces, LinearOptions{.bias = o.flag("bias", true)});
}

template class Gelu<float>;
template class Gelu<double>;
template class Prelu<float>;
template class Prelu<double>;
template class Maxout<float>;
template class Maxout<double>;

}  // namespace xgrad
