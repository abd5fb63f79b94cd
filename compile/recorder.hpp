#pragma once

// Makes a program of what a function does while it is called. Internal.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "xgrad/autograd/description.hpp"
#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/autograd/trace.hpp"
#include "xgrad/compile/program.hpp"

namespace xgrad::detail {

/// A step as it was recorded.
struct RecordedStep {
  std::shared_ptr<ProgramStep> step;
  std::string name, module;
  Description description;   // where the operation gives one
  AnyArrayOperation arrays;  // likewise
  AnyBatchFunction batch;    // likewise
  std::vector<std::uint32_t> inputs, outputs;
  std::vector<std::uint32_t> keeps;  // values that stay until it has run
  std::vector<std::uint32_t> saves;  // values that its entry of the tape saves
  std::size_t saved_bytes = 0;       // besides them
  std::vector<std::string> parts;
  bool changes_state = false;  // stays, and nothing moves past it
  bool draws = false;          // random numbers: stays
  bool untold = false;         // does not say how it is run again
  bool recording = true;       // whether the tape was on
};

/// What is known of a value.
struct RecordedValue {
  GraphValue shown;
  bool is_double;
  const void* held = nullptr;  // in HeldTensors: a tensor that the function holds, or a constant
  bool untold = false;         // made inside, by something that does not say how
  std::uint32_t shares = kNoValue;  // the value whose memory it shares
};

/// What a program asks of later calls besides what Arguments say.
struct ProgramGuards {
  std::vector<std::pair<std::shared_ptr<const bool>, bool>> modes;
  // Held by the function: as long as somebody else holds them, too, and no handle to them was given
  // another tensor.
  template <class T>
  struct Held {
    const Tensor<T>* tensor;
    mutable std::uint32_t let_go;  // how often, so far; threads may write it

    bool holds() const;
    void look() const;
  };
  std::vector<Held<float>> floats;
  std::vector<Held<double>> doubles;

  bool hold() const;
  /// Whether what it holds was replaced, which stays so; modes come back.
  bool are_over() const;
  /// What the library let go of since, in recording or running the program, is no replacement.
  void look() const;
};

/// What was recorded, without what nobody needs: for vmap(), which makes something else of it.
struct Recording {
  std::vector<RecordedStep> steps;
  std::vector<RecordedValue> values;
  std::shared_ptr<const HeldTensors> held;
  std::vector<std::uint32_t> float_arguments, double_arguments, float_results, double_results;
};

/// What both types share. Everything is done at once, by the original, and written down.
class RecorderCore : public Tracer, public DescriptionReader {
 public:
  /// On a host that reads numbers, or writes them: an error, or a function that is called each time.
  /// `who` is named in messages.
  explicit RecorderCore(bool refuses_reads, const char* who = "compile")
      : refuses_reads_(refuses_reads), who_(who) {}
  ~RecorderCore() override;
  RecorderCore(const RecorderCore&) = delete;
  RecorderCore& operator=(const RecorderCore&) = delete;

  void effect(const char* name, std::function<void()> again) override;
  void refuse(const std::string& what) override;
  void mode(std::shared_ptr<const bool> now) override;
  void enter(const std::string& path) override { path_.push_back(path); }
  void leave() override { path_.pop_back(); }
  void described(const void* node, Description description) override;
  void described_arrays(const void* node, AnyArrayOperation arrays) override;
  void described_batch(const void* node, AnyBatchFunction batch) override;
  void cast(const Tensor<float>& x, const Tensor<double>& y) override { on_cast(x, y); }
  void cast(const Tensor<double>& x, const Tensor<float>& y) override { on_cast(x, y); }

  /// What the function is given in place of its arguments.
  TensorLists given(const TensorLists& arguments);
  /// In place of one.
  template <class T>
  Tensor<T> argument(const Tensor<T>& x);
  /// What is returned in its place.
  template <class T>
  Tensor<T> result(const Tensor<T>& y);

