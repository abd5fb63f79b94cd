#include "random_program.hpp"

#include <algorithm>
#include <cmath>

#include "xgrad/ops/activations.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/extrema.hpp"
#include "xgrad/ops/indexing.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/ops/slicing.hpp"
#include "xgrad/ops/softmax.hpp"

namespace xgrad::test {
namespace {

using D = Tensor<double>;

struct Unary {
  const char* name;
  D (*f)(const D&);
};

const std::vector<Unary> kSmooth = {
    {"exp(tanh)", [](const D& x) { return exp(tanh(x)); }},
    {"expm1(sin)", [](const D& x) { return expm1(sin(x)); }},
    {"log(1.5+x^2)", [](const D& x) { return log(1.5 + square(x)); }},
    {"log1p(x^2)", [](const D& x) { return log1p(square(x)); }},
    {"sqrt(1+x^2)", [](const D& x) { return sqrt(1.0 + square(x)); }},
    {"rsqrt(2+x^2)", [](const D& x) { return rsqrt(2.0 + square(x)); }},
    {"reciprocal(1+x^2)", [](const D& x) { return reciprocal(1.0 + square(x)); }},
    {"sin", [](const D& x) { return sin(x); }},
    {"cos", [](const D& x) { return cos(x); }},
    {"tan(atan/2)", [](const D& x) { return tan(0.5 * atan(x)); }},
    {"asin(tanh/2)", [](const D& x) { return asin(0.5 * tanh(x)); }},
    {"acos(sin/2)", [](const D& x) { return acos(0.5 * sin(x)); }},
    {"sinh(sin)", [](const D& x) { return sinh(sin(x)); }},
    {"cosh(tanh)", [](const D& x) { return cosh(tanh(x)); }},
    {"tanh", [](const D& x) { return tanh(x); }},
    {"erf", [](const D& x) { return erf(x); }},
    {"sigmoid", [](const D& x) { return sigmoid(x); }},
    {"softplus", [](const D& x) { return softplus(x); }},
    {"log_sigmoid", [](const D& x) { return log_sigmoid(x); }},
    {"gelu", [](const D& x) { return gelu(x); }},
    {"gelu tanh", [](const D& x) { return gelu(x, GeluForm::tanh); }},
    {"silu", [](const D& x) { return silu(x); }},
    {"mish", [](const D& x) { return mish(x); }},
    {"softmax", [](const D& x) { return x.rank() == 0 ? sigmoid(x) : softmax(x); }},
    {"log_softmax", [](const D& x) { return x.rank() == 0 ? log_sigmoid(x) : log_softmax(x, 0); }},
    {"negative", [](const D& x) { return -x; }},
    {"x/2+1", [](const D& x) { return 0.5 * x + 1.0; }},
    {"cumsum", [](const D& x) { return x.rank() == 0 ? x + x : cumsum(x, -1); }},
};

const std::vector<Unary> kKinked = {
    {"relu", [](const D& x) { return relu(x); }},
    {"abs", [](const D& x) { return abs(x); }},
    {"leaky_relu", [](const D& x) { return leaky_relu(x, 0.1); }},
    {"elu", [](const D& x) { return elu(x, 1.5); }},
    {"selu", [](const D& x) { return selu(x); }},
    {"celu", [](const D& x) { return celu(x); }},
    {"clamp", [](const D& x) { return clamp(x, -0.5, 0.7); }},
    {"softsign", [](const D& x) { return softsign(x); }},
    {"where", [](const D& x) { return where(x > 0.2, x * x, 0.3 - x); }},
    {"relu(x)-relu(-x)", [](const D& x) { return relu(x) - relu(-x); }},
};

struct Binary {
  const char* name;
  D (*f)(const D&, const D&);
};

const std::vector<Binary> kSmoothPairs = {
    {"+", [](const D& a, const D& b) { return a + b; }},
    {"-", [](const D& a, const D& b) { return a - b; }},
    {"*", [](const D& a, const D& b) { return a * b; }},
    {"/", [](const D& a, const D& b) { return a / (1.0 + square(b)); }},
    {"pow", [](const D& a, const D& b) { return pow(1.0 + sigmoid(a), tanh(b)); }},
};

const std::vector<Binary> kKinkedPairs = {
    {"maximum", [](const D& a, const D& b) { return maximum(a, b); }},
    {"minimum", [](const D& a, const D& b) { return minimum(a, b); }},
    {"leaky", [](const D& a, const D& b) { return maximum(a, D(0.0)) + b * minimum(a, D(0.0)); }},
};

bool broadcasts(const Shape& a, const Shape& b) {
  for (std::size_t i = 1; i <= std::min(a.rank(), b.rank()); ++i) {
    const std::size_t m = a[a.rank() - i], n = b[b.rank() - i];
    if (m != n && m != 1 && n != 1) return false;
  }
  return true;
}

// Values must stay where functions of them neither vanish nor overflow; smooth ones never are 0.
bool is_usable(const D& y, bool may_be_zero, bool wide) {
  if (y.size() == 0 || y.size() > 200) return false;
  const double least = wide ? 1e-30 : 1e-9, most = wide ? 1e30 : 200;
  return std::all_of(y.data(), y.data() + y.size(), [=](double v) {
    return (may_be_zero && v == 0) || (std::abs(v) > least && std::abs(v) < most);
  });
}

}  // namespace

RandomProgram::RandomProgram(std::uint64_t seed, Kinks kinks, Scales scales)
    : engine_(seed), zeros_(kinks != Kinks::none), wide_(scales == Scales::wide) {
  for (std::size_t n = 1 + random(3); n > 0; --n) add_input(kinks == Kinks::at);
  values_ = inputs_;
  for (std::size_t n = 2 + random(9); n > 0; --n) add_step(kinks != Kinks::none);
  if (wide_) only_last_ = random(2) == 0;
  if (wide_) scale();
}

RandomProgram::Tensors RandomProgram::operator()(const Tensors& inputs) const {
  Tensors values = inputs;
  for (const Step& step : steps_) values.push_back(step(values));
  if (only_last_) return {values.back()};
  return Tensors(values.begin() + static_cast<std::ptrdiff_t>(inputs.size()), values.end());
}

void RandomProgram::add_input(bool coarse) {
  constexpr std::size_t kSizes[] = {1, 2, 3, 4};
  Shape shape;
  for (std::size_t rank = random(4); rank > 0; --rank) shape.push_back(kSizes[random(4)]);
  constexpr double kScales[] = {1, 1, 1, 1e-3, 10};
  std::normal_distribution<double> normal(0, wide_ ? power_of_ten(-8, 6) / 4 : kScales[random(5)]);
  D x = D::filled(shape, 0);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double v = normal(engine_);
    x.mutable_data()[i] = coarse ? std::round(2 * v) / 2 : v;
  }
  inputs_.push_back(x);
}

