#include "xgrad/ops/ties.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <exception>
#include <limits>
#include <new>
#include <string_view>
#include <unordered_set>

#include "xgrad/autograd/operation_log.hpp"
#include "xgrad/autograd/record.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/creation.hpp"
#include "xgrad/ops/decompositions.hpp"
#include "xgrad/ops/lattice.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"

namespace xgrad::detail {
namespace {

// LAPACK's values are off by a few roundings of the largest, seldom by more than sqrt(n) of them.
template <class T>
T rounding_of(const T* values, std::size_t n) {
  const T largest = std::max(std::abs(values[0]), std::abs(values[n - 1]));
  const double roundings = std::max(16.0, 4 * std::sqrt(static_cast<double>(n)));
  return static_cast<T>(roundings) * std::numeric_limits<T>::epsilon() * largest;
}

}  // namespace

template <class T>
Ties::Ties(const Tensor<T>& values, bool zeros)
    : n_(values.shape().back()), groups_(values.size()) {
  for (std::size_t begin = 0; begin < groups_.size(); begin += n_) {
    const T* const v = values.data() + begin;
    Group* const groups = groups_.data() + begin;
    const T rounding = rounding_of(v, n_);
    const auto zero = [&](std::size_t i) { return zeros && std::abs(v[i]) <= rounding; };
    for (std::size_t first = 0, i = 1; i <= n_; ++i) {
      const bool same = i < n_ && (zero(i - 1) ? zero(i) : std::abs(v[i] - v[i - 1]) <= rounding);
      if (same) continue;
      std::fill(groups + first, groups + i, Group{first, i - first, zero(i - 1)});
      any_ = any_ || i - first > 1 || zero(i - 1);
      const std::size_t bits = zero(i - 1) ? 1 : std::bit_width(i - first - 1);
      passes_ = std::max(passes_, bits);
      first = i;
    }
  }
}

double Ties::seed(std::size_t pass, std::size_t matrix, std::size_t i) const {
  const Group& g = at(matrix, i);
  const std::size_t place = i - g.first;
  if (g.zero) return pass == 0 ? static_cast<double>(place + 1) : 0;
  if (g.count == 1) return 0;
  return (place >> pass & 1U) == 0 ? 1 : -1;
}

bool Ties::found_in(std::size_t pass, std::size_t matrix, std::size_t i, std::size_t j) const {
  if (!tied(matrix, i, j)) return false;
  if (is_zero(matrix, i)) return pass == 0;
  const std::size_t first = at(matrix, i).first, differ = (i - first) ^ (j - first);
  return static_cast<std::size_t>(std::countr_zero(differ)) == pass;
}

namespace {

// What is shared is left alone where it is even already, so that it can be differentiated again.
template <class T>
bool is_even(const T* gradient, const Ties::Group& g) {
  const T* const begin = gradient + g.first;
  if (g.zero) return std::all_of(begin, begin + g.count, [](T v) { return v == T(0); });
  const auto [low, high] = std::minmax_element(begin, begin + g.count);
  const T size = std::max(std::abs(*low), std::abs(*high));
  return *high - *low <= std::sqrt(std::numeric_limits<T>::epsilon()) * size;
}

}  // namespace

template <class T>
Tensor<T> Ties::shared(const Tensor<T>& gradient, const std::vector<bool>& kept) const {
  const auto alone = [&](std::size_t m, std::size_t i) {
    return !special(m, i) || kept[m * n_ + i] || is_even(gradient.data() + m * n_, at(m, i));
  };
  bool all = true;
  for (std::size_t p = 0; p < gradient.size(); ++p) all = all && alone(p / n_, p % n_);
  if (all) return gradient;
  Shape shape = gradient.shape();
  shape.push_back(n_);
  const Tensor<T> mean =
      matrix<T>(shape, [&](std::size_t m, std::size_t i, std::size_t j) -> double {
        if (alone(m, i)) return i == j ? 1 : 0;
        const Group& g = at(m, i);
        return g.zero || g.first != at(m, j).first ? 0 : 1 / static_cast<double>(g.count);
      });
  return squeeze(matmul(mean, unsqueeze(gradient, -1)), -1);
}

namespace {

struct Refusal {
  const char *operation, *which;
};

template <class T>
const Rule<T> kWithoutDerivative = {
    "equal values",
    [](const void* refusal, Backward<T>&) {
      const auto& r = *static_cast<const Refusal*>(refusal);
      fail(r.operation, "there is no ", r.which,
           " derivative where values are equal and the function depends on their vectors as well");
    },
    nullptr};

}  // namespace

template <class T>
Tensor<T> without_derivative(const char* operation, const char* which, const Tensor<T>& x) {
  if (!x.requires_grad()) return x;
  const Tensor<T> y = x.clone();
  record(y, kWithoutDerivative<T>, {&x}, {}, Refusal{operation, which});
  log_again(y, [=](const auto& o) { return without_derivative(operation, which, o[0]); });
  return y;
}

namespace {

template <class T>
bool is_called(const Node<T>* entry, std::string_view name) {
  return entry->rule != nullptr && std::string_view(entry->rule->name) == name;
}

// Where a slice begins, or what is placed.
template <class T>
std::ptrdiff_t offset_of(const Node<T>* entry) {
  return static_cast<const Selection*>(entry->attributes())->lattice.offset;
}

// Whether an entry takes from y something other than its first part, the values.
template <class T>
bool takes_vectors(const Node<T>* entry, const Node<T>* y) {
  const auto is_y = [y](const Edge<T>& e) { return e.node == y; };
  if (std::none_of(entry->edges, entry->edges + entry->edge_count, is_y)) return false;
  return !is_called(entry, "slice") || offset_of(entry) != 0;
}

template <class T>
using Nodes = std::vector<const Node<T>*>;

// What the gradients of values, the first part of all gradients, are made of.
template <class T>
Nodes<T> sources_of_values(const Node<T>* all) {
  Nodes<T> open = {all}, sources;
  while (!open.empty()) {
    const Node<T>* const entry = open.back();
    open.pop_back();
    const bool placed = is_called(entry, "place");
    if (placed && offset_of(entry) != 0) continue;
    if (!placed && !is_called(entry, "add")) {
      sources.push_back(entry);
      continue;
    }
    for (std::size_t i = 0; i < entry->edge_count; ++i) {
      const Edge<T>& e = entry->edges[i];
      if (e.node != nullptr && e.needs_grad) (placed ? sources : open).push_back(e.node);
    }
  }
  return sources;
}

// Whether f holds for one of the entries `open`, or of those recorded since y that they are made of.
template <class T, class F>
bool any_since(const Tensor<T>& y, Nodes<T> open, const F& f) {
  std::unordered_set<const Node<T>*> seen(open.begin(), open.end());
  while (!open.empty()) {
    const Node<T>* const entry = open.back();
    open.pop_back();
    if (f(entry)) return true;
    for (std::size_t i = 0; i < entry->edge_count; ++i) {
      const Node<T>* const input = entry->edges[i].node;
      const bool later = input != nullptr && input->sequence > y.node()->sequence;
      if (later && entry->edges[i].needs_grad && seen.insert(input).second) open.push_back(input);
    }
  }
  return false;
}

template <class T>
bool depends_on_vectors(const Tensor<T>& gradients, const Tensor<T>& y) {
  const auto takes = [&y](const Node<T>* entry) {
    return takes_vectors(entry, static_cast<const Node<T>*>(y.node()));
  };
  return any_since(y, sources_of_values<T>(gradients.node()), takes);
}

}  // namespace

namespace {

template <class T>
Tensor<T> change_of(const Tensor<T>& gradients, const Tensor<T>& seeds, const Tensor<T>& y) {
  if (!gradients.requires_grad() || !depends_on_vectors(gradients, y)) return {};
  const Tensor<T> by_values = part_of(gradients, 0, {seeds.shape().back()});
  return grad<T>({sum(by_values * seeds)}, {y}, {.create_graph = true, .allow_unused = true})[0];
}

}  // namespace

template <class T>
Changes<T> changes_of(const Tensor<T>& gradients, const Tensor<T>& seeds, const Tensor<T>& y) {
  Changes<T> c{change_of(gradients, seeds, y), {}, false};
  if (!c.first.defined() || are_by_distances(gradients, y)) return c;
  try {
    c.second = change_of(c.first, seeds, y);
    c.complete = true;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception&) {
    // What can be differentiated twice only has a first derivative here.
  }
  return c;
}

namespace {

template <class T>
const Rule<T> kByDistance = {"equal values",
                             [](const void*, Backward<T>& b) { b.add(0, b.gradient()); }, nullptr};

template <class T>
Tensor<T> by_distance(const Tensor<T>& gradient) {
  const Tensor<T> g = gradient.clone();
  record(g, kByDistance<T>, {&gradient}, {});
  log_again(g, [](const auto& x) { return by_distance(x[0]); });
  return g;
}

template <class T>
const Rule<T> kDistances = {
    "equal values", [](const void*, Backward<T>& b) { b.add(0, by_distance(b.gradient())); },
    nullptr};

}  // namespace

template <class T>
Tensor<T> distances(const Tensor<T>& values) {
  const Tensor<T> y = zeros_like(values);
  record(y, kDistances<T>, {&values}, {});
  log_again(y, [](const auto& x) { return distances(x[0]); });
  return y;
}

template <class T>
bool are_by_distances(const Tensor<T>& gradients, const Tensor<T>& y) {
  const auto is_one = [](const Node<T>* entry) { return entry->rule == &kByDistance<T>; };
  return any_since<T>(y, {gradients.node()}, is_one);
}

#define XGRAD_INSTANTIATE(T)                                                            \
  template Ties::Ties(const Tensor<T>&, bool);                                          \
  template Tensor<T> Ties::shared(const Tensor<T>&, const std::vector<bool>&) const;    \
  template Tensor<T> without_derivative(const char*, const char*, const Tensor<T>&);    \
  template Changes<T> changes_of(const Tensor<T>&, const Tensor<T>&, const Tensor<T>&); \
  template Tensor<T> distances(const Tensor<T>&);                                       \
  template bool are_by_distances(const Tensor<T>&, const Tensor<T>&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::detail