  /// Empty, or why the function has to be called each time.
  const std::string& why_not() const { return why_not_; }
  const ProgramGuards& guards() const { return guards_; }
  /// After the last result: the program; not when there is a why_not().
  Program finish();
  /// The same as it was recorded.
  Recording take();

 protected:
  std::string place_of(const void* n) const;
  /// Where the function is now: "operation 3 of the program, in fc1".
  std::string here() const;

  template <class T>
  void on_operation(TracedOperation<T> o);
  template <class T>
  void on_again(const Tensor<T>& y, Again<T> f);
  template <class T>
  void on_source(const char* name, const Tensor<T>& y, Again<T> f);
  template <class T>
  void on_made(const Node<T>* n);
  template <class T>
  void on_constant(const Node<T>* n) {
    constants_.insert(n);
  }
  template <class T>
  void on_read(const Node<T>* n, const char* what);
  template <class T>
  void on_write(const Node<T>* n, const char* what);
  template <class T>
  void on_backward(const Tensor<T>& y, const Tensor<T>& seed, BackwardOptions options);
  template <class T>
  void on_grad(const std::vector<Tensor<T>>& outputs, const std::vector<Tensor<T>>& inputs,
               GradOptions options, const std::vector<Tensor<T>>& seeds,
               const std::vector<Tensor<T>>& results);
  template <class T>
  Tensor<T> on_gradient(const Tensor<T>& x);
  template <class T>
  void on_zero_grad(const Tensor<T>& x);

 private:
  template <class T, class U>
  void on_cast(const Tensor<T>& x, const Tensor<U>& y);
  template <class T>
  std::uint32_t add_value(const Tensor<T>& t, GraphValue::Kind kind);
  template <class T>
  std::uint32_t value_of(const Tensor<T>& t);
  template <class T>
  Operand<T> operand(const Tensor<T>& t, RecordedStep& step);
  template <class T>
  std::vector<Operand<T>> operands(const std::vector<Tensor<T>>& list, RecordedStep& step);
  RecordedStep begin(const char* name);
  void look_at_last();
  template <class T>
  void look_at_entry(const Node<T>* n);
  template <class T>
  std::uint32_t add_result(const Tensor<T>& y, RecordedStep& step);
  template <class T>
  ProgramResult<T> result_of(std::uint32_t v) const;
  template <class T>
  const Tensor<T>* held_of(std::uint32_t v) const {
    return static_cast<const Tensor<T>*>(values_[v].held);
  }
  RecordedStep* last_made(const void* node);
  void require_known_draws();
  bool may_be_result(const void* n) const;
  bool is_untold(const void* n) const;
  std::vector<std::uint32_t> needed_results();
  void look_at_gradients();
  void on_host(const std::string& text);

  void look_for_untold(const std::vector<std::uint32_t>& results);
  bool is_fresh_copy(const void* n) const;
  void keep_modes();
  template <class T>
  void make_parameter();

