#pragma once

// NameMap: tensors of foreign models under our names.
//
//   NameMap map{{"W*", "layer*.weight", {.transpose = true}}, {"b*", "layer*.bias"}};
//   net.load_state_dict(map.apply(load_state<float>("model.safetensors")));

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "xgrad/autograd/parameters.hpp"

namespace xgrad {

/// What else a rule does to its tensors.
struct NameRuleOptions {
  bool transpose =
      false;  ///< exchange the two axes: for weights (in, out), where ours are (out, in)
};

/// Names that fit `from`, where each `*` stands for any characters, become `to`, in which the first
/// `*` is what the first one stood for, and so on. A rule with an empty `to` leaves tensors out.
struct NameRule {
  std::string from, to;
  NameRuleOptions options = {};  ///< of its tensors
};

class NameMap {
 public:
  /// Throws std::invalid_argument for a rule with more `*` in `to` than in `from`.
  NameMap(std::initializer_list<NameRule> rules) : NameMap(std::vector<NameRule>(rules)) {}
  explicit NameMap(std::vector<NameRule> rules);

  /// The name the first rule that fits gives; without one the name itself, empty: left out.
  std::string rename(const std::string& name) const;

  /// The tensors under their new names, in their order; those without transposition share memory.
  /// Throws std::invalid_argument when two get the same name, and for a transposition of other than
  /// two axes.
  template <class T>
  NamedTensors<T> apply(const NamedTensors<T>& tensors) const;

 private:
  // The rule that fits, with the new name; null when none does.
  std::pair<const NameRule*, std::string> find(const std::string& name) const;

  std::vector<NameRule> rules_;
};

}  // namespace xgrad
