// What newcomers get wrong most: forty calls, in a module where that is where it happens.

#include "tests/errors/bad_calls.hpp"
#include "xgrad/xgrad.hpp"

namespace bad_calls {
namespace {

using namespace xgrad;
using D = double;
using T = Tensor<double>;

T of(const Shape& shape) { return T::filled(shape, 0.5); }
T learned(const Shape& shape) { return parameter(of(shape)); }

struct Encoder : Module<D> {
  Linear<D>& fc1 = add<Linear<D>>("fc1", 4, 3);
  Linear<D>& fc2 = add<Linear<D>>("fc2", 5, 2);
  T forward(const T& x) override { return fc2(relu(fc1(x))); }
};

struct Net : Module<D> {
  Encoder& encoder = add<Encoder>("encoder");
  T& scale = add_parameter("scale", of({2}));
  T forward(const T& x) override { return encoder(x) * scale; }
  std::string type_name() const override { return "Net"; }
};

struct Stray : Module<D> {
  Linear<D> fc{2, 2};
  T forward(const T& x) override { return fc(x); }
  std::string type_name() const override { return "Stray"; }
};

T after_backward(const T& loss) {
  loss.backward();
  return loss;
}

T without_recording(const T& x) {
  const NoGrad guard;
  return sum(x * x);
}

T written_since(T& x) {
  const T y = sum(square(x));
  x.mutable_data()[0] = 1;
  return y;
}

void update_twice(Sgd<D>& optimizer) {
  optimizer.set_checks({.missing = true});
  optimizer.step();
}

}  // namespace

// clang-format off
std::vector<Call> common() {
  return {
      // Shapes.
      XGRAD_BAD(of({32, 10}) + of({32})),
      XGRAD_BAD(matmul(of({32, 784}), of({10, 784}))),
      XGRAD_BAD(linear(of({32, 784}), of({10, 783}), of({10}))),
      XGRAD_BAD(linear(of({32, 784}), of({10, 784}), of({11}))),
      XGRAD_BAD(Net()(of({2, 4}))),
      XGRAD_BAD(Net()(of({2, 3}))),
      XGRAD_BAD(conv2d(of({32, 28, 28, 1}), of({16, 1, 3, 3}))),
      XGRAD_BAD(reshape(of({2, 3}), Shape{4, 2})),
      XGRAD_BAD(transpose(of({2, 3}), 0, 2)),
      XGRAD_BAD(mean(of({2, 3}), -3)),
      XGRAD_BAD(sum(of({32, 10}), {0, 2})),
      XGRAD_BAD(sum(of({32, 10}), {1, -1})),
      XGRAD_BAD(softmax(of({32, 10}), 2)),
      XGRAD_BAD(log_softmax(of({}), 0)),
      XGRAD_BAD(slice(of({32, 10}), 2, 0, 5)),
      XGRAD_BAD(index_select(of({32, 10}), -3, Indices{0})),
      XGRAD_BAD(unsqueeze(of({32, 10}), -4)),
      XGRAD_BAD(permute(of({2, 3, 4}), {0, 1, 3})),
      XGRAD_BAD(permute(of({2, 3, 4}), {0, 1, 1})),
      XGRAD_BAD(flatten(of({32, 10}), 2)),
      XGRAD_BAD(split(of({32, 10}), 2, 2)),
      XGRAD_BAD(of({32, 10}).size(2)),
      XGRAD_BAD(concat({of({2, 3}), of({2, 4})}, 0)),
      XGRAD_BAD(concat({of({2, 3}), of({2, 3})}, 2)),
      XGRAD_BAD(stack({of({2, 3}), of({2, 3})}, 3)),
      XGRAD_BAD(stack({of({2, 3}), of({3, 2})})),
      XGRAD_BAD(squeeze(of({2, 3}), {1})),
      XGRAD_BAD(select(of({2, 3}), 0, 2)),
      XGRAD_BAD(T::from({{1, 2}, {3}})),
      XGRAD_BAD(T::from({2, 2}, std::vector<int>{1, 2, 3})),
      XGRAD_BAD(of({2, 3})(2, 0)),
      XGRAD_BAD(of({2, 3}).item(1)),
      XGRAD_BAD(indices({2, 2}, std::vector<int>{1, 2, 3})),
      // Losses and labels.
      XGRAD_BAD(mse_loss(of({32, 1}), of({32}))),
      XGRAD_BAD(cross_entropy(of({2, 10}), Indices{3, 10})),
      XGRAD_BAD(cross_entropy(of({2, 10}), Indices{3, 1, 2})),
      XGRAD_BAD(cross_entropy(of({2, 10}), of({2, 10}))),
      XGRAD_BAD(binary_cross_entropy(of({2}) * 3.0, of({2}))),
      XGRAD_BAD(binary_cross_entropy_with_logits(of({2, 2}), of({2, 2}), {.pos_weight = of({3})})),
      XGRAD_BAD(Embedding<D>(10, 4)(Indices{3, 10})),
      // Gradients.
      XGRAD_BAD((learned({3}) * 2.0).backward()),
      XGRAD_BAD(after_backward(sum(exp(learned({3})))).backward()),
      XGRAD_BAD(without_recording(learned({3})).backward()),
      XGRAD_BAD(sum(learned({3})).detach().backward()),
      XGRAD_BAD([] { const T x = learned({3}); grad(grad(sum(x * x), x), x); }()),
      XGRAD_BAD(grad(sum(learned({3})), of({3}))),
      XGRAD_BAD(grad(sum(learned({3})), learned({3}))),
      XGRAD_BAD([] { T x = learned({3}); written_since(x).backward(); }()),
      XGRAD_BAD((learned({3}) * 2.0).grad()),
      XGRAD_BAD(learned({3}).grad()),
      XGRAD_BAD([] { T y = learned({3}) * 2.0; y.set_value(of({3}).value()); }()),
      XGRAD_BAD(learned({3}).set_value(of({2}).value())),
      XGRAD_BAD(sum(T())),
      // Modules and optimizers.
      XGRAD_BAD(Stray()(of({1, 2}))),
      XGRAD_BAD(Net().at("encoder.fc3.weight")),
      XGRAD_BAD(Net().load_state_dict(Encoder().state_dict())),
      XGRAD_BAD([] { Net net; net.scale = of({3}); }()),
      XGRAD_BAD(Sequential<D>{Linear<D>(2, 2)}[1]),
      XGRAD_BAD(BatchNorm<D>(4)(of({1, 4}))),
      XGRAD_BAD(Sgd<D>(NamedTensors<D>(), {.learning_rate = 0.1})),
      XGRAD_BAD(Sgd<D>({learned({3})}, {.learning_rate = -0.1})),
      XGRAD_BAD(Adam<D>({exp(learned({3}))})),
      XGRAD_BAD([] { Sgd<D> o({learned({3})}); update_twice(o); }()),
      XGRAD_BAD(clone(Residual<D>(std::make_unique<Stray>(), nullptr))),
  };
}
// clang-format on

}  // namespace bad_calls
