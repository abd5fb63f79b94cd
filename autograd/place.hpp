#pragma once

// Where a module keeps a parameter: what assigning to `net.fc.weight` does. Internal.

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "xgrad/autograd/tensor.hpp"
#include "xgrad/base/errors.hpp"

namespace xgrad::detail {

/// A handle whose assignment keeps the parameter that stands there, so that optimizers and others
/// that hold it see the new numbers:
///   - numbers (a constant, or a parameter nobody else holds) are written into it;
///   - a parameter that somebody else holds, such as another module, is shared from then on; the
///     one before is marked as replaced;
///   - a result of a recorded operation covers it until the next assignment;
///   - an undefined tensor removes it.
/// A handle that is not bound, such as a buffer's, is assigned to like any Tensor.
template <class T>
class Place : public Tensor<T> {
 public:
  Place(std::string name, const Tensor<T>& value, bool bound);
  ~Place();
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  const std::string& name() const { return name_; }
  /// What belongs to the state: the parameter, also while it is covered.
  const Tensor<T>& kept() const { return covered_.defined() ? covered_ : *this; }

  /// Throws std::invalid_argument for another shape.
  void assign(const Tensor<T>& value, bool moved);
  /// Another parameter from here on.
  void rebind(const Tensor<T>& parameter);
  /// Shows another tensor, whatever it is, until uncover(); returns what was shown.
  Tensor<T> cover(const Tensor<T>& value);
  /// Shows `before` again, unless something was assigned to a bound place meanwhile.
  void uncover(const Tensor<T>& value, const Tensor<T>& before);
  /// Becomes a handle like any other.
  void unbind();

 private:
  void show(const Tensor<T>& value);
  void count(int change, Node<T>* node);
  void write(const Tensor<T>& value);

  std::string name_;
  Tensor<T> covered_;
};

/// True for what was a module's parameter until another one took its place.
template <class T>
bool was_replaced(const Tensor<T>& parameter) {
  return parameter.defined() && parameter.node()->replaced;
}

/// Throws std::logic_error, beginning with `who`, when one of these, which have a name and a tensor,
/// was replaced.
template <class Named>
void require_kept(const std::string& who, const std::vector<Named>& parameters) {
  std::vector<std::string> names;
  for (const Named& p : parameters) {
    if (was_replaced(p.tensor)) names.push_back(p.name);
  }
  if (names.empty()) return;
  fail<std::logic_error>(who, "other parameters have the place of ", join(names),
                         " in their module: make it from the parameters of now");
}

extern template class Place<float>;
extern template class Place<double>;

}  // namespace xgrad::detail
