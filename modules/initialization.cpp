#include "xgrad/modules/initialization.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include "xgrad/base/errors.hpp"
#include "xgrad/ops/random.hpp"

namespace xgrad {

using detail::require;
using detail::require_in;

namespace {

void require_matrix(const char* operation, const Shape& shape) {
  require(shape.rank() == 2, operation, "w is no matrix: w ", shape);
}

Generator& chosen(Generator* generator) {
  return generator != nullptr ? *generator : default_generator();
}

template <class T>
void fill_normal(Tensor<T>& w, double mean, double deviation, Generator* generator) {
  kernels::fill_normal(w.mutable_data(), w.size(), static_cast<T>(mean), static_cast<T>(deviation),
                       chosen(generator).next());
}

template <class T>
void fill_uniform(Tensor<T>& w, double low, double high, Generator* generator) {
  kernels::fill_uniform(w.mutable_data(), w.size(), static_cast<T>(low), static_cast<T>(high),
                        chosen(generator).next());
}

// Uniform numbers of the given deviation.
template <class T>
void fill_symmetric(Tensor<T>& w, double deviation, Generator* generator) {
  const double bound = std::sqrt(3.0) * deviation;
  fill_uniform(w, -bound, bound, generator);
}

}  // namespace

// --- Constants ---

template <class T>
void zeros_(Tensor<T> w) {
  constant_(w, T(0));
}

template <class T>
void ones_(Tensor<T> w) {
  constant_(w, T(1));
}

template <class T>
void constant_(Tensor<T> w, std::type_identity_t<T> value) {
  std::fill_n(w.mutable_data(), w.size(), value);
}

template <class T>
void identity_(Tensor<T> w) {
  require_matrix("identity_", w.shape());
  zeros_(w);
  T* const x = w.mutable_data();
  const std::size_t rows = w.shape()[0], columns = w.shape()[1];
  for (std::size_t i = 0; i < std::min(rows, columns); ++i) x[i * columns + i] = T(1);
}

// --- Plain distributions ---

template <class T>
void uniform_(Tensor<T> w, UniformOptions o) {
  require(o.low <= o.high && std::isfinite(o.low) && std::isfinite(o.high), "uniform_",
          "not an interval: low ", o.low, ", high ", o.high);
  fill_uniform(w, o.low, o.high, o.generator);
}

template <class T>
void normal_(Tensor<T> w, NormalOptions o) {
  require_in("normal_", "deviation", o.deviation, "[0, inf]");
  fill_normal(w, o.mean, o.deviation, o.generator);
}

namespace {

double normal_distribution(double z) { return 0.5 * std::erfc(-z * std::numbers::sqrt2 / 2); }
double normal_density(double z) { return std::exp(-0.5 * z * z) / std::sqrt(2 * std::numbers::pi); }

// z in [low, high] with normal_distribution(z) = p: Newton's method, halving where it would leave
// the bracket.
double normal_quantile(double p, double low, double high) {
  double z = std::clamp(0.0, low, high);
  for (int i = 0; i < 100; ++i) {
    const double error = normal_distribution(z) - p;
    (error > 0 ? high : low) = z;
    double next = z - error / normal_density(z);
    if (!(next > low && next < high)) next = 0.5 * (low + high);
    if (std::abs(next - z) <= 1e-15 * std::max(1.0, std::abs(z))) return next;
    z = next;
  }
  return z;
}

}  // namespace

template <class T>
void truncated_normal_(Tensor<T> w, TruncatedNormalOptions o) {
  require_in("truncated_normal_", "deviation", o.deviation, "[0, inf]");
  require(o.low < o.high && o.low < 37 && o.high > -37, "truncated_normal_",
          "not an interval with room for numbers: low ", o.low, ", high ", o.high);
  const double side =
      o.low > 0 ? -1 : 1;  // the lower tail is where the distribution function is exact
  const double low = side > 0 ? o.low : -o.high, high = side > 0 ? o.high : -o.low;
  Tensor<double> u = uniform<double>(w.shape(), normal_distribution(low), normal_distribution(high),
                                     chosen(o.generator));
  const double lowest = std::max(low, -38.0), highest = std::min(high, 38.0);
  std::transform(u.data(), u.data() + u.size(), w.mutable_data(), [&](double p) {
    return static_cast<T>(o.mean + o.deviation * side * normal_quantile(p, lowest, highest));
  });
}

// --- Distributions that keep the variance of the signal ---

double gain(Activation activation, double slope) {
  switch (activation) {
    case Activation::identity:
    case Activation::sigmoid:
    case Activation::selu:
      return 1;
    case Activation::tanh:
      return 5.0 / 3.0;
    case Activation::relu:
      return std::numbers::sqrt2;
    case Activation::leaky_relu:
      return std::sqrt(2 / (1 + slope * slope));
    case Activation::elu:
      return 1.24519830070079;
    case Activation::gelu:
      return 1.5335304411956205;
    case Activation::silu:
      return 1.6765324703311786;
    case Activation::mish:
      return 1.4868475812732789;
    case Activation::softplus:
      return 1.0418668355353529;
  }
  detail::fail("gain", "unknown activation ", static_cast<int>(activation));
}

Fans fans(const Shape& weight) {
  require(weight.rank() >= 2, "fans", "a weight has two axes or more: w ", weight);
  std::size_t kernel = 1;
  for (std::size_t i = 2; i < weight.rank(); ++i) kernel *= weight[i];
  return {weight[1] * kernel, weight[0] * kernel};
}

namespace {

// sqrt(numerator / fan), 0 for an empty tensor.
double deviation_of(double numerator, std::size_t fan) {
  return fan == 0 ? 0 : std::sqrt(numerator / static_cast<double>(fan));
}

double xavier_deviation(const char* operation, const Shape& w, double gain) {
  require_in(operation, "gain", gain, "(0, inf)");
  return gain * deviation_of(2, fans(w).in + fans(w).out);
}

double lecun_deviation(const char* operation, const Shape& w, double gain) {
  require_in(operation, "gain", gain, "(0, inf)");
  return gain * deviation_of(1, fans(w).in);
}

double he_deviation(const Shape& w, const HeOptions& o) {
  const Fans f = fans(w);
  return gain(o.activation, o.slope) * deviation_of(1, o.fan == Fan::in ? f.in : f.out);
}

}  // namespace

template <class T>
void xavier_uniform_(Tensor<T> w, FanOptions o) {
  fill_symmetric(w, xavier_deviation("xavier_uniform_", w.shape(), o.gain), o.generator);
}

template <class T>
void xavier_normal_(Tensor<T> w, FanOptions o) {
  fill_normal(w, 0, xavier_deviation("xavier_normal_", w.shape(), o.gain), o.generator);
}

template <class T>
void lecun_uniform_(Tensor<T> w, FanOptions o) {
  fill_symmetric(w, lecun_deviation("lecun_uniform_", w.shape(), o.gain), o.generator);
}

template <class T>
void lecun_normal_(Tensor<T> w, FanOptions o) {
  fill_normal(w, 0, lecun_deviation("lecun_normal_", w.shape(), o.gain), o.generator);
}

template <class T>
void he_uniform_(Tensor<T> w, HeOptions o) {
  fill_symmetric(w, he_deviation(w.shape(), o), o.generator);
}

template <class T>
void he_normal_(Tensor<T> w, HeOptions o) {
  fill_normal(w, 0, he_deviation(w.shape(), o), o.generator);
}

// --- Structured matrices ---

namespace {

using Column = std::vector<double>;

// a -= 2 v (v . a) from row k on, v of length 1
void reflect(const Column& v, Column& a, std::size_t k) {
  double dot = 0;
  for (std::size_t i = k; i < v.size(); ++i) dot += v[i] * a[i];
  for (std::size_t i = k; i < v.size(); ++i) a[i] -= 2 * dot * v[i];
}

// The vector whose reflection takes a to -sign(a[k]) |a| e_k from row k on.
Column reflector(const Column& a, std::size_t k) {
  Column v(a.size(), 0.0);
  double square = 0;
  for (std::size_t i = k; i < a.size(); ++i) square += a[i] * a[i];
  std::copy(a.begin() + static_cast<std::ptrdiff_t>(k), a.end(),
            v.begin() + static_cast<std::ptrdiff_t>(k));
  v[k] += std::copysign(std::sqrt(square), a[k]);
  double length = 0;
  for (const double x : v) length += x * x;
  for (double& x : v) x /= std::sqrt(length);
  return v;
}

// Replaces the columns by Q of their QR decomposition with positive diagonal of R (Householder).
void orthonormalize(std::vector<Column>& columns) {
  std::vector<Column> v;
  Column sign;
  for (std::size_t k = 0; k < columns.size(); ++k) {
    for (std::size_t j = 0; j < k; ++j) reflect(v[j], columns[k], j);
    sign.push_back(columns[k][k] > 0 ? -1 : 1);
    v.push_back(reflector(columns[k], k));
  }
  for (std::size_t k = 0; k < columns.size(); ++k) {
    Column& q = columns[k];
    std::fill(q.begin(), q.end(), 0.0);
    q[k] = sign[k];
    for (std::size_t j = k + 1; j-- > 0;) reflect(v[j], q, j);
  }
}

}  // namespace

template <class T>
void orthogonal_(Tensor<T> w, FanOptions o) {
  require(w.rank() >= 2, "orthogonal_", "w has two axes or more: w ", w.shape());
  require_in("orthogonal_", "gain", o.gain, "(0, inf)");
  const std::size_t rows = w.shape()[0], columns = w.size() / std::max<std::size_t>(rows, 1);
  const std::size_t count = std::min(rows, columns), length = std::max(rows, columns);
  const Tensor<double> z = normal<double>({count, length}, 0, 1, chosen(o.generator));
  std::vector<Column> q;
  for (std::size_t k = 0; k < count; ++k)
    q.emplace_back(z.data() + k * length, z.data() + (k + 1) * length);
  orthonormalize(q);
  T* const to = w.mutable_data();
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < columns; ++j) {
      to[i * columns + j] = static_cast<T>(o.gain * (rows < columns ? q[i][j] : q[j][i]));
    }
  }
}

