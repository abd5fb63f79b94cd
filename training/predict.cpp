#include "xgrad/training/predict.hpp"

#include <algorithm>
#include <cmath>

#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/ops/softmax.hpp"
#include "xgrad/training/eval_scope.hpp"

namespace xgrad {
namespace {

template <class T>
Tensor<T> rows(const Array<T>& x, std::size_t begin, std::size_t end) {
  const Shape shape(x.shape());
  const std::size_t row = shape.without(0).elements();
  Tensor<T> r = Tensor<T>::uninitialized(shape.without(0).with(0, end - begin));
  std::copy_n(x.data() + begin * row, (end - begin) * row, r.mutable_data());
  return r;
}

template <class T>
void check_batch(const Tensor<T>& y, std::size_t samples) {
  detail::require(y.shape().rank() > 0 && y.shape()[0] == samples, "predict", samples,
                  " samples became ", y.shape());
}

// The outputs one behind the other; made when the first of them is there.
template <class T>
class Outputs {
 public:
  explicit Outputs(std::size_t samples) : samples_(samples) {}

  void add(const Tensor<T>& y) {
    const Shape sample = y.shape().without(0);
    if (done_ == 0) all_ = Array<T>::from_shape(sample.with(0, samples_));
    detail::require(sample == Shape(all_.shape()).without(0), "predict",
                    "batches have outputs of different shapes: ", Shape(all_.shape()).without(0),
                    ", ", sample);
    std::copy_n(y.data(), y.size(), all_.data() + done_ * sample.elements());
    done_ += y.shape()[0];
  }
  Array<T> take() { return std::move(all_); }

 private:
  std::size_t samples_, done_ = 0;
  Array<T> all_;
};

// Sums of float rows are off by a few roundings.
template <class T>
bool are_probabilities(const Array<T>& y) {
  const std::size_t classes = y.shape(1);
  for (std::size_t i = 0; i < y.shape(0); ++i) {
    double sum = 0;
    for (std::size_t c = 0; c < classes; ++c) {
      const auto p = static_cast<double>(y.data()[i * classes + c]);
      if (!(p >= 0)) return false;
      sum += p;
    }
    if (!(std::abs(sum - 1) < 1e-5)) return false;
  }
  return true;
}

}  // namespace

template <class T>
Array<T> predict(Module<T>& module, const Array<T>& x, const PredictOptions& options) {
  detail::require(x.dimension() > 0, "predict", "there is no axis of samples: shape ()");
  detail::require(options.batch_size > 0, "predict", "batch_size is 0");
  const NoGrad guard;
  const EvalScope<T> mode(module);
  const std::size_t n = x.shape(0);
  Outputs<T> outputs(n);
  std::size_t begin = 0;
  do {
    const std::size_t end = begin + std::min(options.batch_size, n - begin);
    const Tensor<T> y = module(rows(x, begin, end));
    check_batch(y, end - begin);
    outputs.add(y);
    begin = end;
  } while (begin < n);
  return outputs.take();
}

template <class T>
Array<T> predict_proba(Module<T>& module, const Array<T>& x, const PredictOptions& options) {
  const Array<T> y = predict(module, x, options);
  detail::require(y.dimension() == 2 && y.shape(1) > 1, "predict_proba", "outputs have shape ",
                  Shape(y.shape()), ", not (n, classes) with 2 at least");
  if (are_probabilities(y)) return y;
  const NoGrad guard;
  return softmax(Tensor<T>(y)).value();
}

template Array<float> predict(Module<float>&, const Array<float>&, const PredictOptions&);
template Array<double> predict(Module<double>&, const Array<double>&, const PredictOptions&);
template Array<float> predict_proba(Module<float>&, const Array<float>&, const PredictOptions&);
template Array<double> predict_proba(Module<double>&, const Array<double>&, const PredictOptions&);

}  // namespace xgrad
