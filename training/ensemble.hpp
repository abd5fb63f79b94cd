#pragma once

// Ensembles: several models that decide together, of several initialisations, of several
// architectures, or snapshots of one training.
//
//   Ensemble<float> ensemble;
//   for (const std::uint64_t seed : {1, 2, 3, 4, 5}) ensemble.add(train_one(seed));
//   ConfusionMatrix c = confusion_matrix(ensemble, test_loader, 10);
//
// Snapshots: a schedule with restarts, and a copy at the end of each cycle.
//   trainer options: .schedule = CosineRestarts{.duration = 5},
//                    .on_epoch_end = [&](std::size_t epoch, const Figures&) {
//                      if (epoch % 5 == 4) ensemble.add_snapshot(net);
//                    }

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "xgrad/modules/container.hpp"
#include "xgrad/modules/module.hpp"

namespace xgrad {

/// What an ensemble makes of its members' outputs, of shape (n, classes) or, for `outputs`, any.
enum class Combination {
  probabilities,  ///< log of the mean of softmax(scores): a mixture of the members
  votes,          ///< each member has one vote for its best class: log of the share of votes, and
                  ///< -infinity without; ties go to the higher mean probability
  outputs,        ///< the mean of the outputs: for regression
};

/// The members' outputs combined. With `probabilities` and `outputs` differentiable.
/// Throws std::invalid_argument for no members, and outputs of different or other shapes.
template <class T>
Tensor<T> combine(const std::vector<Tensor<T>>& outputs,
                  Combination combination = Combination::probabilities);

/// A module whose output is the combination of its members' outputs. Members are in evaluation mode
/// unless train() is called.
template <class T>
class Ensemble : public Module<T> {
 public:
  explicit Ensemble(Combination combination = Combination::probabilities)
      : combination_(combination) {
    this->train(false);
  }

  /// Takes a member. Throws std::invalid_argument for none.
  Ensemble& add(std::unique_ptr<Module<T>> member);
  template <ModuleOf<T> M>
  Ensemble& add(M&& member) {
    return add(detail::owned<T>(std::move(member)));
  }
  /// Takes a copy of a module as it is now. Throws std::logic_error for one that cannot be cloned.
  Ensemble& add_snapshot(const Module<T>& module);

  std::size_t size() const { return this->children().size(); }
  Module<T>& operator[](std::size_t i) const { return *this->children().at(i); }
  Combination combination() const { return combination_; }
  /// How predictions become one.
  void set_combination(Combination combination) { combination_ = combination; }

  /// Throws std::logic_error without members.
  Tensor<T> forward(const Tensor<T>& x) override;

  ModuleOptions options() const override;
  std::unique_ptr<Module<T>> structure() const override;

 private:
  Combination combination_;
};

namespace detail {
/// Makes Ensemble known to make_module, unless a type of that name is.
template <class T>
void register_ensemble();
}  // namespace detail

}  // namespace xgrad
