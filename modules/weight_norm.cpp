#include "xgrad/modules/weight_norm.hpp"

#include <string>

#include "xgrad/autograd/broadcast.hpp"
#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/reductions.hpp"

namespace xgrad {
namespace {

// |w[o]| as (out, 1, ...).
template <class T>
Tensor<T> lengths(const Tensor<T>& w) {
  const std::size_t out = w.shape()[0];
  Shape shape{out};
  for (std::size_t i = 1; i < w.rank(); ++i) shape.push_back(1);
  return detail::view(norm(detail::view(w, {out, w.size() / out}), 2, 1), shape);
}

template <class T>
const Tensor<T>& checked(const Tensor<T>& weight) {
  if (weight.rank() >= 2 && weight.size() > 0) return weight;
  detail::fail("WeightNorm", "the weight has not two axes or more: weight ", weight.shape());
}

template <class T>
Tensor<T> initial_lengths(const Tensor<T>& weight) {
  const NoGrad guard;
  return lengths(checked(weight));
}

}  // namespace

template <class T>
WeightNorm<T>::WeightNorm(std::unique_ptr<Module<T>> inner)
    : g(this->add_parameter("g", initial_lengths(inner->at("weight")))),
      v(this->add_parameter("v", inner->at("weight").clone())),
      weight_(this->derive_parameter(*inner, "weight")) {
  weight_ = weight_.detach();
  this->add_module("inner", std::move(inner));
}

// The inner module keeps the numbers, but not the graph that they came from.
template <class T>
Tensor<T> WeightNorm<T>::forward(const Tensor<T>& x) {
  struct Detach {
    Tensor<T>& weight;
    ~Detach() { weight = weight.detach(); }
  } const after{weight_};
  weight_ = v * (g / lengths(v));
  return (*this->children()[0])(x);
}

template <class T>
std::unique_ptr<Module<T>> WeightNorm<T>::structure() const {
  std::unique_ptr<Module<T>> inner = this->children()[0]->structure();
  return inner != nullptr ? std::make_unique<WeightNorm>(std::move(inner)) : nullptr;
}

template class WeightNorm<float>;
template class WeightNorm<double>;

}  // namespace xgrad
