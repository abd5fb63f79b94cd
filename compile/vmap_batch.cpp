#include "xgrad/compile/vmap_batch.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "xgrad/autograd/as_one.hpp"
#include "xgrad/autograd/broadcast.hpp"
#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/compile/program_steps.hpp"
#include "xgrad/ops/slicing.hpp"

namespace xgrad::detail {
namespace {

// The indices that the function was given, as they are now, each time for a sample.
struct SampleIndices {
  std::vector<FollowedIndices> lists;
  std::vector<bool> batched;
  std::vector<std::size_t> axes;

  explicit SampleIndices(const BatchArguments& a) : batched(a.indices), axes(a.index_axes) {
    for (const Indices* i : a.index_sources) lists.emplace_back(*i);
  }
  bool is_batched() const {
    return std::find(batched.begin(), batched.end(), true) != batched.end();
  }
  std::vector<Indices> of_sample(std::size_t s) const {
    std::vector<Indices> r;
    for (std::size_t i = 0; i < lists.size(); ++i)
      r.push_back(batched[i] ? indices_of(lists[i].get(), axes[i], s) : lists[i].get());
    return r;
  }
  // Those of all samples, which are on the first axis of the batched ones.
  std::vector<Indices> of_all(std::size_t n) const {
    std::vector<Indices> r;
    for (std::size_t i = 0; i < lists.size(); ++i) {
      const Indices& now = lists[i].get();
      r.push_back(batched[i] && axes[i] != 0 ? samples_first(now, axes[i], n) : now);
    }
    return r;
  }

 private:
  static Indices samples_first(const Indices& indices, std::size_t axis, std::size_t n) {
    const Shape shape = Shape(indices.shape()).without(axis).with(0, n);
    Indices r(Indices::shape_type(shape.begin(), shape.end()));
    for (std::size_t s = 0; s < n; ++s) {
      const Indices one = indices_of(indices, axis, s);
      std::copy_n(one.data(), one.size(), r.data() + s * one.size());
    }
    return r;
  }
};

// An operation that is called for each sample.
template <class T>
struct Loop {
  Again<T> again;
  std::vector<bool> batched;
  std::shared_ptr<const SampleIndices> indices;
  std::size_t n;

  Tensor<T> operator()(const std::vector<Tensor<T>>& x) const {
    std::vector<Tensor<T>> results, one(x.size());
    results.reserve(n);
    for (std::size_t s = 0; s < n; ++s) {
      for (std::size_t i = 0; i < x.size(); ++i)
        one[i] = batched[i] ? select(x[i], 0, static_cast<std::ptrdiff_t>(s)) : x[i];
      const std::vector<Indices> now = indices->of_sample(s);
      const IndicesScope scope(now);
      results.push_back(again(one));
    }
    return stack(results);
  }
};

// The same for all of them, with indices that they share.
template <class T>
struct Once {
  Again<T> again;
  std::shared_ptr<const SampleIndices> indices;

  Tensor<T> operator()(const std::vector<Tensor<T>>& x) const {
    const std::vector<Indices> now = indices->of_sample(0);
    const IndicesScope scope(now);
    return again(x);
  }
};

// All samples at once, with the indices of each.
template <class T>
struct AtOnce {
  std::function<Tensor<T>(const BatchOperands<T>&)> run;
  std::vector<bool> batched;
  std::shared_ptr<const SampleIndices> indices;
  std::size_t n;

