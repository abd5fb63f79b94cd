#pragma once

// Tensor<T>: a handle to a value in the graph, with T float or double.
//
// Copying a Tensor copies the handle: both show the same value. Operations on tensors that
// require gradients record themselves; `backward()` walks the record. Operations themselves are
// in xgrad/ops.

#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <type_traits>
#include <vector>

#include "xgrad/autograd/array.hpp"
#include "xgrad/autograd/node.hpp"
#include "xgrad/autograd/number_list.hpp"
#include "xgrad/autograd/print.hpp"
#include "xgrad/autograd/shape.hpp"

namespace xgrad {

namespace detail {
template <class T>
class Place;

// What a tensor is taken for by mistake. Not the types of sizes: a list of one tensor is no vector
// of as many elements.
template <class V>
inline constexpr bool kNumber =
    std::is_floating_point_v<V> || std::is_same_v<V, bool> || std::is_same_v<V, int>;
}  // namespace detail

/// Options of a backward pass.
struct BackwardOptions {
  bool retain_graph = false;  ///< keep what the operations saved, so that another pass can follow
  /// Record the pass itself, for derivatives of higher order; implies retain_graph. A leaf and
  /// its recorded gradient hold each other: only zero_grad() lets go of them. `grad` makes no
  /// such circle.
  bool create_graph = false;
};

/// Options of `grad`.
struct GradOptions {
  bool retain_graph = false;  ///< as in BackwardOptions
  bool create_graph = false;  ///< as in BackwardOptions
  bool allow_unused =
      false;  ///< an input the outputs do not depend on gets an undefined tensor, not an error
};

template <class T>
class Tensor {
  static_assert(std::is_same_v<T, float> || std::is_same_v<T, double>,
                "xgrad: a Tensor holds float or double; labels and positions are xgrad::Indices");

 public:
  using value_type = T;

  /// No value at all; `defined()` is false and every other use an error.
  Tensor() = default;

  /// A 0-d constant.
  template <class S>
  requires(std::is_arithmetic_v<S>) Tensor(S scalar) : Tensor(filled({}, static_cast<T>(scalar))) {}

  /// A constant: takes over the array without copying it.
  Tensor(Array<T>&& array);
  Tensor(const Array<T>& array) : Tensor(Array<T>(array)) {}

  /// A constant from any xtensor expression, evaluated here and converted to T.
  template <class E>
  Tensor(const xt::xexpression<E>& expression) : Tensor(Array<T>(expression.derived_cast())) {}

  /// Refused while compiling.
  template <class U>
  explicit Tensor(const Tensor<U>&) {
    static_assert(detail::kNever<U>,
                  "xgrad: tensors of float and of double do not mix: write x.to<float>() or "
                  "x.to<double>()");
  }

  Tensor(const Tensor& other) : Tensor(other.node()) {}
  Tensor(Tensor&& other) noexcept : bits_(other.bits_) {
    if (other.is_place()) [[unlikely]] {
      leave_in_place();
    } else {
      other.bits_ = 0;
    }
  }
  /// Lets this handle show what the other one shows. A parameter's place in a module keeps its
  /// parameter instead: see Module::add_parameter. What a function returned cannot be assigned to.
  Tensor& operator=(const Tensor& other) & {
    if (is_place()) return assign_place(other, false);
    note_let_go();
    Tensor copy(other);
    std::swap(bits_, copy.bits_);
    return *this;
  }
  Tensor& operator=(Tensor&& other) & {
    if (is_place()) return assign_place(other, true);
    note_let_go();
    Tensor moved(std::move(other));
    std::swap(bits_, moved.bits_);
    return *this;
  }
  ~Tensor() {
    if (defined()) detail::drop(node());
  }

