#include "xgrad/optimizers/scheduler.hpp"

#include <algorithm>
#include <cmath>

#include "xgrad/base/errors.hpp"

namespace xgrad {
namespace {

Schedule::Visitor with_index(const Schedule::Visitor& visit, std::size_t i) {
  return [&visit, i](const std::string& name, double& number) {
    visit(detail::text(i) + "/" + name, number);
  };
}

struct Sequence {
  std::vector<ScheduleStage> stages;

  double at(double t) const {
    std::size_t i = 0;
    for (; i + 1 < stages.size() && t >= stages[i].duration; ++i) t -= stages[i].duration;
    return stages[i].schedule.at(t);
  }
  void observe(double metric) {
    for (ScheduleStage& s : stages) s.schedule.observe(metric);
  }
  void set_maximize(bool on) {
    for (ScheduleStage& s : stages) s.schedule.set_maximize(on);
  }
  void visit_numbers(const Schedule::Visitor& visit) {
    for (std::size_t i = 0; i < stages.size(); ++i) {
      stages[i].schedule.visit_numbers(with_index(visit, i));
    }
  }
};

struct Product {
  std::vector<Schedule> factors;

  double at(double t) const {
    double r = 1;
    for (const Schedule& s : factors) r *= s.at(t);
    return r;
  }
  void observe(double metric) {
    for (Schedule& s : factors) s.observe(metric);
  }
  void set_maximize(bool on) {
    for (Schedule& s : factors) s.set_maximize(on);
  }
  void visit_numbers(const Schedule::Visitor& visit) {
    for (std::size_t i = 0; i < factors.size(); ++i) factors[i].visit_numbers(with_index(visit, i));
  }
};

}  // namespace

void ReduceOnPlateau::check() const {
  detail::require_in("ReduceOnPlateau", "factor", factor, "[0, 1)");
  detail::require_in("ReduceOnPlateau", "threshold", threshold, "[0, inf)");
  detail::require_in("ReduceOnPlateau", "smallest", smallest, "[0, inf)");
}

void ReduceOnPlateau::observe(double metric) {
  const double margin = absolute ? threshold : std::isfinite(best) ? threshold * std::abs(best) : 0;
  const bool better = seen == 0 || (maximize ? metric > best + margin : metric < best - margin);
  seen += 1;
  if (better) best = metric;
  bad = better ? 0 : bad + 1;
  if (resting > 0) {
    resting -= 1;
    bad = 0;
  }
  if (bad <= static_cast<double>(patience)) return;
  current = std::max(current * factor, smallest);
  resting = static_cast<double>(cooldown);
  bad = 0;
}

void ReduceOnPlateau::set_maximize(bool on) {
  detail::require(on || !maximize, "ReduceOnPlateau",
                  "smaller metrics are better, maximize is true");
  maximize = on;
}

void ReduceOnPlateau::visit_numbers(const Schedule::Visitor& visit) {
  visit("factor", current);
  visit("best", best);
  visit("observations", seen);
  visit("bad", bad);
  visit("resting", resting);
}

Schedule sequence(std::vector<ScheduleStage> stages) {
  if (stages.empty()) detail::fail("sequence", "no stages");
  for (std::size_t i = 0; i + 1 < stages.size(); ++i) {
    detail::require_in("sequence", "duration of stage " + detail::text(i), stages[i].duration,
                       "(0, inf)");
  }
  return Schedule(Sequence{std::move(stages)});
}

Schedule product(std::vector<Schedule> schedules) {
  if (schedules.empty()) detail::fail("product", "no schedules");
  return Schedule(Product{std::move(schedules)});
}

template <class T>
Scheduler<T>::Scheduler(Optimizer<T>& optimizer, Schedule schedule)
    : optimizer_(optimizer), schedule_(std::move(schedule)) {
  apply();
}

template <class T>
void Scheduler<T>::apply() {
  for (std::size_t i = bases_.size(); i < optimizer_.group_count(); ++i) {
    bases_.push_back(optimizer_.learning_rate(i));
  }
  const double factor = schedule_.at(time_);
  for (std::size_t i = 0; i < bases_.size(); ++i) {
    optimizer_.set_learning_rate(bases_[i] * factor, i);
  }
}

template <class T>
void Scheduler<T>::set_time(double t) {
  detail::require_in("Scheduler", "time", t, "[0, inf)");
  time_ = t;
  apply();
}

template <class T>
void Scheduler<T>::observe(double metric) {
  if (std::isnan(metric)) detail::fail("Scheduler", "the metric is NaN");
  schedule_.observe(metric);
  apply();
}

template <class T>
void Scheduler<T>::visit_numbers(const Schedule::Visitor& visit) {
  visit("time", time_);
  for (std::size_t i = 0; i < bases_.size(); ++i) visit("base " + detail::text(i), bases_[i]);
  schedule_.visit_numbers(
      [&](const std::string& name, double& number) { visit("schedule/" + name, number); });
}

template <class T>
StateNumbers Scheduler<T>::state_dict() const {
  StateNumbers r;
  const_cast<Scheduler*>(this)->visit_numbers(  // the visitor only reads
      [&](const std::string& name, double& number) { r.emplace("Scheduler/" + name, number); });
  return r;
}

template <class T>
void Scheduler<T>::load_state_dict(const StateNumbers& state) {
  const StateNumbers given = detail::own_numbers(state, "Scheduler");
  detail::check_state("Scheduler", detail::own_numbers(state_dict(), "Scheduler"), given);
  visit_numbers([&](const std::string& name, double& number) { number = given.at(name); });
  apply();
}

template class Scheduler<float>;
template class Scheduler<double>;

}  // namespace xgrad
