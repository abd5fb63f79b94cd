#include "xgrad/modules/dropout.hpp"

#include <cmath>
#include <stdexcept>
#include <string>

#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/random.hpp"
#include "xgrad/ops/regularization.hpp"

namespace xgrad {
namespace {

double probability(const char* module, double p) {
  if (p >= 0 && p <= 1) return p;
  throw std::invalid_argument(std::string(module) + ": p is not in [0, 1]: " + std::to_string(p));
}

double checked_deviation(double deviation) {
  if (deviation >= 0 && std::isfinite(deviation)) return deviation;
  throw std::invalid_argument("GaussianNoise: deviation is not finite and at least 0: " +
                              std::to_string(deviation));
}

Generator& chosen(Generator* generator) {
  return generator != nullptr ? *generator : default_generator();
}

}  // namespace

template <class T>
Dropout<T>::Dropout(double p, Generator* generator)
    : p_(probability("Dropout", p)), generator_(generator) {}

template <class T>
Tensor<T> Dropout<T>::forward(const Tensor<T>& x) {
  return this->is_training() ? dropout(x, p_, chosen(generator_)) : x;
}

template <class T>
std::unique_ptr<Module<T>> Dropout<T>::structure() const {
  return std::make_unique<Dropout>(p_, generator_);
}

template <class T>
std::unique_ptr<Module<T>> Dropout<T>::from(const ModuleOptions& o) {
  return std::make_unique<Dropout>(o.number("p"));
}

template <class T>
AlphaDropout<T>::AlphaDropout(double p, Generator* generator)
    : p_(probability("AlphaDropout", p)), generator_(generator) {}

template <class T>
Tensor<T> AlphaDropout<T>::forward(const Tensor<T>& x) {
  return this->is_training() ? alpha_dropout(x, p_, chosen(generator_)) : x;
}

template <class T>
std::unique_ptr<Module<T>> AlphaDropout<T>::structure() const {
  return std::make_unique<AlphaDropout>(p_, generator_);
}

template <class T>
std::unique_ptr<Module<T>> AlphaDropout<T>::from(const ModuleOptions& o) {
  return std::make_unique<AlphaDropout>(o.number("p"));
}

template <class T>
GaussianNoise<T>::GaussianNoise(double deviation, Generator* generator)
    : deviation_(checked_deviation(deviation)), generator_(generator) {}

template <class T>
Tensor<T> GaussianNoise<T>::forward(const Tensor<T>& x) {
  if (!this->is_training() || deviation_ == 0) return x;
  return x + normal<T>(x.shape(), T(0), static_cast<T>(deviation_), chosen(generator_));
}

template <class T>
std::unique_ptr<Module<T>> GaussianNoise<T>::structure() const {
  return std::make_unique<GaussianNoise>(deviation_, generator_);
}

template <class T>
std::unique_ptr<Module<T>> GaussianNoise<T>::from(const ModuleOptions& o) {
  return std::make_unique<GaussianNoise>(o.number("deviation"));
}

template class Dropout<float>;
template class Dropout<double>;
template class AlphaDropout<float>;
template class AlphaDropout<double>;
template class GaussianNoise<float>;
template class GaussianNoise<double>;

}  // namespace xgrad
