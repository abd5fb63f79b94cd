#include "xgrad/modules/registry.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>

#include "xgrad/base/errors.hpp"
#include "xgrad/modules/activations.hpp"
#include "xgrad/modules/attention.hpp"
#include "xgrad/modules/branches.hpp"
#include "xgrad/modules/convolution.hpp"
#include "xgrad/modules/drop_connect.hpp"
#include "xgrad/modules/dropout.hpp"
#include "xgrad/modules/embedding.hpp"
#include "xgrad/modules/linear.hpp"
#include "xgrad/modules/lists.hpp"
#include "xgrad/modules/normalization.hpp"
#include "xgrad/modules/pooling.hpp"
#include "xgrad/modules/recurrent.hpp"
#include "xgrad/modules/recurrent_cells.hpp"
#include "xgrad/modules/sequential.hpp"
#include "xgrad/modules/shapes.hpp"
#include "xgrad/modules/transformer.hpp"
#include "xgrad/modules/transformer_stacks.hpp"
#include "xgrad/modules/weight_norm.hpp"

namespace xgrad {
namespace {

template <class T>
using Makers = std::map<std::string, ModuleMaker<T>>;

template <template <class> class M, class T>
std::unique_ptr<Module<T>> from_options(const ModuleDescription& d) {
  return M<T>::from(d.options);
}

template <class T>
std::unique_ptr<Module<T>> child_of(const ModuleDescription& d, const std::string& name) {
  for (const ModuleDescription& c : d.children) {
    if (c.name == name) return make_module<T>(c);
  }
  return nullptr;
}

template <class T>
std::unique_ptr<Module<T>> required_child(const ModuleDescription& d, const std::string& name) {
  std::unique_ptr<Module<T>> child = child_of<T>(d, name);
  if (child != nullptr) return child;
  detail::fail("make_module", "a ", d.type, " has no child ", detail::quote(name));
}

template <class T, class Container>
std::unique_ptr<Module<T>> filled(std::unique_ptr<Container> container,
                                  const ModuleDescription& d) {
  for (const ModuleDescription& c : d.children) container->append(make_module<T>(c), c.name);
  return container;
}

template <class T>
Makers<T> containers() {
  using D = ModuleDescription;
  return {
      {"Sequential", [](const D& d) { return filled<T>(std::make_unique<Sequential<T>>(), d); }},
      {"Parallel", [](const D& d) { return filled<T>(std::make_unique<Parallel<T>>(), d); }},
      {"Heads", [](const D& d) { return filled<T>(std::make_unique<Heads<T>>(), d); }},
      {"OnFirst",
       [](const D& d) { return std::make_unique<OnFirst<T>>(required_child<T>(d, "inner")); }},
      {"Concat",
       [](const D& d) {
         return filled<T>(std::make_unique<Concat<T>>(d.options.axis("axis")), d);
       }},
      {"Residual",
       [](const D& d) {
         return std::make_unique<Residual<T>>(
             required_child<T>(d, "branch"), child_of<T>(d, "projection"),
             ResidualOptions{.zero_last = d.options.flag("zero_last", false)});
       }},
      {"WeightNorm",
       [](const D& d) { return std::make_unique<WeightNorm<T>>(required_child<T>(d, "inner")); }},
      {"DropConnect",
       [](const D& d) { return DropConnect<T>::from(d.options, child_of<T>(d, "activation")); }},
  };
}

template <class T>
Makers<T> library() {
  Makers<T> all = containers<T>();
  all.insert({
      {"Linear", &from_options<Linear, T>},
      {"Bilinear", &from_options<Bilinear, T>},
      {"Embedding", &from_options<Embedding, T>},
      {"Identity", &from_options<Identity, T>},
      {"Flatten", &from_options<Flatten, T>},
      {"Reshape", &from_options<Reshape, T>},
      {"Relu", &from_options<Relu, T>},
      {"Sigmoid", &from_options<Sigmoid, T>},
      {"Tanh", &from_options<Tanh, T>},
      {"Relu6", &from_options<Relu6, T>},
      {"Selu", &from_options<Selu, T>},
      {"Silu", &from_options<Silu, T>},
      {"Mish", &from_options<Mish, T>},
      {"Softplus", &from_options<Softplus, T>},
      {"Softsign", &from_options<Softsign, T>},
      {"LogSigmoid", &from_options<LogSigmoid, T>},
      {"LeakyRelu", &from_options<LeakyRelu, T>},
      {"Elu", &from_options<Elu, T>},
      {"Celu", &from_options<Celu, T>},
      {"Hardtanh", &from_options<Hardtanh, T>},
      {"Gelu", &from_options<Gelu, T>},
      {"Softmax", &from_options<Softmax, T>},
      {"LogSoftmax", &from_options<LogSoftmax, T>},
      {"Prelu", &from_options<Prelu, T>},
      {"Maxout", &from_options<Maxout, T>},
      {"Dropout", &from_options<Dropout, T>},
      {"AlphaDropout", &from_options<AlphaDropout, T>},
      {"GaussianNoise", &from_options<GaussianNoise, T>},
      {"BatchNorm", &from_options<BatchNorm, T>},
      {"LayerNorm", &from_options<LayerNorm, T>},
      {"GroupNorm", &from_options<GroupNorm, T>},
      {"RmsNorm", &from_options<RmsNorm, T>},
      {"Conv1d", &from_options<Conv1d, T>},
      {"Conv2d", &from_options<Conv2d, T>},
      {"Conv3d", &from_options<Conv3d, T>},
      {"ConvTranspose1d", &from_options<ConvTranspose1d, T>},
      {"ConvTranspose2d", &from_options<ConvTranspose2d, T>},
      {"ConvTranspose3d", &from_options<ConvTranspose3d, T>},
      {"MaxPool1d", &from_options<MaxPool1d, T>},
      {"MaxPool2d", &from_options<MaxPool2d, T>},
      {"MaxPool3d", &from_options<MaxPool3d, T>},
      {"AvgPool1d", &from_options<AvgPool1d, T>},
      {"AvgPool2d", &from_options<AvgPool2d, T>},
      {"AvgPool3d", &from_options<AvgPool3d, T>},
      {"AdaptiveAvgPool1d", &from_options<AdaptiveAvgPool1d, T>},
      {"AdaptiveAvgPool2d", &from_options<AdaptiveAvgPool2d, T>},
      {"AdaptiveAvgPool3d", &from_options<AdaptiveAvgPool3d, T>},
      {"AdaptiveMaxPool1d", &from_options<AdaptiveMaxPool1d, T>},
      {"AdaptiveMaxPool2d", &from_options<AdaptiveMaxPool2d, T>},
      {"AdaptiveMaxPool3d", &from_options<AdaptiveMaxPool3d, T>},
      {"GlobalAvgPool", &from_options<GlobalAvgPool, T>},
      {"GlobalMaxPool", &from_options<GlobalMaxPool, T>},
      {"Upsample", &from_options<Upsample, T>},
      {"PixelShuffle", &from_options<PixelShuffle, T>},
      {"PixelUnshuffle", &from_options<PixelUnshuffle, T>},
      {"Unfold", &from_options<Unfold, T>},
      {"Refold", &from_options<Refold, T>},
      {"Dropout2d", &from_options<Dropout2d, T>},
      {"InstanceNorm", &from_options<InstanceNorm, T>},
      {"MultiheadAttention", &from_options<MultiheadAttention, T>},
      {"SinusoidalPositions", &from_options<SinusoidalPositions, T>},
      {"LearnedPositions", &from_options<LearnedPositions, T>},
      {"TransformerEncoderLayer", &from_options<TransformerEncoderLayer, T>},
      {"TransformerDecoderLayer", &from_options<TransformerDecoderLayer, T>},
      {"TransformerBlock", &from_options<TransformerBlock, T>},
      {"TransformerEncoder", &from_options<TransformerEncoder, T>},
      {"TransformerDecoder", &from_options<TransformerDecoder, T>},
      {"Rnn", &from_options<Rnn, T>},
      {"Gru", &from_options<Gru, T>},
      {"Lstm", &from_options<Lstm, T>},
      {"RnnCell", &from_options<RnnCell, T>},
      {"GruCell", &from_options<GruCell, T>},
      {"LstmCell", &from_options<LstmCell, T>},
  });
  return all;
}

// A maker leaves out children that it does not ask for.
template <class T>
void check_children(const ModuleDescription& d, const Module<T>& made) {
  const auto& children = made.children();
  if (d.children.size() > children.size()) {
    detail::fail("make_module", "a ", d.type, " has ", children.size(), " children, described are ",
                 d.children.size());
  }
  for (const ModuleDescription& c : d.children) {
    const bool found = std::any_of(children.begin(), children.end(), [&](const auto& child) {
      return child->name() == c.name && child->type_name() == c.type;
    });
    if (found || c.name.empty()) continue;
    detail::fail("make_module", "a ", d.type, " has no ", c.type, " ", detail::quote(c.name));
  }
}

// The library's makers never change; users' are added.
template <class T>
struct Registry {
  const Makers<T> fixed = library<T>();
  std::mutex mutex;
  Makers<T> users;

