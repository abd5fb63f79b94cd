#include "xgrad/compile/fusion_group.hpp"

#include <algorithm>
#include <array>
#include <bit>

#include "xgrad/autograd/elementwise_loop.hpp"
#include "xgrad/autograd/fast_path.hpp"
#include "xgrad/compile/fused_steps.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"

namespace xgrad::detail {
namespace {

template <class T>
struct GroupEntry {
  std::shared_ptr<const FusionGroup<T>> group;
  typename FusionGroup<T>::Kept kept;
  std::shared_ptr<Deferred> deferred;  // or null
};

template <class T>
const Rule<T> kGroup = {"fused",
                        [](const void* attributes, Backward<T>& b) {
                          const auto& entry = *static_cast<const GroupEntry<T>*>(attributes);
                          entry.group->backward(entry.kept, entry.deferred.get(), b);
                        },
                        &destroy_attributes<GroupEntry<T>>};

template <class T>
using Pointers = std::array<const Tensor<T>*, kernels::kMaxInputs>;

}  // namespace

template <class T>
FusionGroup<T>::FusionGroup(const Shape& shape, std::vector<Shape> inputs,
                            std::vector<FusionMember<T>> members, std::optional<Shape> total)
    : shape_(shape),
      total_(std::move(total)),
      input_shapes_(std::move(inputs)),
      members_(std::move(members)),
      forward_(loop_of({})),
      keeping_(loop_of({})) {
  choose_kept();
  forward_ = std::move(*make_forward(false));
  keeping_ = std::move(*make_forward(true));
}

// What is called for takes longer to compute again than to store and to load; the result itself is
// not kept, as somebody else may hold it alone and write to it.
template <class T>
void FusionGroup<T>::choose_kept() {
  for (std::uint32_t m = 0; m + 1 < members_.size() && kept_.size() < kMaxKept; ++m) {
    if (!is_instruction(*members_[m].formula.rule)) kept_.push_back(m);
  }
}

// Over the inputs and so many more of other shapes.
template <class T>
kernels::Loop FusionGroup<T>::loop_of(
    std::initializer_list<std::pair<const Shape*, std::size_t>> more) const {
  const Shape* shapes[kernels::kMaxInputs];
  std::size_t n = 0;
  for (const Shape& s : input_shapes_) shapes[n++] = &s;
  for (const auto& [shape, count] : more) {
    for (std::size_t i = 0; i < count; ++i) shapes[n++] = shape;
  }
  kernels::Loop loop;
  build_loop(loop, shape_, shapes, n);
  return loop;
}

// The values of inputs and members; members that are kept may be there as inputs.
template <class T>
auto FusionGroup<T>::forward_values(Fused<T>& f, Value first_kept, bool kept_are_inputs) const
    -> std::vector<Value> {
  std::vector<Value> values;
  for (Value i = 0; i < inputs(); ++i) values.push_back(i);
  for (std::uint32_t m = 0; m < members_.size(); ++m) {
    const auto kept = std::find(kept_.begin(), kept_.end(), m);
    if (kept_are_inputs && kept != kept_.end()) {
      values.push_back(first_kept + static_cast<Value>(kept - kept_.begin()));
      continue;
    }
    std::vector<Value> x;
    for (const std::uint32_t o : members_[m].operands) x.push_back(values[o]);
    values.push_back(f.forward(*members_[m].formula.rule, members_[m].functor(), x));
  }
  return values;
}

template <class T>
std::unique_ptr<Fused<T>> FusionGroup<T>::make_forward(bool keeping) const {
  auto f = std::make_unique<Fused<T>>(loop_of({}));
  const std::vector<Value> values = forward_values(*f, 0, false);
  output(*f, values.back());
  for (const std::uint32_t m : kept_) {
    if (keeping) f->output(values[inputs() + m]);
  }
  f->finish();
  return f;
}

// Inputs: those of the group, what is kept, the gradient of the result, and the gradients that inputs
// have already. Outputs: the result, where it was left to the pass, and the gradients of the inputs that
// need one.
template <class T>
std::unique_ptr<Fused<T>> FusionGroup<T>::make_backward(Key key) const {
  const std::size_t has = static_cast<std::size_t>(std::popcount(key.has));
  const std::size_t kept = key.with_kept ? kept_.size() : 0;
  const Shape& gy_shape = result_shape();
  auto f = std::make_unique<Fused<T>>(loop_of({{&shape_, kept}, {&gy_shape, 1}, {&shape_, has}}));
  const auto first_kept = static_cast<Value>(inputs());
  const auto gy = static_cast<Value>(first_kept + kept);
  const std::vector<Value> values = forward_values(*f, first_kept, key.with_kept);
  if (key.with_result) output(*f, values.back());
  constexpr Value kNone = ~Value{0};
  std::vector<Value> gradients(values.size(), kNone);
  std::vector<bool> needs(values.size(), false);
  Value next = gy + 1;
  for (std::size_t i = 0; i < inputs(); ++i) {
    needs[i] = (key.needs >> i & 1U) != 0;
    if ((key.has >> i & 1U) != 0) gradients[i] = next++;
  }
  for (std::size_t m = 0; m < members_.size(); ++m) {
    for (const std::uint32_t o : members_[m].operands)
      needs[inputs() + m] = needs[inputs() + m] || needs[o];
  }
  gradients.back() = gy;
  for (std::size_t m = members_.size(); m-- > 0;) {
    const Value g = gradients[inputs() + m];
    if (g == kNone || !needs[inputs() + m]) continue;
    const std::vector<std::uint32_t>& operands = members_[m].operands;
    std::vector<Value> x;
    unsigned needed = 0;
    for (std::size_t k = 0; k < operands.size(); ++k) {
      x.push_back(values[operands[k]]);
      needed |= static_cast<unsigned>(needs[operands[k]]) << k;
    }
    for (std::size_t k = 0; k < operands.size(); ++k) {
      if (!needs[operands[k]]) continue;
      const Value d = f->gradient(*members_[m].formula.rule, members_[m].functor(), x,
                                  values[inputs() + m], g, k, needed);
      Value& sum = gradients[operands[k]];
      sum = sum == kNone ? d : f->sum(sum, d);
    }
  }
  for (std::size_t i = 0; i < inputs(); ++i) {
    if (needs[i]) f->output(gradients[i]);
  }
  f->finish();
  return f;
}

template <class T>
const Fused<T>& FusionGroup<T>::backward_program(Key key) const {
  const std::lock_guard lock(mutex_);
  for (const BackwardProgram& p : backward_) {
    if (p.key == key) return *p.program;
  }
  backward_.push_back({key, make_backward(key)});
  return *backward_.back().program;
}

// A sum along an axis that an input is repeated along is not what a program does, and gradients of one
// tensor in two places are added up in another order.
template <class T>
bool FusionGroup<T>::is_special(std::span<const Tensor<T>* const> inputs) const {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i]->requires_grad()) continue;
    if (input_shapes_[i] != shape_) return true;
    for (std::size_t k = 0; k < i; ++k) {
      if (inputs[k]->is_same(*inputs[i])) return true;
    }
  }
  return false;
}

