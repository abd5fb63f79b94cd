#include "xgrad/compile/compile.hpp"

#include <algorithm>
#include <list>
#include <mutex>
#include <shared_mutex>
#include <stdexcept>

#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/compile/recorder.hpp"

namespace xgrad::detail {
namespace {

// What a program was recorded for.
struct Signature {
  struct Argument {
    Shape shape;
    bool defined, requires_grad;
    bool operator==(const Argument&) const = default;
  };
  std::vector<Argument> floats, doubles;
  std::vector<Shape> indices;
  std::vector<std::size_t> lengths;
  bool recording;
};

template <class T>
std::vector<Signature::Argument> arguments_of(const std::vector<Tensor<T>>& tensors) {
  std::vector<Signature::Argument> r;
  for (const Tensor<T>& t : tensors) {
    r.push_back({t.defined() ? t.shape() : Shape{}, t.defined(), t.requires_grad()});
  }
  return r;
}

Signature signature_of(const TensorLists& a) {
  Signature s{arguments_of(a.floats), arguments_of(a.doubles), {}, a.lengths, is_recording()};
  for (const Indices& i : a.indices) s.indices.emplace_back(i.shape());
  return s;
}

template <class T>
bool fit(const std::vector<Signature::Argument>& s, const std::vector<Tensor<T>>& tensors) {
  if (s.size() != tensors.size()) return false;
  for (std::size_t i = 0; i < s.size(); ++i) {
    const Tensor<T>& t = tensors[i];
    if (s[i].defined != t.defined()) return false;
    if (t.defined() && (s[i].requires_grad != t.requires_grad() || s[i].shape != t.shape()))
      return false;
  }
  return true;
}

bool fits(const Signature& s, const TensorLists& a) {
  return s.recording == is_recording() && fit(s.floats, a.floats) && fit(s.doubles, a.doubles) &&
         s.lengths == a.lengths && s.indices.size() == a.indices.size() &&
         std::equal(s.indices.begin(), s.indices.end(), a.indices.begin(),
                    [](const Shape& shape, const Indices& i) { return shape == Shape(i.shape()); });
}

}  // namespace

struct CompiledPrograms::Entry {
  Signature signature;
  ProgramGuards guards;
  Program program;
  std::string why_not;  // not empty: the function is called
  mutable std::atomic<std::uint64_t> used{0};
};

struct CompiledPrograms::State {
  CompileOptions options;
  mutable std::shared_mutex mutex;
  std::vector<std::shared_ptr<const Entry>> entries;
  std::string why_called;
  std::atomic<std::uint64_t> time{0};
  std::atomic<std::size_t> recorded{0}, run{0}, called{0}, dropped{0}, without_tape{0};
};

CompiledPrograms::CompiledPrograms(const CompileOptions& options)
    : state_(std::make_unique<State>()) {
  require(options.cache_limit > 0, "compile", "cache_limit is 0: at least 1 program is kept");
  state_->options = options;
}
CompiledPrograms::~CompiledPrograms() = default;

auto CompiledPrograms::find(const TensorLists& arguments) const -> std::shared_ptr<const Entry> {
  const std::shared_lock lock(state_->mutex);
  for (const auto& e : state_->entries) {
    if (fits(e->signature, arguments) && e->guards.hold()) return e;
  }
  return nullptr;
}

void CompiledPrograms::keep(std::shared_ptr<const Entry> entry) {
  const std::lock_guard lock(state_->mutex);
  auto& entries = state_->entries;
  if (!entry->why_not.empty()) state_->why_called = entry->why_not;
  std::erase_if(entries, [](const auto& e) { return e->guards.are_over(); });
  if (entries.size() >= state_->options.cache_limit) {
    entries.erase(std::min_element(
        entries.begin(), entries.end(),
        [](const auto& a, const auto& b) { return a->used.load() < b->used.load(); }));
    ++state_->dropped;
  }
  entries.push_back(std::move(entry));
}

TensorLists CompiledPrograms::record(TensorLists& arguments,
                                     const std::function<TensorLists(TensorLists&)>& call) {
  auto entry = std::make_shared<Entry>();
  entry->signature = signature_of(arguments);
  Recorder recorder(state_->options.on_read == OnRead::refuse);
  TensorLists given = recorder.given(arguments), results;
  {
    const TellingScope scope(recorder, given.indices);
    results = call(given);
  }
  for (auto& t : results.floats) t = recorder.result(t);
  for (auto& t : results.doubles) t = recorder.result(t);
  if (!results.indices.empty()) recorder.refuse("indices are returned");
  entry->program = recorder.finish();
  entry->program.result_lengths = results.lengths;
  entry->why_not = recorder.why_not();
  entry->guards = recorder.guards();
  entry->guards.look();
  entry->used = ++state_->time;
  keep(std::move(entry));
  ++state_->recorded;
  return results;
}

TensorLists CompiledPrograms::run(TensorLists& arguments,
                                  const std::function<TensorLists(TensorLists&)>& call) {
  if (tracer != nullptr) return call(arguments);  // part of another one
  const std::shared_ptr<const Entry> entry = find(arguments);
  if (entry == nullptr) return record(arguments, call);
  entry->used = ++state_->time;
  if (!entry->why_not.empty()) {
    ++state_->called;
    TensorLists results = call(arguments);
    entry->guards.look();
    return results;
  }
  ++state_->run;
  bool without_tape = false;
  TensorLists results = entry->program.run(arguments, without_tape);
  if (without_tape) ++state_->without_tape;
  entry->guards.look();
  return results;
}

auto CompiledPrograms::compiled(const TensorLists& arguments, const char* who) const
    -> std::shared_ptr<const Entry> {
  std::shared_ptr<const Entry> entry = find(arguments);
  require(entry != nullptr, who,
          "there is no program for these arguments: call the function "
          "with them first");
  require(entry->why_not.empty(), who, "the function is not compiled: ", entry->why_not);
  return entry;
}

Graph CompiledPrograms::graph(const TensorLists& arguments) const {
  return compiled(arguments, "graph")->program.graph;
}

std::shared_ptr<const MemoryPlan> CompiledPrograms::memory_plan(
    const TensorLists& arguments) const {
  const std::shared_ptr<const Entry> entry = compiled(arguments, "memory_plan");
  return {entry, &entry->program.memory};
}

CompileStatistics CompiledPrograms::statistics() const {
  const std::shared_lock lock(state_->mutex);
  return {state_->recorded, state_->run,        state_->called,      state_->entries.size(),
          state_->dropped,  state_->why_called, state_->without_tape};
}

}  // namespace xgrad::detail
