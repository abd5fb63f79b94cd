#include "xgrad/training/search.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>
#include <stdexcept>

#include "xgrad/base/errors.hpp"
#include "xgrad/ops/random.hpp"
#include "xgrad/training/direction.hpp"
#include "xgrad/training/search_runs.hpp"

namespace xgrad {

using detail::require;
using detail::require_in;

namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

std::string text_of(const OptionValue& v) {
  const double* number = std::get_if<double>(&v);
  return number != nullptr ? detail::text(*number) : std::get<std::string>(v);
}

// The value at a place in [0, 1] of an axis.
OptionValue value_at(const SearchSpace::Axis& axis, double place) {
  if (axis.kind == SearchSpace::Kind::choice) {
    const auto n = static_cast<double>(axis.values.size());
    return axis.values[std::min(axis.values.size() - 1, static_cast<std::size_t>(place * n))];
  }
  const bool logarithmic = axis.kind == SearchSpace::Kind::log_uniform;
  const double v = logarithmic ? axis.low * std::pow(axis.high / axis.low, place)
                               : axis.low + (axis.high - axis.low) * place;
  return std::clamp(v, axis.low, axis.high);
}

std::vector<OptionValue> grid_values(const SearchSpace::Axis& axis, std::size_t points) {
  if (axis.kind == SearchSpace::Kind::choice) return axis.values;
  std::vector<OptionValue> r;
  for (std::size_t i = 0; i < points; ++i) {
    r.push_back(value_at(
        axis, points == 1 ? 0.5 : static_cast<double>(i) / static_cast<double>(points - 1)));
  }
  return r;
}

double mean_of(const std::vector<double>& v) {
  return std::accumulate(v.begin(), v.end(), 0.0) / static_cast<double>(v.size());
}

double error_of_mean(const std::vector<double>& v) {
  if (v.size() < 2) return kNone;
  const double mean = mean_of(v), n = static_cast<double>(v.size());
  double sum = 0;
  for (const double x : v) sum += (x - mean) * (x - mean);
  return std::sqrt(sum / (n - 1) / n);
}

// Whether the confidence interval of the mean difference leaves out 0.
bool differ(const SettingResult& a, const SettingResult& b, double confidence) {
  if (a.scores.size() != b.scores.size() || a.scores.size() < 2) return false;
  std::vector<double> d;
  for (std::size_t i = 0; i < a.scores.size(); ++i) d.push_back(a.scores[i] - b.scores[i]);
  return std::abs(mean_of(d)) > student_t(d.size() - 1, confidence) * error_of_mean(d);
}

std::string padded(const std::string& s, std::size_t width) {
  return s + std::string(width - std::min(width, s.size()), ' ');
}

std::string score_of(const SettingResult& r) {
  if (r.failed()) return "failed: " + r.errors[0];
  const std::string mean = detail::rounded(r.mean(), 5);
  return r.scores.size() == 1 ? mean : mean + " +- " + detail::rounded(r.standard_error(), 2);
}

std::string named_values(const Setting& s) {
  std::string r;
  for (const ModuleOption& o : s) r += (r.empty() ? "" : ", ") + o.key + " " + text_of(o.value);
  return r;
}

std::string aligned(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], row[c].size());
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t c = 0; c < row.size(); ++c) line += padded(row[c], widths[c] + 2);
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

SearchSpace::Axis narrowed(const SearchSpace::Axis& axis, double centre, double share) {
  SearchSpace::Axis r = axis;
  if (axis.kind == SearchSpace::Kind::log_uniform) {
    const double half = std::pow(axis.high / axis.low, share / 2);
    r.low = std::max(axis.low, centre / half);
    r.high = std::min(axis.high, centre * half);
  } else {
    const double half = (axis.high - axis.low) * share / 2;
    r.low = std::max(axis.low, centre - half);
    r.high = std::min(axis.high, centre + half);
  }
  return r;
}

bool is_maximized(const SearchOptions& options) {
  if (options.score.empty()) return options.maximize.value_or(false);
  return detail::larger_is_better("search", options.score, better_of(options.score),
                                  options.maximize);
}