template <class T>
Tensor<T> FusionGroup<T>::run_one_by_one(std::span<const Tensor<T>* const> inputs) const {
  std::vector<Tensor<T>> values;
  values.reserve(members_.size());
  for (const FusionMember<T>& m : members_) {
    Pointers<T> x;
    std::size_t n = 0;
    for (const std::uint32_t o : m.operands)
      x[n++] = o < inputs.size() ? inputs[o] : &values[o - inputs.size()];
    values.push_back(apply_elementwise<T>(*m.formula.rule, m.functor(), m.formula.bytes,
                                          m.formula.copy, {x.data(), n}));
  }
  if (total_) return reshape(sum(values.back()), *total_);
  return values.back();
}

namespace {

template <class T>
bool need_gradients(std::span<const Tensor<T>* const> inputs) {
  return is_recording() && std::any_of(inputs.begin(), inputs.end(),
                                       [](const Tensor<T>* x) { return x->requires_grad(); });
}

template <class T>
std::array<const T*, kernels::kMaxInputs> numbers_of(std::span<const Tensor<T>* const> inputs) {
  std::array<const T*, kernels::kMaxInputs> in;
  for (std::size_t i = 0; i < inputs.size(); ++i) in[i] = inputs[i]->data();
  return in;
}

}  // namespace

