#include "xgrad/compile/vmap_rules.hpp"

#include <algorithm>
#include <functional>
#include <string_view>

#include "xgrad/autograd/broadcast.hpp"
#include "xgrad/autograd/elementwise.hpp"
#include "xgrad/compile/program_steps.hpp"
#include "xgrad/ops/lattice.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/slicing.hpp"

namespace xgrad::detail {

Shape with_batch(std::size_t n, const Shape& shape) { return shape.with(0, n); }

namespace {

// With axes of 1 in front.
Shape padded(const Shape& shape, std::size_t rank) {
  Shape r;
  for (std::size_t i = shape.rank(); i < rank; ++i) r.push_back(1);
  for (const std::size_t size : shape) r.push_back(size);
  return r;
}

}  // namespace

template <class T>
Tensor<T> BatchStep<T>::batched(std::size_t i) const {
  return x[i].batched ? x[i].tensor : broadcast_to(x[i].tensor, with_batch(n, x[i].shape));
}

template <class T>
Tensor<T> BatchStep<T>::batched_as(std::size_t i, const Shape& sizes) const {
  return x[i].batched ? view(x[i].tensor, with_batch(n, sizes))
                      : broadcast_to(view(x[i].tensor, sizes), with_batch(n, sizes));
}

template <class T>
Tensor<T> BatchStep<T>::aligned(std::size_t i, std::size_t rank) const {
  return x[i].batched ? view(x[i].tensor, with_batch(n, padded(x[i].shape, rank))) : x[i].tensor;
}

template <class T>
Tensor<T> batched_formula(const TracedFormula<T>& formula, const BatchStep<T>& b) {
  std::vector<Tensor<T>> operands;
  for (std::size_t i = 0; i < b.x.size(); ++i) operands.push_back(b.aligned(i, b.shape.rank()));
  std::vector<const Tensor<T>*> inputs;
  for (const Tensor<T>& t : operands) inputs.push_back(&t);
  const void* const f = functor_of(formula);
  return apply_elementwise<T>(*formula.rule, f, formula.bytes, formula.copy, inputs);
}

namespace {

template <class T>
const Rule<T> kTake = {"take", &take_backward<T>, nullptr};
template <class T>
const Rule<T> kPlace = {"place", &place_backward<T>, nullptr};

// The lattice of each sample, `step` apart; nothing where it has too many axes.
std::optional<Selection> repeated(const kernels::Lattice& lattice, bool complete, std::size_t n,
                                  std::size_t step) {
  if (lattice.rank == kernels::kMaxRank) return {};
  Selection s;
  s.complete = complete;
  s.lattice.offset = lattice.offset;
  s.lattice.add_axis(n, static_cast<std::ptrdiff_t>(step));
  for (std::size_t i = 0; i < lattice.rank; ++i)
    s.lattice.add_axis(lattice.extent[i], lattice.stride[i]);
  return s;
}

template <class T>
using Result = std::optional<Tensor<T>>;

template <class T>
Result<T> apply_rule(const std::monostate&, const BatchStep<T>&) {
  return {};
}
template <class T>
Result<T> apply_rule(const ViewDescription&, const BatchStep<T>& b) {
  return view(b.x[0].tensor, b.whole());
}
template <class T>
Result<T> apply_rule(const TakeDescription& d, const BatchStep<T>& b) {
  const auto s = repeated(d.lattice, d.complete, b.n, b.x[0].shape.elements());
  if (!s) return {};
  return take(b.x[0].tensor, *s, b.whole(), kTake<T>);
}
template <class T>
Result<T> apply_rule(const PlaceDescription& d, const BatchStep<T>& b) {
  const auto s = repeated(d.lattice, d.complete, b.n, b.shape.elements());
  if (!s) return {};
  return place(b.x[0].tensor, *s, b.whole(), static_cast<T>(d.fill), kPlace<T>);
}
template <class T>
Result<T> apply_rule(const JoinDescription& d, const BatchStep<T>& b) {
  std::vector<Tensor<T>> parts;
  for (std::size_t i = 0; i < b.x.size(); ++i) parts.push_back(b.batched(i));
  const auto axis = static_cast<std::ptrdiff_t>(d.axis + 1);
  return d.stacked ? stack(parts, axis) : concat(parts, axis);
}

// Samples are further rows of the view.
template <class T>
Tensor<T> rows_of(const kernels::AxisView& v, const BatchStep<T>& b) {
  return view(b.x[0].tensor, {b.n * v.outer, v.n, v.inner});
}
template <class T>
Result<T> apply_rule(const SumDescription& d, const BatchStep<T>& b) {
  const Tensor<T> x = rows_of(d.view, b);
  const bool is_mean = d.view.n > 0 && d.scale == 1 / static_cast<double>(d.view.n);
  if (d.scale != 1 && !is_mean) return {};
  return view(d.scale == 1 ? sum(x, 1) : mean(x, 1), b.whole());
}
template <class T>
Result<T> apply_rule(const BroadcastDescription&, const BatchStep<T>& b) {
  return broadcast_to(b.aligned(0, b.shape.rank()), b.whole());
}
template <class T>
Result<T> apply_rule(const SumToDescription&, const BatchStep<T>& b) {
  const Shape kept = with_batch(b.n, padded(b.shape, b.x[0].shape.rank()));
  return view(sum_to(b.x[0].tensor, kept), b.whole());
}
template <class T>
Result<T> apply_rule(const ProductDescription& d, const BatchStep<T>& b) {
  return batched_product(d, b);
}
template <class T>
Result<T> apply_rule(const LinearDescription& d, const BatchStep<T>& b) {
  return batched_linear(d, b);
}
template <class T>
Result<T> apply_rule(const RowsDescription& d, const BatchStep<T>& b) {
  const kernels::AxisView more{b.n * d.view.outer, d.view.n, d.view.inner};
  return d.of<T>()(b.x[0].tensor, more, b.whole());
}

// What does the same to each number, however many there are.
constexpr std::string_view kOfAnyShape[] = {"clone", "detach", "parameter"};

}  // namespace

template <class T>
std::optional<Tensor<T>> by_rule(const BatchStep<T>& b) {
  if (const auto* f = dynamic_cast<const FormulaStep<T>*>(b.step.step.get()))
    return batched_formula(f->formula, b);
  return std::visit([&](const auto& d) { return apply_rule(d, b); }, b.step.description);
}

bool is_of_any_shape(std::string_view name) {
  return std::find(std::begin(kOfAnyShape), std::end(kOfAnyShape), name) != std::end(kOfAnyShape);
}

#define XGRAD_INSTANTIATE(T)                                                        \
  template struct BatchStep<T>;                                                     \
  template Tensor<T> batched_formula(const TracedFormula<T>&, const BatchStep<T>&); \
  template std::optional<Tensor<T>> by_rule(const BatchStep<T>&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::detail
