// Least squares on a table that is hard for it: Longley's (1967) employment figures, whose columns
// are almost dependent and of very different size (condition 5e9).
//
//   least_squares
//
// The coefficients by the normal equations, by QR and by `lstsq`, and how many digits of those that
// NIST certifies each of them gets (Statistical Reference Datasets, Longley). Units of columns change
// nothing for the first two; `lstsq` works with singular values, and has the digits that the
// condition leaves: 6 of the table as it is, far more with columns of norm 1. The standard errors
// come from gradients: that of a coefficient by the observations, b = pinv(X) y, has the norm
// sqrt((X^T X)^-1_kk). Then a ridge penalty is fitted to the standardised table by L-BFGS, through the
// leave-one-out error, whose residuals are (y - H y)_i / (1 - H_ii) with H = X (X^T X + p I)^-1 X^T.
//
// Last line: `fewest digits 11.0`, of coefficients and standard errors by lstsq with columns of norm
// 1; 9 are required. Takes less than a second.
//
// CI: as it is

#include "xgrad/ops/least_squares.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <stdexcept>
#include <vector>

#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/creation.hpp"
#include "xgrad/ops/diagonals.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/qr.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/ops/slicing.hpp"
#include "xgrad/ops/solve.hpp"
#include "xgrad/optimizers/lbfgs.hpp"