OptionValue value_in(const char* operation, const Setting& s, const std::string& key) {
  for (const ModuleOption& o : s) {
    if (o.key == key) return o.value;
  }
  detail::fail(operation, "the search has no ", detail::quote(key));
}

}  // namespace

SearchSpace& SearchSpace::add(Axis axis) {
  for (const Axis& a : axes_)
    require(a.name != axis.name, "SearchSpace", detail::quote(axis.name), " is there already");
  axes_.push_back(std::move(axis));
  return *this;
}

SearchSpace& SearchSpace::uniform(const std::string& name, double low, double high) {
  require(std::isfinite(low) && std::isfinite(high) && low <= high, "SearchSpace", "range of ",
          detail::quote(name), ": ", low, " to ", high);
  return add({name, Kind::uniform, low, high});
}

SearchSpace& SearchSpace::log_uniform(const std::string& name, double low, double high) {
  require(std::isfinite(low) && std::isfinite(high) && low > 0 && low <= high, "SearchSpace",
          "logarithmic range of ", detail::quote(name), ": ", low, " to ", high);
  return add({name, Kind::log_uniform, low, high});
}

SearchSpace& SearchSpace::choice(const std::string& name, std::vector<OptionValue> values) {
  require(!values.empty(), "SearchSpace", "no values for ", detail::quote(name));
  return add({name, Kind::choice, 0, 0, std::move(values)});
}

SearchSpace& SearchSpace::choice(const std::string& name, std::initializer_list<double> values) {
  return choice(name, std::vector<OptionValue>(values.begin(), values.end()));
}

SearchSpace& SearchSpace::choice(const std::string& name,
                                 std::initializer_list<const char*> values) {
  std::vector<OptionValue> v;
  for (const char* s : values) v.emplace_back(std::string(s));
  return choice(name, std::move(v));
}

std::vector<Setting> grid_settings(const SearchSpace& space, std::size_t points) {
  require(!space.axes().empty(), "grid_settings", "the space is empty");
  require(points > 0, "grid_settings", "0 points");
  std::vector<std::vector<ModuleOption>> all{{}};
  for (const auto& axis : space.axes()) {
    std::vector<std::vector<ModuleOption>> longer;
    for (const auto& setting : all) {
      for (const OptionValue& v : grid_values(axis, points)) {
        longer.push_back(setting);
        longer.back().push_back({axis.name, v});
      }
    }
    all = std::move(longer);
  }
  return {std::make_move_iterator(all.begin()), std::make_move_iterator(all.end())};
}

std::vector<Setting> random_settings(const SearchSpace& space, std::size_t count,
                                     std::uint64_t seed) {
  require(!space.axes().empty(), "random_settings", "the space is empty");
  Generator generator(seed);
  const std::size_t axes = space.axes().size();
  const Tensor<double> places = xgrad::uniform<double>({count, axes}, 0, 1, generator);
  std::vector<Setting> r;
  for (std::size_t i = 0; i < count; ++i) {
    std::vector<ModuleOption> setting;
    for (std::size_t a = 0; a < axes; ++a) {
      const auto& axis = space.axes()[a];
      setting.push_back({axis.name, value_at(axis, places.data()[i * axes + a])});
    }
    r.emplace_back(std::move(setting));
  }
  return r;
}

double student_t(std::size_t freedom, double confidence) {
  require(freedom > 0, "student_t", "0 degrees of freedom");
  require_in("student_t", "confidence", confidence, "(0, 1)");
  const double half_pi = std::numbers::pi / 2;
  // P(|t| <= sqrt(freedom) tan(angle)).
  const auto inside = [&](double angle) {
    const bool odd = freedom % 2 == 1;
    const double c = std::cos(angle), s = std::sin(angle);
    double term = odd ? c : 1, sum = 0;
    for (std::size_t k = odd ? 3 : 2; k <= freedom; k += 2) {
      sum += term;
      const auto x = static_cast<double>(k);
      term *= (x - 1) / x * c * c;
    }
    return odd ? (angle + s * sum) / half_pi : s * sum;
  };
  double low = 0, high = half_pi;
  for (int i = 0; i < 200; ++i) {
    const double middle = (low + high) / 2;
    (inside(middle) < confidence ? low : high) = middle;
  }
  return std::sqrt(static_cast<double>(freedom)) * std::tan(low);
}

