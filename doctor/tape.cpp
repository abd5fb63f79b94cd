#include "xgrad/doctor/tape.hpp"

#include <algorithm>
#include <unordered_map>

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
  // Entered before; those that have ended since are no part of it.
  auto c = std::lower_bound(calls_.begin(), calls_.end(), sequence,
                            [](const Call& call, std::uint64_t s) { return call.first < s; });
  while (c != calls_.begin()) {
    if (sequence <= (--c)->last) return c->path;
  }
  return {};
}

template <class T>
std::vector<TapeEntry<T>> tape_of(const Tensor<T>& loss, const CallLog* log) {
  std::vector<Node<T>*> waiting{loss.node()};
  std::unordered_map<const Node<T>*, std::size_t> places{{loss.node(), 0}};
  std::vector<TapeEntry<T>> r;
  while (!waiting.empty()) {
    Node<T>* const n = waiting.back();
    waiting.pop_back();
    const bool leaf = n->rule == nullptr;
    r.push_back({n, n->rule, leaf || log == nullptr ? std::string() : log->layer_of(n->sequence)});
    for (std::size_t i = 0; !leaf && i < n->edge_count; ++i) {
      Node<T>* const input = n->edges[i].node;
      if (n->edges[i].needs_grad && places.emplace(input, 0).second) waiting.push_back(input);
    }
  }
  std::stable_sort(r.begin(), r.end(), [](const TapeEntry<T>& a, const TapeEntry<T>& b) {
    const auto time = [](const TapeEntry<T>& e) { return e.rule ? e.node->sequence : 0; };
    return time(a) < time(b);
  });
  for (std::size_t i = 0; i < r.size(); ++i) places[r[i].node] = i;
  for (TapeEntry<T>& e : r) {
    for (std::size_t i = 0; e.rule != nullptr && i < e.node->edge_count; ++i) {
      const Edge<T>& edge = e.node->edges[i];
      e.inputs.push_back(edge.needs_grad ? places[edge.node] : TapeEntry<T>::kNone);
    }
  }
  return r;
}

template <class T>
std::string name_of(const std::vector<TapeEntry<T>>& tape, std::size_t i) {
  const TapeEntry<T>& e = tape[i];
  const auto below = [&](const std::string& layer) {
    return !layer.empty() && (e.layer.empty() || layer.starts_with(e.layer + "."));
  };
  // Back through what the same module made itself, to the layer that it began with.
  for (std::size_t at = i, before = at; tape[at].rule != nullptr; at = before) {
    for (std::size_t k = 0; k < tape[at].inputs.size() && before == at; ++k) {
      const std::size_t input = tape[at].inputs[k];
      if (input == TapeEntry<T>::kNone || tape[input].rule == nullptr) continue;
      if (below(tape[input].layer)) return e.operation() + " of " + tape[input].layer;
      if (tape[input].layer == e.layer) before = input;
    }
    if (before == at) break;
  }
  return e.layer.empty() ? e.operation() : e.layer;
}

template std::vector<TapeEntry<float>> tape_of(const Tensor<float>&, const CallLog*);
template std::vector<TapeEntry<double>> tape_of(const Tensor<double>&, const CallLog*);
template std::string name_of(const std::vector<TapeEntry<float>>&, std::size_t);
template std::string name_of(const std::vector<TapeEntry<double>>&, std::size_t);

}  // namespace xgrad::detail
