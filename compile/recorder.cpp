#include "xgrad/compile/recorder.hpp"

#include <algorithm>
#include <atomic>
#include <stdexcept>

#include "xgrad/autograd/record.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/compile/program_passes.hpp"
#include "xgrad/compile/program_simplify.hpp"
#include "xgrad/compile/program_steps.hpp"

namespace xgrad::detail {
namespace {

template <class T>
std::uint32_t times_let_go(const Tensor<T>& t) {
  return t.node()->let_go.load(std::memory_order_relaxed);
}

}  // namespace

template <class T>
bool ProgramGuards::Held<T>::holds() const {
  const Node<T>& n = *tensor->node();
  return n.strong.load(std::memory_order_acquire) > 1 && !n.replaced &&
         times_let_go(*tensor) == std::atomic_ref(let_go).load(std::memory_order_relaxed);
}
template <class T>
void ProgramGuards::Held<T>::look() const {
  std::atomic_ref(let_go).store(times_let_go(*tensor), std::memory_order_relaxed);
}

void ProgramGuards::look() const {
  for (const auto& h : floats) h.look();
  for (const auto& h : doubles) h.look();
}

bool ProgramGuards::are_over() const {
  const auto holds = [](const auto& h) { return h.holds(); };
  return !std::all_of(floats.begin(), floats.end(), holds) ||
         !std::all_of(doubles.begin(), doubles.end(), holds);
}

bool ProgramGuards::hold() const {
  return std::all_of(modes.begin(), modes.end(),
                     [](const auto& m) { return *m.first == m.second; }) &&
         !are_over();
}

// --- What cannot be done again ---

void RecorderCore::refuse(const std::string& what) {
  if (why_not_.empty()) why_not_ = what;
}

void RecorderCore::on_host(const std::string& text) {
  if (refuses_reads_) {
    fail<std::logic_error>(who_, text, " (", here(),
                           "): what depends on it would stay as it is now; give "
                           "{.on_read = OnRead::call} to have the function called each time");
  }
  refuse(text);
}

std::string RecorderCore::here() const {
  return "operation " + text(steps_.size() + 1) + " of the program" +
         (path_.empty() ? "" : ", in " + path_.back());
}

std::string RecorderCore::place_of(const void* n) const {
  const auto it = known_.find(n);
  if (it == known_.end()) return "a tensor";
  const GraphValue::Kind kind = values_[it->second].shown.kind;
  if (kind == GraphValue::Kind::argument) return "an argument";
  for (const RecordedStep& s : steps_) {
    if (std::find(s.outputs.begin(), s.outputs.end(), it->second) != s.outputs.end())
      return "the result of " + quote(s.name);
  }
  return "a tensor that the function holds";
}

template <class T>
void RecorderCore::on_read(const Node<T>* n, const char* what) {
  if (constants_.count(n) != 0 && made_.count(n) != 0) return;
  on_host("the function reads numbers on the host, " + std::string(what) + " of " + place_of(n) +
          " " + to_string(n->shape));
}

template <class T>
void RecorderCore::on_write(const Node<T>* n, const char* what) {
  if (made_.count(n) != 0 && known_.count(n) == 0) return;  // its own, and nobody has read it
  if (what == std::string_view("requires_grad_()") && is_fresh_copy(n)) return make_parameter<T>();
  on_host("the function changes a tensor, " + std::string(what) + " of " + place_of(n) + " " +
          to_string(n->shape));
}

// --- Operations ---

RecordedStep RecorderCore::begin(const char* name) {
  look_at_last();
  RecordedStep s;
  s.name = name;
  s.recording = is_recording();
  if (!path_.empty()) s.module = path_.back();
  return s;
}

void RecorderCore::require_known_draws() {
  if (explained_ != draws_.states.size())
    refuse("random numbers are drawn by something that does not say how");
  explained_ = draws_.states.size();
}

// What an operation does inside may be told before it, of the same output.
bool RecorderCore::may_be_result(const void* n) const {
  const auto it = known_.find(n);
  return it == known_.end() || values_[it->second].shown.kind == GraphValue::Kind::result;
}

bool RecorderCore::is_untold(const void* n) const {
  return known_.count(n) == 0 && made_.count(n) != 0 && constants_.count(n) == 0;
}

template <class T>
void RecorderCore::on_operation(TracedOperation<T> o) {
  if (!o.output.defined() || !may_be_result(o.output.node())) return;
  RecordedStep s = begin(o.name);
  s.changes_state = o.changes_state;
  if (o.formula.rule == nullptr) {
    // What an operation computed on its way, as the factors that det is recorded with, it computes again.
    for (Tensor<T>& x : o.operands) {
      if (x.defined() && is_untold(x.node())) x = Tensor<T>();
    }
  }
  std::vector<Operand<T>> x = operands(o.operands, s);
  const std::uint32_t result = add_result(o.output, s);
  if (o.formula.rule != nullptr) {
    require_known_draws();
    auto step = std::make_unique<FormulaStep<T>>();
    step->formula = std::move(o.formula);
    step->operands = std::move(x);
    step->result = result;
    s.step = std::move(step);
  } else {
    s.draws = explained_ != draws_.states.size();
    explained_ = draws_.states.size();
    auto step = std::make_unique<AgainStep<T>>();
    s.untold = o.again == nullptr;
    step->again = std::move(o.again);
    step->operands = std::move(x);
    step->result = result;
    s.step = std::move(step);
  }
  steps_.push_back(std::move(s));
}

// The last step, where it made the node: descriptions stand for its numbers.
RecordedStep* RecorderCore::last_made(const void* node) {
  const auto it = known_.find(node);
  if (steps_.empty() || it == known_.end()) return nullptr;
  RecordedStep& last = steps_.back();
  return last.outputs.size() == 1 && last.outputs[0] == it->second ? &last : nullptr;
}

void RecorderCore::described(const void* node, Description description) {
  if (RecordedStep* const s = last_made(node)) s->description = std::move(description);
}

void RecorderCore::described_arrays(const void* node, AnyArrayOperation arrays) {
  if (RecordedStep* const s = last_made(node)) s->arrays = std::move(arrays);
}

void RecorderCore::described_batch(const void* node, AnyBatchFunction batch) {
  if (RecordedStep* const s = last_made(node)) s->batch = std::move(batch);
}

template <class T>
void RecorderCore::on_again(const Tensor<T>& y, Again<T> f) {
  if (steps_.empty() || !steps_.back().untold) return;
  auto* const step = dynamic_cast<AgainStep<T>*>(steps_.back().step.get());
  const auto it = known_.find(y.node());
  if (step == nullptr || it == known_.end() || it->second != step->result) return;
  step->again = std::move(f);
  steps_.back().untold = false;
}

template <class T>
void RecorderCore::on_source(const char* name, const Tensor<T>& y, Again<T> f) {
  on_operation<T>({name, y, {}, {}, std::move(f)});
}

template <class T, class U>
void RecorderCore::on_cast(const Tensor<T>& x, const Tensor<U>& y) {
  RecordedStep s = begin("to");
  auto step = std::make_unique<CastStep<T, U>>();
  step->operand = operand(x, s);
  step->result = add_result(y, s);
  s.step = std::move(step);
  steps_.push_back(std::move(s));
}

// --- The end ---

template <class T>
ProgramResult<T> RecorderCore::result_of(std::uint32_t v) const {
  if (v == kNoValue) return {{v, held_->none<T>()}};
  return {{v, held_of<T>(v)}, values_[v].shown.kind == GraphValue::Kind::constant};
}

void RecorderCore::look_for_untold(const std::vector<std::uint32_t>& results) {
  constexpr auto kWhy = " does not say how it is done again";
  for (const RecordedStep& s : steps_) {
    if (s.untold) refuse(quote(s.name) + kWhy);
    for (const std::uint32_t v : s.inputs) {
      if (values_[v].untold) refuse("what made an operand of " + quote(s.name) + kWhy);
    }
  }
  for (const std::uint32_t v : results) {
    if (values_[v].untold) refuse(std::string("what made a result") + kWhy);
  }
}

// An operation is told before it is recorded, and then does not require a gradient yet.
void RecorderCore::look_at_gradients() {
  const auto look = [this](const auto* n) {
    GraphValue& v = values_[known_.at(n)].shown;
    if (v.kind == GraphValue::Kind::result) v.requires_grad = n->requires_grad;
  };
  for (const Node<float>* n : float_nodes_) look(n);
  for (const Node<double>* n : double_nodes_) look(n);
}

// Drops what leads to none of them.
std::vector<std::uint32_t> RecorderCore::needed_results() {
  look_at_last();
  require_known_draws();
  look_at_gradients();
  std::vector<std::uint32_t> results = float_results_;
  results.insert(results.end(), double_results_.begin(), double_results_.end());
  std::erase(results, kNoValue);
  drop_unneeded(steps_, values_.size(), results);
  look_for_untold(results);
  return results;
}

Recording RecorderCore::take() {
  needed_results();
  return {std::move(steps_), values_,        held_,          float_arguments_,
          double_arguments_, float_results_, double_results_};
}

Program RecorderCore::finish() {
  const std::vector<std::uint32_t> results = needed_results();
  keep_modes();
  Program p;
  p.held = held_;
  p.float_arguments = float_arguments_;
  p.double_arguments = double_arguments_;
  for (const std::uint32_t v : float_results_) p.float_results.push_back(result_of<float>(v));
  for (const std::uint32_t v : double_results_) p.double_results.push_back(result_of<double>(v));
  if (!why_not_.empty()) return p;
  simplify(steps_, values_, results, *held_);
  drop_unneeded(steps_, values_.size(), results);
  make_program(p, std::move(steps_), values_, results);
  return p;
}

#define XGRAD_INSTANTIATE(T)                                                      \
  template void RecorderCore::on_operation(TracedOperation<T>);                   \
  template void RecorderCore::on_again(const Tensor<T>&, Again<T>);               \
  template void RecorderCore::on_source(const char*, const Tensor<T>&, Again<T>); \
  template void RecorderCore::on_read(const Node<T>*, const char*);               \
  template void RecorderCore::on_write(const Node<T>*, const char*);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE
template void RecorderCore::on_cast(const Tensor<float>&, const Tensor<double>&);
template void RecorderCore::on_cast(const Tensor<double>&, const Tensor<float>&);

}  // namespace xgrad::detail
