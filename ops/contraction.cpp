#include "xgrad/ops/contraction.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "xgrad/autograd/broadcast.hpp"
#include "xgrad/autograd/description.hpp"
#include "xgrad/autograd/operation_log.hpp"
#include "xgrad/autograd/record.hpp"
#include "xgrad/kernels/copy.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/contraction_plan.hpp"
#include "xgrad/ops/reductions.hpp"

namespace xgrad::detail {
namespace {

using AllAxes = Few<ContractionAxis, kernels::ProductLoop::kMost>;
using Span = std::span<const ContractionAxis>;

// The letters of the operands, kept for the backward pass.
struct Letters {
  std::array<std::array<char, Shape::kMaxRank>, kOperands> letters;
  std::array<std::size_t, kOperands> count;

  std::string_view of(std::size_t operand) const {
    return {letters[operand].data(), count[operand]};
  }
};

Letters letters_of(std::string_view x, std::string_view y, std::string_view z) {
  Letters r{};
  const std::array<std::string_view, kOperands> all = {x, y, z};
  for (std::size_t t = 0; t < kOperands; ++t) {
    std::copy(all[t].begin(), all[t].end(), r.letters[t].begin());
    r.count[t] = all[t].size();
  }
  return r;
}

std::size_t size_of(char letter, std::string_view letters, const Shape& shape) {
  const std::size_t at = letters.find(letter);
  return at == letters.npos ? 0 : shape[at];
}

Shape shape_of_z(std::string_view of_z, const Shape& x, std::string_view of_x, const Shape& y,
                 std::string_view of_y) {
  Shape r;
  for (const char c : of_z) {
    const bool in_x = of_x.find(c) != of_x.npos;
    r.push_back(in_x ? size_of(c, of_x, x) : size_of(c, of_y, y));
  }
  return r;
}

// The axes of more than one element.
AllAxes axes_of(const Letters& letters, const std::array<const Shape*, kOperands>& shapes) {
  AllAxes axes;
  std::array<char, 2 * Shape::kMaxRank> seen{};
  for (std::size_t t = 0; t < kOperands; ++t) {
    std::size_t stride = 1;
    for (std::size_t i = letters.count[t]; i-- > 0;) {
      const std::size_t size = (*shapes[t])[i];
      if (size == 1) continue;
      const auto end = seen.begin() + static_cast<std::ptrdiff_t>(axes.size());
      const auto at = static_cast<std::size_t>(std::find(seen.begin(), end, letters.letters[t][i]) -
                                               seen.begin());
      if (at == axes.size()) {
        seen[at] = letters.letters[t][i];
        axes.push_back({size, {}});
      }
      axes[at].stride[t] = stride;
      stride *= size;
    }
  }
  return axes;
}

Shape sizes_in(const AxisOrder& order, Span axes) {
  Shape r;
  for (const std::size_t i : order) r.push_back(axes[i].size);
  return r;
}

// The numbers of an operand in another order.
template <class T>
Tensor<T> reordered(const Tensor<T>& x, Span axes, std::size_t operand, const AxisOrder& order) {
  kernels::Lattice lattice;
  for (const std::size_t i : order)
    lattice.add_axis(axes[i].size, static_cast<std::ptrdiff_t>(axes[i].stride[operand]));
  Tensor<T> y = Tensor<T>::uninitialized(sizes_in(order, axes));
  kernels::read_lattice(x.data(), lattice, y.node()->data, false);
  return y;
}

template <class T>
Tensor<T> in_order(const Tensor<T>& x, Span axes, std::size_t operand, const ContractionPlan& p) {
  return p.order[operand].empty() ? x : reordered(x, axes, operand, p.order[operand]);
}

// An operand with an axis for each axis of `wide`, of size 1 where it has none itself.
template <class T>
Tensor<T> spread(const Tensor<T>& x, Span axes, std::size_t operand, std::size_t wide,
                 const ContractionPlan& p) {
  Shape shape;
  for (const std::size_t i : order_in_memory(axes, wide))
    shape.push_back(axes[i].in(operand) ? axes[i].size : 1);
  return view(in_order(x, axes, operand, p), shape);
}

// `computed` has the order p.order[kZ] of z's axes.
template <class T>
Tensor<T> back_in_order(const Tensor<T>& computed, Span axes, const ContractionPlan& p,
                        const Shape& shape) {
  if (p.order[kZ].empty()) return view(computed, shape);
  AllAxes moved;
  for (const ContractionAxis& axis : axes) moved.push_back(axis);
  std::size_t stride = 1;
  for (std::size_t i = p.order[kZ].size(); i-- > 0;) {
    moved[p.order[kZ][i]].stride[kZ] = stride;
    stride *= moved[p.order[kZ][i]].size;
  }
  return view(reordered(computed, {moved.begin(), moved.size()}, kZ, order_in_memory(axes, kZ)),
              shape);
}

template <class T>
Tensor<T> multiplied(const Tensor<T>& x, const Tensor<T>& y, Span axes, const ContractionPlan& p,
                     const Shape& shape) {
  return view(spread(x, axes, kX, kZ, p) * spread(y, axes, kY, kZ, p), shape);
}

template <class T>
Tensor<T> multiplied_and_summed(const Tensor<T>& x, const Tensor<T>& y, Span axes,
                                const ContractionPlan& p, const Shape& shape) {
  const bool x_has_all =
      std::all_of(axes.begin(), axes.end(), [](const ContractionAxis& a) { return a.in(kX); });
  const std::size_t wide = x_has_all ? kX : kY;
  const Tensor<T> all = spread(x, axes, kX, wide, p) * spread(y, axes, kY, wide, p);
  std::vector<std::ptrdiff_t> summed;
  std::ptrdiff_t at = 0;
  for (const std::size_t i : order_in_memory(axes, wide)) {
    if (!axes[i].in(kZ)) summed.push_back(at);
    ++at;
  }
  return back_in_order(sum(all, Axes(summed)), axes, p, shape);
}

template <class T>
Tensor<T> by_products(const Tensor<T>& x, const Tensor<T>& y, Span axes, const ContractionPlan& p,
                      const Shape& shape) {
  const Tensor<T> xs = in_order(x, axes, kX, p), ys = in_order(y, axes, kY, p);
  Tensor<T> z = Tensor<T>::uninitialized(shape);
  const Tensor<T>&a = p.swapped ? ys : xs, &b = p.swapped ? xs : ys;
  kernels::gemm<T>({p.transpose_a, p.transpose_b, p.m, p.n, p.k, a.data(), b.data(), T(0),
                    z.node()->data, nullptr, p.lda, p.ldb, p.ldc},
                   p.loop);
  return p.order[kZ].empty() ? z : back_in_order(z, axes, p, shape);
}

template <class T>
Tensor<T> compute(const Tensor<T>& x, const Tensor<T>& y, const Letters& letters,
                  const Shape& shape) {
  if (x.size() == 0 || y.size() == 0) return Tensor<T>::filled(shape, T(0));
  const AllAxes all = axes_of(letters, {&x.shape(), &y.shape(), &shape});
  const Span axes(all.begin(), all.size());
  const ContractionPlan& p = plan_contraction(axes);
  switch (p.kind) {
    case ContractionPlan::Kind::multiply:
      return multiplied(x, y, axes, p, shape);
    case ContractionPlan::Kind::multiply_and_sum:
      return multiplied_and_summed(x, y, axes, p, shape);
    default:
      return by_products(x, y, axes, p, shape);
  }
}

template <class T>
void contraction_backward(const void* attributes, Backward<T>& back) {
  const auto& l = *static_cast<const Letters*>(attributes);
  for (std::size_t i = 0; i < 2; ++i) {
    if (!back.needs(i)) continue;
    back.add(i, contraction(back.gradient(), l.of(kZ), back.input(1 - i), l.of(1 - i), l.of(i)));
  }
}

template <class T>
const Rule<T> kContraction = {"einsum", &contraction_backward<T>, nullptr};

// Samples have a letter of their own, which is in front.
template <class T>
void describe_contraction(const Tensor<T>& z, const std::string& of_x, const std::string& of_y,
                          const std::string& of_z) {
  if (of_z.size() >= Shape::kMaxRank) return;
  char letter = 'a';
  const auto is_taken = [&letter](const std::string& letters) {
    return std::any_of(letters.begin(), letters.end(), [letter](char c) { return c == letter; });
  };
  while (is_taken(of_x) || is_taken(of_y) || is_taken(of_z))
    letter = letter == 'z' ? 'A' : static_cast<char>(letter + 1);
  const std::string sample(1, letter);
  const auto run = [=](const BatchOperands<T>& b) {
    return contraction(b.x[0], b.batched[0] ? sample + of_x : of_x, b.x[1],
                       b.batched[1] ? sample + of_y : of_y, sample + of_z);
  };
  describe_batch(z, run);
}

}  // namespace

template <class T>
Tensor<T> contraction(const Tensor<T>& x, std::string_view of_x, const Tensor<T>& y,
                      std::string_view of_y, std::string_view of_z) {
  const Letters letters = letters_of(of_x, of_y, of_z);
  const Shape shape = shape_of_z(of_z, x.shape(), of_x, y.shape(), of_y);
  Tensor<T> z;
  {
    const NoGrad guard;
    const Untraced untraced;
    z = compute(x, y, letters, shape);
  }
  const unsigned needed = detail::needed<T>({&x, &y});
  if (needed == 0 && !is_logged<T>()) return z;
  record(z, kContraction<T>, {&x, &y}, {(needed & 1U) << 1 | needed >> 1}, letters);
  if (!is_logged<T>()) return z;
  log_again(z, [a = std::string(of_x), b = std::string(of_y),
                c = std::string(of_z)](const auto& o) { return contraction(o[0], a, o[1], b, c); });
  describe_contraction(z, std::string(of_x), std::string(of_y), std::string(of_z));
  return z;
}

#define XGRAD_INSTANTIATE(T)                                                           \
  template Tensor<T> contraction(const Tensor<T>&, std::string_view, const Tensor<T>&, \
                                 std::string_view, std::string_view);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::detail
