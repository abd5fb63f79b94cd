#pragma once

// The networks that benchmark_distributed trains, and their steps.

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>
#include <xgrad/distributed/data_parallel.hpp>
#include <xgrad/xgrad.hpp>

namespace xgrad::benchmark {

/// A network and the batch that the ranks share out.
struct Model {
  std::string name;
  std::size_t batch;  // of all ranks
  std::function<Sequential<float>()> make;
};

inline std::vector<Model> models() {
  const auto mlp = [] {
    Sequential<float> net;
    net.append(Linear<float>(784, 512)).append(Relu<float>()).append(Linear<float>(512, 256));
    net.append(Relu<float>()).append(Linear<float>(256, 10));
    return net;
  };
  const auto residual = [] {
    Sequential<float> net;
    net.append(Linear<float>(784, 256));
    for (int i = 0; i < 20; ++i) {
      Sequential<float> block;
      block.append(Linear<float>(256, 256)).append(BatchNorm<float>(256)).append(Relu<float>());
      block.append(Linear<float>(256, 256));
      net.append(Residual<float>(std::move(block)));
    }
    net.append(Linear<float>(256, 10));
    return net;
  };
  const auto convolutional = [] {
    Sequential<float> net;
    net.append(Reshape<float>({1, 28, 28})).append(Conv2d<float>(1, 16, 3)).append(Relu<float>());
    net.append(MaxPool2d<float>(2)).append(Conv2d<float>(16, 32, 3)).append(Relu<float>());
    net.append(MaxPool2d<float>(2)).append(Flatten<float>()).append(Linear<float>(800, 128));
    net.append(Relu<float>()).append(Linear<float>(128, 10));
    return net;
  };
  return {
      {"mlp", 512, mlp}, {"residual mlp", 256, residual}, {"convolutional", 128, convolutional}};
}

/// A model, its batch and its steps, on a communicator or (none) alone.
class Steps {
 public:
  Steps(const Model& model, std::size_t samples, const Communicator* group,
        DataParallelOptions options = {})
      : net_(model.make()), sgd_(net_.parameters(), {.learning_rate = 1e-3, .momentum = 0.9}) {
    Generator generator(1);
    x_ = normal<float>({samples, 784}, 0, 1, generator);
    labels_ = random_integers({samples}, 0, 10, generator);
    if (group != nullptr) parallel_ = std::make_unique<DataParallel<float>>(*group, net_, options);
  }
  void step() {
    if (parallel_) {
      parallel_->gradients(labels_.size(), [&](Part part) {
        return cross_entropy(net_(part.of(x_)), part.of(labels_));
      });
    } else {
      sgd_.zero_grad();
      cross_entropy(net_(x_), labels_).backward();
    }
    sgd_.step();
  }
  double waited() const { return parallel_->seconds_waited(); }
  std::size_t parameters() const {
    std::size_t n = 0;
    for (const auto& p : net_.parameters()) n += p.tensor.size();
    return n;
  }

 private:
  Sequential<float> net_;
  Sgd<float> sgd_;
  Tensor<float> x_;
  Indices labels_;
  std::unique_ptr<DataParallel<float>> parallel_;
};

}  // namespace xgrad::benchmark
