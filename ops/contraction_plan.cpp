#include "xgrad/ops/contraction_plan.hpp"

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <utility>

namespace xgrad::detail {
namespace {

using Axes = std::span<const ContractionAxis>;

// The classes of axes by where they are: rows of the product in x and z, columns in y and z, what
// is added up in x and y, and batches.
enum Class : std::size_t { kRows, kColumns, kSums, kBatches, kClasses };

constexpr bool kIsIn[kClasses][kOperands] = {
    {true, false, true}, {false, true, true}, {true, true, false}, {true, true, true}};

Class class_of(const ContractionAxis& axis) {
  if (!axis.in(kY)) return kRows;
  if (!axis.in(kX)) return kColumns;
  return axis.in(kZ) ? kBatches : kSums;
}

using Kept = std::array<bool, kOperands>;
using Sequence = Few<std::size_t, kernels::ProductLoop::kMost>;

// Axes that count as one in all operands that are kept, and their strides there.
struct Group {
  std::size_t begin, end;  // in the sequence of the class
  std::size_t size;
  std::array<std::size_t, kOperands> stride;
};

struct Groups {
  Sequence sequence;
  Few<Group, kernels::ProductLoop::kMost> groups;
};

bool joins(const ContractionAxis& outer, const ContractionAxis& inner, Class c, const Kept& kept) {
  for (std::size_t t = 0; t < kOperands; ++t) {
    if (kept[t] && kIsIn[c][t] && outer.stride[t] != inner.stride[t] * inner.size) return false;
  }
  return true;
}

std::size_t reference_operand(Class c, const Kept& kept) {
  for (std::size_t t = 0; t < kOperands; ++t) {
    if (kept[t] && kIsIn[c][t]) return t;
  }
  return kIsIn[c][kX] ? kX : kY;
}

Groups groups_of(Axes axes, Class c, const Kept& kept) {
  Groups r;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    if (class_of(axes[i]) == c) r.sequence.push_back(i);
  }
  const std::size_t t = reference_operand(c, kept);
  std::sort(r.sequence.begin(), r.sequence.end(),
            [&](std::size_t i, std::size_t j) { return axes[i].stride[t] > axes[j].stride[t]; });
  for (std::size_t i = 0; i < r.sequence.size(); ++i) {
    const ContractionAxis& axis = axes[r.sequence[i]];
    if (i != 0 && joins(axes[r.sequence[i - 1]], axis, c, kept)) {
      Group& last = r.groups[r.groups.size() - 1];
      last = {last.begin, i + 1, last.size * axis.size, axis.stride};
    } else {
      r.groups.push_back({i, i + 1, axis.size, axis.stride});
    }
  }
  return r;
}

// A matrix in memory as BLAS takes it: its rows, or the rows of its transpose, are contiguous.
struct Matrix {
  bool transposed;
  std::size_t ld;
};

// Of (rows, columns) with these distances; an axis of one element has the distance 0.
std::optional<Matrix> matrix(std::size_t row, std::size_t rows, std::size_t column,
                             std::size_t columns) {
  if (columns == 1) return Matrix{false, std::max<std::size_t>(row, 1)};
  if (column == 1) return Matrix{false, rows == 1 ? columns : row};
  if (rows == 1 || row == 1) return Matrix{true, column};
  return {};
}

// Nanoseconds, roughly, of float: only their ratios count.
constexpr double kCall = 60, kDotCall = 14;
constexpr double kInCache = 1 << 20;  // elements of a product that is summed

double product_cost(double m, double n, double k, bool strided) {
  if (m * n == 1) return kDotCall + k * (strided ? 1.5 : 0.08);
  return kCall + m * n * k * (0.02 + 0.15 / m + 0.15 / n) + 0.1 * (m * k + k * n + m * n);
}

double elements(Axes axes, std::size_t operand) {
  double n = 1;
  for (const ContractionAxis& axis : axes)
    n *= axis.in(operand) ? static_cast<double>(axis.size) : 1;
  return n;
}

// A way that is being costed.
class Candidate {
 public:
  Candidate(Axes axes, const Kept& kept) : axes_(axes), kept_(kept) {
    for (std::size_t c = 0; c < kClasses; ++c)
      groups_[c] = groups_of(axes, static_cast<Class>(c), kept);
  }

  std::size_t choices(Class c) const { return std::max<std::size_t>(groups_[c].groups.size(), 1); }