  bool refuses_reads_, recording_ = is_recording();
  const char* who_;
  std::string why_not_;
  std::vector<std::string> path_;
  std::vector<RecordedStep> steps_;
  std::vector<RecordedValue> values_;
  std::vector<const void*> data_of_;                      // where the values had their numbers
  std::unordered_map<const void*, std::uint32_t> known_;  // nodes, of tensors that are kept here
  std::unordered_map<const void*, std::uint32_t>
      originals_;  // of what was given in place of arguments
  std::unordered_set<const void*> made_, constants_;
  Node<float>* last_float_ = nullptr;  // the result of the last step, whose entry was not looked at
  Node<double>* last_double_ = nullptr;
  std::vector<Node<float>*> float_nodes_;  // kept, so that addresses stay theirs; not their numbers
  std::vector<Node<double>*> double_nodes_;
  TensorLists given_;
  std::shared_ptr<HeldTensors> held_ = std::make_shared<HeldTensors>();
  std::vector<std::uint32_t> float_arguments_, double_arguments_, float_results_, double_results_;
  ProgramGuards guards_;
  NotedDraws draws_;
  std::size_t explained_ = 0;
  DrawsScope noting_{draws_, false};
};

/// Tells what a type's part of the recorder is told.
template <class T, class Base>
class RecorderSide : public Base {
 public:
  // Of the other type.
  using TypedTracer<float>::operation;
  using TypedTracer<double>::operation;
  using TypedTracer<float>::again;
  using TypedTracer<double>::again;
  using TypedTracer<float>::source;
  using TypedTracer<double>::source;
  using TypedTracer<float>::made;
  using TypedTracer<double>::made;
  using TypedTracer<float>::constant;
  using TypedTracer<double>::constant;
  using TypedTracer<float>::read;
  using TypedTracer<double>::read;
  using TypedTracer<float>::write;
  using TypedTracer<double>::write;
  using TypedTracer<float>::backward;
  using TypedTracer<double>::backward;
  using TypedTracer<float>::grad;
  using TypedTracer<double>::grad;
  using TypedTracer<float>::gradient;
  using TypedTracer<double>::gradient;
  using TypedTracer<float>::zero_grad;
  using TypedTracer<double>::zero_grad;
  void operation(TracedOperation<T> o) override { this->on_operation(std::move(o)); }
  void again(const Tensor<T>& y, Again<T> f) override { this->on_again(y, std::move(f)); }
  void source(const char* name, const Tensor<T>& y, Again<T> f) override {
    this->on_source(name, y, std::move(f));
  }
  void made(const Node<T>* n) override { this->on_made(n); }
  void constant(const Node<T>* n) override { this->on_constant(n); }
  void read(Node<T>* n, const char* what) override { this->on_read(n, what); }
  void write(Node<T>* n, const char* what) override { this->on_write(n, what); }
  void backward(const Tensor<T>& y, const Tensor<T>& seed, BackwardOptions o) override {
    this->on_backward(y, seed, o);
  }
  void grad(const std::vector<Tensor<T>>& outputs, const std::vector<Tensor<T>>& inputs,
            GradOptions o, const std::vector<Tensor<T>>& seeds,
            const std::vector<Tensor<T>>& results) override {
    this->on_grad(outputs, inputs, o, seeds, results);
  }
  Tensor<T> gradient(const Tensor<T>& x) override { return this->on_gradient(x); }
  void zero_grad(const Tensor<T>& x) override { this->on_zero_grad(x); }

 protected:
  using Base::Base;
};

class Recorder final : public RecorderSide<float, RecorderSide<double, RecorderCore>> {
 public:
  explicit Recorder(bool refuses_reads)
      : RecorderSide<float, RecorderSide<double, RecorderCore>>(refuses_reads) {}
};

/// The recorder is the one whom the thread tells while it lives, whoever it was before.
class TellingScope {
 public:
  TellingScope(RecorderCore& recorder, const std::vector<Indices>& indices)
      : tracer_(std::exchange(tracer, &recorder)),
        reader_(std::exchange(description_reader, &recorder)),
        indices_(std::exchange(index_arguments, &indices)),
        frame_(recording_frame) {
    // That of the outermost function, whose locals are gone when this is done again.
    if (frame_ == nullptr)
      recording_frame = static_cast<const std::byte*>(__builtin_frame_address(0));
  }
  ~TellingScope() {
    tracer = tracer_;
    description_reader = reader_;
    index_arguments = indices_;
    recording_frame = frame_;
  }
  TellingScope(const TellingScope&) = delete;
  TellingScope& operator=(const TellingScope&) = delete;

 private:
  Tracer* tracer_;
  DescriptionReader* reader_;
  const std::vector<Indices>* indices_;
  const std::byte* frame_;
};

}  // namespace xgrad::detail