double SettingResult::mean() const { return failed() ? kNone : mean_of(scores); }
double SettingResult::standard_error() const { return failed() ? kNone : error_of_mean(scores); }

SearchResult::SearchResult(std::vector<SettingResult> results, bool maximize)
    : ranking_(std::move(results)), maximize_(maximize) {
  std::stable_sort(ranking_.begin(), ranking_.end(), [&](const auto& a, const auto& b) {
    if (a.failed() || b.failed()) return !a.failed() && b.failed();
    return maximize ? a.mean() > b.mean() : a.mean() < b.mean();
  });
}

const SettingResult& SearchResult::best() const& {
  if (!ranking_.empty() && !ranking_[0].failed()) return ranking_[0];
  detail::fail<std::logic_error>("SearchResult", "every setting failed",
                                 (ranking_.empty() ? std::string() : ": " + ranking_[0].errors[0]));
}

std::vector<std::size_t> SearchResult::not_distinguishable(double confidence) const {
  std::vector<std::size_t> r;
  std::size_t valid = 0;
  while (valid < ranking_.size() && !ranking_[valid].failed()) ++valid;
  const double each =
      1 - (1 - confidence) / static_cast<double>(std::max<std::size_t>(valid, 2) - 1);
  for (std::size_t i = 0; i < valid; ++i) {
    if (i == 0 || !differ(ranking_[0], ranking_[i], each)) r.push_back(i);
  }
  return r;
}

std::string SearchResult::table(std::size_t most) const {
  if (ranking_.empty()) return "no settings\n";
  std::vector<std::vector<std::string>> rows{{"rank", ""}};
  for (const ModuleOption& o : ranking_[0].setting) rows[0].push_back(o.key);
  rows[0].push_back("score");
  rows[0].push_back("runs");
  const auto alike = not_distinguishable();
  for (std::size_t i = 0; i < std::min(most, ranking_.size()); ++i) {
    const bool marked = std::find(alike.begin(), alike.end(), i) != alike.end();
    rows.push_back({detail::text(i + 1), marked ? "=" : ""});
    for (const ModuleOption& o : ranking_[i].setting) rows.back().push_back(text_of(o.value));
    rows.back().push_back(score_of(ranking_[i]));
    rows.back().push_back(detail::text(ranking_[i].scores.size()));
  }
  std::string text = aligned(rows);
  if (ranking_.size() > most) text += "and " + detail::text(ranking_.size() - most) + " more\n";
  return text + "= not distinguishable from the best at 95 % confidence\n";
}

std::string SearchResult::conclusion() const {
  const SettingResult& first = best();
  const std::size_t runs = first.scores.size(), alike = not_distinguishable().size() - 1;
  const std::string head = "best: " + named_values(first.setting) + ": " + score_of(first) + " (" +
                           detail::text(runs) + (runs == 1 ? " run)" : " runs)");
  if (ranking_.size() == 1) return head + "; there is no other";
  if (ranking_[1].failed()) return head + "; all others failed";
  if (runs < 2) {
    return head + "; one run each cannot say more: not distinguishable from any other";
  }
  if (alike == 0) return head + "; distinguishable from all others at 95 % confidence";
  return head + "; not distinguishable from " + detail::text(alike) +
         (alike == 1 ? " other" : " others") + " at 95 % confidence";
}

SearchResult search(const std::vector<Setting>& settings, const Objective& objective,
                    const SearchOptions& options) {
  require(!settings.empty(), "search", "no settings");
  require(!options.seeds.empty(), "search", "no seeds");
  require(options.folds > 0, "search", "0 folds");
  require(static_cast<bool>(objective), "search", "no objective");
  const bool maximize = is_maximized(options);
  std::vector<Trial> trials;
  for (const Setting& s : settings) {
    for (const std::uint64_t seed : options.seeds) {
      for (std::size_t fold = 0; fold < options.folds; ++fold) {
        trials.push_back({s, seed, fold, options.folds, options.budget});
      }
    }
  }
  const std::vector<detail::Outcome> outcomes = detail::run_trials(trials, objective, options);
  const std::size_t runs = options.seeds.size() * options.folds;
  std::vector<SettingResult> results;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    if (i % runs == 0) results.push_back({trials[i].setting, {}, {}, options.budget});
    results.back().scores.push_back(outcomes[i].error.empty() ? outcomes[i].score : kNone);
    if (!outcomes[i].error.empty()) results.back().errors.push_back(outcomes[i].error);
  }
  return {std::move(results), maximize};
}

