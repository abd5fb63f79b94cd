#include "xgrad/compile/repeat.hpp"

#include <algorithm>
#include <stdexcept>
#include <unordered_set>

#include "xgrad/autograd/engine.hpp"
#include "xgrad/autograd/observe.hpp"
#include "xgrad/base/errors.hpp"

namespace xgrad::detail {
namespace {

template <class T>
bool contains(const std::vector<Tensor<T>>& list, const Node<T>* n) {
  return std::any_of(list.begin(), list.end(), [n](const Tensor<T>& t) { return t.node() == n; });
}

// Of the operands and the inputs.
template <class T>
std::vector<std::uint32_t> versions_of(const Repeatable<T>& r) {
  std::vector<std::uint32_t> versions;
  for (const auto* list : {&r.operands, &r.inputs}) {
    for (const Tensor<T>& t : *list)
      versions.push_back(t.defined() ? t.node()->version().load(std::memory_order_relaxed) : 0);
  }
  return versions;
}

template <class T>
void check_versions(const Repeatable<T>& r) {
  const std::vector<std::uint32_t> now = versions_of(r);
  const std::size_t k = r.operands.size();
  for (std::size_t i = 0; i < now.size(); ++i) {
    if (now[i] == r.versions[i]) continue;
    fail<std::logic_error>("backward", r.name, " needs a tensor ",
                           (i < k ? r.operands[i] : r.inputs[i - k]).shape(),
                           " that its function used, which was written in place since");
  }
}

template <class T>
std::vector<Tensor<T>> call_again(const Repeatable<T>& r) {
  const EnableGrad recording;
  const RepeatingScope repeating;
  NotedDraws draws = r.draws;
  const DrawsScope scope(draws, true);
  const std::uint64_t before = sequence_after(r.operands);
  std::vector<Tensor<T>> y = r.f(r.inputs);
  require<std::logic_error>(draws.given == draws.states.size(), r.name,
                            "the function drew random numbers ", draws.states.size(),
                            " times in its first call, ", draws.given, " times in the second");
  std::vector<Tensor<T>> operands = r.operands;
  find_operands(operands, y, before);
  require<std::logic_error>(operands.size() == r.operands.size(), r.name,
                            "the second call of the function uses tensors that require gradients "
                            "and that the first one did not use");
  return y;
}

// The gradients that were gathered so far, taken for the time of a pass of its own.
template <class T>
class Taken {
 public:
  Taken(Backward<T>& b, Engine<T>& engine, const std::vector<Tensor<T>>& operands)
      : b_(b), engine_(engine), operands_(operands) {
    for (std::size_t i = 0; i < operands.size(); ++i) {
      if (b.needs(i)) engine.begin_with(operands[i], FastPath<T>(b).take(i));
    }
  }
  ~Taken() {
    for (std::size_t i = 0; i < operands_.size(); ++i) {
      if (b_.needs(i)) put(i);
    }
  }
  Taken(const Taken&) = delete;
  Taken& operator=(const Taken&) = delete;

 private:
  void put(std::size_t i) noexcept try {
    FastPath<T>(b_).put(i, engine_.collected(operands_[i]));
  } catch (...) {  // no memory for a copy, after another exception
  }

  Backward<T>& b_;
  Engine<T>& engine_;
  const std::vector<Tensor<T>>& operands_;
};

template <class T>
void check_outputs(const Repeatable<T>& r, const std::vector<Tensor<T>>& y,
                   const std::vector<Tensor<T>>& gradients) {
  require<std::logic_error>(y.size() == gradients.size(), r.name, "the function returned ",
                            gradients.size(), " tensors in its first call, ", y.size(),
                            " in the second");
  for (std::size_t i = 0; i < y.size(); ++i) {
    if (!gradients[i].defined()) continue;
    require<std::logic_error>(
        y[i].shape() == gradients[i].shape() && y[i].requires_grad(), r.name, "output ", i,
        " of the function was ", gradients[i].shape(),
        " and required a gradient in its first call, not in the second: ", y[i].shape());
  }
}

}  // namespace

template <class T>
std::uint64_t sequence_after(const std::vector<Tensor<T>>& tensors) {
  std::uint64_t last = 0;
  for (const Tensor<T>& t : tensors) {
    if (t.defined()) last = std::max(last, t.node()->sequence);
  }
  return last_sequence(last);
}

template <class T>
void find_operands(std::vector<Tensor<T>>& operands, const std::vector<Tensor<T>>& outputs,
                   std::uint64_t before) {
  std::unordered_set<const Node<T>*> seen;
  std::vector<Node<T>*> open;
  const auto look_at = [&](Node<T>* n) {
    if (n == nullptr || !n->requires_grad || !seen.insert(n).second) return;
    if (contains(operands, n)) return;
    if (n->rule != nullptr && n->sequence > before) {
      open.push_back(n);
    } else {
      operands.push_back(Tensor<T>(n));
    }
  };
  for (const Tensor<T>& y : outputs) look_at(y.node());
  while (!open.empty()) {
    Node<T>* const n = open.back();
    open.pop_back();
    for (std::size_t i = 0; i < n->edge_count; ++i) {
      if (n->edges[i].needs_grad) look_at(n->edges[i].node);
    }
  }
}

template <class T>
void remember(Repeatable<T>& r) {
  r.versions = versions_of(r);
}

template <class T>
void repeat(const Repeatable<T>& r, std::vector<Tensor<T>> gradients, Backward<T>& b) {
  check_versions(r);
  std::vector<Tensor<T>> y = call_again(r);
  check_outputs(r, y, gradients);
  std::vector<Tensor<T>> sinks;
  Engine<T> engine({.retain = b.recording(),
                    .create_graph = b.recording(),
                    .stop_at_sinks = true,
                    .keeps_leaves = FastPath<T>(b).keeps_leaves()});
  for (std::size_t i = 0; i < r.operands.size(); ++i) {
    b.needs(i) ? sinks.push_back(r.operands[i]) : engine.stop_at(r.operands[i]);
  }
  std::vector<Tensor<T>> reached;
  for (std::size_t i = 0; i < y.size(); ++i) {
    if (gradients[i].defined()) reached.push_back(std::move(y[i]));
  }
  std::erase_if(gradients, [](const Tensor<T>& g) { return !g.defined(); });
  engine.collect(sinks);
  engine.inspect(reached);
  const Taken<T> taken(b, engine, r.operands);
  for (std::size_t i = 0; i < reached.size(); ++i) engine.give(reached[i], std::move(gradients[i]));
  engine.walk({}, {});
}

#define XGRAD_INSTANTIATE(T)                                                          \
  template std::uint64_t sequence_after(const std::vector<Tensor<T>>&);               \
  template void find_operands(std::vector<Tensor<T>>&, const std::vector<Tensor<T>>&, \
                              std::uint64_t);                                         \
  template void remember(Repeatable<T>&);                                             \
  template void repeat(const Repeatable<T>&, std::vector<Tensor<T>>, Backward<T>&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::detail