  Tensor<T> operator()(const std::vector<Tensor<T>>& x) const {
    const std::vector<Indices> now = indices->of_all(n);
    const IndicesScope scope(now);
    return run({x, batched, n});
  }
};

// A constant that the function made, as one that whoever listens now knows.
template <class T>
Tensor<T> known_constant(const Tensor<T>& t) {
  if (tracer == nullptr) return t;
  const Tensor<T> c = Tensor<T>::uninitialized(t.shape());
  std::copy_n(t.data(), t.size(), c.node()->data);
  return constant(c);
}

// Another handle: what the function holds besides is another tensor.
template <class T>
Tensor<T> alias_of(const Tensor<T>& x) {
  static const Rule<T> rule = {
      "argument", [](const void*, Backward<T>& b) { b.add(0, b.take_gradient()); }, nullptr};
  const auto alias = [](const std::vector<Tensor<T>>& list) {
    Tensor<T> y(share_value(list[0].node(), list[0].shape()));
    record<T>(y, rule, {&list[0]}, {});
    return y;
  };
  return as_one_of_list<T>("argument", {x}, alias);
}

class BatchRun {
 public:
  BatchRun(const SampleProgram& p, const BatchArguments& a)
      : p_(p),
        n_(a.n),
        indices_(std::make_shared<const SampleIndices>(a)),
        batched_(p.recording.values.size(), false) {
    now_.floats.resize(batched_.size());
    now_.doubles.resize(batched_.size());
    place_arguments<float>(a, p.recording.float_arguments);
    place_arguments<double>(a, p.recording.double_arguments);
    for (std::uint32_t v = 0; v < batched_.size(); ++v) place_held(v);
  }

  TensorLists run() {
    const Recording& r = p_.recording;
    for (std::size_t i = 0; i < r.steps.size(); ++i) {
      const RecordedStep& s = r.steps[i];
      if (tracer != nullptr && !s.module.empty()) tracer->enter(s.module);
      run(i);
      if (tracer != nullptr && !s.module.empty()) tracer->leave();
      for (const std::uint32_t v : p_.last[i]) forget(v);
    }
    TensorLists results;
    for (const std::uint32_t v : r.float_results) results.floats.push_back(result<float>(v));
    for (const std::uint32_t v : r.double_results) results.doubles.push_back(result<double>(v));
    results.lengths = p_.result_lengths;
    return results;
  }

 private:
  const RecordedValue& value(std::uint32_t v) const { return p_.recording.values[v]; }
  const Shape& shape_of(std::uint32_t v) const { return value(v).shown.shape; }

  template <class T>
  void place_arguments(const BatchArguments& a, const std::vector<std::uint32_t>& at) {
    for (std::size_t i = 0; i < at.size(); ++i) {
      if (at[i] == kNoValue) continue;
      const Tensor<T>& x = a.lists.of<T>()[i];
      const EnableGrad recording;
      set(at[i], has_passes() && x.requires_grad() ? alias_of(x) : x, a.batched<T>()[i]);
    }
  }
  bool has_passes() const {
    return std::find(p_.apart.begin(), p_.apart.end(), true) != p_.apart.end();
  }
  void place_held(std::uint32_t v) {
    if (value(v).held == nullptr) return;
    value(v).is_double ? place_held_as<double>(v) : place_held_as<float>(v);
  }
  template <class T>
  void place_held_as(std::uint32_t v) {
    const Tensor<T>& t = *static_cast<const Tensor<T>*>(value(v).held);
    set(v, value(v).shown.kind == GraphValue::Kind::constant ? known_constant(t) : t, false);
  }

  template <class T>
  void set(std::uint32_t v, Tensor<T> t, bool batched) {
    if (!batched && p_.apart[v]) {
      const RecordingScope scope(value(v).shown.requires_grad);
      t = broadcast_to(t, with_batch(n_, shape_of(v)));
      batched = true;
    }
    now_.of<T>()[v] = std::move(t);
    batched_[v] = batched;
  }
  void forget(std::uint32_t v) {
    if (value(v).is_double) {
      now_.doubles[v] = Tensor<double>();
    } else {
      now_.floats[v] = Tensor<float>();
    }
  }

  template <class T>
  BatchOperand<T> operand(const Operand<T>& o) const {
    if (o.value == kNoValue) return {};
    return {now_.of<T>()[o.value], shape_of(o.value), batched_[o.value]};
  }
  template <class T>
  std::vector<BatchOperand<T>> operands(const std::vector<Operand<T>>& list) const {
    std::vector<BatchOperand<T>> r;
    for (const Operand<T>& o : list) r.push_back(operand(o));
    return r;
  }
  template <class T>
  Tensor<T> batched(const Operand<T>& o) const {
    const BatchOperand<T> x = operand(o);
    return x.batched || !x.tensor.defined() ? x.tensor
                                            : broadcast_to(x.tensor, with_batch(n_, x.shape));
  }
  template <class T>
  Tensor<T> result(std::uint32_t v) const {
    if (v == kNoValue) return {};
    return batched<T>(Operand<T>{v, nullptr});
  }

