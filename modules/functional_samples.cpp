// Gradients of each sample's loss.

#include <algorithm>
#include <stdexcept>
#include <typeinfo>
#include <utility>

#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/autograd/trace.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/modules/activations.hpp"
#include "xgrad/modules/convolution.hpp"
#include "xgrad/modules/dropout.hpp"
#include "xgrad/modules/functional.hpp"
#include "xgrad/modules/linear.hpp"
#include "xgrad/modules/normalization.hpp"
#include "xgrad/modules/pooling.hpp"
#include "xgrad/modules/sequential.hpp"
#include "xgrad/modules/shapes.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/convolution_samples.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"

namespace xgrad {
namespace {

constexpr const char* kName = "per_sample_gradients";

template <class T>
void refuse_batch_statistics(const Module<T>& net) {
  net.apply([](const std::string& path, const Module<T>& m) {
    const bool mixes = dynamic_cast<const BatchNorm<T>*>(&m) != nullptr && m.is_training();
    detail::require<std::logic_error>(
        !mixes, kName,
        "batch normalisation in training mode mixes the samples, which have no losses of their "
        "own: use eval(): ",
        path.empty() ? m.type_name() : path);
  });
}

template <class T>
NamedTensors<T> learned(NamedTensors<T> p) {
  std::erase_if(p, [](const NamedTensor<T>& t) { return !t.tensor.requires_grad(); });
  return p;
}

// Numbers for n samples that begin with 0.
template <class T>
class Rows {
 public:
  Rows(const NamedTensors<T>& parameters, std::size_t n) : n_(n) {
    for (const NamedTensor<T>& p : parameters) rows_.push_back({p.name, {}});
    for (const NamedTensor<T>& p : parameters) shapes_.push_back(p.tensor.shape());
  }

  // Adds g, of all samples, to those of parameter k.
  void add(std::size_t k, const Tensor<T>& g) {
    if (!rows_[k].tensor.defined()) {
      rows_[k].tensor = g;
    } else {
      add_numbers(g, of(k));
    }
  }
  // Adds what is defined to sample i.
  void add_sample(std::size_t k, std::size_t i, const Tensor<T>& g) {
    if (g.defined()) add_numbers(g, of(k) + i * g.size());
  }
  NamedTensors<T> take() {
    for (std::size_t k = 0; k < rows_.size(); ++k) of(k);
    return std::move(rows_);
  }

 private:
  static void add_numbers(const Tensor<T>& g, T* to) {
    for (std::size_t e = 0; e < g.size(); ++e) to[e] += g.data()[e];
  }
  T* of(std::size_t k) {
    if (!rows_[k].tensor.defined()) {
      Shape shape{n_};
      for (const std::size_t size : shapes_[k]) shape.push_back(size);
      rows_[k].tensor = Tensor<T>::filled(shape, T(0));
    }
    return rows_[k].tensor.mutable_data();
  }

