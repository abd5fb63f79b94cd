#include "xgrad/doctor/tape.hpp"

#include <algorithm>
#include <unordered_set>

#include "xgrad/autograd/observe.hpp"

namespace xgrad::detail {

void CallLog::enter(const std::string& path) {
  open_.push_back(calls_.size());
  calls_.push_back({path, last_sequence(0), 0});
}

void CallLog::leave() {
  if (open_.empty()) return;  // of a call that was under way before
  calls_[open_.back()].last = last_sequence(0);
  open_.pop_back();
}

std::string CallLog::layer_of(std::uint64_t sequence) const {
  for (auto c = calls_.rbegin(); c != calls_.rend(); ++c) {
    if (c->first < sequence && sequence <= c->last) return c->path;
  }
  return {};
}

template <class T>
std::vector<TapeEntry<T>> tape_of(const Tensor<T>& loss, const CallLog* log) {
  std::vector<Node<T>*> waiting{loss.node()};
  std::unordered_set<const Node<T>*> seen{loss.node()};
  std::vector<TapeEntry<T>> r;
  while (!waiting.empty()) {
    Node<T>* const n = waiting.back();
    waiting.pop_back();
    const bool leaf = n->rule == nullptr;
    r.push_back({n, leaf || log == nullptr ? std::string() : log->layer_of(n->sequence)});
    for (std::size_t i = 0; !leaf && i < n->edge_count; ++i) {
      Node<T>* const input = n->edges[i].node;
      if (n->edges[i].needs_grad && seen.insert(input).second) waiting.push_back(input);
    }
  }
  std::stable_sort(r.begin(), r.end(), [](const TapeEntry<T>& a, const TapeEntry<T>& b) {
    const auto time = [](const TapeEntry<T>& e) { return e.node->rule ? e.node->sequence : 0; };
    return time(a) < time(b);
  });
  return r;
}

template <class T>
std::string name_of(const std::vector<TapeEntry<T>>& tape, std::size_t i) {
  const TapeEntry<T>& e = tape[i];
  const auto below = [&](const std::string& layer) {
    return !layer.empty() && (e.layer.empty() || layer.starts_with(e.layer + "."));
  };
  // Back through what the same module made itself, to the layer that it began with.
  for (std::size_t at = i; tape[at].node->rule != nullptr;) {
    std::size_t before = at;
    for (std::size_t k = 0; k < tape[at].node->edge_count && before == at; ++k) {
      const Node<T>* input = tape[at].node->edges[k].node;
      const auto it = std::find_if(tape.begin(), tape.begin() + static_cast<std::ptrdiff_t>(at),
                                   [&](const TapeEntry<T>& o) { return o.node == input; });
      if (input == nullptr || it->node != input || input->rule == nullptr) continue;
      if (below(it->layer)) return e.operation() + " of " + it->layer;
      if (it->layer == e.layer) before = static_cast<std::size_t>(it - tape.begin());
    }
    if (before == at) break;
    at = before;
  }
  return e.layer.empty() ? e.operation() : e.layer;
}

template std::vector<TapeEntry<float>> tape_of(const Tensor<float>&, const CallLog*);
template std::vector<TapeEntry<double>> tape_of(const Tensor<double>&, const CallLog*);
template std::string name_of(const std::vector<TapeEntry<float>>&, std::size_t);
template std::string name_of(const std::vector<TapeEntry<double>>&, std::size_t);

}  // namespace xgrad::detail