template <class T>
Tensor<T> FusionGroup<T>::run(std::span<const Tensor<T>* const> inputs,
                              const std::shared_ptr<Deferred>& deferred) const {
  const bool needs = need_gradients(inputs);
  if (needs && is_special(inputs)) return run_one_by_one(inputs);
  const auto in = numbers_of(inputs);
  Tensor<T> y = Tensor<T>::uninitialized(result_shape());
  T* out[1 + kMaxKept] = {y.node()->data};
  if (!needs) {
    forward_.run({in.data(), inputs.size()}, {out, 1});
    return y;
  }
  GroupEntry<T> entry{this->shared_from_this(), {}, deferred};
  if (deferred == nullptr) {
    for (std::size_t k = 0; k < kept_.size(); ++k) {
      entry.kept[k] = Tensor<T>::uninitialized(shape_);
      out[1 + k] = entry.kept[k].node()->data;
    }
    keeping_.run({in.data(), inputs.size()}, {out, 1 + kept_.size()});
  }
  record(y, kGroup<T>, inputs, {.inputs = ~0U}, entry);
  return y;
}

template <class T>
Tensor<T> FusionGroup<T>::defer(std::span<const Tensor<T>* const> inputs,
                                std::shared_ptr<Deferred>& deferred) const {
  deferred = nullptr;
  if (need_gradients(inputs) && !is_special(inputs)) deferred = std::make_shared<Deferred>();
  return run(inputs, deferred);
}

template <class T>
void FusionGroup<T>::settle(std::span<const Tensor<T>* const> inputs, const Tensor<T>& y,
                            Deferred& deferred) const {
  if (std::exchange(deferred.done, true)) return;
  const auto in = numbers_of(inputs);
  T* const out = y.node()->data;
  forward_.run({in.data(), inputs.size()}, {&out, 1});
}

template <class T>
void FusionGroup<T>::backward(const Kept& kept, Deferred* deferred, Backward<T>& b) const {
  if (b.recording()) {
    const std::vector<Tensor<T>> x = aliases(b);
    Pointers<T> pointers;
    for (std::size_t i = 0; i < x.size(); ++i) pointers[i] = &x[i];
    const std::span<const Tensor<T>* const> inputs(pointers.data(), x.size());
    if (deferred != nullptr) settle(inputs, b.output(), *deferred);
    return add_composed(b, x, run_one_by_one(inputs));
  }
  FastPath<T> fast(b);
  const T* in[kernels::kMaxInputs];
  T* out[1 + kMaxInputs];
  std::size_t n = 0, outputs = 0, taker = inputs();
  Key key{b.needs_mask(), 0, deferred == nullptr, false};
  if (deferred != nullptr && b.output().node()->data != nullptr)
    key.with_result = !std::exchange(deferred->done, true);
  for (std::size_t i = 0; i < inputs(); ++i) in[n++] = fast.input_node(i)->data;
  if (key.with_result) out[outputs++] = b.output().node()->data;
  for (std::size_t k = 0; k < kMaxKept && kept[k].defined(); ++k) in[n++] = kept[k].data();
  in[n++] = b.gradient().data();
  for (std::size_t i = 0; i < inputs() && taker == inputs(); ++i) {
    if ((key.needs >> i & 1U) != 0 && fast.can_reuse_gradient(i)) taker = i;
  }
  for (std::size_t i = 0; i < inputs(); ++i) {
    if ((key.needs >> i & 1U) == 0) continue;
    if (i == taker) {
      out[outputs++] = b.gradient().node()->data;
      continue;
    }
    const Accumulator<T> to = fast.accumulator(i);
    out[outputs++] = to.data;
    if (!to.has_value) continue;
    key.has |= 1U << i;
    in[n++] = to.data;
  }
  backward_program(key).run({in, n}, {out, outputs});
  if (taker < inputs()) fast.add_reused(taker);
}

template class FusionGroup<float>;
template class FusionGroup<double>;

}  // namespace xgrad::detail