  // --- Steps ---

  void run(std::size_t i) {
    const RecordedStep& s = p_.recording.steps[i];
    const bool done = run_as<float>(s, p_.outside[i]) || run_as<double>(s, p_.outside[i]) ||
                      run_cast<float, double>(s) || run_cast<double, float>(s);
    if (!done) fail<std::logic_error>("vmap", "there is no rule for ", quote(s.name));
  }

  template <class T>
  bool run_as(const RecordedStep& s, bool outside) {
    if (const auto* f = dynamic_cast<const FormulaStep<T>*>(s.step.get())) {
      run_formula(s, *f);
    } else if (const auto* a = dynamic_cast<const AgainStep<T>*>(s.step.get())) {
      run_again(s, *a);
    } else if (const auto* g = dynamic_cast<const GradStep<T>*>(s.step.get())) {
      outside ? run_grad_for_each(*g) : run_grad(*g);
    } else {
      return false;
    }
    return true;
  }

  template <class T>
  void run_formula(const RecordedStep& s, const FormulaStep<T>& f) {
    const auto x = operands(f.operands);
    const RecordingScope scope(value(f.result).shown.requires_grad);
    set(f.result, batched_formula(f.formula, BatchStep<T>{s, x, shape_of(f.result), n_}),
        any_batched(x));
  }

  template <class T>
  static bool any_batched(const std::vector<BatchOperand<T>>& x) {
    return std::any_of(x.begin(), x.end(), [](const auto& o) { return o.batched; });
  }

  template <class T>
  void run_again(const RecordedStep& s, const AgainStep<T>& a) {
    const auto x = operands(a.operands);
    const RecordingScope scope(value(a.result).shown.requires_grad);
    const bool own_indices = indices_->is_batched() && may_read_indices<T>(s);
    if (!any_batched(x) && !s.draws && !own_indices) return set(a.result, once(s, a, x), false);
    if (const BatchFunction<T>* const f = batch_function_in<T>(s.batch)) {
      if (Tensor<T> y = by_function(s, *f, x); y.defined())
        return set(a.result, std::move(y), true);
    }
    if (any_batched(x)) {
      if (is_of_any_shape(s.name)) return set(a.result, once(s, a, x), true);
      const BatchStep<T> b{s, x, shape_of(a.result), n_};
      if (std::optional<Tensor<T>> y = by_rule(b)) return set(a.result, *std::move(y), true);
    }
    set(a.result, for_each(s, a, x), true);
  }
  // What says how it is done, says whether it does.
  template <class T>
  static bool may_read_indices(const RecordedStep& s) {
    if (const auto* const f = batch_function_in<T>(s.batch)) return f->reads_indices;
    return std::holds_alternative<std::monostate>(s.description);
  }
  template <class T>
  static std::vector<bool> flags_of(const std::vector<BatchOperand<T>>& x) {
    std::vector<bool> r;
    for (const BatchOperand<T>& o : x) r.push_back(o.batched);
    return r;
  }
  template <class T>
  Tensor<T> by_function(const RecordedStep& s, const BatchFunction<T>& f,
                        const std::vector<BatchOperand<T>>& x) const {
    for (std::size_t i = 0; i < x.size() && i < 32; ++i) {
      if (x[i].batched && (f.shared >> i & 1U) != 0) return {};
    }
    const std::vector<Tensor<T>> tensors = tensors_of(x);
    if (!f.reads_indices) return f.run({tensors, flags_of(x), n_});
    return as_one_of_list<T>(s.name.c_str(), tensors, AtOnce<T>{f.run, flags_of(x), indices_, n_});
  }
  template <class T>
  static std::vector<Tensor<T>> tensors_of(const std::vector<BatchOperand<T>>& x) {
    std::vector<Tensor<T>> r;
    for (const BatchOperand<T>& o : x) r.push_back(o.tensor);
    return r;
  }
  template <class T>
  Tensor<T> once(const RecordedStep& s, const AgainStep<T>& a,
                 const std::vector<BatchOperand<T>>& x) const {
    return as_one_of_list<T>(s.name.c_str(), tensors_of(x), Once<T>{a.again, indices_});
  }
  template <class T>
  Tensor<T> for_each(const RecordedStep& s, const AgainStep<T>& a,
                     const std::vector<BatchOperand<T>>& x) const {
    return as_one_of_list<T>((s.name + " (loop over the batch)").c_str(), tensors_of(x),
                             Loop<T>{a.again, flags_of(x), indices_, n_});
  }

