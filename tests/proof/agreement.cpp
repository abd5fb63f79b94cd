#include "agreement.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <sstream>

#include "xgrad/ops/arithmetic.hpp"

namespace proof {
namespace {

using xgrad::Tensor;
using xgrad::TensorFunction;

template <class T>
using Tensors = std::vector<Tensor<T>>;
using Chosen = std::vector<bool>;

template <class T>
Tensors<T> leaves(const Tensors<T>& x, const Chosen& varied) {
  Tensors<T> l;
  for (std::size_t i = 0; i < x.size(); ++i) l.push_back(x[i].clone().requires_grad_(varied[i]));
  return l;
}

template <class T>
Tensors<T> only(const Tensors<T>& x, const Chosen& varied) {
  Tensors<T> c;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (varied[i]) c.push_back(x[i]);
  }
  return c;
}

// The gradients of y, each number of which counts once; undefined ones are 0.
template <class T>
Tensors<T> gradients(const Tensor<T>& y, const Tensors<T>& x, bool recorded) {
  Tensors<T> g(x.size());
  if (y.requires_grad()) {
    g = xgrad::grad(std::vector{y}, x, {.create_graph = recorded, .allow_unused = true},
                    std::vector{Tensor<T>::filled(y.shape(), 1)});
  }
  for (std::size_t i = 0; i < g.size(); ++i) {
    if (!g[i].defined()) g[i] = Tensor<T>::filled(x[i].shape(), 0);
  }
  return g;
}

template <class T>
Tensors<T> first(const TensorFunction<T>& f, const Tensors<T>& x, const Chosen& varied,
                 bool recorded) {
  const Tensors<T> l = leaves(x, varied);
  return gradients(f(l).at(0), only(l, varied), recorded);
}

// The same of one of the gradients.
template <class T>
Tensors<T> second(const TensorFunction<T>& f, const Tensors<T>& x, const Chosen& varied,
                  std::size_t of, bool recorded) {
  const Tensors<T> l = leaves(x, varied), chosen = only(l, varied);
  return gradients(gradients(f(l).at(0), chosen, true)[of], chosen, recorded);
}

template <class T>
bool agree(T a, T b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  if (std::isinf(a) || std::isinf(b)) return a == b;
  const T bound = 64 * std::numeric_limits<T>::epsilon() * std::max(std::abs(a), std::abs(b));
  return std::abs(a - b) <= bound + 8 * std::numeric_limits<T>::min();
}

template <class T>
void compare(const char* what, const Tensors<T>& x, const Tensor<T>& a, const Tensor<T>& b) {
  BOOST_TEST_REQUIRE(a.size() == b.size());
  int shown = 0;
  for (std::size_t e = 0; e < a.size(); ++e) {
    if (agree(a.data()[e], b.data()[e]) || ++shown > 4) continue;
    std::ostringstream at;
    for (const Tensor<T>& t : x) at << ' ' << t.data()[e];
    BOOST_TEST(false, what << " at" << at.str() << ": " << a.data()[e] << " and " << b.data()[e]);
  }
}

}  // namespace

template <class T>
std::vector<T> hard_points() {
  using Limits = std::numeric_limits<T>;
  std::vector<T> points = {0, -T(0), Limits::quiet_NaN(), Limits::infinity(), -Limits::infinity()};
  for (const T v : {Limits::denorm_min(), T(1e-40), T(1e-30), T(0.5), T(1), T(3), T(100), T(1e30),
                    Limits::max()}) {
    points.insert(points.end(), {v, -v});
  }
  if (sizeof(T) == 8) {
    for (const double v : {1e-310, 1e-200, 800., 1e200})
      points.insert(points.end(), {static_cast<T>(v), static_cast<T>(-v)});
  }
  return points;
}

template <class T>
Tensors<T> combinations(const std::vector<T>& points, std::size_t operands) {
  std::size_t count = 1;
  for (std::size_t i = 0; i < operands; ++i) count *= points.size();
  Tensors<T> x;
  for (std::size_t i = 0, step = 1; i < operands; ++i, step *= points.size()) {
    std::vector<T> numbers(count);
    for (std::size_t e = 0; e < count; ++e) numbers[e] = points[e / step % points.size()];
    x.push_back(Tensor<T>::from({count}, numbers));
  }
  return x;
}

