#include "xgrad/optimizers/averaging.hpp"

#include <algorithm>
#include <stdexcept>

#include "xgrad/autograd/place.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/kernels/optimizer.hpp"

namespace xgrad {

template <class T>
WeightAverage<T>::WeightAverage(std::string type_name, const NamedTensors<T>& tensors)
    : type_name_(std::move(type_name)) {
  if (tensors.empty()) detail::fail(type_name_, "no tensors");
  for (const NamedTensor<T>& t : tensors) {
    if (!t.tensor.defined()) {
      detail::fail(type_name_, "tensor ", detail::quote(t.name), " is undefined");
    }
    const auto same = [&](const NamedTensor<T>& other) { return other.tensor.is_same(t.tensor); };
    if (std::none_of(tensors_.begin(), tensors_.end(), same)) tensors_.push_back(t);
  }
}

template <class T>
void WeightAverage<T>::update() {
  detail::require_kept(type_name_, tensors_);
  if (is_swapped()) {
    detail::fail<std::logic_error>(type_name_,
                                   "update() while swapped: the weights are the average");
  }
  if (updates_ == 0) {
    averages_.clear();
    for (const NamedTensor<T>& t : tensors_) averages_.push_back({t.name, t.tensor.clone()});
  } else {
    approach(share(updates_));
  }
  updates_ += 1;
}

template <class T>
void WeightAverage<T>::approach(double share) {
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    kernels::UpdateArguments<T> a{};
    a.w = averages_[i].tensor.mutable_data();
    a.g = tensors_[i].tensor.data();
    a.n = tensors_[i].tensor.size();
    kernels::update(kernels::AverageRule<T>{static_cast<T>(share)}, a);
  }
}

template <class T>
void WeightAverage<T>::swap() {
  if (updates_ == 0) detail::fail<std::logic_error>(type_name_, "swap() before the first update()");
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    T* const weights = tensors_[i].tensor.mutable_data();
    std::swap_ranges(weights, weights + tensors_[i].tensor.size(),
                     averages_[i].tensor.mutable_data());
  }
  swapped_ = 1 - swapped_;
}

template <class T>
OptimizerState<T> WeightAverage<T>::state_dict() const {
  OptimizerState<T> r;
  for (const NamedTensor<T>& t : averages_) {
    r.tensors.push_back({type_name_ + "/" + t.name, t.tensor.clone()});
  }
  r.numbers = detail::with_prefix(numbers(), type_name_);
  return r;
}

template <class T>
void WeightAverage<T>::load_state_dict(const OptimizerState<T>& state) {
  const StateNumbers given = detail::own_numbers(state.numbers, type_name_);
  const detail::StateTensors<T> tensors = detail::own_tensors(state.tensors, type_name_);
  const auto updates = given.find("updates");
  detail::StateShapes shapes;
  for (const NamedTensor<T>& t : tensors_) {
    if (updates != given.end() && updates->second > 0) shapes.emplace(t.name, t.tensor.shape());
  }
  detail::check_state(type_name_, numbers(), given, shapes, tensors);
  NamedTensors<T> averages;
  for (const auto& t : tensors_) {
    if (updates->second > 0) averages.push_back({t.name, tensors.at(t.name).clone()});
  }
  averages_ = std::move(averages);
  updates_ = updates->second;
  swapped_ = given.at("swapped");
}

template <class T>
Ema<T>::Ema(const NamedTensors<T>& tensors, const EmaOptions& options)
    : WeightAverage<T>("Ema", tensors), options_(options) {
  detail::require_in("Ema", "decay", options.decay, "[0, 1)");
}

template <class T>
double Ema<T>::share(double updates) const {
  const double decay =
      options_.warm_up ? std::min(options_.decay, (1 + updates) / (10 + updates)) : options_.decay;
  return 1 - decay;
}

template class WeightAverage<float>;
template class WeightAverage<double>;
template class Ema<float>;
template class Ema<double>;

}  // namespace xgrad