  // Of the sum over all samples: each of the inputs is one sample's.
  template <class T>
  void run_grad(const GradStep<T>& g) {
    std::vector<Tensor<T>> outputs, inputs, seeds;
    for (std::size_t i = 0; i < g.outputs.size(); ++i) {
      outputs.push_back(batched(g.outputs[i]));
      Tensor<T> seed = i < g.seeds.size() ? batched(g.seeds[i]) : Tensor<T>();
      seeds.push_back(seed.defined() ? seed : Tensor<T>::filled(outputs[i].shape(), T(1)));
    }
    for (const Operand<T>& o : g.inputs) inputs.push_back(batched(o));
    const EnableGrad recording;
    std::vector<Tensor<T>> r = grad(outputs, inputs, g.options, seeds);
    for (std::size_t i = 0; i < g.results.size(); ++i)
      if (g.results[i] != kNoValue) set(g.results[i], std::move(r[i]), true);
  }

  // A pass for each sample, through what was computed outside as well.
  template <class T>
  void run_grad_for_each(const GradStep<T>& g) {
    const EnableGrad recording;
    std::vector<std::vector<Tensor<T>>> parts(g.results.size());
    GradOptions options = g.options;
    for (std::size_t s = 0; s < n_; ++s) {
      options.retain_graph = g.options.retain_graph || s + 1 < n_;
      std::vector<Tensor<T>> inputs;
      for (const Operand<T>& o : g.inputs) inputs.push_back(operand(o).tensor);
      const auto r = grad(samples(g.outputs, s), inputs, options, samples(g.seeds, s));
      for (std::size_t i = 0; i < r.size(); ++i)
        parts[i].push_back(r[i].defined() && operand(g.inputs[i]).batched ? sample(r[i], s) : r[i]);
    }
    for (std::size_t i = 0; i < parts.size(); ++i)
      if (g.results[i] != kNoValue) set(g.results[i], stack(parts[i]), true);
  }
  template <class T>
  static Tensor<T> sample(const Tensor<T>& x, std::size_t s) {
    return select(x, 0, static_cast<std::ptrdiff_t>(s));
  }
  template <class T>
  std::vector<Tensor<T>> samples(const std::vector<Operand<T>>& list, std::size_t s) const {
    std::vector<Tensor<T>> r;
    for (const Operand<T>& o : list) {
      const BatchOperand<T> x = operand(o);
      r.push_back(x.batched ? sample(x.tensor, s) : x.tensor);
    }
    return r;
  }

  template <class From, class To>
  bool run_cast(const RecordedStep& s) {
    const auto* const c = dynamic_cast<const CastStep<From, To>*>(s.step.get());
    if (c == nullptr) return false;
    const BatchOperand<From> x = operand(c->operand);
    const RecordingScope scope(value(c->result).shown.requires_grad);
    set(c->result, x.tensor.template to<To>(), x.batched);
    return true;
  }

  const SampleProgram& p_;
  std::size_t n_;
  std::shared_ptr<const SampleIndices> indices_;
  std::vector<bool> batched_;
  TensorLists now_;
};

}  // namespace

Indices indices_of(const Indices& indices, std::size_t axis, std::size_t sample) {
  const Shape shape(indices.shape()), one = shape.without(axis);
  Indices r(Indices::shape_type(one.begin(), one.end()));
  std::size_t outer = 1, inner = 1;
  for (std::size_t i = 0; i < axis; ++i) outer *= shape[i];
  for (std::size_t i = axis + 1; i < shape.rank(); ++i) inner *= shape[i];
  for (std::size_t o = 0; o < outer; ++o)
    std::copy_n(indices.data() + (o * shape[axis] + sample) * inner, inner, r.data() + o * inner);
  return r;
}

TensorLists run_batch(const SampleProgram& program, const BatchArguments& arguments) {
  return BatchRun(program, arguments).run();
}

}  // namespace xgrad::detail
