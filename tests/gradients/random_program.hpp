#pragma once

// Programs made of random operations on random shapes, for runs that look for false alarms of the
// gradient check.

#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "xgrad/autograd/tensor.hpp"

namespace xgrad::test {

enum class Kinks {
  none,     ///< every operation is smooth
  between,  ///< operations with kinks, inputs that meet none but by chance
  at,       ///< the same with multiples of 1/2 as inputs, many of them at kinks and ties
};

enum class Scales {
  near_one,
  wide,  ///< inputs of 1e-8 to 1e6, factors and summands of 1e-8 to 1e8
};

class RandomProgram {
 public:
  using D = Tensor<double>;
  using Tensors = std::vector<D>;
  using Step = std::function<D(const Tensors& values)>;  // of all values so far

  /// The same program for the same seed.
  RandomProgram(std::uint64_t seed, Kinks kinks, Scales scales = Scales::near_one);

  const Tensors& inputs() const { return inputs_; }
  Tensors operator()(const Tensors& inputs) const;
  /// The operations, for messages.
  const std::string& text() const { return text_; }

 private:
  void add_input(bool coarse);
  void add_step(bool kinks);
  void scale();
  double power_of_ten(int least, int most);
  void add(const std::string& name, Step step);
  void unary(bool kinks);
  void binary(bool kinks);
  void matrix_product();
  void reduction(bool kinks);
  void rearrangement();
  void assembly();
  std::size_t pick() { return random(values_.size()); }
  std::size_t random(std::size_t n) {
    return std::uniform_int_distribution<std::size_t>(0, n - 1)(engine_);
  }

  std::mt19937_64 engine_;
  bool zeros_, wide_, only_last_ = false;
  Tensors inputs_, values_;
  std::vector<Step> steps_;
  std::string text_;
};

}  // namespace xgrad::test
