// What a user writes to define and train a small model, for the time it takes to compile.

#include <cstdio>
#include <xgrad/xgrad.hpp>

using namespace xgrad;

struct Net : Module<float> {
  Linear<float>& first;
  BatchNorm<float>& norm;
  Linear<float>& second;

  Net(std::size_t in, std::size_t hidden, std::size_t out)
      : first(add<Linear<float>>("first", in, hidden)),
        norm(add<BatchNorm<float>>("norm", hidden)),
        second(add<Linear<float>>("second", hidden, out)) {}
  Tensor<float> forward(const Tensor<float>& x) override { return second(relu(norm(first(x)))); }
};

int main() {
  Net net(20, 64, 3);
  Adam<float> optimizer(net.parameters(), {.learning_rate = 1e-3});
  const Tensor<float> x = normal<float>({128, 20});
  const Indices y = random_integers({128}, 0, 3);
  for (int i = 0; i < 10; ++i) {
    optimizer.zero_grad();
    const Tensor<float> loss = cross_entropy(net(x), y);
    loss.backward();
    optimizer.step();
    if (i == 9) std::printf("%f\n", static_cast<double>(loss.item()));
  }
}