  std::size_t n_;
  NamedTensors<T> rows_;
  std::vector<Shape> shapes_;
};

// The gradients of a sample's loss, those undefined that it does not depend on.
template <class T>
TensorList<T> gradients(const Tensor<T>& loss, const TensorList<T>& by) {
  detail::require(loss.size() == 1, kName, "the loss of a sample has the shape ", loss.shape(),
                  ", not one number");
  if (!loss.requires_grad()) return TensorList<T>(by.size());
  return grad<T>({loss}, by, {.allow_unused = true}, {Tensor<T>::filled(loss.shape(), T(1))});
}

// --- All at once ---

template <class T, template <class> class... M>
bool is_one_of(const Module<T>& m) {
  return ((typeid(m) == typeid(M<T>)) || ...);
}

template <class T>
std::size_t convolved_axes(const Module<T>& m) {
  return is_one_of<T, Conv1d>(m)   ? 1
         : is_one_of<T, Conv2d>(m) ? 2
         : is_one_of<T, Conv3d>(m) ? 3
                                   : 0;
}

template <class T>
bool is_layer(const Module<T>& m) {
  return is_one_of<T, Linear>(m) || convolved_axes(m) != 0;
}

// Whether each sample goes through as if it were alone, and nothing but a layer learns.
template <class T>
bool keeps_samples_apart(const Module<T>& m) {
  if (ParameterScope<T>::has_hooks(m)) return false;
  if (is_layer(m)) return true;
  if (!learned(m.own_parameters()).empty()) return false;
  return is_one_of<T, Sequential, Identity, Flatten, Relu, Sigmoid, Tanh, Relu6, Selu, Silu, Mish,
                   Softsign, LogSigmoid, LeakyRelu, Elu, Celu, Softplus, Hardtanh, Gelu, MaxPool1d,
                   MaxPool2d, MaxPool3d, AvgPool1d, AvgPool2d, AvgPool3d, AdaptiveAvgPool1d,
                   AdaptiveAvgPool2d, AdaptiveAvgPool3d, AdaptiveMaxPool1d, AdaptiveMaxPool2d,
                   AdaptiveMaxPool3d, GlobalAvgPool, GlobalMaxPool>(m) ||
         (!m.is_training() && is_one_of<T, BatchNorm, Dropout, Dropout2d>(m));
}

// A layer that ran.
template <class T>
struct Call {
  const Module<T>* layer;
  Tensor<T> x, y;
};

// The layers with something to learn that are called during its lifetime.
template <class T>
class Listener {
 public:
  explicit Listener(Module<T>& net) {
    net.apply([&](const std::string&, Module<T>& m) {
      if (is_layer(m) && !learned(m.own_parameters()).empty()) listen(m);
    });
  }
  ~Listener() {
    for (const auto& [m, id] : hooks_) m->remove_hook(id);
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  std::vector<Call<T>> calls;

 private:
  void listen(Module<T>& m) {
    const auto hook = [this](Module<T>& layer, const Tensor<T>& x, const Tensor<T>& y) {
      calls.push_back({&layer, x, y});
      return Tensor<T>();
    };
    hooks_.emplace_back(&m, m.register_forward_hook(hook));
  }
  std::vector<std::pair<Module<T>*, std::size_t>> hooks_;
};

// What the net makes of all samples, and the layers it called.
template <class T>
struct Forward {
  Tensor<T> y;
  std::vector<Call<T>> calls;

  Forward(Module<T>& net, const Tensor<T>& x) {
    Listener<T> listener(net);
    y = net(x);
    calls = std::move(listener.calls);
  }

