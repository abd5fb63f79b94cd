#pragma once

// The function under a gradient check, evaluated in place and always with the same random
// numbers. Internal.

#include <cstddef>
#include <utility>
#include <vector>

#include "xgrad/gradient_check/check.hpp"
#include "xgrad/gradient_check/numeric.hpp"

namespace xgrad::detail {

/// Puts the state of generators back when it goes.
class KeepGenerators {
 public:
  explicit KeepGenerators(std::vector<Generator*> generators);
  ~KeepGenerators() { rewind(); }
  KeepGenerators(const KeepGenerators&) = delete;
  KeepGenerators& operator=(const KeepGenerators&) = delete;

  void rewind() const;

 private:
  std::vector<std::pair<Generator*, Generator::State>> states_;
};

/// Whether n numbers are the same, bit for bit; none of them are.
bool same_bits(const double* a, const double* b, std::size_t n);

/// Puts the numbers of a leaf back when it goes.
class KeepValue {
 public:
  explicit KeepValue(const Tensor<double>& x) : x_(x), before_(x.data(), x.data() + x.size()) {}
  ~KeepValue() { put_back(); }
  KeepValue(KeepValue&&) = default;
  KeepValue& operator=(KeepValue&&) = delete;

  const std::vector<double>& before() const { return before_; }
  bool is_changed() const;
  void put_back();

 private:
  Tensor<double> x_;
  std::vector<double> before_;
};

/// Puts one number of a leaf back when it goes.
class KeepElement {
 public:
  KeepElement(const Tensor<double>& x, std::size_t position)
      : x_(x), position_(position), before_(x.data()[position]) {}
  ~KeepElement() { x_.mutable_data()[position_] = before_; }
  KeepElement(const KeepElement&) = delete;
  KeepElement& operator=(const KeepElement&) = delete;

 private:
  Tensor<double> x_;
  std::size_t position_;
  double before_;
};

/// Inputs moved beside where they are, all coordinates at once, until it goes: relative to every
/// coordinate, so that all operations round anew; at far spacing also apart from the coordinate's
/// size, so that small ones move what they are added to.
class Displacement {
 public:
  Displacement(const std::vector<Tensor<double>>& inputs, Generator& generator);
  void move(double spacing, double multiple);

 private:
  std::vector<Tensor<double>> inputs_;
  std::vector<KeepValue> keep_;
  std::vector<std::vector<double>> directions_;
};

/// Numbers of magnitude 0.5 to 1.5 and either sign.
std::vector<double> random_weights(std::size_t n, Generator& generator);

/// `f` and the inputs it is checked at, and the numbers that are made of its outputs: random
/// combinations, or every element.
class Probe {
 public:
  using Tensors = std::vector<Tensor<double>>;

  /// `least_noise` holds lower limits of the rounding noise of the elements of all outputs; empty:
  /// 0.
  Probe(const TensorFunction<double>& f, const Tensors& inputs, const GradientCheckOptions& options,
        std::vector<double> least_noise = {});

  const Tensors& inputs() const { return inputs_; }
  /// How many numbers are made of the outputs.
  std::size_t count() const { return jacobian_ ? elements_ : weights_.size(); }
  std::size_t output_elements() const { return elements_; }
  std::size_t evaluations() const { return evaluations_; }
  Generator& generator() const { return generator_; }

  /// f(inputs), the random numbers being those of the first call.
  Tensors outputs() const;
  /// The same without recording, all outputs in one list.
  std::vector<double> values() const;
  /// d(number k)/d(output i), times `factor`.
  Tensor<double> seed(std::size_t k, const Tensors& outputs, std::size_t i,
                      double factor = 1) const;
  /// How large the terms are that each number is a sum of.
  std::vector<double> magnitudes() const;
  /// values() at construction.
  const std::vector<double>& centre() const { return centre_; }

  /// From now on also what needs no gradient is recorded: the function differentiates inside.
  void record_always();
  /// Whether the function has been seen to differentiate inside.
  bool differentiates() const { return differentiates_; }

  /// Measures the rounding noise of the outputs while all inputs change in all coordinates.
  void measure_noise_here();
  /// How the numbers made of f(inputs) differ from those at construction. An output that changed in
  /// no sample since the last call of `forget_changes` does not depend on what is varied and adds
  /// no noise.
  Sample sample();
  void forget_changes() { changed_.assign(elements_, false); }
  /// As if every output had changed.
  void expect_changes() { changed_.assign(elements_, true); }

 private:
  struct Sums : Sample {
    explicit Sums(std::size_t count);
    Sample with_noise_of_random_signs() const;
    std::vector<long double> squares;  // of the noise
  };
  void evaluate_centre();
  std::vector<double> values_or_nan() const;
  void combine(std::size_t place, long double change, long double noise, Sums& s) const;

  const TensorFunction<double>& f_;
  Tensors inputs_;
  KeepGenerators generators_;
  mutable Generator generator_;
  bool jacobian_, records_ = false;
  std::size_t elements_ = 0;
  std::vector<std::vector<double>>
      weights_;  // of each combination, over the elements of all outputs
  std::vector<double> centre_, noise_, least_noise_;  // of each element
  std::vector<bool> changed_;
  mutable std::size_t evaluations_ = 0;
  mutable bool differentiates_ = false;
};

/// The magnitude that each coordinate varies on: its own, or the root mean square of all if that is
/// larger; 1 if both are 0.
std::vector<double> coordinate_scales(const Tensor<double>& x);

}  // namespace xgrad::detail
