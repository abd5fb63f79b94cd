#pragma once

// What a thread computes, told to somebody who wants to do it again: compile() (xgrad/compile). Internal.
//
// While a Tracer is there, operations tell it what they are, whether they are recorded or not, and
// whatever else a function of tensors may do besides: numbers read or written on the host, random
// numbers, passes back, changes of state. What an operation does inside is its own: it runs Untraced,
// or is not told as nobody sees its results.

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "xgrad/autograd/tensor.hpp"
#include "xgrad/kernels/random.hpp"

namespace xgrad::detail {

template <class T>
struct ElementwiseRule;

template <class T>
using Again = std::function<Tensor<T>(const std::vector<Tensor<T>>& operands)>;

/// A formula: what apply_elementwise takes.
template <class T>
struct TracedFormula {
  const ElementwiseRule<T>* rule = nullptr;
  std::shared_ptr<const void> functor;
  std::size_t bytes = 0;
  void (*copy)(const void* from, void* to) = nullptr;
};

template <class T>
struct TracedOperation {
  const char* name;
  Tensor<T> output;
  std::vector<Tensor<T>> operands;
  TracedFormula<T> formula = {};  // rule null: none
  Again<T> again = {};            // empty: not known
  bool changes_state = false;     // is made again also where nobody needs its output
};

/// What is told of tensors of one type.
template <class T>
class TypedTracer {
 public:
  virtual ~TypedTracer() = default;
  virtual void operation(TracedOperation<T> operation) = 0;
  /// How the operation that made y, the last one, is run again; another one when there was none.
  virtual void again(const Tensor<T>& y, Again<T> again) = 0;
  /// How numbers that nothing was given for are made again, such as random ones.
  virtual void source(const char* name, const Tensor<T>& y, Again<T> again) = 0;
  /// A node came into being; its numbers are known for good.
  virtual void made(const Node<T>* n) = 0;
  virtual void constant(const Node<T>* n) = 0;
  /// The host reads numbers, or writes them.
  virtual void read(Node<T>* n, const char* what) = 0;
  virtual void write(Node<T>* n, const char* what) = 0;
  virtual void backward(const Tensor<T>& y, const Tensor<T>& seed, BackwardOptions options) = 0;
  virtual void grad(const std::vector<Tensor<T>>& outputs, const std::vector<Tensor<T>>& inputs,
                    GradOptions options, const std::vector<Tensor<T>>& seeds,
                    const std::vector<Tensor<T>>& results) = 0;
  /// In place of x.gradient() and x.zero_grad().
  virtual Tensor<T> gradient(const Tensor<T>& x) = 0;
  virtual void zero_grad(const Tensor<T>& x) = 0;
};

class Tracer : public TypedTracer<float>, public TypedTracer<double> {
 public:
  using TypedTracer<float>::again;
  using TypedTracer<double>::again;
  virtual void cast(const Tensor<float>& x, const Tensor<double>& y) = 0;
  virtual void cast(const Tensor<double>& x, const Tensor<float>& y) = 0;
  /// A change of state that was made, and how it is made again.
  virtual void effect(const char* name, std::function<void()> again) = 0;
  /// Something that cannot be made again: the function is called each time.
  virtual void refuse(const std::string& what) = 0;
  /// A mode that was asked for; the pointer stays.
  virtual void mode(std::shared_ptr<const bool> now) = 0;
  /// Inside a module from here on, and not any more.
  virtual void enter(const std::string& path) = 0;
  virtual void leave() = 0;
};

inline constinit thread_local Tracer* tracer = nullptr;

template <class T>
TypedTracer<T>& traced() {
  return *tracer;
}

/// While it lives, nothing is told.
class Untraced {
 public:
  Untraced() = default;
  ~Untraced() { tracer = before_; }
  Untraced(const Untraced&) = delete;
  Untraced& operator=(const Untraced&) = delete;

 private:
  Tracer* before_ = std::exchange(tracer, nullptr);
};

/// change(), which is made again whenever a compiled function is called.
template <class F>
void effect(const char* name, const F& change) {
  Tracer* const t = tracer;
  {
    const Untraced untraced;
    change();
  }
  if (t != nullptr) t->effect(name, change);
}

/// f(x), told as one operation that changes state besides.
template <class T, class F>
Tensor<T> stateful(const char* name, const Tensor<T>& x, const F& f) {
  Tracer* const t = tracer;
  if (t == nullptr) return f(x);
  const Untraced untraced;
  Tensor<T> y = f(x);
  static_cast<TypedTracer<T>*>(t)->operation(
      {name, y, {x}, {}, [f](const std::vector<Tensor<T>>& again) { return f(again[0]); }, true});
  return y;
}

/// Tells that the host reads the numbers of x: for operations whose results are no tensors.
template <class T>
void read_on_host(const Tensor<T>& x, const char* what) {
  if (tracer != nullptr) traced<T>().read(x.node(), what);
}

/// Tells how y, that nothing was given for, is made again: make() is called each time.
template <class T, class F>
Tensor<T> source(const char* name, const Tensor<T>& y, const F& make) {
  if (tracer != nullptr)
    traced<T>().source(name, y, [make](const std::vector<Tensor<T>>&) { return make(); });
  return y;
}

/// Where the stack was when a function began to be recorded: what is above it, as stacks grow, is gone
/// when the function returns.
inline constinit thread_local const std::byte* recording_frame = nullptr;

/// The generator that an operation draws from when it is run again: the one that it was given, or
/// whatever is the thread's default. One that the recorded function made is refused.
class FollowedGenerator {
 public:
  explicit FollowedGenerator(Generator& generator)
      : generator_(&generator == &default_generator() ? nullptr : &generator) {
    if (tracer != nullptr && is_in_recording(&generator))
      tracer->refuse("a generator is made by the function");
  }
  Generator& get() const { return generator_ != nullptr ? *generator_ : default_generator(); }

 private:
  static bool is_in_recording(const void* generator);
  Generator* generator_;
};

/// Indices that an operation keeps in order to run again: a copy, or, where they are an argument of
/// a function that is compiled, what that argument is each time.
class FollowedIndices {
 public:
  explicit FollowedIndices(const Indices& indices);
  const Indices& get() const;
  operator const Indices&() const { return get(); }

  static constexpr std::size_t kNone = ~std::size_t{0};

 private:
  std::size_t argument_ = kNone;
  std::shared_ptr<const Indices> copy_;
};

/// The indices that are arguments of the compiled function that this thread records or runs.
inline constinit thread_local const std::vector<Indices>* index_arguments = nullptr;

/// While it lives, `copy` is taken for the argument that it was copied from.
class FollowedCopy {
 public:
  FollowedCopy(const Indices& copy, const Indices& argument)
      : copy_(&copy), argument_(&argument), outer_(std::exchange(innermost, this)) {}
  ~FollowedCopy() { innermost = outer_; }
  FollowedCopy(const FollowedCopy&) = delete;
  FollowedCopy& operator=(const FollowedCopy&) = delete;

  static const Indices* original(const Indices* indices);

 private:
  static inline constinit thread_local const FollowedCopy* innermost = nullptr;
  const Indices *copy_, *argument_;
  const FollowedCopy* outer_;
};

}  // namespace xgrad::detail