  // The plan with these groups as the axes of matrices, and what it costs, if it can be done.
  std::optional<double> plan(const std::array<std::size_t, 3>& chosen, ContractionPlan& p) {
    p.kind = ContractionPlan::Kind::products;
    double cost = 0;
    for (std::size_t t = 0; t < kOperands; ++t) {
      p.order[t] = {};
      if (!kept_[t]) cost += reorder(t, chosen, p.order[t]);
    }
    const Group m = group(kRows, chosen), n = group(kColumns, chosen), k = group(kSums, chosen);
    const auto z = matrix(m.stride[kZ], m.size, n.stride[kZ], n.size);
    if (!z) return {};
    p.swapped = z->transposed;
    p.ldc = z->ld;
    const Group &rows = p.swapped ? n : m, &columns = p.swapped ? m : n;
    const std::size_t left = p.swapped ? kY : kX, right = p.swapped ? kX : kY;
    const auto a = matrix(rows.stride[left], rows.size, k.stride[left], k.size);
    const auto b = matrix(k.stride[right], k.size, columns.stride[right], columns.size);
    if (!a || !b) return {};
    p.transpose_a = a->transposed;
    p.transpose_b = b->transposed;
    p.m = rows.size, p.n = columns.size, p.k = k.size;
    p.lda = a->ld, p.ldb = b->ld;
    const bool strided = k.stride[kX] > 1 || k.stride[kY] > 1;
    return cost + add_loops(chosen, left, right, p.loop) *
                      product_cost(static_cast<double>(p.m), static_cast<double>(p.n),
                                   static_cast<double>(p.k), strided);
  }

 private:
  Group group(Class c, const std::array<std::size_t, 3>& chosen) const {
    if (groups_[c].groups.empty()) return {0, 0, 1, {}};
    return groups_[c].groups[chosen[c]];
  }

  // The axes of operand t with those that are chosen innermost; sets the groups' strides there.
  double reorder(std::size_t t, const std::array<std::size_t, 3>& chosen, AxisOrder& order) {
    Few<std::pair<std::size_t, std::size_t>, 2 * kernels::ProductLoop::kMost> all;
    Few<std::size_t, 2> pair;
    for (const Class c : {kBatches, kRows, kColumns, kSums}) {
      if (!kIsIn[c][t]) continue;
      for (std::size_t g = 0; g < groups_[c].groups.size(); ++g) {
        if (c == kBatches || g != chosen[c]) all.push_back({c, g});
      }
      if (c != kBatches && !groups_[c].groups.empty()) pair.push_back(c);
    }
    if (pair.size() == 2 && has_innermost(pair[0], chosen[pair[0]], t)) std::swap(pair[0], pair[1]);
    for (const std::size_t c : pair) all.push_back({c, chosen[c]});
    std::size_t stride = 1;
    Few<std::size_t, 2 * kernels::ProductLoop::kMost> inner_first;
    for (std::size_t i = all.size(); i-- > 0;) {
      Groups& of = groups_[all[i].first];
      Group& g = of.groups[all[i].second];
      g.stride[t] = stride;
      stride *= g.size;
      for (std::size_t j = g.end; j-- > g.begin;) inner_first.push_back(of.sequence[j]);
    }
    for (std::size_t i = inner_first.size(); i-- > 0;) order.push_back(inner_first[i]);
    const bool same_runs = inner_first.size() == 0 || axes_[inner_first[0]].stride[t] == 1;
    return 100 + elements(axes_, t) * (same_runs ? 0.4 : 0.9);
  }

  bool has_innermost(std::size_t c, std::size_t g, std::size_t t) const {
    const Group& group = groups_[c].groups[g];
    for (std::size_t i = group.begin; i < group.end; ++i) {
      if (axes_[groups_[c].sequence[i]].stride[t] == 1) return true;
    }
    return false;
  }

  // How many products there are.
  double add_loops(const std::array<std::size_t, 3>& chosen, std::size_t left, std::size_t right,
                   kernels::ProductLoop& loop) const {
    loop.rank = loop.sums = 0;
    double count = 1;
    for (const Class c : {kBatches, kRows, kColumns, kSums}) {
      for (std::size_t g = 0; g < groups_[c].groups.size(); ++g) {
        if (c != kBatches && g == chosen[c]) continue;
        const Group& by = groups_[c].groups[g];
        loop.add_axis(by.size, kIsIn[c][left] ? by.stride[left] : 0,
                      kIsIn[c][right] ? by.stride[right] : 0, kIsIn[c][kZ] ? by.stride[kZ] : 0);
        loop.sums += c == kSums ? 1 : 0;
        count *= static_cast<double>(by.size);
      }
    }
    return count;
  }

