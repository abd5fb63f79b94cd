#include "xgrad/compile/program.hpp"

#include <mutex>
#include <unordered_map>

#include "xgrad/autograd/array_operation.hpp"

namespace xgrad::detail {
namespace {

template <class T>
void place(ProgramValues& values, const std::vector<std::uint32_t>& at,
           const std::vector<Tensor<T>>& tensors) {
  for (std::size_t i = 0; i < at.size(); ++i) {
    if (at[i] != kNoValue) values.of<T>()[at[i]] = tensors[i];
  }
}

template <class T>
Tensor<T> result_in(const ProgramValues& values, const ProgramResult<T>& r) {
  const Tensor<T>& t = r.operand.in(values);
  return r.copied ? t.clone() : t;
}

}  // namespace

template <class T>
std::shared_ptr<const Tensor<T>> shared_handle(const Tensor<T>& t) {
  struct Handles {
    std::mutex mutex;
    std::unordered_map<const void*, std::weak_ptr<const Tensor<T>>> of;
  };
  static auto* const handles = new Handles;  // programs may go after all static objects
  const std::lock_guard lock(handles->mutex);
  std::weak_ptr<const Tensor<T>>& known = handles->of[t.node()];
  if (auto handle = known.lock()) return handle;
  const std::shared_ptr<const Tensor<T>> handle(new Tensor<T>(t), [](const Tensor<T>* last) {
    {
      const std::lock_guard forgetting(handles->mutex);
      const auto it = handles->of.find(last->node());
      if (it != handles->of.end() && it->second.expired()) handles->of.erase(it);
    }
    delete last;
  });
  known = handle;
  t.node()->watched.store(true, std::memory_order_relaxed);
  return handle;
}
template std::shared_ptr<const Tensor<float>> shared_handle(const Tensor<float>&);
template std::shared_ptr<const Tensor<double>> shared_handle(const Tensor<double>&);

namespace {
void run_steps(const std::vector<PlacedStep>& steps, ProgramValues& now) {
  for (const PlacedStep& s : steps) {
    s.step->run(now);
    for (const auto& then : s.step->then) then->run(now);
    for (const std::uint32_t v : s.last_float) now.floats[v] = Tensor<float>();
    for (const std::uint32_t v : s.last_double) now.doubles[v] = Tensor<double>();
  }
}
}  // namespace

ProgramValues Program::begin(const TensorLists& given) const {
  ProgramValues now;
  now.floats.resize(values);
  now.deferred.resize(deferred);
  if (has_doubles) now.doubles.resize(values);
  place(now, float_arguments, given.floats);
  place(now, double_arguments, given.doubles);
  return now;
}

// Whether it did without; otherwise nothing was changed that is not changed again.
bool Program::run_without_tape(ProgramValues& now) const {
  if (ground == nullptr || !ground->may_run(now)) return false;
  now.static_frame = ground->begin();
  try {
    run_steps(static_steps, now);
  } catch (const NeedsTape&) {
    return false;
  }
  return true;
}

TensorLists Program::run(const TensorLists& given, bool& without_tape) const {
  const Untraced untraced;
  const IndicesScope indices(given.indices);
  ProgramValues now = begin(given);
  without_tape = run_without_tape(now);
  if (!without_tape) {
    if (now.static_frame != nullptr) now = begin(given);
    run_steps(steps, now);
  }
  TensorLists results;
  for (const auto& r : float_results) results.floats.push_back(result_in(now, r));
  for (const auto& r : double_results) results.doubles.push_back(result_in(now, r));
  results.lengths = result_lengths;
  return results;
}

}  // namespace xgrad::detail
