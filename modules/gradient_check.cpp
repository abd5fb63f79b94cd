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

}  // namespace

GradientReport check_module(Module<double>& net, const std::function<Tensor<double>()>& f,
                            const Tensor<double>& x, GradientCheckOptions options) {
  const KeepBuffers keep(net);
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
  return check_in_place([&](const auto&) { return std::vector<Tensor<double>>{f()}; }, inputs,
                        options);
}

}  // namespace xgrad::detail
