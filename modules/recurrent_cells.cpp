#include "xgrad/modules/recurrent_cells.hpp"

#include "xgrad/modules/recurrent_parts.hpp"
#include "xgrad/ops/creation.hpp"
#include "xgrad/ops/shape.hpp"

namespace xgrad {

using detail::initial_recurrent;

template <template <class> class M, class T>
RecurrentCell<M, T>::RecurrentCell(const char* name, std::size_t in, std::size_t hidden, bool bias,
                                   std::size_t parts)
    : in_((detail::require(in > 0 && hidden > 0, name, "a size is 0: in ", in, ", hidden ", hidden),
           in)),
      hidden_(hidden),
      weight_ih(
          this->add_parameter("weight_ih", initial_recurrent<T>({parts * hidden, in}, hidden))),
      weight_hh(
          this->add_parameter("weight_hh", initial_recurrent<T>({parts * hidden, hidden}, hidden))),
      bias_ih(this->add_parameter(
          "bias_ih", bias ? initial_recurrent<T>({parts * hidden}, hidden) : Tensor<T>())),
      bias_hh(this->add_parameter(
          "bias_hh", bias ? initial_recurrent<T>({parts * hidden}, hidden) : Tensor<T>())) {}

template <template <class> class M, class T>
template <class F>
std::vector<Tensor<T>> RecurrentCell<M, T>::step_of(const Tensor<T>& x,
                                                    std::vector<Tensor<T>> states,
                                                    const F& f) const {
  const Shape& s = x.shape();
  const bool one = s.rank() == 1;
  detail::require((one || s.rank() == 2) && s.back() == in_, this->type_name(), "x is not (n, ",
                  in_, "): x ", s);
  const Shape expected = one ? Shape{hidden_} : Shape{s[0], hidden_};
  for (Tensor<T>& h : states) {
    if (!h.defined()) h = zeros<T>(expected);
    detail::require(h.shape() == expected, this->type_name(), "states are not ", expected,
                    ": state ", h.shape());
    if (one) h = unsqueeze(h, 0);
  }
  std::vector<Tensor<T>> next = f(one ? unsqueeze(x, 0) : x, states);
  for (Tensor<T>& h : next) {
    if (one) h = squeeze(h, {0});
  }
  return next;
}

template <template <class> class M, class T>
ModuleOptions RecurrentCell<M, T>::options() const {
  return {{"in", ModuleOptions::of(in_)},
          {"hidden", ModuleOptions::of(hidden_)},
          {"bias", ModuleOptions::of(bias_ih.defined())}};
}

template <class T>
RnnCell<T>::RnnCell(std::size_t in, std::size_t hidden, RnnCellOptions o)
    : RnnCell::RecurrentCell("RnnCell", in, hidden, o.bias, 1), nonlinearity_(o.nonlinearity) {}

template <class T>
Tensor<T> RnnCell<T>::step(const Tensor<T>& x, const Tensor<T>& h) const {
  return this->step_of(x, {h}, [&](const Tensor<T>& of_n, const auto& s) {
    return std::vector{rnn_cell(of_n, s[0], this->weight_ih, this->weight_hh, this->bias_ih,
                                this->bias_hh, nonlinearity_)};
  })[0];
}

template <class T>
Tensor<T> RnnCell<T>::operator()(const Tensor<T>& x, const Tensor<T>& h) {
  return this->inside([&] { return this->hooked(x, step(x, h)); });
}

template <class T>
ModuleOptions RnnCell<T>::options() const {
  return detail::with_nonlinearity(RnnCell::RecurrentCell::options(), nonlinearity_);
}

template <class T>
std::unique_ptr<Module<T>> RnnCell<T>::from(const ModuleOptions& o) {
  const std::size_t in = o.size("in"), hidden = o.size("hidden");
  return std::make_unique<RnnCell>(
      in, hidden,
      RnnCellOptions{.bias = o.flag("bias", true), .nonlinearity = detail::nonlinearity_of(o)});
}

template <class T>
GruCell<T>::GruCell(std::size_t in, std::size_t hidden, RecurrentCellOptions o)
    : GruCell::RecurrentCell("GruCell", in, hidden, o.bias, 3) {}

template <class T>
Tensor<T> GruCell<T>::step(const Tensor<T>& x, const Tensor<T>& h) const {
  return this->step_of(x, {h}, [&](const Tensor<T>& of_n, const auto& s) {
    return std::vector{
        gru_cell(of_n, s[0], this->weight_ih, this->weight_hh, this->bias_ih, this->bias_hh)};
  })[0];
}

template <class T>
Tensor<T> GruCell<T>::operator()(const Tensor<T>& x, const Tensor<T>& h) {
  return this->inside([&] { return this->hooked(x, step(x, h)); });
}

template <class T>
std::unique_ptr<Module<T>> GruCell<T>::from(const ModuleOptions& o) {
  const std::size_t in = o.size("in"), hidden = o.size("hidden");
  return std::make_unique<GruCell>(in, hidden, RecurrentCellOptions{.bias = o.flag("bias", true)});
}

template <class T>
LstmCell<T>::LstmCell(std::size_t in, std::size_t hidden, RecurrentCellOptions o)
    : LstmCell::RecurrentCell("LstmCell", in, hidden, o.bias, 4) {}

template <class T>
LstmState<T> LstmCell<T>::step(const Tensor<T>& x, const LstmState<T>& state) const {
  const auto y = this->step_of(x, {state.h, state.c}, [&](const Tensor<T>& of_n, const auto& s) {
    const LstmState<T> next = lstm_cell(of_n, {s[0], s[1]}, this->weight_ih, this->weight_hh,
                                        this->bias_ih, this->bias_hh);
    return std::vector{next.h, next.c};
  });
  return {y[0], y[1]};
}

template <class T>
LstmState<T> LstmCell<T>::operator()(const Tensor<T>& x, const LstmState<T>& state) {
  return this->inside([&]() -> LstmState<T> {
    const LstmState<T> next = step(x, state);
    return {this->hooked(x, next.h), next.c};
  });
}

template <class T>
std::unique_ptr<Module<T>> LstmCell<T>::from(const ModuleOptions& o) {
  const std::size_t in = o.size("in"), hidden = o.size("hidden");
  return std::make_unique<LstmCell>(in, hidden, RecurrentCellOptions{.bias = o.flag("bias", true)});
}

#define XGRAD_INSTANTIATE(T)                 \
  template class RecurrentCell<RnnCell, T>;  \
  template class RecurrentCell<GruCell, T>;  \
  template class RecurrentCell<LstmCell, T>; \
  template class RnnCell<T>;                 \
  template class GruCell<T>;                 \
  template class LstmCell<T>;
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
