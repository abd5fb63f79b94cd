#pragma once

// EvalScope: evaluation mode for a while.

#include <string>
#include <utility>
#include <vector>

#include "xgrad/modules/module.hpp"

namespace xgrad {

/// Evaluation mode as long as it lives; then every module of the tree has its mode from before,
/// also where parts were kept in evaluation mode while the whole trained.
template <class T>
class EvalScope {
 public:
  explicit EvalScope(Module<T>& module) {
    module.apply(
        [this](const std::string&, Module<T>& m) { before_.emplace_back(&m, m.is_training()); });
    module.eval();
  }
  ~EvalScope() {
    for (const auto& [module, training] : before_) module->train(training);  // parents first
  }
  EvalScope(const EvalScope&) = delete;
  EvalScope& operator=(const EvalScope&) = delete;

 private:
  std::vector<std::pair<Module<T>*, bool>> before_;
};

}  // namespace xgrad
