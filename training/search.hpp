#pragma once

// Search for hyper-parameters: grid, random, from coarse to fine, successive halving; over seeds
// and folds, several processes at a time, with a log that an interrupted search goes on from, and a
// table that says how sure its figures are.
//
//   SearchSpace space;
//   space.log_uniform("learning rate", 1e-4, 1e-1).choice("width", {32, 64, 128});
//   SearchResult result = search(random_settings(space, 20), [](const Trial& t) {
//     Sequential<float> net = make_net(t.setting.size("width"));
//     ...                                   // draws from the default generator are the seed's
//     return validation_accuracy;
//   }, {.seeds = {1, 2, 3}, .processes = 2, .log = "search.jsonl", .score = "accuracy"});
//   std::cout << result.table() << result.conclusion() << "\n";

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "xgrad/modules/options.hpp"
#include "xgrad/training/collective.hpp"

namespace xgrad {

/// A value for each hyper-parameter: `number("learning rate")`, `size("width")`, `text("kind")`.
using Setting = ModuleOptions;

/// What there is to try.
class SearchSpace {
 public:
  /// How values are drawn.
  enum class Kind { uniform, log_uniform, choice };
  /// One hyper-parameter.
  struct Axis {
    std::string name;                      ///< as in settings
    Kind kind;                             ///< a range or a choice
    double low = 0, high = 0;              ///< of a range
    std::vector<OptionValue> values = {};  ///< of a choice
    bool operator==(const Axis&) const = default;
  };

  // Each throws std::invalid_argument for a name that is taken, and a range that is empty or
  // not finite.

  /// Any number in [low, high], all alike.
  SearchSpace& uniform(const std::string& name, double low, double high);
  /// Any number in [low, high], its logarithm all alike; low above 0. For rates and penalties.
  SearchSpace& log_uniform(const std::string& name, double low, double high);
  /// One of some numbers or texts.
  SearchSpace& choice(const std::string& name, std::vector<OptionValue> values);
  SearchSpace& choice(const std::string& name, std::initializer_list<double> values);
  SearchSpace& choice(const std::string& name, std::initializer_list<const char*> values);

  /// In the order they were added; of a temporary a copy.
  const std::vector<Axis>& axes() const& { return axes_; }
  std::vector<Axis> axes() const&& { return axes_; }
  bool operator==(const SearchSpace&) const = default;

 private:
  SearchSpace& add(Axis axis);
  std::vector<Axis> axes_;
};

/// All combinations, the last hyper-parameter changing fastest: every choice, and `points` values
/// of each range, its ends included (evenly spaced, or evenly in the logarithm; one point is the
/// middle). Throws std::invalid_argument for an empty space and for 0 points.
std::vector<Setting> grid_settings(const SearchSpace& space, std::size_t points = 3);

/// `count` settings drawn at random; each seed gives its own. Bergstra, Bengio 2012: better than a
/// grid where only some of the hyper-parameters matter.
std::vector<Setting> random_settings(const SearchSpace& space, std::size_t count,
                                     std::uint64_t seed = 0);

/// One run of one setting.
struct Trial {
  Setting setting;
  std::uint64_t seed = 0;
  std::size_t fold = 0, folds = 1;  ///< fold `fold` of `folds` is for validation
  double budget = 1;                ///< what successive halving grants: epochs, or a share of them
};

/// Trains and returns the score. An exception, or a score that is not finite, is a failed trial.
using Objective = std::function<double(const Trial& trial)>;

struct SearchOptions {
  /// Larger scores are better; by default what better_of says of `score`, and without that false.
  std::optional<bool> maximize = {};
  std::vector<std::uint64_t> seeds = {1};  ///< a run for each; manual_seed is called before
  std::size_t folds = 1;                   ///< and for each fold
  double budget = 1;                       ///< passed on in the trials
  /// Runs at a time, each in a process of its own with one thread; 0: all in this process, one
  /// after the other. The scores are the same.
  std::size_t processes = 0;
  /// Ranks to run on, one run each at a time: a Communicator of the component mpi; all call search,
  /// and all have its result. Rank 0 hands the runs out, to the next rank that is free, keeps the log
  /// and calls on_progress; it sleeps meanwhile, so that one more rank than cores is right. The scores
  /// are the same. `processes` is then not looked at.
  const Collective* communicator = nullptr;
  /// File with a line of JSON for each finished run; runs that are in it already are not repeated.
  /// Empty: none. It has to be another file when the objective is another one.
  std::string log = {};
  /// Called after each run: how many are done, and of how many.
  std::function<void(std::size_t done, std::size_t all)> on_progress = {};
  /// What the objective returns: "validation accuracy", "loss". Of one that better_of does not know,
  /// `maximize` is to be given.
  std::string score = {};
};

/// A setting with the scores of its runs, in the order of seeds and folds.
struct SettingResult {
  Setting setting;
  std::vector<double> scores;       ///< NaN: failed
  std::vector<std::string> errors;  ///< of failed runs
  double budget = 1;                ///< that its runs had, as of halving

