#pragma once

// Optimizer<T>: what all optimizers have in common. Each optimizer's own header has its
// update rule.
//
//   Sgd<float> optimizer(net.parameters(), {.learning_rate = 0.1, .momentum = 0.9});
//   for (...) {
//     optimizer.zero_grad();
//     loss_of(net).backward();
//     optimizer.step();
//   }
//
// Parameters are leaves. A tensor that occurs twice (tied weights) is updated once, under its first
// name. A frozen parameter (`requires_grad_(false)`) and one without a gradient are skipped:
// weight, state and step count stay as they are, and decay does not touch it either.

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "xgrad/autograd/parameters.hpp"
#include "xgrad/kernels/optimizer.hpp"
#include "xgrad/optimizers/decay.hpp"
#include "xgrad/optimizers/other_names.hpp"
#include "xgrad/optimizers/state.hpp"

namespace xgrad {
namespace detail {
template <class T>
struct LaterProduct;
template <class T>
class LaterProducts;
}  // namespace detail

/// What step() refuses. Each check comes before anything is changed.
struct StepChecks {
  bool nan = false;      ///< a gradient with a NaN or an infinity (costs one read of the gradients)
  bool missing = false;  ///< a parameter that requires a gradient and has none
};

namespace detail {

/// For a bare number where options are expected.
template <class Options, class V>
Options named_options(V) {
  static_assert(kNever<V>, "xgrad: options have names: write {.learning_rate = 1e-3}");
  return {};
}

}  // namespace detail

template <class T>
class Optimizer {
 public:
  using value_type = T;
  /// Computes the loss from the current weights, recorded: `[&] { return mse(net(x), y); }`.
  using LossFunction = std::function<Tensor<T>()>;

  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  /// Removes the gradients of all parameters.
  void zero_grad();

  /// Updates every parameter from its gradient.
  /// **Throws** what StepChecks asks for: std::invalid_argument for a gradient that is not finite,
  /// std::logic_error for one that is missing, both naming the parameters; std::logic_error for
  /// optimizers that must evaluate the loss themselves.
  virtual void step();

  /// zero_grad(), loss(), backward(), step(); returns the loss. L-BFGS and Newton-CG evaluate
  /// `loss` as often as they need. For all others it is short for the loop above.
  virtual double step(const LossFunction& loss);

  /// zero_grad(), loss.backward() and step(), for gradients that nobody else looks at: afterwards no parameter has one.
  /// Those of weight matrices of `linear` and `matmul` are computed some rows at a time and used up at once, so that
  /// they never are in memory as a whole. Weights and state are those of the three calls, to the last bit, but for the
  /// order in which gradients are added up of a matrix that is used more than twice. Of tensors with hooks, and with
  /// StepChecks::nan, gradients are computed as ever. Throws as the three calls do.
  ///
  /// **Source** Lv et al. 2023, "Full parameter fine-tuning for large language models with limited resources", for
  /// updates that leave no gradients behind.
  virtual void minimize(const Tensor<T>& loss);

  /// The current rate of a group.
  double learning_rate(std::size_t group = 0) const;
  /// Sets the rate of all groups. Throws std::invalid_argument unless finite and at least 0.
  void set_learning_rate(double rate);
  /// Sets the rate of one group. Throws std::out_of_range.
  void set_learning_rate(double rate, std::size_t group);
  std::size_t group_count() const { return groups_.size(); }
  /// What the optimizer takes of that parameter, 0 for one that its decay leaves out.
  double weight_decay(const Tensor<T>& parameter) const;
  /// Whether that decay is taken of the weights themselves, as AdamW does, not added to the gradient.
  bool decouples_decay(const Tensor<T>& parameter) const;
  /// The group that a parameter belongs to. Throws std::out_of_range for one that is in none.
  std::size_t group_of(const Tensor<T>& parameter) const;

  /// The parameters of all groups, each once.
  NamedTensors<T> parameters() const;
  /// Names of the parameters that require a gradient and have none: step() would skip them.
  std::vector<std::string> without_gradient() const;

  /// What step() refuses from now on.
  void set_checks(StepChecks checks) { checks_ = checks; }
  const StepChecks& checks() const { return checks_; }

  /// Copies of all state, with the current learning rates. Other options are not part of it: give
  /// them to the constructor again.
  OptimizerState<T> state_dict() const;
  /// Continues where state_dict() was taken. Names that begin with another optimizer's are ignored,
  /// so that several states can share one container; otherwise one std::invalid_argument names all
  /// that is missing, unexpected or of another shape, and nothing is changed.
  void load_state_dict(const OptimizerState<T>& state);

  /// "Adam": the name of the class, which error messages and state begin with.
  const std::string& type_name() const { return type_name_; }

 protected:
  struct Group {
    double learning_rate;
    double weight_decay;
    DecayOptions decay;
  };
  /// A parameter with what the optimizer keeps for it.
  struct Slot {
    std::string name;
    Tensor<T> tensor;
    std::size_t group;
    bool decays;                   // the group's filter said yes
    double steps = 0;              // updates so far, in update() the current one included
    std::vector<Tensor<T>> state;  // empty before the first update
  };