  Axes axes_;
  Kept kept_;
  std::array<Groups, kClasses> groups_;
};

bool has(Axes axes, Class c) {
  return std::any_of(axes.begin(), axes.end(),
                     [c](const ContractionAxis& axis) { return class_of(axis) == c; });
}

// The axes of `small` in the order that they have in `wide`, if that is another one.
void follow(Axes axes, std::size_t small, std::size_t wide, AxisOrder& order) {
  AxisOrder wanted;
  for (const std::size_t i : order_in_memory(axes, wide)) {
    if (axes[i].in(small)) wanted.push_back(i);
  }
  const AxisOrder now = order_in_memory(axes, small);
  order = std::equal(now.begin(), now.end(), wanted.begin()) ? AxisOrder() : wanted;
}

// z = x y, in the order of z.
ContractionPlan elementwise(Axes axes) {
  ContractionPlan p{.kind = ContractionPlan::Kind::multiply};
  follow(axes, kX, kZ, p.order[kX]);
  follow(axes, kY, kZ, p.order[kY]);
  return p;
}

// One operand has all axes: the other one is put into its order, and so is z.
std::optional<double> multiply_and_sum(Axes axes, ContractionPlan& p) {
  const bool x_has_all = !has(axes, kColumns);
  if (!x_has_all && has(axes, kRows)) return {};
  const std::size_t wide = x_has_all ? kX : kY, small = x_has_all ? kY : kX;
  p = {.kind = ContractionPlan::Kind::multiply_and_sum};
  follow(axes, small, wide, p.order[small]);
  follow(axes, kZ, wide, p.order[kZ]);
  const double all = elements(axes, wide);
  double cost = 600 + (all <= kInCache ? 0.25 : 0.8) * all;
  for (const std::size_t t : {small, std::size_t{kZ}})
    cost += p.order[t].empty() ? 0 : 100 + 0.9 * elements(axes, t);
  return cost;
}

}  // namespace

AxisOrder order_in_memory(Axes axes, std::size_t operand) {
  AxisOrder order;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    if (axes[i].in(operand)) order.push_back(i);
  }
  std::sort(order.begin(), order.end(), [&](std::size_t i, std::size_t j) {
    return axes[i].stride[operand] > axes[j].stride[operand];
  });
  return order;
}

namespace {

ContractionPlan cheapest(Axes axes) {
  if (!has(axes, kSums)) return elementwise(axes);
  ContractionPlan best, now;
  double least = std::numeric_limits<double>::infinity();
  const auto consider = [&](std::optional<double> cost) {
    if (!cost || *cost >= least) return;
    least = *cost;
    best = now;
  };
  consider(multiply_and_sum(axes, now));
  for (unsigned moved = 0; moved < 8; ++moved) {
    const Kept kept = {(moved & 1U) == 0, (moved & 2U) == 0, (moved & 4U) == 0};
    const Candidate all(axes, kept);
    std::array<std::size_t, 3> chosen{};
    for (chosen[0] = 0; chosen[0] < all.choices(kRows); ++chosen[0]) {
      for (chosen[1] = 0; chosen[1] < all.choices(kColumns); ++chosen[1]) {
        for (chosen[2] = 0; chosen[2] < all.choices(kSums); ++chosen[2])
          consider(Candidate(all).plan(chosen, now));
      }
    }
  }
  return best;
}

// The plans that a thread made last, found again by their axes: choosing costs as much as a product
// of small matrices.
class Plans {
 public:
  const ContractionPlan& of(Axes axes) {
    Entry& e = entries_[hash(axes) % entries_.size()];
    if (!e.known || !std::equal(axes.begin(), axes.end(), e.axes.begin(), e.axes.end(), same)) {
      e.plan = cheapest(axes);
      e.axes = {};
      for (const ContractionAxis& axis : axes) e.axes.push_back(axis);
      e.known = true;
    }
    return e.plan;
  }

 private:
  struct Entry {
    bool known = false;
    Few<ContractionAxis, kernels::ProductLoop::kMost> axes;
    ContractionPlan plan;
  };

  static bool same(const ContractionAxis& a, const ContractionAxis& b) {
    return a.size == b.size && a.stride == b.stride;
  }
  static std::size_t hash(Axes axes) {
    std::size_t h = axes.size();
    const auto mix = [&h](std::size_t v) { h = (h ^ v) * 0x9e3779b97f4a7c15U, h ^= h >> 32; };
    for (const ContractionAxis& axis : axes) {
      mix(axis.size);
      for (const std::size_t stride : axis.stride) mix(stride);
    }
    return h;
  }

  std::array<Entry, 64> entries_;
};

}  // namespace

const ContractionPlan& plan_contraction(Axes axes) {
  static thread_local const std::unique_ptr<Plans> plans = std::make_unique<Plans>();
  return plans->of(axes);
}

}  // namespace xgrad::detail
