// The checks that train a little, and then forget it all.

#include <algorithm>
#include <cmath>
#include <set>
#include <string_view>

#include "xgrad/base/errors.hpp"
#include "xgrad/doctor/patient.hpp"
#include "xgrad/kernels/random.hpp"
#include "xgrad/optimizers/adam.hpp"
#include "xgrad/training/diagnostics.hpp"
#include "xgrad/training/metrics.hpp"

namespace xgrad::detail {
namespace {

// Samples with inputs of their own: equal ones with two labels cannot be learned by heart.
template <class T>
ExampleBatch<T> different(const ExampleBatch<T>& batch, std::size_t count) {
  std::set<std::string_view> seen;
  std::vector<std::size_t> rows;
  for (std::size_t i = 0; i < batch.size() && rows.size() < count; ++i) {
    if (seen.insert(row_bytes(batch.inputs, i)).second) rows.push_back(i);
  }
  return rows_of(batch, rows);
}

// An affine function of the inputs, which cannot learn just anything. Layers of relu without biases
// double with their inputs as well, but do not change sign with them.
template <class T>
bool is_linear(Patient<T>& p, const ExampleBatch<T>& batch) {
  const NoGrad guard;
  const Tensor<T> x = batch.inputs, zero = p.predict(x * T(0)), one = p.predict(x);
  const Tensor<T> two = p.predict(x * T(2)), minus = p.predict(-x);
  for (std::size_t i = 0; i < one.size(); ++i) {
    const auto a = static_cast<double>(zero.data()[i]), b = static_cast<double>(one.data()[i]);
    const double far = static_cast<double>(two.data()[i]) - 2 * b + a;
    const double back = static_cast<double>(minus.data()[i]) + b - 2 * a;
    const double tolerance = 1e-3 * (std::abs(a) + std::abs(b) + 1e-6);
    if (std::abs(far) > tolerance || std::abs(back) > tolerance) return false;
  }
  return true;
}

// The same inputs with the labels, or targets, of other samples.
template <class T>
ExampleBatch<T> with_shuffled(const ExampleBatch<T>& batch, std::uint64_t seed) {
  std::vector<std::int64_t> order(batch.size());
  kernels::fill_permutation(order.data(), order.size(), {seed, 0});
  const std::vector<std::size_t> rows(order.begin(), order.end());
  ExampleBatch<T> r = rows_of(batch, rows);
  r.inputs = batch.inputs;
  return r;
}

// The least loss that predictions can have, whatever makes them: not 0 where labels are smoothed or
// targets are probabilities.
template <class T>
double least_loss(const Patient<T>& p, const Guess<T>& guess, const ExampleBatch<T>& batch) {
  Tensor<T> y = parameter(guess.prediction.clone());
  double least = guess.loss;
  if (batch.targets.defined() && y.shape() == batch.targets.shape())
    least = std::min(least, p.loss_at(batch.targets, batch).value_or(least));
  Adam<T> adam({{"predictions", y}}, {.learning_rate = 0.1});
  try {
    for (int s = 0; s < 200 && least > 1e-3 * guess.loss; ++s) {
      adam.zero_grad();
      const Tensor<T> loss = p.loss(y, batch);
      const auto value = static_cast<double>(loss.item());
      if (!std::isfinite(value)) break;
      least = std::min(least, value);
      loss.backward();
      adam.step();
    }
  } catch (const std::exception&) {  // of predictions that are no probabilities any more
  }
  return std::max(least, 0.0);
}

}  // namespace

template <class T>
void check_overfit(Patient<T>& p) {
  const ExampleBatch<T> few = different(p.probe, 20);
  p.model.eval();
  if (is_linear(p, few)) return p.skip("overfit", "the model is linear in its inputs");
  const NamedTensors<T> all = p.learned();
  p.train_without_dropout();
  const Guess<T> guess = [&] {
    const NoGrad guard;
    return guess_of(p, p.predict(few.inputs), few);
  }();
  const double start = std::isnan(guess.loss) ? p.loss_value(few) : guess.loss;
  if (!(start > 0)) return p.skip("overfit", "the loss of guessing is not above 0");
  const double least = std::isnan(guess.loss) ? 0 : least_loss(p, guess, few);
  if (start - least < 1e-3 * start)
    return p.skip("overfit", "no predictions are better than others");
  const auto part = [&](double share) { return least + share * (start - least); };
  double best = start;
  for (const double rate : {3e-3, 3e-2}) {
    const TrainingStateScope<T> state(p.model);
    Adam<T> adam(all, {.learning_rate = rate});
    for (const double l : train_some(p, adam, few, few.size(), 250, part(0.02))) {
      if (std::isfinite(l)) best = std::min(best, l);
    }
    if (best < part(0.1)) return;
  }
  p.report(
      {.check = "overfit",
       .severity = best > part(0.9) ? Severity::error : Severity::warning,
       .title = "the model cannot learn 20 samples by heart",
       .measured =
           "loss " + rounded(best, 3) + " at best, " + rounded(start, 3) + " by guessing, " +
           rounded(least, 3) +
           " by the right predictions, after 250 steps of Adam at 0.003 and at 0.03 without "
           "regularisation",
       .expected = "at most a tenth of the way from the right predictions to guessing",
       .where = "model",
       .remedy = "look at the initialisation and at the other findings first; then a larger model",
       .value = best,
       .high = part(0.1)});
}

namespace {

// How often, or how closely, the nearest neighbours' labels predict a sample's, in standard
// deviations above what other orders of the labels give.
template <class T>
double neighbours_agree(const ExampleBatch<T>& batch, std::uint64_t seed) {
  const std::size_t n = batch.size(), row = batch.inputs.size() / n,
                    k = std::min<std::size_t>(15, n / 4);
  const T* x = batch.inputs.data();
  std::vector<T> scale(row, 0);
  for (std::size_t j = 0; j < row; ++j) {
    std::vector<T> column(n);
    for (std::size_t i = 0; i < n; ++i) column[i] = x[i * row + j];
    const double s = moments_of(column.data(), n).deviation();
    scale[j] = s > 0 ? static_cast<T>(1 / s) : T(0);
  }
  std::vector<std::vector<std::size_t>> near(n);
  for (std::size_t i = 0; i < n; ++i) {
    std::vector<std::pair<T, std::size_t>> distances;
    for (std::size_t o = 0; o < n; ++o) {
      T sum = 0;
      for (std::size_t j = 0; j < row; ++j) {
        const T d = (x[i * row + j] - x[o * row + j]) * scale[j];
        sum += d * d;
      }
      if (o != i) distances.emplace_back(sum, o);
    }
    std::partial_sort(distances.begin(), distances.begin() + static_cast<std::ptrdiff_t>(k),
                      distances.end());
    for (std::size_t m = 0; m < k; ++m) near[i].push_back(distances[m].second);
  }
  const auto agreement = [&](const ExampleBatch<T>& b) {
    double total = 0;
    const std::size_t outputs = b.targets.defined() ? b.targets.size() / n : 0;
    for (std::size_t i = 0; i < n; ++i) {
      for (const std::size_t o : near[i]) {
        if (outputs == 0) total += b.labels.data()[i] == b.labels.data()[o];
        for (std::size_t j = 0; j < outputs; ++j) {
          const auto d = static_cast<double>(b.targets.data()[i * outputs + j]) -
                         static_cast<double>(b.targets.data()[o * outputs + j]);
          total -= std::abs(d);
        }
      }
    }
    return total;
  };
  std::vector<double> others;
  for (std::uint64_t s = 0; s < 30; ++s)
    others.push_back(agreement(with_shuffled(batch, seed + 97 * s)));
  const Moments chance = moments_of(others);
  return (agreement(batch) - chance.mean) / std::max(chance.deviation(), 1e-12);
}

// The losses of samples that were not trained on, after some steps.
template <class T>
std::vector<double> held_out_losses(Patient<T>& p, const ExampleBatch<T>& train,
                                    const ExampleBatch<T>& held_out) {
  const TrainingStateScope<T> state(p.model);
  p.train_without_dropout();
  Adam<T> adam(p.learned(), {.learning_rate = 3e-3});
  train_some(p, adam, train, 32, 200);
  p.model.eval();
  const Tensor<T> y = [&] {
    const NoGrad guard;
    return p.predict(held_out.inputs);
  }();
  return losses_one_by_one(p, y, held_out, held_out.size());
}

}  // namespace

template <class T>
void check_labels_unrelated(Patient<T>& p) {
  const std::size_t n = std::min<std::size_t>(p.data.size(), 1000);
  if (n < 200) return p.skip("labels-unrelated", "fewer than 200 samples cannot tell");
  const ExampleBatch<T> all = p.data.some(n, p.options.seed + 5);
  if (mixes_samples(p, p.outputs(p.probe)))
    return p.skip("labels-unrelated", "the loss is not one of single samples");
  const double neighbours = neighbours_agree(all, p.options.seed);
  if (neighbours > 3) return;
  const ExampleBatch<T> train = slice_of(all, 0, n / 2), held_out = slice_of(all, n / 2, n);
  const std::vector<double> real = held_out_losses(p, train, held_out);
  const std::vector<double> other =
      held_out_losses(p, with_shuffled(train, p.options.seed), held_out);
  std::vector<double> gain;
  for (std::size_t i = 0; i < real.size(); ++i) gain.push_back(other[i] - real[i]);
  const Moments m = moments_of(gain);
  const double z = m.mean / std::max(m.standard_error(), 1e-12);
  if (z > 3) return;
  p.report(
      {.check = "labels-unrelated",
       .severity = neighbours < 2 && z < 2 ? Severity::error : Severity::warning,
       .title = "the labels have nothing to do with the inputs",
       .measured =
           "neighbours agree " + rounded(neighbours, 2) +
           " standard deviations better than with shuffled labels; trained on them, held-out "
           "samples are predicted " +
           rounded(z, 2) +
           " standard errors better than with "
           "shuffled ones",
       .expected = "more than 3 of either: labels that can be learned are not the same in another "
                   "order",
       .where = "labels",
       .remedy = "look whether inputs and labels are read, sorted, shuffled and split together; "
                 "print some samples with their labels",
       .value = z,
       .low = 3});
}

namespace {

// The losses of the probe, sample by sample, before and after some steps at `factor` times the rate.
struct Trial {
  double loss = 0;           // NaN: not finite
  std::vector<double> each;  // after it
};

template <class T>
Trial try_rate(Patient<T>& p, const ExampleBatch<T>& batches, double factor) {
  Optimizer<T>& optimizer = *p.options.optimizer;
  const TrainingStateScope<T> state(p.model, &optimizer);
  p.train_without_dropout();
  for (std::size_t g = 0; g < optimizer.group_count(); ++g) {
    optimizer.set_learning_rate(optimizer.learning_rate(g) * factor, g);
  }
  Trial r{Finding::kNone, {}};
  try {
    const std::size_t steps = factor == 0 ? 0 : p.options.trial_steps;
    train_some(p, optimizer, batches, p.options.batch_size, steps);
    const NoGrad guard;
    const Tensor<T> y = p.predict(p.probe.inputs);
    r.loss = static_cast<double>(p.loss(y, p.probe).item());
    r.each = losses_one_by_one(p, y, p.probe, p.probe.size());
  } catch (const std::exception&) {  // numbers that are not finite are refused here and there
  }
  return r;
}

// By how many standard errors a is above b, over the same samples.
double above(const Trial& a, const Trial& b) {
  if (!std::isfinite(a.loss) || !std::isfinite(b.loss)) return std::isfinite(b.loss) ? 1e9 : 0;
  std::vector<double> d;
  for (std::size_t i = 0; i < a.each.size(); ++i) d.push_back(a.each[i] - b.each[i]);
  const Moments m = moments_of(d);
  return m.mean / std::max(m.standard_error(), 1e-300);
}

}  // namespace

template <class T>
void check_learning_rate(Patient<T>& p) {
  if (p.options.optimizer == nullptr) return p.skip("learning-rate", "there is no optimizer");
  const double rate = p.options.optimizer->learning_rate();
  const ExampleBatch<T> batches =
      p.data.some(p.options.batch_size * p.options.trial_steps, p.options.seed + 3);
  const Trial start = try_rate(p, batches, 0), own = try_rate(p, batches, 1);
  const Trial small = try_rate(p, batches, 0.01), more = try_rate(p, batches, 10);
  const Trial large = try_rate(p, batches, 100);
  const std::string steps = text(p.options.trial_steps) + " steps at " + rounded(rate, 3);
  Finding f{.check = "learning-rate",
            .measured = "loss " + rounded(start.loss, 4) + "; after " + steps + " " +
                        rounded(own.loss, 4) + ", at a hundredth of it " + rounded(small.loss, 4) +
                        ", at 10 times as much " + rounded(more.loss, 4) + ", at 100 times " +
                        rounded(large.loss, 4),
            .where = "optimizer",
            .value = rate};
  const bool rises =
      !(own.loss < start.loss) && (above(own, start) > kSigmas || !std::isfinite(own.loss));
  if (rises || (above(own, small) > kSigmas && above(start, small) > kSigmas)) {
    f.severity = rises ? Severity::error : Severity::warning;
    f.title = "the learning rate is too high";
    f.expected =
        "a loss that falls, and no less than at a hundredth of the rate (4 standard errors "
        "over the same samples)";
    f.remedy =
        "a lower rate: learning_rate_range_test suggests one; or gradient clipping, or a "
        "schedule that begins low";
    p.report(std::move(f));
  } else if (std::isfinite(large.loss) && above(more, large) > kSigmas &&
             above(own, more) > kSigmas) {
    f.severity = Severity::warning;
    f.title = "the learning rate is very low";
    f.expected =
        "a rate within a hundredth of the highest one at which the loss falls faster: not "
        "faster at 10 times the rate, and faster yet at 100 times (4 standard errors over "
        "the same samples)";
    f.remedy = "a higher rate: learning_rate_range_test suggests one";
    p.report(std::move(f));
  }
}

#define XGRAD_INSTANTIATE(T)                         \
  template void check_overfit(Patient<T>&);          \
  template void check_labels_unrelated(Patient<T>&); \
  template void check_learning_rate(Patient<T>&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::detail