template <class T>
void check_agreement(const TensorFunction<T>& f, const Tensors<T>& x, const Chosen& differentiable,
                     bool twice) {
  const Tensors<T> plain = first(f, x, differentiable, false);
  const Tensors<T> recorded = first(f, x, differentiable, true);
  for (std::size_t i = 0, k = 0; i < x.size(); ++i) {
    if (!differentiable[i]) continue;
    Chosen alone(x.size(), false);
    alone[i] = true;
    BOOST_TEST_CONTEXT("by operand " << i) {
      compare("plain and recorded", x, plain[k], recorded[k]);
      compare("plain, and the operand alone", x, plain[k], first(f, x, alone, false)[0]);
      if (twice) {
        const Tensors<T> slow = second(f, x, differentiable, k, true);
        const Tensors<T> fast = second(f, x, differentiable, k, false);
        for (std::size_t j = 0; j < slow.size(); ++j)
          compare("second, plain and recorded", x, fast[j], slow[j]);
      }
    }
    ++k;
  }
}

namespace {

// Gradients of the first output, whose numbers count 1, -0.5, 2, 1 ...
template <class T>
Tensors<T> weighted(const TensorFunction<T>& f, const Tensors<T>& x, const Chosen& varied,
                    bool recorded) {
  const Tensors<T> l = leaves(x, varied), chosen = only(l, varied);
  const Tensor<T> y = f(l).at(0);
  std::vector<T> seed(y.size());
  for (std::size_t i = 0; i < seed.size(); ++i)
    seed[i] = i % 3 == 0 ? T(1) : i % 3 == 1 ? T(-0.5) : T(2);
  Tensors<T> g =
      xgrad::grad(std::vector{y}, chosen, {.create_graph = recorded, .allow_unused = true},
                  std::vector{Tensor<T>::from(y.shape(), seed)});
  for (std::size_t i = 0; i < g.size(); ++i) {
    if (!g[i].defined()) g[i] = Tensor<T>::filled(chosen[i].shape(), 0);
  }
  return g;
}

// Nothing is asked of small numbers beside large ones, of which they may be what is left.
template <class T>
void compare_mixed(const std::string& what, const Tensor<T>& a, const Tensor<T>& b) {
  T size = 0;
  for (std::size_t e = 0; e < a.size(); ++e) {
    if (std::isfinite(a.data()[e])) size = std::max(size, std::abs(a.data()[e]));
  }
  const T bound =
      std::sqrt(std::numeric_limits<T>::epsilon()) * size + std::numeric_limits<T>::min();
  std::size_t e = 0;
  for (; e < a.size(); ++e) {
    const T is = a.data()[e], other = b.data()[e];
    if (std::isfinite(is) ? !(std::abs(is - other) <= bound)
                          : std::isnan(is) != std::isnan(other) || (is != other && !std::isnan(is)))
      break;
  }
  const std::size_t at = e < a.size() ? e : 0;
  BOOST_TEST((a.size() == 0 || e == a.size()),
             what << ", element " << at << ": " << a.data()[at] << " and " << b.data()[at]);
}

}  // namespace

template <class T>
void check_passes(const TensorFunction<T>& f, const Tensors<T>& x, const Chosen& differentiable) {
  const Tensors<T> plain = weighted(f, x, differentiable, false);
  const Tensors<T> recorded = weighted(f, x, differentiable, true);
  for (std::size_t i = 0, k = 0; i < x.size(); ++i) {
    if (!differentiable[i]) continue;
    Chosen alone(x.size(), false);
    alone[i] = true;
    compare_mixed("plain and recorded, by operand " + std::to_string(i), plain[k], recorded[k]);
    compare_mixed("plain, and operand " + std::to_string(i) + " alone", plain[k],
                  weighted(f, x, alone, false)[0]);
    ++k;
  }
}

#define PROOF_INSTANTIATE(T)                                                                       \
  template std::vector<T> hard_points();                                                           \
  template Tensors<T> combinations(const std::vector<T>&, std::size_t);                            \
  template void check_agreement(const TensorFunction<T>&, const Tensors<T>&, const Chosen&, bool); \
  template void check_passes(const TensorFunction<T>&, const Tensors<T>&, const Chosen&);
PROOF_INSTANTIATE(float)
PROOF_INSTANTIATE(double)
#undef PROOF_INSTANTIATE

}  // namespace proof
