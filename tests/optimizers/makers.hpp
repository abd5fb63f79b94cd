#pragma once

// Every first-order optimizer, for tests that hold for all of them.

#include <memory>
#include <vector>

#include "xgrad/optimizers/adadelta.hpp"
#include "xgrad/optimizers/adagrad.hpp"
#include "xgrad/optimizers/adam.hpp"
#include "xgrad/optimizers/adamax.hpp"
#include "xgrad/optimizers/lion.hpp"
#include "xgrad/optimizers/nadam.hpp"
#include "xgrad/optimizers/radam.hpp"
#include "xgrad/optimizers/rmsprop.hpp"
#include "xgrad/optimizers/sgd.hpp"

namespace xgrad::test {

template <class T>
struct Maker {
  const char* name;
  std::unique_ptr<Optimizer<T>> (*make)(const NamedTensors<T>& parameters);
};

/// With every option that has state of its own.
template <class T>
std::vector<Maker<T>> makers() {
  using P = const NamedTensors<T>&;
  using O = std::unique_ptr<Optimizer<T>>;
  // clang-format off
  return {
      {"sgd", [](P p) -> O { return std::make_unique<Sgd<T>>(p, SgdOptions{.learning_rate = 1e-3}); }},
      {"momentum", [](P p) -> O { return std::make_unique<Sgd<T>>(p, SgdOptions{.learning_rate = 1e-3, .momentum = 0.9}); }},
      {"nesterov", [](P p) -> O { return std::make_unique<Sgd<T>>(p, SgdOptions{.learning_rate = 1e-3, .momentum = 0.9, .nesterov = true}); }},
      {"look_ahead", [](P p) -> O { return std::make_unique<Sgd<T>>(p, SgdOptions{.learning_rate = 1e-3, .momentum = 0.9, .look_ahead = true}); }},
      {"adagrad", [](P p) -> O { return std::make_unique<Adagrad<T>>(p, AdagradOptions{.learning_rate = 0.5}); }},
      {"adadelta", [](P p) -> O { return std::make_unique<Adadelta<T>>(p); }},
      {"rmsprop", [](P p) -> O { return std::make_unique<RmsProp<T>>(p); }},
      {"rmsprop_centred", [](P p) -> O { return std::make_unique<RmsProp<T>>(p, RmsPropOptions{.momentum = 0.5, .centred = true}); }},
      {"adam", [](P p) -> O { return std::make_unique<Adam<T>>(p, AdamOptions{.learning_rate = 0.02}); }},
      {"amsgrad", [](P p) -> O { return std::make_unique<Adam<T>>(p, AdamOptions{.learning_rate = 0.02, .amsgrad = true}); }},
      {"adamw", [](P p) -> O { return std::make_unique<AdamW<T>>(p, AdamWOptions{.learning_rate = 0.02, .weight_decay = 1e-4}); }},
      {"nadam", [](P p) -> O { return std::make_unique<Nadam<T>>(p, NadamOptions{.learning_rate = 0.02}); }},
      {"radam", [](P p) -> O { return std::make_unique<RAdam<T>>(p, RAdamOptions{.learning_rate = 1e-4}); }},
      {"adamax", [](P p) -> O { return std::make_unique<Adamax<T>>(p, AdamaxOptions{.learning_rate = 0.02}); }},
      {"lion", [](P p) -> O { return std::make_unique<Lion<T>>(p, LionOptions{.learning_rate = 0.01}); }},
  };
  // clang-format on
}

}  // namespace xgrad::test
