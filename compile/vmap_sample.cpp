#include "xgrad/compile/vmap_sample.hpp"

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <utility>

#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/compile/program_steps.hpp"

namespace xgrad::detail {

// A check has no numbers to return.
template <class T>
void SampleRecorder::add(TracedOperation<T> o) {
  require<std::logic_error>(!o.changes_state || o.output.shape() == Shape{0}, "vmap",
                            "the function changes state, by ", o.name, " (", here(),
                            "): there is one state and many samples");
  on_operation(std::move(o));
}

void SampleRecorder::effect(const char* name, std::function<void()>) {
  fail<std::logic_error>("vmap", "the function changes state, by ", name, " (", here(),
                         "): there is one state and many samples");
}

template <class T>
void SampleRecorder::refuse_backward(const Tensor<T>& y) const {
  fail<std::logic_error>("vmap", "the function calls backward() of ", place_of(y.node()), " ",
                         y.shape(), " (", here(),
                         "), which adds to the gradients that leaves have: take grad()");
}

template <class T>
Tensor<T> SampleRecorder::refuse_gradient(const Tensor<T>& x) const {
  fail<std::logic_error>("vmap", "the function asks for, or changes, the gradient that ",
                         place_of(x.node()), " ", x.shape(), " has (", here(), "): take grad()");
}

namespace {

// More than a function of one sample draws; the numbers are nobody's.
constexpr std::size_t kThrownAway = 1 << 14;

// Which values a value leads to.
std::vector<bool> reached_from(const Recording& r, std::uint32_t v) {
  std::vector<bool> reached(r.values.size(), false);
  reached[v] = true;
  const auto is_reached = [&](std::uint32_t i) { return reached[i]; };
  for (const RecordedStep& s : r.steps) {
    if (!std::any_of(s.inputs.begin(), s.inputs.end(), is_reached)) continue;
    for (const std::uint32_t o : s.outputs) reached[o] = true;
  }
  return reached;
}

// Indices of the function around it are known by the copies at the end of `given`.
class OuterIndices {
 public:
  OuterIndices(const std::vector<Indices>* outer, const std::vector<Indices>& given) {
    if (outer == nullptr) return;
    const std::size_t own = given.size() - outer->size();
    for (std::size_t i = 0; i < outer->size(); ++i) copies_.add((*outer)[i], given[own + i]);
  }

 private:
  FollowedCopies copies_;
};

// A tensor that the function holds and that was computed from others.
template <class T>
bool is_interior(const RecordedValue& v) {
  return v.held != nullptr && v.is_double == std::is_same_v<T, double> &&
         !static_cast<const Tensor<T>*>(v.held)->is_leaf();
}

// Values by which grad() is asked for are each sample's own where it leads to them inside.
template <class T>
bool goes_outside(const Recording& r, const ProgramStep& step, std::vector<bool>& apart) {
  const auto* const g = dynamic_cast<const GradStep<T>*>(&step);
  if (g == nullptr) return false;
  bool outside = false;
  for (const Operand<T>& o : g->inputs) {
    const std::vector<bool> reached = reached_from(r, o.value);
    const bool inside = std::any_of(g->outputs.begin(), g->outputs.end(),
                                    [&](const Operand<T>& y) { return reached[y.value]; });
    if (inside) apart[o.value] = true;
    outside = outside || (!inside && r.values[o.value].held != nullptr);
  }
  return outside && std::any_of(r.values.begin(), r.values.end(), &is_interior<T>);
}

void find_passes(SampleProgram& p) {
  p.apart.resize(p.recording.values.size(), false);
  for (const RecordedStep& s : p.recording.steps)
    p.outside.push_back(goes_outside<float>(p.recording, *s.step, p.apart) ||
                        goes_outside<double>(p.recording, *s.step, p.apart));
}

void set_last(SampleProgram& p) {
  const Recording& r = p.recording;
  p.last.resize(r.steps.size());
  std::vector<bool> used(r.values.size(), false);
  for (const auto* list : {&r.float_results, &r.double_results}) {
    for (const std::uint32_t v : *list) {
      if (v != kNoValue) used[v] = true;
    }
  }
  for (std::size_t i = r.steps.size(); i-- > 0;) {
    for (const auto* list : {&r.steps[i].outputs, &r.steps[i].inputs}) {
      for (const std::uint32_t v : *list) {
        if (!used[v]) p.last[i].push_back(v);
        used[v] = true;
      }
    }
  }
}

}  // namespace

SampleProgram record_sample(TensorLists& sample, const std::vector<Indices>* outer,
                            bool calls_on_read,
                            const std::function<TensorLists(TensorLists&)>& call) {
  SampleProgram p;
  const Untraced untraced;
  NotedDraws thrown_away;
  thrown_away.states.resize(kThrownAway);
  const DrawsScope draws(thrown_away, true);
  SampleRecorder recorder(!calls_on_read);
  TensorLists given = recorder.given(sample), results;
  {
    const TellingScope scope(recorder, given.indices);
    const OuterIndices followed(outer, given.indices);
    results = call(given);
  }
  for (const auto& t : results.floats) recorder.result(t);
  for (const auto& t : results.doubles) recorder.result(t);
  if (!results.indices.empty()) recorder.refuse("the function returns indices");
  p.recording = recorder.take();
  p.result_lengths = results.lengths;
  p.why_not = recorder.why_not();
  p.guards = recorder.guards();
  p.guards.look();
  find_passes(p);
  set_last(p);
  return p;
}

}  // namespace xgrad::detail