void RandomProgram::add(const std::string& name, Step step) {
  const D y = step(values_);
  if (!is_usable(y, zeros_, wide_)) return;
  values_.push_back(y);
  steps_.push_back(std::move(step));
  text_ += name + to_string(y.shape()) + "; ";
}

double RandomProgram::power_of_ten(int least, int most) {
  return std::pow(10, std::uniform_real_distribution<double>(least, most)(engine_));
}

void RandomProgram::scale() {
  const std::size_t i = values_.size() - 1 - random(std::min<std::size_t>(values_.size(), 2));
  const double c = power_of_ten(-8, 8);
  if (random(3) == 0)
    return add("+ " + std::to_string(c) + " ", [=](const Tensors& v) { return v[i] + c; });
  add("* " + std::to_string(c) + " ", [=](const Tensors& v) { return v[i] * c; });
}

void RandomProgram::add_step(bool kinks) {
  if (wide_ && random(6) == 0) return scale();
  switch (random(8)) {
    case 0:
    case 1:
    case 2:
      return unary(kinks);
    case 3:
      return binary(kinks);
    case 4:
      return matrix_product();
    case 5:
      return reduction(kinks);
    case 6:
      return rearrangement();
    default:
      return assembly();
  }
}

void RandomProgram::unary(bool kinks) {
  const auto& table = kinks && random(2) == 0 ? kKinked : kSmooth;
  const Unary op = table[random(table.size())];
  const std::size_t i = pick();
  add(op.name, [=](const Tensors& v) { return op.f(v[i]); });
}