  explicit Optimizer(std::string type_name) : type_name_(std::move(type_name)) {}

  /// Adds a group. Throws std::invalid_argument: no parameters, undefined ones, results of recorded
  /// operations, a name used twice, a tensor that is in another group.
  void add_slots(const NamedTensors<T>& parameters, Group group);
  /// "0", "1", ... counted on from the parameters there are.
  NamedTensors<T> numbered(const std::vector<Tensor<T>>& parameters) const;

  /// The state arrays of a parameter in that group, by name. Called before the first update.
  virtual std::vector<std::string> state_names(std::size_t /*group*/) const { return {}; }
  /// What they are filled with at first.
  virtual double initial_state(std::size_t /*group*/) const { return 0; }
  /// Writes the new weight and state.
  virtual void update(Slot& slot) = 0;
  /// Called in each step() after the checks, before the first update.
  virtual void begin_step() {}

  // What state_dict() holds, each name without the leading "Adam/".
  using Visitor = std::function<void(const std::string& name, double& number)>;
  /// Calls visit for every number. An optimizer with numbers of its own calls the base's as well.
  virtual void visit_numbers(const Visitor& visit);
  /// Handles to the state arrays there are.
  virtual NamedTensors<T> state_tensors() const;
  /// The names and shapes of the arrays that belong to these numbers.
  virtual detail::StateShapes expected_tensors(const StateNumbers& numbers) const;
  /// Takes the arrays over; the numbers are in place already.
  virtual void restore_tensors(const detail::StateTensors<T>& tensors);

  /// update()'s usual last line: the rule as one pass over the parameter, with decay.
  template <class Rule>
  void apply(const Rule& rule, Slot& slot) const {
    if (slot.tensor.has_grad()) return kernels::update(rule, arguments(slot));
    in_panels(slot, [&rule](const auto& panel) { kernels::update(rule, panel); });
  }
  /// Whether update() looks at the gradient by apply() alone. Then minimize() need not compute all of it at once.
  virtual bool only_applies() const { return false; }

  /// True when step() is going to update the parameter.
  bool is_ready(const Slot& slot) const {
    return slot.tensor.requires_grad() && (slot.tensor.has_grad() || product_of(slot) != nullptr);
  }
  std::size_t index_of(const Slot& slot) const {
    return static_cast<std::size_t>(&slot - slots_.data());
  }
  /// Throws for what `checks` asks for.
  void check_gradients(StepChecks checks) const;
  std::vector<Slot>& slots() { return slots_; }
  const std::vector<Slot>& slots() const { return slots_; }

 private:
  void step_now();
  void use_up_gradients();
  void drop_gradients();
  void compute_checked_gradients();
  const detail::LaterProduct<T>* product_of(const Slot& slot) const;
  using PanelUpdate = std::function<void(const kernels::UpdateArguments<T>&)>;
  void in_panels(Slot& slot, const PanelUpdate& update) const;
  void check_parameter(const NamedTensor<T>& p) const;
  const Slot* find(const Tensor<T>& t) const;
  StateNumbers numbers() const;
  void prepare(Slot& slot);
  kernels::UpdateArguments<T> arguments(Slot& slot) const;
  kernels::DecayFactors<T> decay_factors(const Slot& slot) const;

  std::string type_name_;
  std::vector<Group> groups_;
  std::vector<Slot> slots_;
  StepChecks checks_;
  std::shared_ptr<detail::LaterProducts<T>> products_;  // of minimize()
};

/// An optimizer with options of its own for each group.
template <class T, class Options>
class GroupedOptimizer : public Optimizer<T> {
 public:
  /// More parameters, with other options. Throws std::invalid_argument for options out of range,
  /// parameters that are no leaves, a name used twice, a tensor that is in another group.
  void add_group(const NamedTensors<T>& parameters, const Options& options = {}) {
    check_options(options);
    DecayOptions decay = options.decay;
    if constexpr (requires { Options::kDecoupled; }) decay.decoupled = true;
    this->add_slots(parameters, {options.learning_rate, options.weight_decay, std::move(decay)});
    options_.push_back(options);
  }
  void add_group(const std::vector<Tensor<T>>& parameters, const Options& options = {}) {
    add_group(this->numbered(parameters), options);
  }

  /// As given; the learning rate may have changed since.
  const Options& options(std::size_t group = 0) const { return options_.at(group); }

 protected:
  using typename Optimizer<T>::Slot;
  GroupedOptimizer(std::string type_name, const NamedTensors<T>& parameters, const Options& options)
      : Optimizer<T>(std::move(type_name)) {
    add_group(parameters, options);
  }

  const Options& options_of(const Slot& slot) const { return options_[slot.group]; }
  double rate_of(const Slot& slot) const { return this->learning_rate(slot.group); }

 private:
  std::vector<Options> options_;
};

extern template class Optimizer<float>;
extern template class Optimizer<double>;

}  // namespace xgrad
