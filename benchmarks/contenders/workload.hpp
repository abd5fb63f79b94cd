#pragma once

// What the contenders of the side-by-side benchmark share: the parameters of a workload, the
// numbers it works on, and what it must show before its time counts. docs/performance.md defines
// the workloads.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace benchmark_contenders {

/// `name=value` pairs from the command line.
class Parameters {
 public:
  explicit Parameters(const std::vector<std::string>& pairs);
  /// The value of `name` as a count; "1e6" is one as well.
  std::size_t size(const std::string& name, std::size_t otherwise) const;
  std::string text(const std::string& name, const std::string& otherwise) const;

 private:
  std::map<std::string, std::string> values_;
};

/// A named array of a verified step: "loss", "weight gradient", ...
struct Result {
  std::string name;
  std::vector<double> values;
};
using Results = std::vector<Result>;

/// Of arrays above a million numbers, evenly spread ones.
template <class T>
Result result(const std::string& name, const T* values, std::size_t n) {
  Result r{name, {}};
  const std::size_t stride = n / (std::size_t{1} << 20) + 1;
  for (std::size_t i = 0; i < n; i += stride) r.values.push_back(static_cast<double>(values[i]));
  return r;
}

class Workload {
 public:
  virtual ~Workload() = default;
  /// Back to the state after construction, so that every sample times the same work.
  virtual void reset() {}
  /// From here on steps are those of a compiled function, for a contender that has such.
  virtual void compile() {}
  /// The unit of work that is timed.
  virtual void step() = 0;
  /// Loss and gradients of the last step.
  virtual Results results() = 0;
};

/// The workload of that name; null when the contender does not have it. Each contender defines it.
std::unique_ptr<Workload> make_workload(const std::string& name, const Parameters& parameters);
/// Called once, before anything else. Each contender defines it.
void use_threads(int threads);

/// Number i of the stream `seed`, uniform in [0, 2^64) (Steele, Lea, Flood 2014).
inline std::uint64_t random_bits(std::uint64_t seed, std::uint64_t i) {
  std::uint64_t z = (seed << 40) + (i + 1) * 0x9e3779b97f4a7c15U;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31);
}

/// n numbers, uniform in [-bound, bound).
template <class T>
void fill(T* to, std::size_t n, std::uint64_t seed, double bound = 1) {
  for (std::size_t i = 0; i < n; ++i) {
    const double unit = static_cast<double>(random_bits(seed, i) >> 11) * 0x1p-53;
    to[i] = static_cast<T>((2 * unit - 1) * bound);
  }
}

template <class T>
std::vector<T> numbers(std::size_t n, std::uint64_t seed, double bound = 1) {
  std::vector<T> v(n);
  fill(v.data(), n, seed, bound);
  return v;
}

/// A positive definite matrix (n, n): correlations that fall with the distance, and 1 more on the
/// diagonal.
template <class T>
void correlations(T* a, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      const double distance = static_cast<double>(i < j ? j - i : i - j);
      a[i * n + j] = static_cast<T>(std::exp(-distance / 10) + (i == j ? 1 : 0));
    }
  }
}

/// n class labels below `classes`.
inline std::vector<std::int64_t> labels(std::size_t n, std::uint64_t classes) {
  std::vector<std::int64_t> v(n);
  for (std::size_t i = 0; i < n; ++i)
    v[i] = static_cast<std::int64_t>(random_bits(99, i) % classes);
  return v;
}

/// Lengths of n sequences from 1 to `steps`, in no order: half of the steps are padding.
inline std::vector<std::size_t> lengths_up_to(std::size_t steps, std::size_t n) {
  std::vector<std::size_t> v(n);
  for (std::size_t i = 0; i < n; ++i) v[i] = 1 + i * 13 % n * (steps - 1) / (n > 1 ? n - 1 : 1);
  return v;
}

/// Seeds of the arrays, the same in every contender.
namespace seeds {
constexpr std::uint64_t kInput = 1, kOther = 2, kGradient = 3, kParameters = 100;
}

/// The multilayer perceptron's layer sizes.
constexpr std::size_t kPerceptron[] = {784, 512, 256, 10};
constexpr std::size_t kClasses = 10;

/// A matrix, or a vector when it has no columns, of numbers in [-bound, bound).
struct SmallArray {
  std::size_t rows, columns;
  double bound;
};

/// Of the perceptron 2-16-16-1: weight and bias of each layer.
inline std::vector<SmallArray> playground_weights() {
  return {{16, 2, 0.7}, {16, 0, 0.7}, {16, 16, 0.25}, {16, 0, 0.25}, {1, 16, 0.25}, {1, 0, 0.25}};
}

/// Of a gated recurrent unit that is written out: input weight, recurrent weight and bias.
inline std::vector<SmallArray> gru_weights(std::size_t d) {
  return {{d, 3 * d, 0.08}, {d, 3 * d, 0.08}, {3 * d, 0, 0.08}};
}

/// Self-attention of every head, as shapes of q, k and v.
struct HeadSizes {
  std::size_t batch, heads, length, width;
};
inline HeadSizes head_sizes(const Parameters& p) {
  return {p.size("batch", 8), p.size("heads", 8), p.size("length", 256), p.size("width", 64)};
}

/// A convolution of a MobileNet block: 3 x 3 of channels by themselves, 1 x 1, and 3 x 3 with
/// stride 2, also of the first layer.
struct BlockConvolution {
  std::size_t n, in, out, size, kernel, stride, groups;
  std::size_t padding() const { return kernel / 2; }
  std::size_t result() const { return (size + 2 * padding() - kernel) / stride + 1; }
};
inline BlockConvolution block_convolution(const std::string& op) {
  if (op == "depthwise") return {16, 192, 192, 28, 3, 1, 192};
  if (op == "depthwise_strided") return {16, 192, 192, 28, 3, 2, 192};
  if (op == "pointwise") return {16, 32, 192, 28, 1, 1, 1};
  if (op == "strided") return {16, 64, 128, 28, 3, 2, 1};
  return {8, 3, 32, 112, 3, 2, 1};
}

}  // namespace benchmark_contenders
