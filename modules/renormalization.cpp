#include "xgrad/modules/renormalization.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/autograd/trace.hpp"
#include "xgrad/base/errors.hpp"

namespace xgrad {
namespace {

// The parameters of a layer that renormalize_ can scale; undefined when it is none.
template <class T>
struct Layer {
  Tensor<T> weight, bias;
};

template <class T>
Layer<T> layer_of(const Module<T>& module) {
  Layer<T> layer;
  for (const NamedTensor<T>& p : module.own_parameters()) {
    if (p.name == "weight" && p.tensor.rank() > 1) {
      layer.weight = p.tensor;
    } else if (p.name == "bias" && p.tensor.rank() == 1) {
      layer.bias = p.tensor;
    } else {
      return {};
    }
  }
  return layer.weight.defined() ? layer : Layer<T>{};
}

// Outputs as (outer, units, inner).
struct View {
  std::size_t outer, units, inner;
};

template <class T>
View view_of(const Layer<T>& layer, const Tensor<T>& y) {
  const std::size_t axis = layer.weight.rank() == 2 ? y.rank() - 1 : 1;
  View v{1, y.shape()[axis], 1};
  for (std::size_t i = 0; i < axis; ++i) v.outer *= y.shape()[i];
  for (std::size_t i = axis + 1; i < y.rank(); ++i) v.inner *= y.shape()[i];
  return v;
}

struct Moments {
  double mean = 0, variance = 0;
};

// f(unit, position) for every number of y.
template <class F>
void for_each(const View& v, const F& f) {
  for (std::size_t i = 0, at = 0; i < v.outer; ++i) {
    for (std::size_t unit = 0; unit < v.units; ++unit) {
      for (std::size_t k = 0; k < v.inner; ++k) f(unit, at++);
    }
  }
}

template <class T>
std::vector<Moments> moments_of_units(const View& v, const T* y) {
  std::vector<Moments> m(v.units);
  const auto n = static_cast<double>(v.outer * v.inner);
  for_each(v, [&](std::size_t unit, std::size_t i) { m[unit].mean += y[i] / n; });
  for_each(v, [&](std::size_t unit, std::size_t i) {
    m[unit].variance += (y[i] - m[unit].mean) * (y[i] - m[unit].mean) / n;
  });
  return m;
}

// Of all numbers together.
Moments pooled(const std::vector<Moments>& units) {
  Moments all;
  const auto n = static_cast<double>(units.size());
  for (const Moments& m : units) all.mean += m.mean / n;
  for (const Moments& m : units) {
    all.variance += (m.variance + (m.mean - all.mean) * (m.mean - all.mean)) / n;
  }
  return all;
}

// y = factor (y - shift) for a unit.
struct Change {
  double factor, shift;
};

template <class T>
std::vector<Change> changes_of(const std::vector<Moments>& units, const Layer<T>& layer,
                               const RenormalizeOptions& o, const std::string& path) {
  const bool center = o.center && layer.bias.defined();
  std::vector<Moments> target = units;
  if (center) std::for_each(target.begin(), target.end(), [](Moments& m) { m.mean = 0; });
  const double whole = pooled(target).variance;
  std::vector<Change> changes;
  for (const Moments& m : units) {
    const double variance = o.per_unit ? m.variance : whole;
    if (!(variance > 0)) {
      detail::fail("renormalize_", "the outputs of ", path, " do not vary: deviation ",
                   std::sqrt(variance));
    }
    changes.push_back({o.deviation / std::sqrt(variance), center ? m.mean : 0});
  }
  return changes;
}

template <class T>
void scale_layer(Layer<T>& layer, const std::vector<Change>& changes) {
  const std::size_t row = layer.weight.size() / changes.size();
  const std::size_t per_unit = layer.bias.defined() ? layer.bias.size() / changes.size() : 0;
  T* w = layer.weight.mutable_data();
  T* b = per_unit != 0 ? layer.bias.mutable_data() : nullptr;
  for (std::size_t unit = 0; unit < changes.size(); ++unit) {
    const Change& c = changes[unit];
    for (std::size_t i = 0; i < row; ++i) {
      w[unit * row + i] = static_cast<T>(w[unit * row + i] * c.factor);
    }
    for (std::size_t i = unit * per_unit; i < (unit + 1) * per_unit; ++i) {
      b[i] = static_cast<T>((b[i] - c.shift) * c.factor);
    }
  }
}

template <class T>
Tensor<T> scaled_output(const Tensor<T>& y, const View& v, const std::vector<Change>& changes) {
  Tensor<T> z = y.clone();
  T* const to = z.mutable_data();
  for_each(v, [&](std::size_t unit, std::size_t i) {
    to[i] = static_cast<T>((to[i] - changes[unit].shift) * changes[unit].factor);
  });
  return z;
}

// Forward hooks on every layer, for one run.
template <class T>
class Renormalizer {
 public:
  Renormalizer(Module<T>& net, const RenormalizeOptions& options) : options_(options) {
    net.apply([&](const std::string& path, Module<T>& m) {
      if (!layer_of(m).weight.defined()) return;
      const std::string name = path.empty() ? m.type_name() : path;
      const std::size_t id = m.register_forward_hook(
          [this, name](Module<T>& module, const Tensor<T>& x, const Tensor<T>& y) {
            return x.defined() ? scale(name, module, y) : Tensor<T>();
          });
      hooks_.emplace_back(&m, id);
    });
  }
  ~Renormalizer() {
    for (const auto& [module, id] : hooks_) module->remove_hook(id);
  }
  Renormalizer(const Renormalizer&) = delete;
  Renormalizer& operator=(const Renormalizer&) = delete;