  /// A constant of the given shape whose numbers are not set. For kernels that write all of them.
  static Tensor uninitialized(const Shape& shape);
  static Tensor filled(const Shape& shape, T value);
  /// A constant from numbers in row-major order. Throws std::invalid_argument when their count is
  /// not the shape's.
  static Tensor from(const Shape& shape, std::initializer_list<T> values);
  /// The same from two iterators, `{p, p + n}`, or whatever else makes a vector.
  static Tensor from(const Shape& shape, const std::vector<T>& values) {
    return from<std::vector<T>>(shape, values);
  }
  /// The same from a std::vector, std::array, std::span and the like, of numbers of any type.
  template <detail::NumberRange R>
  static Tensor from(const Shape& shape, const R& values) {
    detail::check_count("tensor", std::size(values), shape);
    Tensor t = place_for(shape);
    T* to = t.node()->data;
    for (const auto v : values) *to++ = static_cast<T>(v);
    return t;
  }
  /// The same along one axis.
  template <detail::NumberRange R>
  static Tensor from(const R& values) {
    return from(Shape{std::size(values)}, values);
  }
  static Tensor from(const std::vector<T>& values) { return from(Shape{values.size()}, values); }
  /// Refused while compiling.
  template <class P>
  requires(std::is_pointer_v<P>) static Tensor from(const Shape&, const P&) {
    static_assert(detail::kNever<P>,
                  "xgrad: a pointer does not say how many numbers there are: write {p, p + n}");
    return {};
  }
  /// From lists in each other: `from({1, 2})`, `from({{1, 2}, {3, 4}})`. Throws
  /// std::invalid_argument where they are of different lengths.
  static Tensor from(std::initializer_list<detail::NumberList<T>> lists);

  /// Whether there is a value.
  bool defined() const { return node() != nullptr; }

  /// The numbers. The reference is valid as long as a handle to this tensor exists; of a temporary
  /// they are a copy.
  const Array<T>& value() const&;
  Array<T> value() const&& { return value(); }
  const T* data() const { return checked().data; }
  const Shape& shape() const& { return checked().shape; }
  Shape shape() const&& { return checked().shape; }
  std::size_t rank() const { return shape().rank(); }
  std::size_t size() const { return checked().elements; }  ///< number of elements
  /// The size along an axis; negative axes count from the end. Throws std::out_of_range.
  std::size_t size(std::ptrdiff_t axis) const;
  /// The only element. Throws std::invalid_argument when there is not exactly one.
  T item() const;
  /// One element, by an index for each axis; negative ones count from the end. Throws
  /// std::invalid_argument for another number of them, std::out_of_range. For reading: writing is
  /// mutable_value's.
  template <std::integral... I>
  requires(sizeof...(I) > 0) T item(I... index)
  const { return element({static_cast<std::ptrdiff_t>(index)...}); }
  T item(const std::vector<std::ptrdiff_t>& index) const { return element(index); }
  /// The same: `x(1, 2)`.
  template <std::integral... I>
  requires(sizeof...(I) > 0) T operator()(I... index) const {
    return element({static_cast<std::ptrdiff_t>(index)...});
  }
  /// Refused while compiling.
  template <class V>
  requires(detail::kNumber<V>) operator V() const {
    static_assert(
        detail::kNever<V>,
        "xgrad: a Tensor is no number: write x.item() for the only element of x, x.item(i, "
        "j) for one of several");
  }

  /// Writes the numbers of a leaf or constant (of the same shape) in place. A pending backward
  /// pass that saved the old ones is then refused. Throws std::logic_error for a result of a
  /// recorded operation.
  void set_value(const Array<T>& array);
  /// Writable access to the numbers, under the same rules as set_value.
  ArrayView<T> mutable_value();
  /// The same as a raw pointer.
  T* mutable_data();

  /// Whether gradients flow to it: a parameter, or the result of a recorded operation.
  bool requires_grad() const { return defined() && node()->requires_grad; }
  /// Makes a leaf require a gradient, or freezes it. Throws std::logic_error for a result of a
  /// recorded operation.
  Tensor& requires_grad_(bool on = true) &;
  /// The same of a temporary, which is handed on.
  Tensor requires_grad_(bool on = true) && { return requires_grad_(on); }
  /// True for constants and parameters, false for results of recorded operations.
  bool is_leaf() const { return checked().rule == nullptr; }
  /// Name of the operation this tensor came out of; "leaf" for a leaf.
  const char* operation() const;

