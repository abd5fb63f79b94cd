#include "xgrad/compile/vmap.hpp"

#include <algorithm>
#include <mutex>
#include <string>

#include "xgrad/autograd/axis.hpp"
#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/compile/vmap_batch.hpp"
#include "xgrad/compile/vmap_sample.hpp"
#include "xgrad/ops/shape.hpp"

namespace xgrad::detail {
namespace {

constexpr const char* kName = "vmap";

// What a program was recorded for: samples, however many.
struct SampleSignature {
  struct Argument {
    Shape shape;
    bool defined, requires_grad, batched;
    bool operator==(const Argument&) const = default;
  };
  std::vector<Argument> floats, doubles, indices;
  std::vector<std::size_t> lengths;
  bool recording;
  bool operator==(const SampleSignature&) const = default;
};

struct Entry {
  SampleSignature signature;
  SampleProgram program;
};

// The axes of a call, one for each tensor, and the size of all of them.
class BatchAxes {
 public:
  BatchAxes(const VmapOptions& o, const VmapArguments& a) : options_(o) {
    require(o.in_axes.empty() || o.in_axes.size() == a.count, kName, o.in_axes.size(),
            " in_axes for ", a.count, " arguments");
    for (std::size_t i = 0; i < a.floats.size(); ++i)
      floats.push_back(axis_of(a.lists.floats[i], a.floats[i]));
    for (std::size_t i = 0; i < a.doubles.size(); ++i)
      doubles.push_back(axis_of(a.lists.doubles[i], a.doubles[i]));
    for (std::size_t i = 0; i < a.indices.size(); ++i)
      indices.push_back(axis_in(Shape(a.lists.indices[i].shape()), a.indices[i]));
    require(!first_.empty(), kName, "no argument is batched");
    require(n != 0, kName, "there are no samples: ", first_);
  }

  using Axis = std::optional<std::size_t>;
  std::vector<Axis> floats, doubles, indices;
  std::size_t n = 0;

 private:
  template <class T>
  Axis axis_of(const Tensor<T>& x, std::size_t argument) {
    return x.defined() ? axis_in(x.shape(), argument) : Axis();
  }
  Axis axis_in(const Shape& shape, std::size_t argument) {
    const std::optional<std::ptrdiff_t> given =
        options_.in_axes.empty() ? std::ptrdiff_t{0} : options_.in_axes[argument];
    if (!given) return {};
    const std::string name = "argument " + text(argument), what = name + " " + text(shape);
    require(shape.rank() > 0, kName, what, " has no axis for the samples: give kShared in in_axes");
    const std::size_t axis = normalize_axis(kName, *given, shape, name.c_str());
    const std::string place = what + ", axis " + text(axis);
    if (first_.empty()) {
      first_ = place;
      n = shape[axis];
    }
    require(shape[axis] == n, kName, "sizes of the batch axes differ: ", first_, "; ", place);
    return axis;
  }

  const VmapOptions& options_;
  std::string first_;
};

template <class T>
std::vector<SampleSignature::Argument> signatures(const std::vector<Tensor<T>>& list,
                                                  const std::vector<BatchAxes::Axis>& axes) {
  std::vector<SampleSignature::Argument> r;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const Tensor<T>& t = list[i];
    const Shape shape = t.defined() ? t.shape() : Shape{};
    r.push_back({axes[i] ? shape.without(*axes[i]) : shape, t.defined(), t.requires_grad(),
                 axes[i].has_value()});
  }
  return r;
}

SampleSignature signature_of(const TensorLists& a, const BatchAxes& axes) {
  SampleSignature s{signatures(a.floats, axes.floats),
                    signatures(a.doubles, axes.doubles),
                    {},
                    a.lengths,
                    is_recording()};
  for (std::size_t i = 0; i < a.indices.size(); ++i) {
    const Shape shape(a.indices[i].shape());
    s.indices.push_back({axes.indices[i] ? shape.without(*axes.indices[i]) : shape, true, false,
                         axes.indices[i].has_value()});
  }
  return s;
}

// Sample s of the arguments, as leaves: what is recorded with them goes nowhere.
template <class T>
std::vector<Tensor<T>> first_of(const std::vector<Tensor<T>>& list,
                                const std::vector<BatchAxes::Axis>& axes) {
  const Untraced untraced;
  const NoGrad none;
  std::vector<Tensor<T>> r;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (!axes[i]) {
      r.push_back(list[i]);
      continue;
    }
    const Tensor<T> x = select(list[i], static_cast<std::ptrdiff_t>(*axes[i]), 0);
    r.push_back(x.clone().requires_grad_(list[i].requires_grad()));
  }
  return r;
}

