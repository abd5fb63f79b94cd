#pragma once

// A function of one sample, recorded for vmap(). Internal.

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "xgrad/compile/recorder.hpp"

namespace xgrad::detail {

/// Tells nobody that it was there, and refuses what cannot be done for a batch.
class SampleRecorder final : public RecorderSide<float, RecorderSide<double, RecorderCore>> {
 public:
  explicit SampleRecorder(bool refuses_reads)
      : RecorderSide<float, RecorderSide<double, RecorderCore>>(refuses_reads, "vmap") {}

  using RecorderSide<float, RecorderSide<double, RecorderCore>>::operation;
  void operation(TracedOperation<float> o) override { add(std::move(o)); }
  void operation(TracedOperation<double> o) override { add(std::move(o)); }
  void effect(const char* name, std::function<void()> again) override;
  void backward(const Tensor<float>& y, const Tensor<float>&, BackwardOptions) override {
    refuse_backward(y);
  }
  void backward(const Tensor<double>& y, const Tensor<double>&, BackwardOptions) override {
    refuse_backward(y);
  }
  Tensor<float> gradient(const Tensor<float>& x) override { return refuse_gradient(x); }
  Tensor<double> gradient(const Tensor<double>& x) override { return refuse_gradient(x); }
  void zero_grad(const Tensor<float>& x) override { refuse_gradient(x); }
  void zero_grad(const Tensor<double>& x) override { refuse_gradient(x); }

 private:
  template <class T>
  void add(TracedOperation<T> o);
  template <class T>
  void refuse_backward(const Tensor<T>& y) const;
  template <class T>
  Tensor<T> refuse_gradient(const Tensor<T>& x) const;
};

/// The indices that are arguments of the function that is traced now; null for none.
inline const std::vector<Indices>* traced_indices() {
  return tracer != nullptr ? index_arguments : nullptr;
}

/// What is done for a batch in place of calling the function for each sample.
struct SampleProgram {
  Recording recording;
  std::vector<bool>
      apart;  ///< values that each sample has of its own, as gradients by them are asked for
  /// Of each step that is a grad(): whether it goes back through what was computed outside, for which
  /// there is one tape and no batch.
  std::vector<bool> outside;
  std::vector<std::vector<std::uint32_t>>
      last;  ///< after each step: values that no later one reads
  std::vector<std::size_t> result_lengths;
  ProgramGuards guards;
  std::string why_not;  ///< not empty: the function is called for each sample
};

/// Calls the function with one sample, whose last indices stand for those of the function that is traced
/// around it, `outer`; the first ones alone are arguments. Random numbers that it draws are thrown away, no generator
/// moves on. Reads on the host are refused, or, if `calls_on_read`, are a reason why_not.
SampleProgram record_sample(TensorLists& sample, const std::vector<Indices>* outer,
                            bool calls_on_read,
                            const std::function<TensorLists(TensorLists&)>& call);

}  // namespace xgrad::detail
