// Mistakes, each compiled alone, and what the first error has to say. 0: none of them.

#include <xgrad/xgrad.hpp>

using namespace xgrad;

template <class T>
struct Net : Module<T> {
  Linear<T>& fc = this->template add<Linear<T>>("fc", 2, 2);
  Tensor<T> forward(const Tensor<T>& x) override { return fc(x); }
};

// clang-format off
void mistake() {
  Net<float> net;
  Linear<float> layer(2, 2);
  const auto x = Tensor<float>::from({{1, 2}, {3, 4}});
  const auto d = Tensor<double>::from({1, 2});
  const std::vector<int> labels = {0, 1};
#if XGRAD_MISTAKE == 1  // xgrad: the option is called learning_rate: {.learning_rate = 1e-3}
  Adam optimizer(net.parameters(), {.lr = 1e-3});
#elif XGRAD_MISTAKE == 2  // xgrad: the option is called learning_rate: {.learning_rate = 1e-3}
  Sgd<float> optimizer(net.parameters(), {.lr = 1e-3, .momentum = 0.9});
#elif XGRAD_MISTAKE == 3  // xgrad: options have names: write {.learning_rate = 1e-3}
  Adam optimizer(net.parameters(), 1e-3);
#elif XGRAD_MISTAKE == 4  // xgrad: options have names: write {.learning_rate = 1e-3}
  Lbfgs<double> optimizer({parameter(d)}, 1);
#elif XGRAD_MISTAKE == 5  // xgrad: tensors of float and of double do not mix: write x.to<float>() or x.to<double>() for one of them
  auto y = x + d;
#elif XGRAD_MISTAKE == 6  // xgrad: tensors of float and of double do not mix: write x.to<float>() or x.to<double>() for one of them
  auto y = matmul(x, d);
#elif XGRAD_MISTAKE == 7  // xgrad: tensors of float and of double do not mix: write x.to<float>() or x.to<double>()
  auto y = net(d);
#elif XGRAD_MISTAKE == 8  // xgrad: tensors of float and of double do not mix: write x.to<float>() or x.to<double>() for one of them
  auto loss = mse_loss(x, d);
#elif XGRAD_MISTAKE == 9  // xgrad: a module is not copied by accident: write auto copy = clone(net) for a deep copy, const auto& or std::move(net) for none
  Net<float> copy = net;
#elif XGRAD_MISTAKE == 10  // xgrad: a module is not copied by accident: write auto copy = clone(net) for a deep copy, const auto& or std::move(net) for none
  std::vector<Net<float>> nets(3, net);
#elif XGRAD_MISTAKE == 11  // xgrad: a module is not copied by accident: write auto copy = clone(net) for a deep copy, const auto& or std::move(net) for none
  [](Module<float>) {}(net);
#elif XGRAD_MISTAKE == 12  // xgrad: a module owns those in it: write std::move(m), or clone(m) to keep m
  Sequential model{layer};
#elif XGRAD_MISTAKE == 13  // xgrad: a module owns those in it: write std::move(m), or clone(m) to keep m
  Sequential<float> model{Linear<float>(2, 2), layer};
#elif XGRAD_MISTAKE == 14  // xgrad: a module owns those in it: write std::move(m), or clone(m) to keep m
  Residual<float> model(net);
#elif XGRAD_MISTAKE == 15  // xgrad: labels and positions are xgrad::Indices: write indices(labels)
  auto loss = cross_entropy(x, labels);
#elif XGRAD_MISTAKE == 16  // xgrad: labels and positions are xgrad::Indices: write indices(labels)
  auto loss = nll_loss(x, labels, {.ignore_index = 3});
#elif XGRAD_MISTAKE == 17  // xgrad: the function takes tensors of another type: gradients are checked in double, so write it for const auto&, or convert the model to double
  check_gradients([](const Tensor<float>& v) { return sum(v); }, {d});
#elif XGRAD_MISTAKE == 18  // xgrad: gradients are checked in double: give inputs of Tensor<double>
  check_gradients([](const Tensor<float>& v) { return sum(v); }, {x});
#elif XGRAD_MISTAKE == 19  // xgrad: a Tensor is no number: write x.item() for the only element of x, x.item(i, j) for one of several
  double value = sum(d);
#elif XGRAD_MISTAKE == 20  // xgrad: a Tensor is no number: write x.item() for the only element of x, x.item(i, j) for one of several
  if (d == d) return;
#elif XGRAD_MISTAKE == 21  // xgrad: a Tensor holds float or double; labels and positions are xgrad::Indices
  Tensor<int> counts;
#elif XGRAD_MISTAKE == 22  // xgrad: a pointer does not say how many numbers there are: write {p, p + n}
  auto y = Tensor<float>::from({2, 2}, x.data());
#elif XGRAD_MISTAKE == 23  // xgrad: there is no cbrt of tensors: write sign(x) * pow(abs(x), 1.0 / 3)
  auto y = cbrt(x);
#elif XGRAD_MISTAKE == 24  // xgrad: there is no hypot of tensors: write sqrt(square(x) + square(y))
  Tensor<float> y = 2 * hypot(x, 1.0);
#elif XGRAD_MISTAKE == 25  // xgrad: tensors of float and of double do not mix: write x.to<float>() or x.to<double>() for one of them
  auto y = atan2(x, d);
#elif XGRAD_MISTAKE == 26  // xgrad: the betas are two options: {.beta1 = 0.9, .beta2 = 0.999}
  Adam optimizer(net.parameters(), {.learning_rate = 1e-3, .betas = {0.9, 0.98}});
#elif XGRAD_MISTAKE == 27  // xgrad: the option is called epsilon: {.epsilon = 1e-8}
  AdamW<float> optimizer(net.parameters(), {.eps = 1e-6, .weight_decay = 0.1});
#elif XGRAD_MISTAKE == 28  // xgrad: the option is called memory: {.memory = 0.99}
  RmsProp<float> optimizer(net.parameters(), {.alpha = 0.9});
#elif XGRAD_MISTAKE == 29  // xgrad: the option is called centred: {.centred = true}
  RmsProp<float> optimizer({parameter(x)}, {.centered = true});
#else
  Adam optimizer(net.parameters(), {.learning_rate = 1e-3});
  Lion<float> lion({parameter(x)}, {.learning_rate = 1e-3});
  Sequential model{std::move(layer), Relu<float>(), std::move(*clone(net))};
  Sequential<float> moved = std::move(model);
  const auto y = (x.to<double>() * d).to<float>() + cross_entropy(x, indices(labels));
  const double value = sum(y).item();
  static_cast<void>(value);
  const double numbers = std::hypot(value, 1.0) + cbrt(value) + trunc(value) + fmod(value, 2.0);
  const auto more = atan2(x, numbers) + logaddexp(0.0, x) + erf(x) + expm1(x) + lgamma(x);
#endif
}
// clang-format on
