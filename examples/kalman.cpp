// A linear state space model whose noise levels are learnt through the likelihood of the Kalman
// filter: the local level model of the annual flow of the Nile at Aswan, 1871 to 1970.
//
//   kalman [--years 100]
//
// The model: y_t = level_t + e_t, level_(t+1) = level_t + h_t, with normal e_t of variance H and
// h_t of variance Q. The filter is the general one, for states and observations of any size, written
// in matmul, solve and logdet: the likelihood it returns is differentiable, and L-BFGS finds the
// logarithms of both variances.
//
// The answer is known: Durbin and Koopman, Time Series Analysis by State Space Methods (2012), 2.10.3,
// have H = 15099 and Q = 1469.1 for all 100 years. Prints both, the level with its interval every
// tenth year, and last `largest relative difference 0.000052`, below 1e-4. Takes a second.
//
// CI: --years 100

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <vector>

#include "shared/command_line.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/cholesky.hpp"
#include "xgrad/ops/creation.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/ops/slicing.hpp"
#include "xgrad/ops/solve.hpp"
#include "xgrad/optimizers/lbfgs.hpp"

namespace {

using namespace xgrad;
using D = Tensor<double>;

// In 10^8 cubic metres: the series `Nile` of R.
constexpr std::array<double, 100> kNile = {
    1120, 1160, 963, 1210, 1160, 1160, 813,  1230, 1370, 1140, 995,  935,  1110, 994,  1020,
    960,  1180, 799, 958,  1140, 1100, 1210, 1150, 1250, 1260, 1220, 1030, 1100, 774,  840,
    874,  694,  940, 833,  701,  916,  692,  1020, 1050, 969,  831,  726,  456,  824,  702,
    1120, 1100, 832, 764,  821,  768,  845,  864,  862,  698,  845,  744,  796,  1040, 759,
    781,  865,  845, 944,  984,  897,  822,  1010, 771,  676,  649,  846,  812,  742,  801,
    1040, 860,  874, 848,  890,  744,  749,  838,  1050, 918,  986,  797,  923,  975,  815,
    1020, 906,  901, 1170, 912,  746,  919,  718,  714,  740};

// state' = transition state + noise of covariance state_noise; observed = observation state + noise
// of covariance observation_noise.
struct StateSpace {
  D transition, state_noise;         // (m, m)
  D observation, observation_noise;  // (p, m), (p, p)
};

// What is known of the state: its mean (m) and covariance (m, m).
struct Belief {
  D mean, covariance;
};

Belief predict(const StateSpace& model, const Belief& b) {
  return {matmul(model.transition, b.mean),
          matmul(matmul(model.transition, b.covariance), model.transition, {.transpose_b = true}) +
              model.state_noise};
}

// The belief after y, and the logarithm of y's density before.
struct Update {
  Belief belief;
  D log_density;
};

Update observe(const StateSpace& model, const Belief& b, const D& y) {
  const D surprise = y - matmul(model.observation, b.mean);  // (p)
  const D seen = matmul(model.observation, b.covariance);    // (p, m)
  const D spread = matmul(seen, model.observation, {.transpose_b = true}) + model.observation_noise;
  const D weighted = solve(spread, seen, {.spd = true});  // (p, m)
  const double constant = static_cast<double>(y.size()) * std::log(2 * 3.14159265358979323846);
  const D misfit = dot(surprise, solve(spread, surprise, {.spd = true}));
  return {{b.mean + matmul(weighted, surprise, {.transpose_a = true}),
           b.covariance - matmul(seen, weighted, {.transpose_a = true})},
          -0.5 * (constant + logdet(spread) + misfit)};
}

// One number a year; nothing is known of the level before the first one, which it takes.
struct Filtered {
  D log_likelihood;
  std::vector<Belief> levels;
};

Filtered filter(const StateSpace& model, const std::vector<double>& series) {
  Belief belief = {D::filled({1}, series[0]), model.observation_noise};
  Filtered r = {D(0.0), {belief}};
  for (std::size_t t = 1; t < series.size(); ++t) {
    const Update u = observe(model, predict(model, belief), D::filled({1}, series[t]));
    belief = u.belief;
    r.log_likelihood = r.log_likelihood + u.log_density;
    r.levels.push_back(belief);
  }
  return r;
}

StateSpace local_level(const D& log_variances) {
  const D one = eye<double>(1);
  return {one, exp(select(log_variances, 0, 1)) * one, one, exp(select(log_variances, 0, 0)) * one};
}

double variance(const std::vector<double>& series) {
  return var(D::from({series.size()}, series)).item();
}

D learn(const std::vector<double>& series) {
  D log_variances = D::filled({2}, std::log(variance(series) / 2));
  log_variances.requires_grad_();
  Lbfgs<double> optimizer({log_variances}, {.max_iterations = 100, .tolerance_gradient = 1e-9});
  const double before =
      optimizer.step([&] { return -filter(local_level(log_variances), series).log_likelihood; });
  std::printf("log-likelihood %.4f at the start, after %zu evaluations ", -before,
              optimizer.evaluations());
  return log_variances;
}

void print_levels(const Filtered& f, const std::vector<double>& series) {
  std::printf("\nyear   flow   level   95 %% interval\n");
  for (std::size_t t = 0; t < series.size(); t += 10) {
    const double mean = f.levels[t].mean.item();
    const double half = 1.96 * std::sqrt(f.levels[t].covariance.item());
    std::printf("%zu  %5.0f  %6.1f   %.1f to %.1f\n", 1871 + t, series[t], mean, mean - half,
                mean + half);
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t years = kNile.size();
  CommandLine app("The local level model of the Nile by a Kalman filter");
  app.add_option("--years", years, "the first years only").check(Check::between(10, 100));
  if (const auto end = app.parse(argc, argv)) return *end;

  const std::vector<double> series(kNile.begin(),
                                   kNile.begin() + static_cast<std::ptrdiff_t>(years));
  const D log_variances = learn(series);
  const Filtered f = filter(local_level(log_variances), series);
  std::printf("%.4f\n", f.log_likelihood.item());
  const std::array<double, 2> known = {15099, 1469.1};
  double largest = 0;
  std::printf("\nvariance of      learnt  Durbin and Koopman\n");
  for (std::size_t i = 0; i < 2; ++i) {
    const double learnt = std::exp(log_variances.data()[i]);
    largest = std::max(largest, std::abs(learnt / known[i] - 1));
    std::printf("%-12s %10.1f  %18.1f\n", i == 0 ? "observation" : "level", learnt, known[i]);
  }
  print_levels(f, series);
  if (years != kNile.size()) return 0;
  std::printf("\nlargest relative difference %.6f\n", largest);
  return largest < 1e-4 ? 0 : 1;
}
