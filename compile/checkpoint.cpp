#include "xgrad/compile/checkpoint.hpp"

#include <memory>

#include "xgrad/autograd/observe.hpp"
#include "xgrad/autograd/trace.hpp"
#include "xgrad/compile/repeat.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/ops/slicing.hpp"

namespace xgrad::detail {
namespace {

// Several outputs are one to the tape: those that require gradients, end to end.
template <class T>
class Packed {
 public:
  explicit Packed(const std::vector<Tensor<T>>& y) {
    for (const Tensor<T>& t : y) {
      shapes_.push_back(t.shape());
      differentiable_.push_back(t.requires_grad());
    }
  }

  Tensor<T> pack(const std::vector<Tensor<T>>& y) const {
    const NoGrad guard;
    std::vector<Tensor<T>> parts;
    for (std::size_t i = 0; i < y.size(); ++i) {
      if (differentiable_[i]) parts.push_back(reshape(y[i].detach(), {-1}));
    }
    return parts.size() == 1 ? y[alone()].detach() : concat(parts, 0);
  }
  /// The part of each output that requires gradients; undefined for others.
  std::vector<Tensor<T>> unpack(Tensor<T> packed) const {
    std::vector<Tensor<T>> y(shapes_.size());
    if (count() == 1) {
      y[alone()] = std::move(packed);
      return y;
    }
    std::ptrdiff_t begin = 0;
    for (std::size_t i = 0; i < y.size(); ++i) {
      if (!differentiable_[i]) continue;
      const auto end = begin + static_cast<std::ptrdiff_t>(shapes_[i].elements());
      y[i] = reshape(slice(packed, 0, {begin, end}), shapes_[i]);
      begin = end;
    }
    return y;
  }

 private:
  std::size_t count() const {
    std::size_t n = 0;
    for (const bool d : differentiable_) n += d ? 1 : 0;
    return n;
  }
  std::size_t alone() const {
    std::size_t i = 0;
    while (!differentiable_[i]) ++i;
    return i;
  }

  std::vector<Shape> shapes_;
  std::vector<bool> differentiable_;
};

template <class T>
struct Checkpoint : Repeatable<T> {
  explicit Checkpoint(const Packed<T>& p) : packed(p) {}
  Packed<T> packed;
};

template <class T>
using Shared = std::shared_ptr<const Checkpoint<T>>;

template <class T>
const Rule<T> kCheckpoint = {"checkpoint",
                             [](const void* attributes, Backward<T>& b) {
                               const Shared<T> c = *static_cast<const Shared<T>*>(attributes);
                               repeat<T>(*c, c->packed.unpack(b.take_gradient()), b);
                             },
                             &destroy_attributes<Shared<T>>};

}  // namespace

template <class T>
std::vector<Tensor<T>> checkpoint_list(TensorFunction<T> f, std::vector<Tensor<T>> inputs) {
  if (tracer != nullptr) tracer->refuse("checkpoint");
  if (!is_recording()) return f(inputs);
  const std::uint64_t before = sequence_after(inputs);
  NotedDraws draws;
  std::vector<Tensor<T>> y = [&] {
    const DrawsScope scope(draws, false);
    return f(inputs);
  }();
  std::vector<Tensor<T>> operands;
  find_operands(operands, y, before);
  if (operands.empty()) return y;
  auto c = std::make_shared<Checkpoint<T>>(Packed<T>(y));
  c->name = kCheckpoint<T>.name;
  c->f = std::move(f);
  c->inputs = std::move(inputs);
  c->operands = std::move(operands);
  c->draws = std::move(draws);
  std::vector<const Tensor<T>*> pointers;
  for (const Tensor<T>& t : c->operands) pointers.push_back(&t);
  remember(*c);
  const Tensor<T> packed = c->packed.pack(y);
  record(packed, kCheckpoint<T>, std::span<const Tensor<T>* const>(pointers), {.inputs = ~0U},
         Shared<T>(c));
  std::vector<Tensor<T>> parts = c->packed.unpack(packed);
  for (std::size_t i = 0; i < y.size(); ++i) y[i] = parts[i].defined() ? parts[i] : y[i].detach();
  return y;
}

template std::vector<Tensor<float>> checkpoint_list(TensorFunction<float>,
                                                    std::vector<Tensor<float>>);
template std::vector<Tensor<double>> checkpoint_list(TensorFunction<double>,
                                                     std::vector<Tensor<double>>);

}  // namespace xgrad::detail