namespace {

using namespace xgrad;
using D = Tensor<double>;

constexpr std::size_t kYears = 16, kColumns = 7;

// Employed; deflator, gross national product, unemployed, armed forces, population, year.
constexpr double kTable[kYears][kColumns] = {{60323, 83.0, 234289, 2356, 1590, 107608, 1947},
                                             {61122, 88.5, 259426, 2325, 1456, 108632, 1948},
                                             {60171, 88.2, 258054, 3682, 1616, 109773, 1949},
                                             {61187, 89.5, 284599, 3351, 1650, 110929, 1950},
                                             {63221, 96.2, 328975, 2099, 3099, 112075, 1951},
                                             {63639, 98.1, 346999, 1932, 3594, 113270, 1952},
                                             {64989, 99.0, 365385, 1870, 3547, 115094, 1953},
                                             {63761, 100.0, 363112, 3578, 3350, 116219, 1954},
                                             {66019, 101.2, 397469, 2904, 3048, 117388, 1955},
                                             {67857, 104.6, 419180, 2822, 2857, 118734, 1956},
                                             {68169, 108.4, 442769, 2936, 2798, 120445, 1957},
                                             {66513, 110.8, 444546, 4681, 2637, 121950, 1958},
                                             {68655, 112.6, 482704, 3813, 2552, 123366, 1959},
                                             {69564, 114.2, 502601, 3931, 2514, 125368, 1960},
                                             {69331, 115.7, 518173, 4806, 2572, 127852, 1961},
                                             {70551, 116.9, 554894, 4007, 2827, 130081, 1962}};

constexpr std::array<const char*, kColumns> kNames = {
    "constant", "deflator", "product", "unemployed", "armed forces", "population", "year"};
constexpr std::array<double, kColumns> kCertified = {
    -3482258.63459582, 15.0618722713733,    -0.0358191792925910, -2.02022980381683,
    -1.03322686717359, -0.0511041056535807, 1829.15146461355};
constexpr std::array<double, kColumns> kCertifiedErrors = {
    890420.383607373,  84.9149257747669,  0.0334910077722432, 0.488399681651699,
    0.214274163161675, 0.226073200069370, 455.478499142212};

struct Table {
  D x, y;  // (years, columns) with a first column of ones, (years)
};

Table table() {
  Array<double> x(Array<double>::shape_type{kYears, kColumns}),
      y(Array<double>::shape_type{kYears});
  for (std::size_t i = 0; i < kYears; ++i) {
    y(i) = kTable[i][0];
    x(i, 0) = 1;
    for (std::size_t j = 1; j < kColumns; ++j) x(i, j) = kTable[i][j];
  }
  return {D(x), D(y)};
}

// Decimal digits that agree.
double digits(double value, double certified) {
  return std::min(15.0, -std::log10(std::abs(value / certified - 1) + 1e-16));
}

double fewest_digits(const double* values, const std::array<double, kColumns>& certified) {
  double fewest = 15;
  for (std::size_t k = 0; k < kColumns; ++k)
    fewest = std::min(fewest, digits(values[k], certified[k]));
  return fewest;
}

D by_qr(const Table& t) {
  const auto f = qr(t.x);
  return triangular_solve(f.r, matmul(transpose(f.q), t.y), {.upper = true});
}

void print_normal_equations(const Table& t) {
  try {
    const D b =
        solve(matmul(t.x, t.x, {.transpose_a = true}), matmul(transpose(t.x), t.y), {.spd = true});
    std::printf("normal equations  %4.1f digits\n", fewest_digits(b.data(), kCertified));
  } catch (const std::invalid_argument& e) {
    std::printf("normal equations  %s\n", e.what());
  }
}

// With columns of norm 1, which the coefficients are divided by.
D scaled_lstsq(const D& x, const D& y) {
  const D scale = norm(x, 2, 0);
  return lstsq(x / scale, y) / scale;
}

// The deviation of the residuals times the norm of the gradient by the observations.
std::array<double, kColumns> standard_errors(const Table& t) {
  const D y = parameter(t.y), b = scaled_lstsq(t.x, y);
  const double variance = sum(square(t.y - matmul(t.x, b.detach()))).item() / (kYears - kColumns);
  std::array<double, kColumns> errors{};
  for (std::size_t k = 0; k < kColumns; ++k) {
    const D slope =
        grad({select(b, 0, static_cast<std::ptrdiff_t>(k))}, {y}, {.retain_graph = true})[0];
    errors[k] = std::sqrt(variance) * norm(slope).item();
  }
  return errors;
}

D standardized(const D& x) { return (x - mean(x, 0)) / stddev(x, 0); }

D leave_one_out(const D& x, const D& y, const D& log_penalty) {
  const D gram = matmul(x, x, {.transpose_a = true}) + exp(log_penalty) * eye<double>(x.shape()[1]);
  const D hat = matmul(x, solve(gram, transpose(x), {.spd = true}));
  return mean(square((y - matmul(hat, y)) / (1 - 1.0 / kYears - diagonal(hat))));
}

void fit_penalty(const Table& t) {
  const D x = standardized(slice(t.x, 1, 1, std::nullopt)), y = standardized(t.y);
  D log_penalty(0.0);
  log_penalty.requires_grad_();
  const double none = leave_one_out(x, y, D(-30.0)).item();
  Lbfgs<double> optimizer({log_penalty}, {.max_iterations = 50});
  optimizer.step([&] { return leave_one_out(x, y, log_penalty); });
  std::printf("\nleave-one-out error %.5f without a penalty, %.5f with %.5f\n", none,
              leave_one_out(x, y, log_penalty).item(), std::exp(log_penalty.item()));
}

}  // namespace

int main() {
  const Table t = table();
  const D b = scaled_lstsq(t.x, t.y);
  print_normal_equations(t);
  std::printf("QR                %4.1f digits\n", fewest_digits(by_qr(t).data(), kCertified));
  std::printf("lstsq             %4.1f digits\n",
              fewest_digits(lstsq(t.x, t.y).data(), kCertified));
  std::printf("lstsq, norms of 1 %4.1f digits\n", fewest_digits(b.data(), kCertified));

  const auto errors = standard_errors(t);
  std::printf("\n              coefficient  standard error\n");
  for (std::size_t k = 0; k < kColumns; ++k)
    std::printf("%-12s %13.7g  %14.7g\n", kNames[k], b.data()[k], errors[k]);
  fit_penalty(t);

  const double fewest =
      std::min(fewest_digits(b.data(), kCertified), fewest_digits(errors.data(), kCertifiedErrors));
  std::printf("fewest digits %.1f\n", fewest);
  return fewest >= 9 ? 0 : 1;
}
