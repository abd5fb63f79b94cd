#include "xgrad/modules/embedding.hpp"

#include <string>

#include "xgrad/base/errors.hpp"
#include "xgrad/ops/indexing.hpp"
#include "xgrad/ops/random.hpp"

namespace xgrad {
namespace {

template <class T>
Tensor<T> initial_vectors(std::size_t count, std::size_t features, Generator* generator) {
  if (count == 0 || features == 0) {
    detail::fail("Embedding", "a size is 0: count ", count, ", features ", features);
  }
  return normal<T>({count, features}, T(0), T(1),
                   generator != nullptr ? *generator : default_generator());
}

void require_not_negative(std::int64_t position) {
  if (position >= 0) return;
  detail::fail<std::out_of_range>("embedding", "position ", position, " is negative");
}

}  // namespace

template <class T>
Embedding<T>::Embedding(std::size_t count, std::size_t features, Generator* generator)
    : weight(this->add_parameter("weight", initial_vectors<T>(count, features, generator))) {}

template <class T>
Tensor<T> Embedding<T>::operator()(const Indices& index) {
  return this->inside([&] {
    for (const std::int64_t i : index) require_not_negative(i);
    return this->hooked({}, index_select(weight, 0, index));
  });
}

template <class T>
ModuleOptions Embedding<T>::options() const {
  return {{"count", ModuleOptions::of(weight.shape()[0])},
          {"features", ModuleOptions::of(weight.shape()[1])}};
}

template <class T>
std::unique_ptr<Module<T>> Embedding<T>::from(const ModuleOptions& o) {
  const std::size_t count = o.size("count"), features = o.size("features");
  return std::make_unique<Embedding>(count, features);
}

template class Embedding<float>;
template class Embedding<double>;

}  // namespace xgrad