  /// The accumulated gradient. Throws std::logic_error when there is none: after construction,
  /// after zero_grad(), when no backward pass reached this tensor, or for an interior tensor
  /// without retain_grad(). Of a temporary it is a copy.
  const Array<T>& grad() const&;
  Array<T> grad() const&& { return grad(); }
  bool has_grad() const { return checked().grad != nullptr; }
  /// The gradient as a tensor (after `create_graph` differentiable); undefined when there is none.
  Tensor gradient() const;
  /// Replaces the gradient; an undefined tensor removes it. Throws std::invalid_argument for
  /// another shape.
  void set_gradient(const Tensor& gradient);
  /// Removes the gradient: the next backward pass moves its result in instead of adding to zeros.
  void zero_grad() { set_gradient({}); }
  /// Keeps the gradient of an interior tensor, as of a leaf.
  void retain_grad();

  /// Calls `hook` with the finished gradient in each backward pass, before it is accumulated or
  /// passed on; a defined tensor that it returns takes its place (same shape). Returns an id
  /// for remove_hook.
  std::size_t register_hook(std::function<Tensor(const Tensor&)> hook);
  void remove_hook(std::size_t id);

  /// Adds d(this)/d(leaf) to the gradient of every leaf that requires one. Without a seed this must
  /// have one element; `seed` is d(loss)/d(this), of this shape. Throws std::logic_error: nothing
  /// requires a gradient, an earlier pass released the graph, a saved value was changed in place;
  /// std::invalid_argument: not a scalar and no seed, seed of another shape. Where a rule throws on
  /// the way, leaves without a gradient keep none; one that was there may have been added to.
  void backward(BackwardOptions options = {}) const { backward(Tensor(), options); }
  void backward(const Tensor& seed, BackwardOptions options = {}) const;

  /// The same numbers as a constant, sharing memory: no gradient flows through. The memory stays
  /// shared: writing in place to one changes the other.
  Tensor detach() const;
  /// A constant with a copy of the numbers.
  Tensor clone() const;

  /// The numbers as those of a Tensor<U>, float or double; this tensor itself when it is one.
  /// Gradient: gy, rounded to T. It flows through: a graph may have parts of both types.
  template <class U>
  Tensor<U> to() const;

  /// True when both handles show the same tensor.
  bool is_same(const Tensor& other) const { return node() == other.node(); }

  // Internal: for operations.
  explicit Tensor(detail::Node<T>* node) : bits_(reinterpret_cast<std::uintptr_t>(node)) {
    if (node != nullptr) detail::hold(node);
  }
  detail::Node<T>* node() const { return reinterpret_cast<detail::Node<T>*>(bits_ & ~kPlace); }
  // Internal: a handle that changes hands without being counted.
  static Tensor adopt(detail::Node<T>* node) {
    Tensor t;
    t.bits_ = reinterpret_cast<std::uintptr_t>(node);
    return t;
  }
  detail::Node<T>* give_up() && {
    detail::Node<T>* const n = node();
    bits_ = 0;
    return n;
  }

 private:
  friend class detail::Place<T>;
  static constexpr std::uintptr_t kPlace = 1;

  detail::Node<T>& checked() const {
    if (!defined()) fail_undefined();
    return *node();
  }
  [[noreturn]] static void fail_undefined();
  static Tensor place_for(const Shape& shape);  // of numbers that come from the host
  T element(const std::vector<std::ptrdiff_t>& index) const;
  bool is_place() const { return (bits_ & kPlace) != 0; }
  // Before the handle shows another tensor.
  void note_let_go() const {
    if (defined() && node()->watched.load(std::memory_order_relaxed)) [[unlikely]]
      node()->let_go.fetch_add(1, std::memory_order_relaxed);
  }
  void leave_in_place() noexcept;  // a place that is moved from is copied
  Tensor& assign_place(const Tensor& value, bool moved);

