#include "xgrad/modules/recurrent.hpp"

#include "xgrad/modules/recurrent_parts.hpp"
#include "xgrad/ops/creation.hpp"
#include "xgrad/ops/regularization.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/ops/slicing.hpp"

namespace xgrad {
namespace {

RecurrentOptions recurrent_options(const ModuleOptions& o) {
  return {.num_layers = o.has("num_layers") ? o.size("num_layers") : 1,
          .bias = o.flag("bias", true),
          .batch_first = o.flag("batch_first", false),
          .dropout = o.number("dropout", 0),
          .bidirectional = o.flag("bidirectional", false),
          .proj_size = o.has("proj_size") ? o.size("proj_size") : 0};
}

RecurrentOptions without_nonlinearity(const RnnOptions& o) {
  return {o.num_layers, o.bias, o.batch_first, o.dropout, o.bidirectional, o.proj_size};
}

RnnOptions rnn_options(const RecurrentOptions& o, Nonlinearity f) {
  return {o.num_layers, f, o.bias, o.batch_first, o.dropout, o.bidirectional, o.proj_size};
}

template <class T>
std::vector<Tensor<T>> states_of(const RecurrentInput<T>& from) {
  if (!from.state.defined()) return {};
  return {from.state};
}
template <class T>
std::vector<Tensor<T>> states_of(const LstmInput<T>& from) {
  if (!from.state.h.defined() && !from.state.c.defined()) return {};
  return {from.state.h, from.state.c};
}

template <class T>
Shape shape_of(const Tensor<T>& t) {
  return t.defined() ? t.shape() : Shape{0};
}

}  // namespace

// --- Layers ---

template <template <class> class M, class T>
RecurrentLayers<M, T>::RecurrentLayers(const char* name, std::size_t in, std::size_t hidden,
                                       RecurrentOptions o, std::size_t parts, std::size_t states)
    : in_(in), hidden_(hidden), parts_(parts), states_(states), options_(o) {
  detail::require(in > 0 && hidden > 0 && o.num_layers > 0, name, "a size is 0: in ", in,
                  ", hidden ", hidden, ", num_layers ", o.num_layers);
  detail::require_in(name, "dropout", o.dropout, "[0, 1]");
  detail::require(o.proj_size == 0, name,
                  "projections are not there, put a Linear behind: proj_size ", o.proj_size);
  for (std::size_t k = 0; k < o.num_layers; ++k) {
    const std::string suffix = "_l" + detail::text(k);
    const std::size_t wide = k == 0 ? in : directions() * hidden;
    add_weights(suffix, wide);
    if (o.bidirectional) add_weights(suffix + "_reverse", wide);
  }
}

template <template <class> class M, class T>
void RecurrentLayers<M, T>::add_weights(const std::string& suffix, std::size_t in) {
  const std::size_t wide = parts_ * hidden_;
  const auto add = [&](const char* name, const Shape& shape, bool there) -> Tensor<T>& {
    return this->add_parameter(name + suffix,
                               there ? detail::initial_recurrent<T>(shape, hidden_) : Tensor<T>());
  };
  Tensor<T>&ih = add("weight_ih", {wide, in}, true), &hh = add("weight_hh", {wide, hidden_}, true);
  Tensor<T>&b_ih = add("bias_ih", {wide}, options_.bias),
  &b_hh = add("bias_hh", {wide}, options_.bias);
  weights_.push_back({ih, hh, b_ih, b_hh});
}

template <template <class> class M, class T>
RecurrentWeights<T>& RecurrentLayers<M, T>::weights(std::size_t layer, bool reverse) {
  detail::require<std::out_of_range>(
      layer < options_.num_layers && (!reverse || options_.bidirectional), this->type_name(),
      "no such weights: layer ", layer, reverse ? ", reverse" : "", " of ", options_.num_layers,
      options_.bidirectional ? " in both directions" : " in one direction");
  return weights_[layer * directions() + (reverse ? 1 : 0)];
}

template <template <class> class M, class T>
Tensor<T> RecurrentLayers<M, T>::forward(const Tensor<T>& x) {
  return run(x, {}, {}).h;
}

// x (steps, n, in).
template <template <class> class M, class T>
void RecurrentLayers<M, T>::check(const Tensor<T>& x, States& first) const {
  const Shape& s = x.shape();
  detail::require(s[2] == in_ && s[0] > 0, this->type_name(), "x (steps, n, ", in_,
                  ") with a step at least expected: steps ", s[0], ", n ", s[1], ", in ", s[2]);
  const Shape expected{options_.num_layers * directions(), s[1], hidden_};
  if (first.empty()) first.assign(states_, zeros<T>(expected));
  for (const Tensor<T>& state : first) {
    const Shape is = shape_of(state);
    detail::require(is == expected, this->type_name(), "states are not ", expected, ": state ", is);
  }
}

template <template <class> class M, class T>
typename RecurrentLayers<M, T>::Outputs RecurrentLayers<M, T>::layer(
    std::size_t k, const Tensor<T>& x, const States& first,
    const std::vector<std::size_t>& lengths) {
  std::vector<Outputs> ways;
  for (std::size_t way = 0; way < directions(); ++way) {
    const std::size_t at = k * directions() + way;
    States mine;
    for (const Tensor<T>& s : first) mine.push_back(select(s, 0, static_cast<std::ptrdiff_t>(at)));
    ways.push_back(one(x, mine, weights_[at], {.lengths = lengths, .reverse = way == 1}));
  }
  if (ways.size() == 1) return ways[0];
  ways[0].h = concat({ways[0].h, ways[1].h}, 2);
  ways[0].last.insert(ways[0].last.end(), ways[1].last.begin(), ways[1].last.end());
  return ways[0];
}

// All layers; `last` is the last states of all of them in turn.
template <template <class> class M, class T>
typename RecurrentLayers<M, T>::Outputs RecurrentLayers<M, T>::run(
    const Tensor<T>& x, States first, const std::vector<std::size_t>& lengths) {
  const std::size_t axes = x.rank();
  detail::require(axes == 2 || axes == 3, this->type_name(), "x has neither two axes nor three: x ",
                  x.shape());
  if (axes == 2) return alone(x, std::move(first), lengths);
  Tensor<T> h = options_.batch_first ? transpose(x, 0, 1) : x;
  check(h, first);
  std::vector<States> last(states_);
  for (std::size_t k = 0; k < options_.num_layers; ++k) {
    if (k > 0 && this->is_training()) h = dropout(h, options_.dropout);
    Outputs y = layer(k, h, first, lengths);
    h = y.h;
    for (std::size_t i = 0; i < y.last.size(); ++i) last[i % states_].push_back(y.last[i]);
  }
  Outputs all{options_.batch_first ? transpose(h, 0, 1) : h, {}};
  for (const States& s : last) all.last.push_back(stack(s));
  return all;
}

// One sequence, (steps, in).
template <template <class> class M, class T>
typename RecurrentLayers<M, T>::Outputs RecurrentLayers<M, T>::alone(
    const Tensor<T>& x, States first, const std::vector<std::size_t>& lengths) {
  for (Tensor<T>& s : first) {
    const Shape is = shape_of(s), expected{options_.num_layers * directions(), hidden_};
    detail::require(is == expected, this->type_name(), "states are not ", expected, ": state ", is);
    s = unsqueeze(s, 1);
  }
  const std::ptrdiff_t axis = options_.batch_first ? 0 : 1;
  Outputs y = run(unsqueeze(x, axis), std::move(first), lengths);
  y.h = squeeze(y.h, {axis});
  for (Tensor<T>& s : y.last) s = squeeze(s, {1});
  return y;
}

template <template <class> class M, class T>
ModuleOptions RecurrentLayers<M, T>::options() const {
  return {{"in", ModuleOptions::of(in_)},
          {"hidden", ModuleOptions::of(hidden_)},
          {"num_layers", ModuleOptions::of(options_.num_layers)},
          {"bias", ModuleOptions::of(options_.bias)},
          {"batch_first", ModuleOptions::of(options_.batch_first)},
          {"dropout", ModuleOptions::of(options_.dropout)},
          {"bidirectional", ModuleOptions::of(options_.bidirectional)}};
}

// --- Rnn, Gru, Lstm ---

template <class T>
Rnn<T>::Rnn(std::size_t in, std::size_t hidden, RnnOptions o)
    : Base("Rnn", in, hidden, without_nonlinearity(o), 1, 1), nonlinearity_(o.nonlinearity) {}

template <class T>
typename Rnn<T>::Base::Outputs Rnn<T>::one(const Tensor<T>& x, const typename Base::States& first,
                                           const RecurrentWeights<T>& w,
                                           const SequenceOptions& options) const {
  const auto y =
      rnn(x, first[0], w.weight_ih, w.weight_hh, w.bias_ih, w.bias_hh, nonlinearity_, options);
  return {y.h, {y.last}};
}

template <class T>
ModuleOptions Rnn<T>::options() const {
  return detail::with_nonlinearity(Base::options(), nonlinearity_);
}

template <class T>
std::unique_ptr<Module<T>> Rnn<T>::from(const ModuleOptions& o) {
  const std::size_t in = o.size("in"), hidden = o.size("hidden");
  return std::make_unique<Rnn>(in, hidden,
                               rnn_options(recurrent_options(o), detail::nonlinearity_of(o)));
}

template <class T>
Gru<T>::Gru(std::size_t in, std::size_t hidden, RecurrentOptions o)
    : Base("Gru", in, hidden, o, 3, 1) {}

template <class T>
typename Gru<T>::Base::Outputs Gru<T>::one(const Tensor<T>& x, const typename Base::States& first,
                                           const RecurrentWeights<T>& w,
                                           const SequenceOptions& options) const {
  const auto y = gru(x, first[0], w.weight_ih, w.weight_hh, w.bias_ih, w.bias_hh, options);
  return {y.h, {y.last}};
}

template <class T>
std::unique_ptr<Module<T>> Gru<T>::from(const ModuleOptions& o) {
  const std::size_t in = o.size("in"), hidden = o.size("hidden");
  return std::make_unique<Gru>(in, hidden, recurrent_options(o));
}

template <class T>
Lstm<T>::Lstm(std::size_t in, std::size_t hidden, RecurrentOptions o)
    : Base("Lstm", in, hidden, o, 4, 2) {}

template <class T>
typename Lstm<T>::Base::Outputs Lstm<T>::one(const Tensor<T>& x, const typename Base::States& first,
                                             const RecurrentWeights<T>& w,
                                             const SequenceOptions& options) const {
  const auto y =
      lstm(x, {first[0], first[1]}, w.weight_ih, w.weight_hh, w.bias_ih, w.bias_hh, options);
  return {y.h, {y.last.h, y.last.c}};
}

template <class T>
std::unique_ptr<Module<T>> Lstm<T>::from(const ModuleOptions& o) {
  const std::size_t in = o.size("in"), hidden = o.size("hidden");
  return std::make_unique<Lstm>(in, hidden, recurrent_options(o));
}

template <class T>
RecurrentOutput<T> Rnn<T>::operator()(const Tensor<T>& x, const RecurrentInput<T>& from) {
  return this->inside([&]() -> RecurrentOutput<T> {
    const auto y = this->run(x, states_of(from), from.lengths);
    return {this->hooked(x, y.h), y.last[0]};
  });
}

template <class T>
RecurrentOutput<T> Gru<T>::operator()(const Tensor<T>& x, const RecurrentInput<T>& from) {
  return this->inside([&]() -> RecurrentOutput<T> {
    const auto y = this->run(x, states_of(from), from.lengths);
    return {this->hooked(x, y.h), y.last[0]};
  });
}

template <class T>
LstmOutput<T> Lstm<T>::operator()(const Tensor<T>& x, const LstmInput<T>& from) {
  return this->inside([&]() -> LstmOutput<T> {
    const auto y = this->run(x, states_of(from), from.lengths);
    return {this->hooked(x, y.h), {y.last[0], y.last[1]}};
  });
}

#define XGRAD_INSTANTIATE(T)               \
  template class RecurrentLayers<Rnn, T>;  \
  template class RecurrentLayers<Gru, T>;  \
  template class RecurrentLayers<Lstm, T>; \
  template class Rnn<T>;                   \
  template class Gru<T>;                   \
  template class Lstm<T>;
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
