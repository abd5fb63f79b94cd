#include "xgrad/ops/contraction_order.hpp"

#include <bit>
#include <cmath>
#include <limits>

#include "xgrad/autograd/shape.hpp"

namespace xgrad::detail {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::size_t kExhaustive = 6;

class Costs {
 public:
  explicit Costs(const std::vector<double>& size) : size_(size) {}

  double elements(LetterSet letters) const {
    double n = 1;
    for (; letters != 0; letters &= letters - 1)
      n *= size_[static_cast<std::size_t>(std::countr_zero(letters))];
    return n;
  }

  // Of a b -> c: multiplications in products of matrices cost little, memory more.
  double pair(LetterSet a, LetterSet b, LetterSet c) const {
    const bool product = (a & ~b) != 0 && (b & ~a) != 0;
    return elements(a | b) * (product ? 1 : 8) + 10 * (elements(a) + elements(b) + elements(c)) +
           too_many_axes(c);
  }

  // Huge, so that such a way is taken only when there is no other.
  static double too_many_axes(LetterSet c) {
    return static_cast<std::size_t>(std::popcount(c)) > Shape::kMaxRank ? 1e200 : 0;
  }

 private:
  const std::vector<double>& size_;
};

// The best way to each set of operands from two smaller ones.
class Exhaustive {
 public:
  Exhaustive(const std::vector<LetterSet>& operands, LetterSet result, const Costs& costs)
      : costs_(costs), count_(operands.size()), best_(std::size_t{1} << count_) {
    const std::size_t all = best_.size() - 1;
    for (std::size_t set = 1; set <= all; ++set) {
      LetterSet inside = 0, outside = result;
      for (std::size_t i = 0; i < count_; ++i) (set >> i & 1U ? inside : outside) |= operands[i];
      best_[set].letters = std::has_single_bit(set) ? inside : inside & outside;
      if (!std::has_single_bit(set)) find(set);
    }
  }

  void append(std::vector<std::pair<std::size_t, std::size_t>>& pairs) const {
    append(best_.size() - 1, pairs);
  }

 private:
  struct Best {
    LetterSet letters;
    double cost = 0;
    std::size_t part = 0;  // a subset with the first operand; the other part is the rest
  };

  void find(std::size_t set) {
    best_[set].cost = kInfinity;
    const std::size_t first = set & (~set + 1);
    for (std::size_t part = (set - 1) & set; part != 0; part = (part - 1) & set) {
      if ((part & first) == 0) continue;
      const Best &a = best_[part], &b = best_[set & ~part];
      const double cost = a.cost + b.cost + costs_.pair(a.letters, b.letters, best_[set].letters);
      // Among equals the one that takes the operands in their order: the result has it, mostly.
      if (best_[set].part == 0 || cost <= best_[set].cost)
        best_[set].cost = cost, best_[set].part = part;
    }
  }

  void append(std::size_t set, std::vector<std::pair<std::size_t, std::size_t>>& pairs) const {
    if (std::has_single_bit(set)) return;
    const std::size_t part = best_[set].part, rest = set & ~part;
    append(part, pairs);
    append(rest, pairs);
    pairs.emplace_back(std::countr_zero(part), std::countr_zero(rest));
  }

  const Costs& costs_;
  std::size_t count_;
  std::vector<Best> best_;
};

// What is left of a and b when they are contracted.
LetterSet contracted(const std::vector<LetterSet>& operands, std::size_t a, std::size_t b,
                     LetterSet result) {
  LetterSet needed = result;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    if (i != a && i != b) needed |= operands[i];
  }
  return (operands[a] | operands[b]) & needed;
}

std::pair<std::size_t, std::size_t> smallest(const std::vector<LetterSet>& operands,
                                             const std::vector<bool>& gone, LetterSet result,
                                             const Costs& costs) {
  std::pair<std::size_t, std::size_t> best;
  double least = kInfinity;
  for (std::size_t a = 0; a < operands.size(); ++a) {
    for (std::size_t b = a + 1; b < operands.size() && !gone[a]; ++b) {
      if (gone[b]) continue;
      const LetterSet c = contracted(operands, a, b, result);
      const double grows = costs.elements(c) - costs.elements(operands[a]) -
                           costs.elements(operands[b]) + Costs::too_many_axes(c);
      // Among equals that with the fewest multiplications.
      const double cost = grows + 1e-6 * std::min(costs.elements(operands[a] | operands[b]), 1e300);
      if (best.second == 0 || cost < least) least = cost, best = {a, b};
    }
  }
  return best;
}

void greedy(std::vector<LetterSet> operands, LetterSet result, const Costs& costs,
            std::vector<std::pair<std::size_t, std::size_t>>& pairs) {
  std::vector<bool> gone(operands.size(), false);
  while (pairs.size() + 1 < operands.size()) {
    const auto [a, b] = smallest(operands, gone, result, costs);
    operands[a] = contracted(operands, a, b, result);
    operands[b] = 0;
    gone[b] = true;
    pairs.emplace_back(a, b);
  }
}

}  // namespace

ContractionOrder contraction_order(std::vector<LetterSet> operands, LetterSet result,
                                   const std::vector<double>& size) {
  ContractionOrder order;
  const Costs costs(size);
  if (operands.size() == 2) {
    order.pairs.emplace_back(0, 1);
  } else if (operands.size() <= kExhaustive) {
    Exhaustive(operands, result, costs).append(order.pairs);
  } else {
    greedy(operands, result, costs, order.pairs);
  }
  for (const auto& [a, b] : order.pairs) {
    operands[a] = contracted(operands, a, b, result);
    operands[b] = 0;
    order.fits = order.fits && std::popcount(operands[a]) <= int{Shape::kMaxRank};
  }
  return order;
}

}  // namespace xgrad::detail
