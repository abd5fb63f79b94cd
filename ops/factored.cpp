#include "xgrad/ops/factored.hpp"

#include <vector>

#include "xgrad/autograd/as_one.hpp"
#include "xgrad/autograd/broadcast.hpp"
#include "xgrad/autograd/fast_path.hpp"
#include "xgrad/autograd/operation_log.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/product.hpp"
#include "xgrad/ops/shape.hpp"

namespace xgrad::detail {
namespace {

std::size_t count_of(const Shape& s) { return batch_of(s).elements(); }

}  // namespace

namespace {

// LAPACK must not see what is not finite; kernels for small matrices tell it themselves.
template <class T>
void check_before(const char* operation, const Tensor<T>& a, Part part) {
  require_square(operation, "a", a.shape());
  if (rows(a.shape()) > kernels::kSmallMatrix) require_finite(operation, "a", a, part);
}

template <class T>
void check_after(const char* operation, const Tensor<T>& a, Part part,
                 const kernels::BatchOutcome& o, bool allow_singular = false) {
  if (!o.failed()) return;
  if (rows(a.shape()) <= kernels::kSmallMatrix) require_finite(operation, "a", a, part);
  if (part == Part::lower) {
    fail(operation, which_matrix(a.shape(), o.matrix), " is not positive definite: leading minor ",
         o.info, ", ", matrix_shape(a.shape()));
  }
  require(allow_singular, operation, which_matrix(a.shape(), o.matrix), " is singular: pivot ",
          o.info, " is 0, ", matrix_shape(a.shape()));
}

}  // namespace

template <class T>
Tensor<T> cholesky_factor(const char* operation, const Tensor<T>& a) {
  check_before(operation, a, Part::lower);
  Tensor<T> l = Tensor<T>::uninitialized(a.shape());
  const kernels::BatchOutcome o =
      kernels::factor_cholesky(count_of(a.shape()), rows(a.shape()), a.data(), l.node()->data);
  check_after(operation, a, Part::lower, o);
  return l;
}

template <class T>
Tensor<T> lu_factor(const char* operation, const Tensor<T>& a, bool allow_singular) {
  check_before(operation, a, Part::all);
  const std::size_t n = rows(a.shape());
  Tensor<T> lu = Tensor<T>::uninitialized(with_matrix(batch_of(a.shape()), kernels::lu_rows(n), n));
  const kernels::BatchOutcome o =
      kernels::factor_lu(count_of(a.shape()), n, a.data(), lu.node()->data);
  check_after(operation, a, Part::all, o, allow_singular);
  return lu;
}

template <class T>
Tensor<T> inverse_of(const char* operation, const Tensor<T>& a) {
  check_before(operation, a, Part::all);
  Tensor<T> y = Tensor<T>::uninitialized(a.shape());
  const kernels::BatchOutcome o =
      kernels::invert(count_of(a.shape()), rows(a.shape()), a.data(), y.node()->data);
  check_after(operation, a, Part::all, o);
  return y;
}

namespace {

// op(a) x = b: with g = op(a)^-T gx, gb = g and the gradient by op(a) is -g x^T.
template <class T>
kernels::SmallResult<T> wanted(Backward<T>& back, std::size_t i) {
  if (!back.needs(i)) return {};
  const auto to = FastPath(back).accumulator(i);
  return {to.data, to.has_value};
}

template <class T>
void small_backward(Factored kind, Backward<T>& back) {
  const Shape& s = back.gradient().shape();
  const T* const x = back.needs(0) ? back.output().data() : nullptr;
  kernels::solve_backward(kind, count_of(s), rows(s), columns(s), back.input(2).data(), x,
                          back.gradient().data(), wanted(back, 0), wanted(back, 1));
}

template <class T>
void solve_backward(const void* attributes, Backward<T>& back) {
  const Factored kind = *static_cast<const Factored*>(attributes);
  const Shape& s = back.gradient().shape();
  const FastPath<T> fast(back);
  const bool apart = fast.input_node(0) != fast.input_node(1);  // or both would write one place
  if (!back.recording() && apart && kernels::is_small(rows(s), columns(s)))
    return small_backward(kind, back);
  const Factored adjoint = kind == Factored::lu              ? Factored::lu_transposed
                           : kind == Factored::lu_transposed ? Factored::lu
                                                             : kind;
  const Tensor<T> g = solve_factored(back.input(0), back.gradient(), back.input(2), adjoint);
  if (back.needs(0)) {
    const Tensor<T> x = back.output(), minus = g * T(kind == Factored::cholesky ? -0.5 : -1);
    GradientProducts<T> products(back);
    if (kind != Factored::lu_transposed) products.add(0, minus, x, {false, true});
    products.run();
    if (kind != Factored::lu) products.add(0, x, minus, {false, true});
    products.run();
  }
  if (back.needs(1)) back.add(1, g);
}

template <class T>
const Rule<T> kSolve = {"solve", &solve_backward<T>, nullptr};

}  // namespace

namespace {

// With the factor of the a of that time.
template <class T>
Tensor<T> solved_again(const Tensor<T>& a, const Tensor<T>& b, Factored kind) {
  if (kind == Factored::lu) return solve_general("solve", a, b);
  const Tensor<T> factor =
      kind == Factored::cholesky ? cholesky_factor("solve", a) : lu_factor("solve", a, false);
  return solve_factored(a, b, factor, kind);
}

template <class T>
void record_solution(const Tensor<T>& x, const Tensor<T>& a, const Tensor<T>& b,
                     const Tensor<T>& factor, Factored kind) {
  const bool by_matrix = (detail::needed<T>({&a, &b}) & 1U) != 0;
  record<T>(x, kSolve<T>, {&a, &b, &factor}, {.inputs = 0b101, .output = by_matrix}, kind);
  log_again(x, [kind](const auto& o) { return solved_again(o[0], o[1], kind); });
}

}  // namespace

template <class T>
Tensor<T> solve_factored(const Tensor<T>& a, const Tensor<T>& b, const Tensor<T>& factor,
                         Factored kind) {
  Tensor<T> x = Tensor<T>::uninitialized(b.shape());
  kernels::solve_factored(kind, count_of(b.shape()), rows(b.shape()), columns(b.shape()),
                          factor.data(), b.data(), x.node()->data);
  record_solution(x, a, b, factor, kind);
  return x;
}

template <class T>
Tensor<T> solve_general(const char* operation, const Tensor<T>& a, const Tensor<T>& b) {
  check_before(operation, a, Part::all);
  const std::size_t count = count_of(b.shape()), n = rows(b.shape()), k = columns(b.shape());
  Tensor<T> x = Tensor<T>::uninitialized(b.shape());
  Tensor<T> factor = Tensor<T>::uninitialized({kernels::lu_numbers(count, n, k)});
  const kernels::BatchOutcome o =
      kernels::solve_lu(count, n, k, a.data(), b.data(), factor.node()->data, x.node()->data);
  check_after(operation, a, Part::all, o);
  record_solution(x, a, b, factor, Factored::lu);
  return x;
}

namespace {

// op(a) x = b: with g = op(a)^-T gx, gb = g and the gradient by op(a) is -g x^T. x op(a) = b: with
// g = gx op(a)^-T, gb = g and it is -x^T g.
template <class T>
void triangular_backward(const void* attributes, Backward<T>& back) {
  const auto o = *static_cast<const TriangularSolveOptions*>(attributes);
  TriangularSolveOptions adjoint = o;
  adjoint.transpose = !o.transpose;
  const Tensor<T> g = solve_triangular(back.input(0), back.gradient(), adjoint);
  if (back.needs(0)) {
    const Tensor<T> x = back.output();
    const bool turned = o.transpose == o.left;
    const MatmulOptions m = o.left ? MatmulOptions{false, true} : MatmulOptions{true, false};
    const Tensor<T> product = turned ? matmul(x, g, m) : matmul(g, x, m);
    back.add(0, triangle(-product, o.upper, T(o.unit_diagonal ? 0 : 1)));
  }
  if (back.needs(1)) back.add(1, g);
}

template <class T>
const Rule<T> kTriangularSolve = {"triangular_solve", &triangular_backward<T>, nullptr};

}  // namespace

template <class T>
Tensor<T> solve_triangular(const Tensor<T>& a, const Tensor<T>& b, TriangularSolveOptions o) {
  Tensor<T> x = Tensor<T>::uninitialized(b.shape());
  kernels::solve_triangle({o.upper, o.transpose, o.unit_diagonal, o.left}, count_of(b.shape()),
                          rows(b.shape()), columns(b.shape()), a.data(), b.data(), x.node()->data);
  const unsigned needed = detail::needed<T>({&a, &b});
  record<T>(x, kTriangularSolve<T>, {&a, &b}, {.inputs = 0b01, .output = (needed & 1U) != 0}, o);
  log_again(x, [o](const auto& y) { return solve_triangular(y[0], y[1], o); });
  return x;
}

namespace {

void require_fit(const char* operation, const char* name, const Shape& a, const Shape& b,
                 bool left) {
  require_square(operation, name, a);
  const bool long_enough = b.rank() >= (left ? 1U : 2U);
  const bool fits = long_enough && columns(a) == (left && b.rank() > 1 ? rows(b) : b.back());
  require(fits, operation, "the sizes do not fit: ", name, " ", a, ", b ", b);
}

// (batch, n, k) -> (n, batch, k), and back.
template <class T>
Tensor<T> rows_first(const Tensor<T>& b) {
  std::vector<std::ptrdiff_t> order = {-2};
  for (std::size_t i = 0; i + 2 < b.rank(); ++i) order.push_back(static_cast<std::ptrdiff_t>(i));
  order.push_back(-1);
  return permute(b, order);
}
template <class T>
Tensor<T> rows_behind(const Tensor<T>& b) {
  std::vector<std::ptrdiff_t> order;
  for (std::size_t i = 1; i + 1 < b.rank(); ++i) order.push_back(static_cast<std::ptrdiff_t>(i));
  order.push_back(0);
  order.push_back(-1);
  return permute(b, order);
}

}  // namespace

template <class T>
System<T>::System(const char* operation, const char* name, const Tensor<T>& a, const Tensor<T>& b,
                  bool left)
    : a_(a), b_(b) {
  require_fit(operation, name, a.shape(), b.shape(), left);
  vector_ = b.rank() == 1;
  if (vector_) b_ = view(b, {b.size(), 1});
  shape_ = b_.shape();
  if (a.rank() > 2) {
    const Pair<T> both = with_one_batch(operation, a_, b_);
    a_ = both.a;
    b_ = both.b;
    shape_ = b_.shape();
  } else if (b_.rank() > 2) {
    const std::size_t n = columns(a.shape());
    folded_ = left;
    if (folded_) b_ = rows_first(b_);
    const std::size_t others = left ? batch_of(shape_).elements() * columns(shape_)
                                    : batch_of(shape_).elements() * rows(shape_);
    b_ = view(b_, left ? Shape{n, others} : Shape{others, n});
  }
  check_each_time(operation, b_,
                  [operation](const Tensor<T>& now) { require_finite(operation, "b", now); });
}

template <class T>
Tensor<T> System<T>::solution(const Tensor<T>& x) const {
  if (vector_) return view(x, shape_.without(shape_.rank() - 1));
  if (!folded_) return view(x, shape_);
  Shape first = {rows(shape_)};
  for (std::size_t i = 0; i + 2 < shape_.rank(); ++i) first.push_back(shape_[i]);
  first.push_back(columns(shape_));
  return rows_behind(view(x, first));
}

#define XGRAD_INSTANTIATE(T)                                                              \
  template class System<T>;                                                               \
  template Tensor<T> cholesky_factor(const char*, const Tensor<T>&);                      \
  template Tensor<T> solve_general(const char*, const Tensor<T>&, const Tensor<T>&);      \
  template Tensor<T> inverse_of(const char*, const Tensor<T>&);                           \
  template Tensor<T> lu_factor(const char*, const Tensor<T>&, bool);                      \
  template Tensor<T> solve_factored(const Tensor<T>&, const Tensor<T>&, const Tensor<T>&, \
                                    Factored);                                            \
  template Tensor<T> solve_triangular(const Tensor<T>&, const Tensor<T>&, TriangularSolveOptions);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::detail