  bool failed() const { return !errors.empty(); }  ///< whether a run threw
  double mean() const;                             ///< NaN when a run failed
  /// Of the mean: deviation / sqrt(n), with n - 1 in the deviation; NaN for one run.
  double standard_error() const;
};

class SearchResult {
 public:
  /// For results from elsewhere.
  SearchResult(std::vector<SettingResult> results, bool maximize);

  /// Best first, failed ones last; equals in the order they were tried.
  const std::vector<SettingResult>& ranking() const& { return ranking_; }
  std::vector<SettingResult> ranking() const&& { return ranking_; }
  /// Throws std::logic_error when all failed.
  const SettingResult& best() const&;
  SettingResult best() const&& { return best(); }
  bool maximize() const { return maximize_; }

  /// The places in the ranking, 0 among them, that cannot be told from the best: the difference
  /// over the same seeds and folds has a two-sided confidence interval of `confidence` (Student's
  /// t; Bonferroni over all comparisons) with 0 inside. With one run each, all. Runs of different
  /// folds share training data, which makes the intervals too short: read "distinguishable" from
  /// folds with care. Empty when all failed.
  std::vector<std::size_t> not_distinguishable(double confidence = 0.95) const;

  /// Columns: rank, hyper-parameters, score as mean and standard error, number of runs. The
  /// sign = marks those that cannot be told from the best.
  std::string table(std::size_t most = 20) const;
  /// A sentence: what is best, and whether it is distinguishable from the second.
  std::string conclusion() const;

 private:
  std::vector<SettingResult> ranking_;
  bool maximize_;
};

/// Runs every setting with every seed and fold.
/// **Throws** std::invalid_argument for no settings, seeds, folds or objective, and a score whose
/// direction is not known or is not that of `maximize`; FileError for a log
/// that cannot be read or written; std::runtime_error when Ctrl-C came during a run that noted it
/// (InterruptScope, Trainer): its score is that of a shorter training and is not kept. Incomplete
/// last lines of a log, as a killed program leaves them, do not matter.
SearchResult search(const std::vector<Setting>& settings, const Objective& objective,
                    const SearchOptions& options = {});

/// The part of a space around the best settings of a search: ranges keep `share` of their width (in
/// the logarithm where they are logarithmic) around the best setting and stay inside the old ones,
/// choices keep what the settings have that cannot be told from the best.
/// Throws std::invalid_argument for a share outside (0, 1].
SearchSpace refine(const SearchSpace& space, const SearchResult& result, double share = 0.5);

/// The ranges in whose outermost `share`, at either end (in the logarithm where they are
/// logarithmic), the best setting lies: something better may lie beyond, where neither the search
/// nor refine looks. Throws std::invalid_argument for a share outside (0, 0.5).
std::vector<std::string> ranges_left_at_their_end(const SearchSpace& space,
                                                  const SearchResult& result, double share = 0.05);

struct CoarseToFineOptions {
  std::size_t rounds = 2;     ///< each around the best of the one before
  std::size_t settings = 16;  ///< per round, random
  double share = 0.5;         ///< what refine keeps
  std::uint64_t seed = 0;
};

/// Random search, then again around the best. The result has the settings of all rounds.
SearchResult coarse_to_fine(const SearchSpace& space, const Objective& objective,
                            const CoarseToFineOptions& plan, const SearchOptions& options = {});

struct HalvingOptions {
  double smallest = 1;  ///< budget of the first round
  double largest = 27;  ///< budget that is not exceeded
  double eta = 3;       ///< the best 1/eta of the settings go on, with eta times the budget
};

/// Successive halving: all settings with a small budget, the better ones with a larger one, and so
/// on until one is left or the budget is at its largest. The result has the settings of the last
/// round; `rounds`, when given, gets the result of each. Every run begins anew: an objective may
/// keep checkpoints to go on from.
/// Throws std::invalid_argument unless 0 < smallest <= largest and eta > 1.
/// **Source** Jamieson, Talwalkar 2016.
SearchResult successive_halving(const std::vector<Setting>& settings, const Objective& objective,
                                const HalvingOptions& plan, const SearchOptions& options = {},
                                std::vector<SearchResult>* rounds = nullptr);

/// The t that Student's distribution with `freedom` degrees exceeds in absolute value with
/// probability 1 - confidence. Throws std::invalid_argument for no freedom and a confidence outside
/// (0, 1). **Source** Abramowitz, Stegun 26.7.3 and 26.7.4, inverted by bisection.
double student_t(std::size_t freedom, double confidence);

}  // namespace xgrad