  std::vector<RenormalizedLayer> done;

 private:
  Tensor<T> scale(const std::string& path, const Module<T>& module, const Tensor<T>& y) {
    Layer<T> layer = layer_of(module);
    if (!scaled_.insert(layer.weight.node()).second) return {};
    const View v = view_of(layer, y);
    const std::vector<Moments> units = moments_of_units(v, y.data());
    const std::vector<Change> changes = changes_of(units, layer, options_, path);
    done.push_back({path, std::sqrt(pooled(units).variance)});
    scale_layer(layer, changes);
    return scaled_output(y, v, changes);
  }

  const RenormalizeOptions& options_;
  std::vector<std::pair<Module<T>*, std::size_t>> hooks_;
  std::set<const void*> scaled_;
};

// Multiplies each row of w by factor(norm of the row).
template <class T, class Factor>
void scale_rows(const char* operation, Tensor<T>& w, const char* name, double bound,
                const Factor& factor) {
  detail::require_in(operation, name, bound, "(0, inf]");
  if (w.rank() < 2) {
    detail::fail(operation, "w has two axes or more: w ", w.shape());
  }
  const std::size_t rows = w.shape()[0], n = w.size() / std::max<std::size_t>(rows, 1);
  T* const x = w.mutable_data();
  for (std::size_t i = 0; i < rows; ++i) {
    double square = 0;
    for (std::size_t k = 0; k < n; ++k) square += static_cast<double>(x[i * n + k]) * x[i * n + k];
    const double f = factor(std::sqrt(square));
    if (f == 1) continue;
    for (std::size_t k = 0; k < n; ++k) x[i * n + k] = static_cast<T>(x[i * n + k] * f);
  }
}

}  // namespace

template <class T>
std::vector<RenormalizedLayer> renormalize_(Module<T>& net, const Tensor<T>& batch,
                                            RenormalizeOptions options) {
  detail::require_in("renormalize_", "deviation", options.deviation, "(0, inf]");
  if (detail::tracer != nullptr) detail::tracer->refuse("renormalize_");
  const NoGrad guard;
  Renormalizer<T> run(net, options);
  net(batch);
  return run.done;
}

template <class T>
void max_norm_(Tensor<T> w, double limit) {
  detail::effect("max_norm_", [w, limit] {
    Tensor<T> weight = w;
    scale_rows("max_norm_", weight, "limit", limit,
               [&](double norm) { return norm > limit ? limit / norm : 1; });
  });
}

template <class T>
void unit_norm_(Tensor<T> w, double norm) {
  detail::effect("unit_norm_", [w, norm] {
    Tensor<T> weight = w;
    scale_rows("unit_norm_", weight, "norm", norm,
               [&](double now) { return now > 0 ? norm / now : 1; });
  });
}

#define XGRAD_INSTANTIATE(T)                                                         \
  template std::vector<RenormalizedLayer> renormalize_(Module<T>&, const Tensor<T>&, \
                                                       RenormalizeOptions);          \
  template void max_norm_(Tensor<T>, double);                                        \
  template void unit_norm_(Tensor<T>, double);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