  // Whether n samples are on the first axis wherever they go.
  bool has_samples(std::size_t n) const {
    return y.rank() > 0 && y.size(0) == n &&
           std::all_of(calls.begin(), calls.end(), [n](const Call<T>& c) {
             const std::size_t axes = convolved_axes(*c.layer), rank = c.x.rank();
             return (axes == 0 ? rank > 1 : rank == axes + 2) && c.x.size(0) == n;
           });
  }
};

// (n, rows, columns) of (n, ..., columns).
template <class T>
Tensor<T> as_matrices(const Tensor<T>& x) {
  const std::size_t n = x.size(0), columns = x.shape().back();
  return reshape(x, Shape{n, x.size() / (n * columns), columns});
}

template <class T, class Layer>
Tensor<T> convolution_gradients(const Layer& layer, const Tensor<T>& x, const Tensor<T>& gy) {
  const ConvLayerOptions& o = layer.layer_options();
  return detail::weight_gradients_of_samples(
      x, gy, layer.weight.shape(), {o.stride, o.padding, o.dilation, o.groups, o.padding_mode});
}

// Of a layer's weight for each sample, from its inputs and the gradients of its outputs.
template <class T>
Tensor<T> weight_gradients(const Module<T>& layer, const Tensor<T>& x, const Tensor<T>& gy) {
  switch (convolved_axes(layer)) {
    case 1:
      return convolution_gradients(static_cast<const Conv1d<T>&>(layer), x, gy);
    case 2:
      return convolution_gradients(static_cast<const Conv2d<T>&>(layer), x, gy);
    case 3:
      return convolution_gradients(static_cast<const Conv3d<T>&>(layer), x, gy);
    default:
      return matmul(as_matrices(gy), as_matrices(x), {.transpose_a = true});
  }
}

template <class T>
Tensor<T> bias_gradients(const Module<T>& layer, const Tensor<T>& gy) {
  if (convolved_axes(layer) == 0) return sum(as_matrices(gy), 1);
  return sum(reshape(gy, Shape{gy.size(0), gy.size(1), gy.size() / (gy.size(0) * gy.size(1))}), 2);
}

// Adds what a call says of the parameters of its layer.
template <class T>
void add_call(const Call<T>& call, const Tensor<T>& gy, const NamedTensors<T>& parameters,
              Rows<T>& result) {
  for (const NamedTensor<T>& own : call.layer->own_parameters()) {
    for (std::size_t k = 0; k < parameters.size(); ++k) {
      if (!parameters[k].tensor.is_same(own.tensor)) continue;
      result.add(k, own.name == "weight" ? weight_gradients(*call.layer, call.x, gy)
                                         : bias_gradients(*call.layer, gy));
    }
  }
}

// Of each sample's loss by the predictions y, and by parameters where a loss has to do with them by
// itself, which is added to `result`.
template <class T>
Tensor<T> prediction_gradients(const Tensor<T>& y, const TensorList<T>& parameters,
                               const detail::SampleLoss<T>& loss, Rows<T>& result) {
  Tensor<T> gy = Tensor<T>::filled(y.shape(), T(0));
  const std::size_t each = y.size() / y.size(0);
  TensorList<T> by = parameters;
  by.emplace_back();
  for (std::size_t i = 0; i < y.size(0); ++i) {
    by.back() = parameter(detail::sample_of(y, i));
    const TensorList<T> g = gradients(loss(by.back(), i), by);
    if (g.back().defined()) std::copy_n(g.back().data(), each, gy.mutable_data() + i * each);
    for (std::size_t k = 0; k < parameters.size(); ++k) result.add_sample(k, i, g[k]);
  }
  return gy;
}

}  // namespace

// The losses are evaluated one by one, on predictions that are made for all together; one backward
// pass goes through the net then.
template <class T>
std::optional<NamedTensors<T>> detail::sample_gradients_at_once(Module<T>& net,
                                                                const Tensor<T>& inputs,
                                                                const SampleLoss<T>& loss) {
  if (tracer != nullptr) tracer->refuse("per_sample_gradients");
  bool possible = inputs.size() > 0;
  std::as_const(net).apply([&](const std::string&, const Module<T>& m) {
    possible = possible && keeps_samples_apart(m);
  });
  const NamedTensors<T> parameters = learned(net.parameters());
  if (!possible || parameters.empty()) return {};
  const EnableGrad guard;
  const Forward<T> forward(net, inputs);
  if (!forward.has_samples(inputs.size(0))) return {};
  Rows<T> result(parameters, inputs.size(0));
  const Tensor<T> gy =
      prediction_gradients(forward.y.detach(), tensors_of(parameters), loss, result);
  TensorList<T> outputs;
  for (const Call<T>& c : forward.calls) outputs.push_back(c.y);
  if (!forward.y.requires_grad()) return result.take();
  const TensorList<T> g = grad<T>({forward.y}, outputs, {.allow_unused = true}, {gy});
  const NoGrad none;
  for (std::size_t c = 0; c < g.size(); ++c) {
    if (g[c].defined()) add_call(forward.calls[c], g[c], parameters, result);
  }
  return result.take();
}

template <class T>
NamedTensors<T> detail::per_sample_gradients(Module<T>& net, std::size_t n,
                                             const std::function<Tensor<T>(std::size_t)>& loss) {
  if (tracer != nullptr) tracer->refuse("per_sample_gradients");
  refuse_batch_statistics(net);
  const EnableGrad guard;
  const NamedTensors<T> parameters = learned(net.parameters());
  const TensorList<T> p = tensors_of(parameters);
  Rows<T> result(parameters, n);
  for (std::size_t i = 0; i < n; ++i) {
    const TensorList<T> g = gradients(loss(i), p);
    for (std::size_t k = 0; k < g.size(); ++k) result.add_sample(k, i, g[k]);
  }
  return result.take();
}

#define XGRAD_INSTANTIATE(T)                                                \
  template std::optional<NamedTensors<T>> detail::sample_gradients_at_once( \
      Module<T>&, const Tensor<T>&, const detail::SampleLoss<T>&);          \
  template NamedTensors<T> detail::per_sample_gradients(                    \
      Module<T>&, std::size_t, const std::function<Tensor<T>(std::size_t)>&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
