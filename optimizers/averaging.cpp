#include "xgrad/optimizers/averaging.hpp"

#include <algorithm>
#include <stdexcept>

#include "xgrad/optimizers/text.hpp"

namespace xgrad {

template <class T>
WeightAverage<T>::WeightAverage(std::string type_name, const NamedTensors<T>& tensors)
    : type_name_(std::move(type_name)) {
  if (tensors.empty()) throw std::invalid_argument(type_name_ + ": no tensors");
  for (const NamedTensor<T>& t : tensors) {
    if (!t.tensor.defined()) {
      throw std::invalid_argument(type_name_ + ": tensor '" + t.name + "' is undefined");
    }
    const auto same = [&](const NamedTensor<T>& other) { return other.tensor.is_same(t.tensor); };
    if (std::none_of(tensors_.begin(), tensors_.end(), same)) tensors_.push_back(t);
  }
}

template <class T>
void WeightAverage<T>::update() {
  if (is_swapped()) {
    throw std::logic_error(type_name_ + ": update() while swapped: the weights are the average");
  }
  if (averages_.empty()) {
    for (const NamedTensor<T>& t : tensors_) averages_.push_back({t.name, t.tensor.clone()});
  }
  const kernels::AverageRule<T> rule{static_cast<T>(updates_ == 0 ? 1 : share(updates_))};
  for (std::size_t i = 0; updates_ > 0 && i < tensors_.size(); ++i) {
    kernels::UpdateArguments<T> a{};
    a.w = averages_[i].tensor.mutable_data();
    a.g = tensors_[i].tensor.data();
    a.n = tensors_[i].tensor.size();
    kernels::update(rule, a);
  }
  updates_ += 1;
}

template <class T>
void WeightAverage<T>::swap() {
  if (updates_ == 0) throw std::logic_error(type_name_ + ": swap() before the first update()");
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    T* const weights = tensors_[i].tensor.mutable_data();
    std::swap_ranges(weights, weights + tensors_[i].tensor.size(), averages_[i].tensor.mutable_data());
  }
  swapped_ = 1 - swapped_;
}

template <class T>
OptimizerState<T> WeightAverage<T>::state_dict() const {
  OptimizerState<T> r;
  for (const NamedTensor<T>& t : averages_) {
    r.tensors.push_back({type_name_ + "/" + t.name, t.tensor.clone()});
  }
  r.numbers = {{type_name_ + "/updates", updates_}, {type_name_ + "/swapped", swapped_}};
  return r;
}

template <class T>
void WeightAverage<T>::load_state_dict(const OptimizerState<T>& state) {
  std::vector<std::string> missing, misshapen;
  const auto number = [&](const char* name) {
    const auto it = state.numbers.find(type_name_ + "/" + name);
    if (it == state.numbers.end()) missing.emplace_back(name);
    return it == state.numbers.end() ? 0 : it->second;
  };
  const double updates = number("updates"), swapped = number("swapped");
  NamedTensors<T> averages;
  for (const NamedTensor<T>& t : tensors_) {
    if (updates == 0) break;
    const auto named = [&](const NamedTensor<T>& s) { return s.name == type_name_ + "/" + t.name; };
    const auto it = std::find_if(state.tensors.begin(), state.tensors.end(), named);
    if (it == state.tensors.end()) {
      missing.push_back(t.name);
    } else if (it->tensor.shape() != t.tensor.shape()) {
      misshapen.push_back(t.name + " " + to_string(t.tensor.shape()) + " given " +
                          to_string(it->tensor.shape()));
    } else {
      averages.push_back({t.name, it->tensor.clone()});
    }
  }
  std::string wrong;
  if (!missing.empty()) wrong += "; missing: " + detail::join(missing);
  if (!misshapen.empty()) wrong += "; wrong shape: " + detail::join(misshapen);
  if (!wrong.empty()) {
    throw std::invalid_argument("load_state_dict: " + type_name_ + ": " + wrong.substr(2));
  }
  averages_ = std::move(averages);
  updates_ = updates;
  swapped_ = swapped;
}

template <class T>
Ema<T>::Ema(const NamedTensors<T>& tensors, const EmaOptions& options)
    : WeightAverage<T>("Ema", tensors), options_(options) {
  detail::require_fraction("Ema", "decay", options.decay);
}

template <class T>
double Ema<T>::share(double updates) const {
  const double decay = options_.warm_up ? std::min(options_.decay, (1 + updates) / (10 + updates))
                                        : options_.decay;
  return 1 - decay;
}

template class WeightAverage<float>;
template class WeightAverage<double>;
template class Ema<float>;
template class Ema<double>;

}  // namespace xgrad