TensorLists first_sample(const TensorLists& a, const BatchAxes& axes) {
  TensorLists s{first_of(a.floats, axes.floats), first_of(a.doubles, axes.doubles), {}, a.lengths};
  for (std::size_t i = 0; i < a.indices.size(); ++i)
    s.indices.push_back(axes.indices[i] ? indices_of(a.indices[i], *axes.indices[i], 0)
                                        : a.indices[i]);
  if (const auto* const outer = traced_indices())
    s.indices.insert(s.indices.end(), outer->begin(), outer->end());
  return s;
}

template <class T>
Tensor<T> moved(const Tensor<T>& x, std::size_t from, std::size_t to) {
  if (from == to) return x;
  std::vector<std::ptrdiff_t> axes;
  for (std::size_t i = 0; i < x.rank(); ++i) {
    if (i != from) axes.push_back(static_cast<std::ptrdiff_t>(i));
  }
  axes.insert(axes.begin() + static_cast<std::ptrdiff_t>(to), static_cast<std::ptrdiff_t>(from));
  return permute(x, Axes(axes));
}

template <class T>
void add_arguments(const std::vector<Tensor<T>>& list, const std::vector<BatchAxes::Axis>& axes,
                   std::vector<Tensor<T>>& to, std::vector<bool>& batched) {
  for (std::size_t i = 0; i < list.size(); ++i) {
    to.push_back(axes[i] ? moved(list[i], *axes[i], 0) : list[i]);
    batched.push_back(axes[i].has_value());
  }
}

BatchArguments batch_of(const VmapArguments& arguments, const BatchAxes& axes) {
  const TensorLists& a = arguments.lists;
  BatchArguments b;
  b.n = axes.n;
  add_arguments(a.floats, axes.floats, b.lists.floats, b.floats);
  add_arguments(a.doubles, axes.doubles, b.lists.doubles, b.doubles);
  b.lists.indices = a.indices;
  b.lists.lengths = a.lengths;
  for (const BatchAxes::Axis& axis : axes.indices) {
    b.indices.push_back(axis.has_value());
    b.index_axes.push_back(axis.value_or(0));
  }
  for (std::size_t i = 0; i < a.indices.size(); ++i)
    b.index_sources.push_back(arguments.sources[i] != nullptr ? arguments.sources[i]
                                                              : &a.indices[i]);
  if (const auto* const outer = traced_indices()) {
    for (const Indices& i : *outer) {
      b.indices.push_back(false);
      b.index_axes.push_back(0);
      b.index_sources.push_back(&i);
    }
  }
  return b;
}

// Tensors that others made, or that belong to what is traced now, are not to be kept.
bool may_be_kept(const SampleProgram& p) {
  const auto is_leaf = [](const auto& h) { return h.tensor->is_leaf(); };
  return tracer == nullptr &&
         std::all_of(p.guards.floats.begin(), p.guards.floats.end(), is_leaf) &&
         std::all_of(p.guards.doubles.begin(), p.guards.doubles.end(), is_leaf);
}

// --- One by one ---

template <class T>
std::vector<Tensor<T>> sample_of(const std::vector<Tensor<T>>& list,
                                 const std::vector<bool>& batched, std::size_t s) {
  std::vector<Tensor<T>> r;
  for (std::size_t i = 0; i < list.size(); ++i)
    r.push_back(batched[i] ? select(list[i], 0, static_cast<std::ptrdiff_t>(s)) : list[i]);
  return r;
}

TensorLists sample_of(const BatchArguments& a, std::size_t s) {
  TensorLists r{sample_of(a.lists.floats, a.floats, s),
                sample_of(a.lists.doubles, a.doubles, s),
                {},
                a.lists.lengths};
  for (std::size_t i = 0; i < a.lists.indices.size(); ++i)
    r.indices.push_back(a.indices[i] ? indices_of(a.lists.indices[i], a.index_axes[i], s)
                                     : a.lists.indices[i]);
  return r;
}

