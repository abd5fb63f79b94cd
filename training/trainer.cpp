#include "xgrad/training/trainer.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <ostream>
#include <stdexcept>

#include "xgrad/base/errors.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/optimizers/clipping.hpp"
#include "xgrad/serialization/bytes.hpp"

namespace xgrad::detail {
namespace {

constexpr const char* kHistory = "Trainer/history";
constexpr const char* kMonitor = "Trainer/monitor";

EarlyStoppingOptions stopping_options(std::size_t patience, double min_delta, bool keep) {
  if (patience == 0) patience = std::numeric_limits<std::size_t>::max();
  return {.patience = patience, .min_delta = min_delta, .keep_best = keep};
}

void check_same_monitor(const std::map<std::string, std::string>& text, const std::string& now) {
  const auto then = text.find(kMonitor);
  require(then == text.end() || then->second == now, "Trainer",
          "the best of the checkpoint is that of another figure: monitored then ",
          quote(then == text.end() ? now : then->second), ", now ", quote(now));
}

std::string sum_name(std::size_t metric, std::size_t i) {
  return "Trainer/sum " + detail::text(metric) + "/" + detail::text(i);
}

void put_sums(std::map<std::string, double>& numbers,
              const std::vector<std::vector<double>>& sums) {
  for (std::size_t m = 0; m < sums.size(); ++m) {
    for (std::size_t i = 0; i < sums[m].size(); ++i) numbers[sum_name(m, i)] = sums[m][i];
  }
}

void get_sums(const std::map<std::string, double>& numbers,
              std::vector<std::vector<double>>& sums) {
  for (std::size_t m = 0; m < sums.size(); ++m) {
    sums[m].clear();
    for (auto it = numbers.find(sum_name(m, 0)); it != numbers.end();
         it = numbers.find(sum_name(m, sums[m].size()))) {
      sums[m].push_back(it->second);
    }
  }
}

template <class Map>
const auto& required(const Map& map, const std::string& name) {
  const auto it = map.find(name);
  if (it != map.end()) return it->second;
  detail::fail("Trainer", "the checkpoint was not written by a Trainer: ", detail::quote(name),
               " is missing");
}

}  // namespace

template <class T>
TrainerCore<T>::TrainerCore(Module<T>& module, Optimizer<T>& optimizer, TrainerOptions<T> options)
    : module_(module),
      optimizer_(optimizer),
      options_(std::move(options)),
      stopping_(module.state_dict(),
                stopping_options(options_.patience, options_.min_delta, options_.restore_best)) {
  check();
  if (options_.schedule) scheduler_.emplace(optimizer_, *options_.schedule);
}

template <class T>
void TrainerCore<T>::check() const {
  require_in("Trainer", "clip_norm", options_.clip_norm, "[0, inf)");
  require_in("Trainer", "clip_value", options_.clip_value, "[0, inf)");
  if (options_.accumulate == 0) detail::fail("Trainer", "accumulate is 0");
  if (options_.checkpoint.empty() && options_.resume) {
    detail::fail("Trainer", "resume needs the path of a checkpoint");
  }
}

template <class T>
void TrainerCore<T>::check_monitor(const Directions& directions) {
  const auto it = std::find_if(directions.begin(), directions.end(),
                               [&](const auto& d) { return d.first == options_.monitor; });
  std::vector<std::string> names;
  for (const auto& d : directions) names.push_back(quote(d.first));
  require(it != directions.end(), "Trainer", "there is no figure ", quote(options_.monitor),
          " to monitor among ", join(names));
  const bool maximize =
      larger_is_better("Trainer", options_.monitor, it->second, options_.maximize);
  stopping_.set_maximize(maximize);
  if (scheduler_) scheduler_->set_maximize(maximize);
}

template <class T>
void TrainerCore<T>::begin(bool validates, const Directions& directions) {
  if (options_.monitor.empty()) options_.monitor = validates ? "validation loss" : "train loss";
  check_monitor(directions);
  reason_ = stopping_.should_stop() ? StopReason::early : StopReason::finished;
  stop_requested_ = false;
  ended_ = stopping_.should_stop();
  window_samples_ = 0;
  if (group() != nullptr) join_group();
}

// Ranks whose options differ would wait for each other for ever.
template <class T>
void TrainerCore<T>::join_group() {
  require_alike(*group(), "Trainer",
                "epochs " + text(options_.epochs) + ", accumulate " + text(options_.accumulate) +
                    ", monitor " + quote(options_.monitor) + ", patience " +
                    text(options_.patience) + ", checkpoint " + quote(options_.checkpoint) +
                    " every " + text(options_.checkpoint_every));
  of_all_ = group()->data_parallel(module_, options_.data_parallel);
  if (group()->rank() == 0) return;
  options_.progress = nullptr;
  options_.curves.clear();
}

template <class T>
void TrainerCore<T>::check_batches(std::size_t batches) const {
  if (group() != nullptr) require_alike(*group(), "Trainer", text(batches) + " batches");
}

template <class T>
Progress TrainerCore<T>::progress(std::size_t batches) const {
  return {*options_.progress,
          "epoch " + detail::text(epoch_ + 1) + "/" + detail::text(options_.epochs), batches,
          is_terminal(*options_.progress)};
}

template <class T>
std::optional<Checkpoint<T>> TrainerCore<T>::find_checkpoint() const {
  if (!options_.resume || !checkpoint_exists(options_.checkpoint)) return std::nullopt;
  std::string problem;
  Checkpoint<T> found = load_latest_checkpoint<T>(options_.checkpoint, &problem);
  if (!problem.empty() && options_.progress != nullptr) {
    *options_.progress << problem << "; going on from the one before" << std::endl;
  }
  return found;
}

// What is spread stays as it is where there is no checkpoint.
template <class T>
void TrainerCore<T>::restore_state(const Checkpoint<T>& found,
                                   const std::function<void()>& restore_spread) {
  if (spread() == nullptr) return restore(found, module_, optimizer_);
  module_.load_state_dict(found.model);
  restore_spread();
  default_generator().set_state(found.generator);
}

template <class T>
LoaderState TrainerCore<T>::apply(const Checkpoint<T>& found, bool restores,
                                  const SpreadTensors<T>& spread_tensors) {
  const auto& epoch = required(found.numbers, "Trainer/epoch");
  const auto& step = required(found.numbers, "Trainer/step");
  History history = History::from_json(required(found.text, kHistory));
  check_same_monitor(found.text, options_.monitor);
  const Checkpoint<T> before = spread() != nullptr
                                   ? checkpoint_of(module_, spread()->own_state(), {})
                                   : Checkpoint<T>::of(module_, optimizer_);
  try {
    restore_state(found, [&] {
      if (restores) spread()->load_spread(found.optimizer.numbers, spread_tensors.reader());
    });
    if (options_.average != nullptr) options_.average->load_state_dict(found.optimizer);
    if (scheduler_) scheduler_->load_state_dict(found.optimizer);
    stopping_.load_state_dict(found.optimizer);
  } catch (...) {
    restore_state(before, [&] { spread()->restore_own(before.optimizer); });
    throw;
  }
  epoch_ = static_cast<std::size_t>(epoch);
  step_ = static_cast<std::size_t>(step);
  history_ = std::move(history);
  get_sums(found.numbers, sums_);
  ended_ = stopping_.should_stop();
  if (ended_) reason_ = StopReason::early;
  if (restores && options_.on_restore) options_.on_restore(found);
  return found.loader;
}

template <class T>
std::optional<LoaderState> TrainerCore<T>::resume(const LoaderState& at) {
  if (group() != nullptr && group()->size() > 1) return resume_with_others(at);
  auto found = find_checkpoint();
  if (!found) return std::nullopt;
  SpreadTensors<T> spread_tensors;
  if (spread() != nullptr) spread_tensors = {found->optimizer, *spread()};
  return apply(*found, true, spread_tensors);
}

// Only rank 0 reads: the others may be on machines that do not have the file.
template <class T>
LoaderState TrainerCore<T>::resume_with_others(const LoaderState& at) {
  const Checkpoint<T> own = snapshot(at);
  SpreadTensors<T> spread_tensors;
  const std::string text = from_rank_0(*group(), [&] {
    auto found = find_checkpoint();
    if (found && spread() != nullptr) spread_tensors = {found->optimizer, *spread()};
    const auto bytes = format_checkpoint(found ? *found : own);
    return (found ? 'f' : 'o') + std::string(as_text(bytes));
  });
  const std::string_view bytes = std::string_view(text).substr(1);
  return apply(parse_checkpoint<T>(as_bytes(bytes), "rank 0's state"), text.front() == 'f',
               spread_tensors);
}

template <class T>
Checkpoint<T> TrainerCore<T>::snapshot(const LoaderState& loader) const {
  Checkpoint<T> c = spread() != nullptr
                        ? checkpoint_of(module_, {{}, spread()->spread_numbers()}, loader)
                        : Checkpoint<T>::of(module_, optimizer_, loader);
  if (options_.average != nullptr) c.optimizer.add(options_.average->state_dict());
  if (scheduler_) c.optimizer.add(scheduler_->state_dict());
  c.optimizer.add(stopping_.state_dict());
  c.numbers["Trainer/epoch"] = static_cast<double>(epoch_);
  c.numbers["Trainer/step"] = static_cast<double>(step_);
  c.text[kHistory] = history_.json();
  c.text[kMonitor] = options_.monitor;
  put_sums(c.numbers, sums_);
  return c;
}

// On all ranks: what is gathered for it is asked of all, and all know when it is written.
template <class T>
void TrainerCore<T>::save(const LoaderState& loader) const {
  if (options_.checkpoint.empty()) return;
  Checkpoint<T> c = snapshot(loader);
  if (options_.on_save) options_.on_save(c);
  SpreadPart<T> part;
  if (spread() != nullptr) part.arrays = spread()->spread_arrays();
  const auto write = [&] {
    const auto write_now = [&](const auto& read) {
      part.read = read;
      write_checkpoint(options_.checkpoint, c, part);
    };
    spread() != nullptr ? spread()->with_spread_arrays(write_now) : write_now(nullptr);
    return std::string();
  };
  if (group() == nullptr) {
    write();
    return;
  }
  if (spread() != nullptr && group()->rank() > 0) spread()->with_spread_arrays([](const auto&) {});
  from_rank_0(*group(), write);
}

template <class T>
bool TrainerCore<T>::checkpoint_is_due() const {
  return options_.checkpoint_every > 0 && step_ % options_.checkpoint_every == 0;
}

template <class T>
void TrainerCore<T>::begin_epoch() {
  module_.train();
  if (options_.on_epoch_begin) options_.on_epoch_begin(epoch_);
}

template <class T>
void TrainerCore<T>::set_time(std::size_t batch, std::size_t batches) {
  if (!scheduler_) return;
  const double epochs =
      static_cast<double>(epoch_) + static_cast<double>(batch) / static_cast<double>(batches);
  scheduler_->set_time(options_.schedule_unit == ScheduleUnit::epochs ? epochs
                                                                      : static_cast<double>(step_));
}

template <class T>
void TrainerCore<T>::check_loss(double loss, std::size_t batch) const {
  if (std::isfinite(loss)) return;
  detail::fail<std::runtime_error>("Trainer", "the loss is ", loss, ": epoch ", epoch_ + 1,
                                   ", batch ", batch, ", learning rate ",
                                   optimizer_.learning_rate());
}

template <class T>
void TrainerCore<T>::add_gradient(const Tensor<T>& loss, std::size_t samples) {
  if (window_samples_ == 0) optimizer_.zero_grad();
  window_samples_ += samples;
  const Tensor<T> total = options_.penalty ? loss + options_.penalty() : loss;
  (options_.accumulate == 1 ? total : total * static_cast<T>(samples)).backward();
}

template <class T>
void TrainerCore<T>::add_gradient_of_all(std::size_t samples, bool last,
                                         const std::function<Tensor<T>(Part part)>& loss) {
  const auto total = [&](Part part) {
    const Tensor<T> of_shard = loss(part);
    return options_.penalty ? of_shard + options_.penalty() : of_shard;
  };
  if (last) {
    of_all_->gradients(samples, total);
  } else {
    of_all_->accumulate(samples, total);
  }
}

template <class T>
void TrainerCore<T>::scale_gradients(double factor) {
  for (const auto& p : optimizer_.parameters()) {
    if (!p.tensor.has_grad()) continue;
    Tensor<T> t = p.tensor, g = p.tensor.gradient().clone();
    T* const x = g.mutable_data();
    std::transform(x, x + g.size(), x, [factor](T v) { return v * static_cast<T>(factor); });
    t.set_gradient(g);
  }
}

template <class T>
void TrainerCore<T>::step(double loss) {
  if (options_.accumulate > 1 && group() == nullptr)
    scale_gradients(1 / static_cast<double>(window_samples_));
  window_samples_ = 0;
  if (options_.before_step) options_.before_step();
  if (options_.clip_value > 0) clip_grad_value(optimizer_.parameters(), options_.clip_value);
  if (options_.clip_norm > 0) clip_grad_norm(optimizer_.parameters(), options_.clip_norm);
  const double rate = optimizer_.learning_rate();
  optimizer_.step();
  ++step_;
  if (options_.average != nullptr) options_.average->update();
  if (options_.after_step) options_.after_step({epoch_, step_, loss, rate});
}

template <class T>
bool TrainerCore<T>::wants_stop(bool interrupted) {
  if (group() != nullptr) {
    std::uint64_t all = 0;
    for (const std::uint64_t v :
         group()->all_gather((interrupted ? 1U : 0U) | (stop_requested_ ? 2U : 0U)))
      all |= v;
    interrupted = (all & 1U) != 0;
    stop_requested_ = (all & 2U) != 0;
  }
  if (interrupted) reason_ = StopReason::interrupted;
  if (!interrupted && stop_requested_) reason_ = StopReason::requested;
  return interrupted || stop_requested_;
}

template <class T>
void TrainerCore<T>::observe(const Figures& figures) {
  const auto monitored = [&](const auto& f) { return f.first == options_.monitor; };
  const auto it = std::find_if(figures.begin(), figures.end(), monitored);
  require(it != figures.end(), "Trainer", "there is no figure ", quote(options_.monitor), ": ",
          to_string(figures));
  observed_ = it->second;
  stopping_.observe(observed_);
}

template <class T>
void TrainerCore<T>::end_epoch(const Figures& figures) {
  Figures row = figures;
  row.emplace_back("learning rate", optimizer_.learning_rate());
  history_.add(row);
  if (scheduler_ && !std::isnan(observed_)) scheduler_->observe(observed_);
  ++epoch_;
  if (!options_.curves.empty()) history_.write(options_.curves);
  if (options_.on_epoch_end) options_.on_epoch_end(epoch_ - 1, row);
  if (options_.progress != nullptr && figures.size() > 0) {
    Figures validation;
    for (const auto& f : figures) {
      if (f.first.starts_with("validation ")) validation.push_back(f);
    }
    if (!validation.empty()) *options_.progress << "  " << to_string(validation) << std::endl;
  }
  stop_requested_ = agreed(stop_requested_);
  if (stopping_.should_stop()) reason_ = StopReason::early;
  if (stop_requested_) reason_ = StopReason::requested;
  ended_ = stopping_.should_stop() || stop_requested_;
}

template <class T>
void TrainerCore<T>::finish() {
  of_all_.reset();
  if (options_.restore_best && reason_ != StopReason::interrupted && !history_.empty() &&
      !std::isnan(stopping_.best())) {
    stopping_.restore_best();
  }
}

template class TrainerCore<float>;
template class TrainerCore<double>;

}  // namespace xgrad::detail