SearchSpace refine(const SearchSpace& space, const SearchResult& result, double share) {
  require_in("refine", "share", share, "(0, 1]");
  const Setting& best = result.best().setting;
  SearchSpace r;
  for (const auto& axis : space.axes()) {
    if (axis.kind == SearchSpace::Kind::choice) {
      std::vector<OptionValue> kept;
      for (const OptionValue& v : axis.values) {
        const auto alike = result.not_distinguishable();
        if (std::any_of(alike.begin(), alike.end(), [&](std::size_t i) {
              return value_in("refine", result.ranking()[i].setting, axis.name) == v;
            })) {
          kept.push_back(v);
        }
      }
      r.choice(axis.name, kept);
      continue;
    }
    const auto a = narrowed(axis, std::get<double>(value_in("refine", best, axis.name)), share);
    axis.kind == SearchSpace::Kind::uniform ? r.uniform(a.name, a.low, a.high)
                                            : r.log_uniform(a.name, a.low, a.high);
  }
  return r;
}

std::vector<std::string> ranges_left_at_their_end(const SearchSpace& space,
                                                  const SearchResult& result, double share) {
  require(share > 0 && share < 0.5, "ranges_left_at_their_end", "share ", share,
          " is not in (0, 0.5)");
  const Setting& best = result.best().setting;
  std::vector<std::string> r;
  for (const auto& axis : space.axes()) {
    if (axis.kind == SearchSpace::Kind::choice || axis.low == axis.high) continue;
    const double v = std::get<double>(value_in("ranges_left_at_their_end", best, axis.name));
    const double place = axis.kind == SearchSpace::Kind::log_uniform
                             ? std::log(v / axis.low) / std::log(axis.high / axis.low)
                             : (v - axis.low) / (axis.high - axis.low);
    if (place < share || place > 1 - share) r.push_back(axis.name);
  }
  return r;
}

SearchResult coarse_to_fine(const SearchSpace& space, const Objective& objective,
                            const CoarseToFineOptions& plan, const SearchOptions& options) {
  require(plan.rounds > 0, "coarse_to_fine", "0 rounds");
  const bool maximize = is_maximized(options);
  std::vector<SettingResult> all;
  SearchSpace now = space;
  for (std::size_t round = 0; round < plan.rounds; ++round) {
    if (round > 0) now = refine(now, SearchResult(all, maximize), plan.share);
    const auto found =
        search(random_settings(now, plan.settings, plan.seed + round), objective, options);
    all.insert(all.end(), found.ranking().begin(), found.ranking().end());
  }
  return {std::move(all), maximize};
}

SearchResult successive_halving(const std::vector<Setting>& settings, const Objective& objective,
                                const HalvingOptions& plan, const SearchOptions& options,
                                std::vector<SearchResult>* rounds) {
  require(plan.smallest > 0 && plan.smallest <= plan.largest && plan.eta > 1, "successive_halving",
          "smallest ", plan.smallest, ", largest ", plan.largest, ", eta ", plan.eta);
  std::vector<Setting> left = settings;
  SearchOptions now = options;
  for (now.budget = plan.smallest;; now.budget = std::min(plan.largest, now.budget * plan.eta)) {
    SearchResult result = search(left, objective, now);
    if (rounds != nullptr) rounds->push_back(result);
    if (left.size() == 1 || now.budget >= plan.largest) return result;
    const auto keep = std::max<std::size_t>(
        1, static_cast<std::size_t>(static_cast<double>(left.size()) / plan.eta));
    left.clear();
    for (std::size_t i = 0; i < keep; ++i) left.push_back(result.ranking()[i].setting);
  }
}

}  // namespace xgrad