  ModuleMaker<T> find(const std::string& type) {
    if (const auto it = fixed.find(type); it != fixed.end()) return it->second;
    const std::lock_guard lock(mutex);
    const auto it = users.find(type);
    return it != users.end() ? it->second : nullptr;
  }
};

template <class T>
Registry<T>& registry() {
  static Registry<T> r;
  return r;
}

}  // namespace

template <class T>
ModuleDescription describe(const Module<T>& module) {
  ModuleDescription d{module.name(), module.type_name(), module.options(), {}};
  for (const auto& child : module.children()) d.children.push_back(describe(*child));
  return d;
}

template <class T>
std::unique_ptr<Module<T>> make_module(const ModuleDescription& d) {
  const ModuleMaker<T> maker = registry<T>().find(d.type);
  if (!maker) {
    detail::fail("make_module", "the type ", detail::quote(d.type),
                 " is not known: give register_module its maker");
  }
  std::unique_ptr<Module<T>> module = maker(d);
  if (module != nullptr) check_children(d, *module);
  return module;
}

template <class T>
void register_module(const std::string& type, ModuleMaker<T> maker) {
  Registry<T>& r = registry<T>();
  if (r.fixed.contains(type)) {
    detail::fail("register_module", detail::quote(type), " is a type of the library");
  }
  const std::lock_guard lock(r.mutex);
  r.users[type] = std::move(maker);
}

template <class T>
bool is_registered(const std::string& type) {
  return registry<T>().find(type) != nullptr;
}

#define XGRAD_INSTANTIATE(T)                                                 \
  template ModuleDescription describe(const Module<T>&);                     \
  template std::unique_ptr<Module<T>> make_module(const ModuleDescription&); \
  template void register_module(const std::string&, ModuleMaker<T>);         \
  template bool is_registered<T>(const std::string&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