template <class T>
std::vector<Tensor<T>> stacked(const std::vector<TensorLists>& samples) {
  std::vector<Tensor<T>> r;
  for (std::size_t k = 0; k < samples[0].of<T>().size(); ++k) {
    std::vector<Tensor<T>> parts;
    for (const TensorLists& s : samples) parts.push_back(s.of<T>()[k]);
    r.push_back(stack(parts));
  }
  return r;
}

TensorLists call_for_each(const BatchArguments& a,
                          const std::function<TensorLists(TensorLists&)>& call) {
  std::vector<TensorLists> samples;
  for (std::size_t s = 0; s < a.n; ++s) {
    TensorLists sample = sample_of(a, s);
    samples.push_back(call(sample));
    require(samples.back().indices.empty(), kName, "the function returns indices");
    require(samples.back().lengths == samples[0].lengths, kName,
            "the function returns another number of tensors for sample ", s);
  }
  return {stacked<float>(samples), stacked<double>(samples), {}, samples[0].lengths};
}

}  // namespace

struct VmapPrograms::State {
  VmapOptions options;
  std::mutex mutex;
  std::vector<std::shared_ptr<const Entry>> entries;

  std::shared_ptr<const Entry> find(const SampleSignature& s);
  std::shared_ptr<const Entry> record(const SampleSignature& s, const VmapArguments& arguments,
                                      const BatchAxes& axes,
                                      const std::function<TensorLists(TensorLists&)>& call);
  template <class T>
  void place_results(std::vector<Tensor<T>>& results, std::size_t first) const;
};

VmapPrograms::VmapPrograms(VmapOptions options) : state_(std::make_unique<State>()) {
  state_->options = std::move(options);
}
VmapPrograms::~VmapPrograms() = default;

auto VmapPrograms::State::find(const SampleSignature& s) -> std::shared_ptr<const Entry> {
  const std::lock_guard lock(mutex);
  std::erase_if(entries, [](const auto& e) { return e->program.guards.are_over(); });
  for (const auto& e : entries) {
    if (e->signature == s && e->program.guards.hold()) return e;
  }
  return nullptr;
}

auto VmapPrograms::State::record(const SampleSignature& s, const VmapArguments& arguments,
                                 const BatchAxes& axes,
                                 const std::function<TensorLists(TensorLists&)>& call)
    -> std::shared_ptr<const Entry> {
  constexpr std::size_t kKept = 16;
  TensorLists sample = first_sample(arguments.lists, axes);
  auto entry = std::make_shared<Entry>(
      Entry{s, record_sample(sample, traced_indices(), options.on_read == OnRead::call, call)});
  require<std::logic_error>(entry->program.why_not.empty() || options.on_read == OnRead::call,
                            kName, "the function cannot be done for a batch, as ",
                            entry->program.why_not,
                            ": give {.on_read = OnRead::call} to have it called for each sample");
  if (!may_be_kept(entry->program)) return entry;
  const std::lock_guard lock(mutex);
  if (entries.size() == kKept) entries.erase(entries.begin());
  entries.push_back(entry);
  return entry;
}

template <class T>
void VmapPrograms::State::place_results(std::vector<Tensor<T>>& results, std::size_t first) const {
  if (options.out_axes.empty()) return;
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (results[i].defined())
      results[i] =
          moved(results[i], 0,
                normalize_axis(kName, options.out_axes[first + i], results[i].shape(), "a result"));
  }
}

TensorLists VmapPrograms::run(const VmapArguments& arguments,
                              const std::function<TensorLists(TensorLists&)>& call) {
  const BatchAxes axes(state_->options, arguments);
  const SampleSignature signature = signature_of(arguments.lists, axes);
  std::shared_ptr<const Entry> entry;
  if (tracer == nullptr) entry = state_->find(signature);
  if (entry == nullptr) entry = state_->record(signature, arguments, axes, call);
  if (tracer != nullptr) {
    for (const auto& m : entry->program.guards.modes) tracer->mode(m.first);
  }
  const BatchArguments batch = batch_of(arguments, axes);
  TensorLists results = entry->program.why_not.empty() ? run_batch(entry->program, batch)
                                                       : call_for_each(batch, call);
  const std::size_t count = results.floats.size() + results.doubles.size();
  require(state_->options.out_axes.empty() || state_->options.out_axes.size() == count, kName,
          state_->options.out_axes.size(), " out_axes for ", count, " results");
  state_->place_results(results.floats, 0);
  state_->place_results(results.doubles, results.floats.size());
  entry->program.guards.look();
  return results;
}

}  // namespace xgrad::detail