template <class T>
void sparse_(Tensor<T> w, SparseOptions o) {
  require_matrix("sparse_", w.shape());
  require_in("sparse_", "sparsity", o.sparsity, "[0, 1]");
  require_in("sparse_", "deviation", o.deviation, "[0, inf]");
  Generator& generator = chosen(o.generator);
  fill_normal(w, 0, o.deviation, &generator);
  const std::size_t rows = w.shape()[0], in = w.shape()[1];
  const auto zeros = static_cast<std::size_t>(std::llround(o.sparsity * static_cast<double>(in)));
  T* const x = w.mutable_data();
  for (std::size_t i = 0; i < rows; ++i) {
    const Indices order = random_permutation(in, generator);
    for (std::size_t k = 0; k < zeros; ++k)
      x[i * in + static_cast<std::size_t>(order.data()[k])] = T(0);
  }
}

#define XGRAD_INSTANTIATE(T)                                          \
  template void zeros_(Tensor<T>);                                    \
  template void ones_(Tensor<T>);                                     \
  template void constant_(Tensor<T>, std::type_identity_t<T>);        \
  template void identity_(Tensor<T>);                                 \
  template void uniform_(Tensor<T>, UniformOptions);                  \
  template void normal_(Tensor<T>, NormalOptions);                    \
  template void truncated_normal_(Tensor<T>, TruncatedNormalOptions); \
  template void xavier_uniform_(Tensor<T>, FanOptions);               \
  template void xavier_normal_(Tensor<T>, FanOptions);                \
  template void lecun_uniform_(Tensor<T>, FanOptions);                \
  template void lecun_normal_(Tensor<T>, FanOptions);                 \
  template void he_uniform_(Tensor<T>, HeOptions);                    \
  template void he_normal_(Tensor<T>, HeOptions);                     \
  template void orthogonal_(Tensor<T>, FanOptions);                   \
  template void sparse_(Tensor<T>, SparseOptions);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
