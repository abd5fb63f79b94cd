#include "xgrad/modules/gradient_check.hpp"

#include <vector>

namespace xgrad::detail {
namespace {

// Puts back the buffers that a forward writes.
class KeepBuffers {
 public:
  explicit KeepBuffers(const Module<double>& net) : buffers_(net.buffers()) {
    for (const NamedTensor<double>& b : buffers_) values_.push_back(b.tensor.clone());
  }
  ~KeepBuffers() {
    for (std::size_t i = 0; i < values_.size(); ++i)
      buffers_[i].tensor.set_value(values_[i].value());
  }
  KeepBuffers(const KeepBuffers&) = delete;
  KeepBuffers& operator=(const KeepBuffers&) = delete;

 private:
  NamedTensors<double> buffers_;
  std::vector<Tensor<double>> values_;
};

// The parameters that are not frozen, after the input if there is one; their names go to `options`.
std::vector<Tensor<double>> inputs_of(const Module<double>& net, const Tensor<double>& x,
                                      GradientCheckOptions& options) {
  options.names.clear();
  std::vector<Tensor<double>> inputs;
  const auto add = [&](const std::string& name, const Tensor<double>& t) {
    options.names.push_back(name);
    inputs.push_back(t);
  };
  if (x.defined()) add("input", x);
  for (const NamedTensor<double>& p : net.parameters()) {
    if (p.tensor.requires_grad()) add(p.name, p.tensor);
  }
  return inputs;
}

TensorFunction<double> without_inputs(const std::function<Tensor<double>()>& f) {
  return [f](const auto&) { return std::vector<Tensor<double>>{f()}; };
}

}  // namespace

GradientReport check_module(Module<double>& net, const std::function<Tensor<double>()>& f,
                            const Tensor<double>& x, GradientCheckOptions options) {
  const KeepBuffers keep(net);
  const std::vector<Tensor<double>> inputs = inputs_of(net, x, options);
  return check_in_place(without_inputs(f), inputs, options);
}

RegularizedReport check_module_terms(Module<double>& net,
                                     const std::function<Tensor<double>()>& data,
                                     const std::function<Tensor<double>()>& penalty,
                                     const Tensor<double>& x, GradientCheckOptions options) {
  const KeepBuffers keep(net);
  const std::vector<Tensor<double>> inputs = inputs_of(net, x, options);
  return check_terms(without_inputs(data), without_inputs(penalty), inputs, options);
}

}  // namespace xgrad::detail