void RandomProgram::binary(bool kinks) {
  const auto& table = kinks && random(2) == 0 ? kKinkedPairs : kSmoothPairs;
  const Binary op = table[random(table.size())];
  const std::size_t i = pick(), j = pick();
  if (!broadcasts(values_[i].shape(), values_[j].shape())) return;
  add(op.name, [=](const Tensors& v) { return op.f(v[i], v[j]); });
}

void RandomProgram::matrix_product() {
  const std::size_t i = pick(), j = pick();
  const Shape &a = values_[i].shape(), &b = values_[j].shape();
  if (a.rank() < 1 || b.rank() < 1 || a.rank() > 2 || b.rank() > 2 || a.back() != b.front()) return;
  add("matmul", [=](const Tensors& v) { return matmul(v[i], v[j]); });
}

void RandomProgram::reduction(bool kinks) {
  const std::size_t i = pick(), rank = values_[i].rank(), kind = random(kinks ? 8 : 6);
  const std::vector<std::ptrdiff_t> axes = {rank == 0 ? 0
                                                      : static_cast<std::ptrdiff_t>(random(rank))};
  const bool all = rank == 0 || random(3) == 0, keep = random(2) == 0;
  constexpr const char* kNames[] = {"sum", "mean", "prod", "logsumexp",
                                    "var", "norm", "max",  "min"};
  add(kNames[kind], [=](const Tensors& v) {
    const D& x = v[i];
    const Axes over = all ? Axes() : Axes(axes);
    switch (kind) {
      case 0:
        return sum(x, over, {.keep_dims = keep});
      case 1:
        return mean(x, over, {.keep_dims = keep});
      case 2:
        return prod(x, over, {.keep_dims = keep});
      case 3:
        return logsumexp(x, over, {.keep_dims = keep});
      case 4:
        return var(x, over, {.correction = 0, .keep_dims = keep});
      case 5:
        return norm(1.0 + square(x), 2, over, {.keep_dims = keep});
      case 6:
        return max(x, over, {.keep_dims = keep});
      default:
        return min(x, over, {.keep_dims = keep});
    }
  });
}

void RandomProgram::rearrangement() {
  const std::size_t i = pick(), rank = values_[i].rank(), kind = random(6);
  if (rank == 0) return;
  const auto axis = static_cast<std::ptrdiff_t>(random(rank)),
             other = static_cast<std::ptrdiff_t>(random(rank));
  constexpr const char* kNames[] = {"flatten", "transpose", "flip", "slice", "pad", "index_select"};
  add(kNames[kind], [=](const Tensors& v) {
    const D& x = v[i];
    const std::size_t n = x.size(axis);
    switch (kind) {
      case 0:
        return flatten(x);
      case 1:
        return transpose(x, axis, other);
      case 2:
        return flip(x, std::vector<std::ptrdiff_t>{axis});
      case 3:
        return slice(x, axis, Slice{.start = n > 1 ? 1 : 0});
      case 4:
        return pad(x, std::vector<Padding>(x.rank(), {1, 0}), 0.5);
      default:
        return index_select(x, axis, Indices{static_cast<std::int64_t>(n - 1), 0});
    }
  });
}

void RandomProgram::assembly() {
  const std::size_t i = pick(), kind = random(3);
  constexpr const char* kNames[] = {"concat", "stack", "repeat"};
  if (values_[i].rank() == 0) return;
  add(kNames[kind], [=](const Tensors& v) {
    const D& x = v[i];
    switch (kind) {
      case 0:
        return concat({x, 2.0 * x}, -1);
      case 1:
        return stack({x, sin(x)}, 0);
      default:
        return repeat(x, std::vector<std::size_t>(x.rank(), 2));
    }
  });
}

}  // namespace xgrad::test
