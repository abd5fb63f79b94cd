#pragma once

// LibraryModule: what the library's own modules have in common. They are known by their options, so
// that they can be cloned, converted to another type of number, and rebuilt from a file. And
// FunctionModule, a module that is one function.

#include <array>
#include <cstddef>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

#include "xgrad/modules/module.hpp"

namespace xgrad {

/// `from` makes a module from the options of another. A module with options has a `from` of its
/// own.
template <template <class> class M, class T>
class LibraryModule : public Module<T> {
 public:
  std::unique_ptr<Module<T>> structure() const override { return M<T>::from(this->options()); }
  static std::unique_ptr<Module<T>> from(const ModuleOptions&) { return std::make_unique<M<T>>(); }
};

/// Say which of several functions of one name is meant; those of numbers (kernels/dual.hpp) may be there as well.
template <class T>
using OfTensor = Tensor<T> (*)(const Tensor<T>&);
template <class T>
using OfTensorAndNumber = Tensor<T> (*)(const Tensor<T>&, T);

/// forward(x) is F(x, options...): the options in the order of the function's parameters, real ones
/// as T. M::kOptions has their names in files, and M's constructor takes them in this order, too:
///   template <class T>
///   struct Elu : FunctionModule<Elu, T, elu<T>, double> {
///     static constexpr std::array kOptions = {"alpha"};
///     explicit Elu(double alpha = 1) : Elu::FunctionModule(alpha) {}
///   };
template <template <class> class M, class T, auto F, class... Options>
class FunctionModule : public LibraryModule<M, T> {
 public:
  explicit FunctionModule(Options... options) : options_(std::move(options)...) {}

  Tensor<T> forward(const Tensor<T>& x) override {
    return std::apply([&](const Options&... o) { return F(x, argument(o)...); }, options_);
  }
  ModuleOptions options() const override { return options(kIndices); }
  static std::unique_ptr<Module<T>> from(const ModuleOptions& options) {
    return from(options, kIndices);
  }

 private:
  static constexpr std::index_sequence_for<Options...> kIndices{};

  template <class V>
  static decltype(auto) argument(const V& v) {
    if constexpr (std::is_same_v<V, double>) {
      return static_cast<T>(v);
    } else {
      return v;
    }
  }
  template <std::size_t... I>
  ModuleOptions options(std::index_sequence<I...>) const {
    return {{M<T>::kOptions[I], ModuleOptions::of(std::get<I>(options_))}...};
  }
  template <std::size_t... I>
  static std::unique_ptr<Module<T>> from([[maybe_unused]] const ModuleOptions& o,
                                         std::index_sequence<I...>) {
    return std::make_unique<M<T>>(o.get<Options>(M<T>::kOptions[I])...);
  }

  std::tuple<Options...> options_;
};

}  // namespace xgrad
