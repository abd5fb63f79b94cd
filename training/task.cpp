#include "xgrad/training/task.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

#include "xgrad/base/errors.hpp"

namespace xgrad {
namespace {

using Sums = std::vector<double>;

template <class T>
void check_targets(const char* operation, const Tensor<T>& predictions, const Tensor<T>& targets) {
  if (predictions.shape() == targets.shape()) return;
  detail::fail(operation, "shapes differ: predictions ", predictions.shape(), ", targets ",
               targets.shape());
}

// Sums: of f(prediction - target), and the count.
template <class T, class F>
Metric<T, TargetBatch<T>> mean_error(const char* name, const F& f, double (*finish)(double)) {
  return {name,
          [name, f](Sums& sums, const Tensor<T>& p, const TargetBatch<T>& batch) {
            check_targets(name, p, batch.targets);
            sums.resize(2);
            for (std::size_t i = 0; i < p.size(); ++i) {
              sums[0] += f(static_cast<double>(p.data()[i]) -
                           static_cast<double>(batch.targets.data()[i]));
            }
            sums[1] += static_cast<double>(p.size());
          },
          [finish](const Sums& sums) { return finish(sums[0] / sums[1]); }, Better::smaller};
}

// Of one output: count, mean and sum of squared deviations of the targets (Welford 1962), sum of
// squared errors.
struct Column {
  double n, mean, deviations, errors;

  void add(double target, double prediction) {
    n += 1;
    const double before = target - mean;
    mean += before / n;
    deviations += before * (target - mean);
    errors += (target - prediction) * (target - prediction);
  }
  // Of two sets together (Chan, Golub, LeVeque 1979).
  void add(const Column& more) {
    if (more.n == 0) return;
    const double apart = more.mean - mean, all = n + more.n;
    deviations += more.deviations + apart * apart * n * more.n / all;
    mean += apart * more.n / all;
    errors += more.errors;
    n = all;
  }
  double value() const {
    if (deviations > 0) return 1 - errors / deviations;
    return errors == 0 ? 1 : 0;
  }
};

void merge_columns(Sums& sums, const Sums& more) {
  sums.resize(std::max(sums.size(), more.size()));
  for (std::size_t i = 0; i < more.size(); i += 4) {
    double* s = sums.data() + i;
    Column c{s[0], s[1], s[2], s[3]};
    c.add({more[i], more[i + 1], more[i + 2], more[i + 3]});
    s[0] = c.n, s[1] = c.mean, s[2] = c.deviations, s[3] = c.errors;
  }
}

double mean_r_squared(const Sums& sums) {
  double total = 0;
  for (std::size_t i = 0; i < sums.size(); i += 4) {
    total += Column{sums[i], sums[i + 1], sums[i + 2], sums[i + 3]}.value();
  }
  return total / static_cast<double>(sums.size() / 4);
}

}  // namespace

void detail::add_sums(Sums& sums, const Sums& more) {
  sums.resize(std::max(sums.size(), more.size()));
  std::transform(more.begin(), more.end(), sums.begin(), sums.begin(), std::plus<double>());
}

// Sent as the number of sums, and of each their number and they.
std::vector<detail::FigureSums> detail::gather_sums(const Collective& group,
                                                    const std::vector<FigureSums>& own) {
  std::vector<double> numbers;
  for (const FigureSums& part : own) {
    numbers.push_back(static_cast<double>(part.size()));
    for (const Sums& sums : part) {
      numbers.push_back(static_cast<double>(sums.size()));
      numbers.insert(numbers.end(), sums.begin(), sums.end());
    }
  }
  std::vector<FigureSums> all;
  for (const std::vector<double>& of_rank : group.all_gather(numbers)) {
    for (auto from = of_rank.begin(); from != of_rank.end();) {
      all.emplace_back(static_cast<std::size_t>(*from++));
      for (Sums& sums : all.back()) {
        const auto n = static_cast<std::ptrdiff_t>(*from++);
        sums.assign(from, from + n);
        from += n;
      }
    }
  }
  return all;
}

template <class T>
Metric<T, LabeledBatch<T>> accuracy(std::size_t k) {
  return {k == 1 ? "accuracy" : "top-" + detail::text(k) + " accuracy",
          [k](Sums& sums, const Tensor<T>& scores, const LabeledBatch<T>& batch) {
            sums.resize(2);
            sums[0] += static_cast<double>(count_correct(scores, batch.labels, k));
            sums[1] += static_cast<double>(batch.labels.size());
          },
          [](const Sums& sums) { return sums[0] / sums[1]; }, Better::larger};
}

template <class T>
Metric<T, TargetBatch<T>> rmse() {
  return mean_error<T>(
      "rmse", [](double e) { return e * e; }, [](double v) { return std::sqrt(v); });
}

template <class T>
Metric<T, TargetBatch<T>> mae() {
  return mean_error<T>(
      "mae", [](double e) { return std::abs(e); }, [](double v) { return v; });
}

template <class T>
Metric<T, TargetBatch<T>> r_squared() {
  return {"r2",
          [](Sums& sums, const Tensor<T>& p, const TargetBatch<T>& batch) {
            check_targets("r2", p, batch.targets);
            if (p.size() == 0) return;
            const std::size_t outputs = p.size() / p.shape()[0];
            sums.resize(4 * outputs);
            for (std::size_t i = 0; i < p.size(); ++i) {
              double* s = sums.data() + 4 * (i % outputs);
              Column c{s[0], s[1], s[2], s[3]};
              c.add(static_cast<double>(batch.targets.data()[i]), static_cast<double>(p.data()[i]));
              s[0] = c.n, s[1] = c.mean, s[2] = c.deviations, s[3] = c.errors;
            }
          },
          mean_r_squared, Better::larger, merge_columns};
}

template <class T>
Task<T, LabeledBatch<T>> classification(const CrossEntropyOptions<T>& options) {
  return {.loss =
              [options](const Tensor<T>& scores, const LabeledBatch<T>& batch) {
                return cross_entropy(scores, batch.labels, options);
              },
          .metrics = {accuracy<T>()}};
}

template <class T>
Task<T, TargetBatch<T>> regression() {
  return {.loss = [](const Tensor<T>& p,
                     const TargetBatch<T>& batch) { return mse_loss(p, batch.targets); },
          .metrics = {rmse<T>(), r_squared<T>()}};
}

#define XGRAD_INSTANTIATE(T)                                                       \
  template Metric<T, LabeledBatch<T>> accuracy(std::size_t);                       \
  template Metric<T, TargetBatch<T>> rmse();                                       \
  template Metric<T, TargetBatch<T>> mae();                                        \
  template Metric<T, TargetBatch<T>> r_squared();                                  \
  template Task<T, LabeledBatch<T>> classification(const CrossEntropyOptions<T>&); \
  template Task<T, TargetBatch<T>> regression();
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