  std::uintptr_t bits_ = 0;  // the node; the lowest bit marks a detail::Place
};

/// No tensor. xtensor calls functions of ours, such as sum<void>, with arrays of its own, finds them by
/// their names, and looks whether the array would do.
template <>
class Tensor<void> {};

/// A leaf that requires gradients, from any xtensor expression.
template <class E>
auto parameter(const xt::xexpression<E>& expression) {
  using V = typename E::value_type;
  using T = std::conditional_t<std::is_same_v<V, float>, float, double>;
  Tensor<T> t(expression);
  t.requires_grad_(true);
  return t;
}

/// A leaf that requires gradients with a copy of the numbers of `value`.
template <class T>
Tensor<T> parameter(const Tensor<T>& value) {
  Tensor<T> t = value.clone();
  t.requires_grad_(true);
  return t;
}

/// d(sum of outputs)/d(inputs), without touching any `.grad()`. `seeds`, when given, has one tensor
/// for each output, of its shape; without it every output must have one element. Inputs may be
/// interior tensors; nothing recorded before the earliest of them is visited. With `create_graph` a
/// derivative that turns out to be a constant can be differentiated again: by its inputs it is 0,
/// or undefined with `allow_unused`. Throws as `backward`, and std::logic_error for an input that
/// does not reach the outputs, which depend on no derivative, unless `allow_unused`.
template <class T>
std::vector<Tensor<T>> grad(const std::vector<Tensor<T>>& outputs,
                            const std::vector<Tensor<T>>& inputs, GradOptions options = {},
                            const std::vector<Tensor<T>>& seeds = {});

/// The same with the lists written in place: `grad({y}, {w, b})`.
template <class T>
std::vector<Tensor<T>> grad(std::initializer_list<Tensor<T>> outputs,
                            std::initializer_list<Tensor<T>> inputs, GradOptions options = {},
                            const std::vector<Tensor<T>>& seeds = {}) {
  return grad(std::vector<Tensor<T>>(outputs), std::vector<Tensor<T>>(inputs), options, seeds);
}

/// The same for one output and one input.
template <class T>
Tensor<T> grad(const Tensor<T>& output, const Tensor<T>& input, GradOptions options = {}) {
  return grad(std::vector<Tensor<T>>{output}, std::vector<Tensor<T>>{input}, options)[0];
}

namespace detail {
/// For a function of two tensors that was given both types: refused while compiling.
template <class T, class U>
Tensor<T> mixed(const Tensor<T>& a, const Tensor<U>&) {
  static_assert(kNever<U>,
                "xgrad: tensors of float and of double do not mix: write x.to<float>() or "
                "x.to<double>() for one of them");
  return a;
}

/// For labels in a container of the standard library: refused while compiling.
template <class R>
concept PlainRange = NumberRange<R> && !std::is_base_of_v<xt::xexpression<R>, R>;
template <PlainRange R>
Indices labels_of(const R&) {
  static_assert(kNever<R>, "xgrad: labels and positions are xgrad::Indices: write indices(labels)");
  return {};
}
}  // namespace detail

extern template class Tensor<float>;
extern template class Tensor<double>;

}  // namespace xgrad

// An expression of xtensor takes what it does not know for a number and would hold the tensor as
// one. With a tensor in it there is no such expression: the operators of xgrad/ops take both.
namespace xgrad::detail {
template <class E>
inline constexpr bool kIsTensor = false;
template <class T>
inline constexpr bool kIsTensor<Tensor<T>> = true;
}  // namespace xgrad::detail

template <class F, class... E>
requires(xgrad::detail::kIsTensor<std::decay_t<E>> ||
         ...) struct xt::detail::xfunction_type<F, E...> {
};
