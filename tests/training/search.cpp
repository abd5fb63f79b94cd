// Searches for hyper-parameters: what is tried, in how many processes, what the figures are worth.

#include "xgrad/training/search.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "tests/serialization/files.hpp"
#include "xgrad/ops/random.hpp"
#include "xgrad/training/interrupt.hpp"

using namespace xgrad;
using boost::test_tools::tolerance;
using xgrad_test::TemporaryDirectory;

namespace {

SearchSpace space() {
  SearchSpace s;
  return s.log_uniform("rate", 1e-4, 1e-1).uniform("drop", 0, 0.5).choice("kind", {"relu", "tanh"});
}

// Best at rate 0.01 and drop 0.2, with noise that depends on the seed.
double quality(const Trial& t, double noise = 0.01) {
  const double a = std::log10(t.setting.number("rate")) + 2, b = t.setting.number("drop") - 0.2;
  return 1 - a * a / 10 - b * b + noise * static_cast<double>(normal<float>({}).item());
}

std::vector<std::vector<double>> scores(const SearchResult& r) {
  std::vector<std::vector<double>> all;
  for (const auto& s : r.ranking()) all.push_back(s.scores);
  return all;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(search_settings)

BOOST_AUTO_TEST_CASE(grid) {
  const auto all = grid_settings(space(), 4);
  BOOST_TEST(all.size() == 32U);
  BOOST_TEST(all[0].number("rate") == 1e-4);
  BOOST_TEST(all[8].number("rate") == 1e-3, tolerance(1e-14));
  BOOST_TEST(all[31].number("rate") == 1e-1);
  BOOST_TEST(all[2].number("drop") == 0.5 / 3, tolerance(1e-14));
  BOOST_TEST(all[1].text("kind") == "tanh");
  BOOST_TEST(grid_settings(space(), 1)[0].number("drop") == 0.25);
}

BOOST_AUTO_TEST_CASE(random) {
  const auto all = random_settings(space(), 4000, 1);
  double below = 0, drop = 0, relu = 0;
  for (const auto& s : all) {
    BOOST_REQUIRE(s.number("rate") >= 1e-4 && s.number("rate") <= 1e-1);
    below += s.number("rate") < 1e-3;
    drop += s.number("drop");
    relu += s.text("kind") == "relu";
  }
  // Five standard deviations.
  BOOST_TEST(std::abs(below / 4000 - 1.0 / 3) < 5 * std::sqrt(2.0 / 9 / 4000));
  BOOST_TEST(std::abs(drop / 4000 - 0.25) < 5 * 0.5 / std::sqrt(12.0 * 4000));
  BOOST_TEST(std::abs(relu / 4000 - 0.5) < 5 * 0.5 / std::sqrt(4000.0));
  BOOST_TEST((random_settings(space(), 3, 1)[2] == all[2]));
  BOOST_TEST((random_settings(space(), 3, 2)[2] != all[2]));
}

BOOST_AUTO_TEST_CASE(errors) {
  SearchSpace s;
  BOOST_CHECK_THROW(grid_settings(s), std::invalid_argument);
  BOOST_CHECK_THROW(s.log_uniform("a", 0, 1), std::invalid_argument);
  BOOST_CHECK_THROW(s.uniform("a", 2, 1), std::invalid_argument);
  s.uniform("a", 0, 1);
  test::check_failure<std::invalid_argument>([&] { s.uniform("a", 0, 1); },
                                             "SearchSpace: \"a\" is there already");
  BOOST_CHECK_THROW(search({}, [](const Trial&) { return 1.0; }), std::invalid_argument);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(search_runs)

BOOST_AUTO_TEST_CASE(processes_give_the_same_scores) {
  const auto settings = random_settings(space(), 10);
  const auto f = [](const Trial& t) { return quality(t); };
  const SearchOptions one{.maximize = true, .seeds = {1, 2}, .folds = 2};
  SearchOptions three = one;
  three.processes = 3;
  std::size_t calls = 0;
  three.on_progress = [&](std::size_t done, std::size_t all) {
    BOOST_TEST(done == ++calls);
    BOOST_TEST(all == 40U);
  };
  default_generator().set_state({77, 5});
  const auto a = search(settings, f, one), b = search(settings, f, three);
  BOOST_TEST((scores(a) == scores(b)));
  BOOST_TEST(calls == 40U);
  BOOST_TEST((default_generator().state() == Generator::State{77, 5}));
  for (std::size_t i = 0; i + 1 < 10; ++i)
    BOOST_TEST(a.ranking()[i].mean() >= a.ranking()[i + 1].mean());
}

BOOST_AUTO_TEST_CASE(scores_know_their_direction) {
  SearchSpace s;
  s.choice("n", {1, 2, 3});
  const auto best = [&](const SearchOptions& options) {
    return search(
               grid_settings(s), [](const Trial& t) { return t.setting.number("n"); }, options)
        .best()
        .setting.number("n");
  };
  BOOST_TEST(best({}) == 1);
  BOOST_TEST(best({.score = "validation loss"}) == 1);
  BOOST_TEST(best({.score = "validation accuracy"}) == 3);
  BOOST_TEST(best({.maximize = true, .score = "F1"}) == 3);
  BOOST_CHECK_THROW(best({.score = "F1"}), std::invalid_argument);
  BOOST_CHECK_THROW(best({.maximize = false, .score = "accuracy"}), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(failures_are_told) {
  SearchSpace s;
  s.choice("n", {0, 1, 2, 3});
  for (const std::size_t processes : {0U, 2U}) {
    const auto r = search(grid_settings(s),
                          [&](const Trial& t) -> double {
                            if (t.setting.size("n") == 0) throw std::runtime_error("no \"luck\"");
                            if (t.setting.size("n") == 1) return std::nan("");
                            if (t.setting.size("n") == 2 && processes > 0) raise(SIGKILL);
                            return 5;
                          },
                          {.processes = processes});
    BOOST_TEST(r.best().setting.number("n") == (processes > 0 ? 3.0 : 2.0));
    const auto& last = r.ranking();
    BOOST_TEST(last[processes > 0 ? 1 : 2].errors.at(0) == "no \"luck\"");
    BOOST_TEST(last[processes > 0 ? 2 : 3].errors.at(0) == "the score is nan");
    if (processes > 0) BOOST_TEST(last[3].errors.at(0) == "the process was ended by signal 9");
    BOOST_TEST(r.table().find("failed: no \"luck\"") != std::string::npos);
  }
  const auto none = search(grid_settings(s), [](const Trial&) { return std::nan(""); });
  BOOST_CHECK_THROW(none.best(), std::logic_error);
}

BOOST_AUTO_TEST_CASE(nothing_else_leaves_a_process) {
  const auto r =
      search(grid_settings(space(), 1), [](const Trial&) -> double { throw 1; }, {.processes = 2});
  BOOST_TEST(r.ranking()[0].errors.at(0) == "an exception that is no std::exception");
}

// A run that took note of a signal may have been cut short: it counts in no log.
BOOST_AUTO_TEST_CASE(interrupted_runs_do_not_count) {
  for (const std::size_t processes : {0U, 1U}) {
    const TemporaryDirectory folder;
    const SearchOptions options{
        .seeds = {1, 2, 3}, .processes = processes, .log = folder / "log.jsonl"};
    bool interrupt = true;
    const auto f = [&](const Trial& t) {
      const InterruptScope scope;
      if (interrupt && t.seed == 2) raise(SIGINT);
      return static_cast<double>(t.seed);
    };
    const auto settings = grid_settings(space(), 1);
    const std::vector<Setting> one(settings.begin(), settings.begin() + 1);
    if (processes == 0) {
      BOOST_TEST(xgrad_test::message_of<std::runtime_error>([&] { search(one, f, options); }) ==
                 "search: interrupted: 1 of 3 runs are done");
    } else {  // only the child got the signal
      BOOST_TEST(search(one, f, options).ranking()[0].errors.at(0) ==
                 "the process was ended by signal 2");
    }
    const std::string log = xgrad_test::slurp(options.log);
    BOOST_TEST(log.find("\"seed\":2") == std::string::npos);
    BOOST_TEST(std::count(log.begin(), log.end(), '\n') == (processes == 0 ? 1 : 2));
    interrupt = false;
    BOOST_TEST(search(one, f, options).best().mean() == 2);
  }
}

BOOST_AUTO_TEST_CASE(a_killed_search_leaves_nobody_behind) {
  int ends[2];
  BOOST_REQUIRE_EQUAL(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    search(grid_settings(space(), 1),
           [&](const Trial&) -> double {
             const bool told = write(ends[1], "x", 1) == 1;  // and keeps the pipe open
             sleep(told ? 60 : 0);
             return 1;
           },
           {.processes = 2});
    _exit(0);
  }
  close(ends[1]);
  char byte;
  for (int started = 0; started < 2; ++started) BOOST_REQUIRE_EQUAL(read(ends[0], &byte, 1), 1);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  pollfd closed{ends[0], POLLIN, 0};
  BOOST_TEST(poll(&closed, 1, 10000) == 1);
  BOOST_TEST(read(ends[0], &byte, 1) == 0);
  close(ends[0]);
}

BOOST_AUTO_TEST_CASE(goes_on_from_its_log) {
  const TemporaryDirectory folder;
  const auto settings = random_settings(space(), 6);
  std::size_t calls = 0;
  const auto f = [&](const Trial& t) {
    if (++calls == 8) throw 1;  // as when the program ends here
    return quality(t);
  };
  const SearchOptions options{.maximize = true, .seeds = {1, 2}, .log = folder / "log.jsonl"};
  BOOST_CHECK_THROW(search(settings, f, options), int);
  const std::string log = xgrad_test::slurp(options.log);
  BOOST_TEST(std::count(log.begin(), log.end(), '\n') == 7);
  xgrad_test::spit(options.log, log.substr(0, log.size() - 9));  // and in the middle of a write
  const auto resumed = search(settings, f, options);
  BOOST_TEST(calls == 8U + 6U);
  const auto again = search(settings, f, options);
  BOOST_TEST(calls == 8U + 6U);
  SearchOptions fresh = options;
  fresh.log.clear();
  const auto whole = search(settings, f, fresh);
  BOOST_TEST((scores(resumed) == scores(whole)));
  BOOST_TEST((scores(again) == scores(whole)));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(search_statistics)

// Tables of Student's distribution, two-sided 95 % and 99 %.
BOOST_AUTO_TEST_CASE(student) {
  BOOST_TEST(student_t(1, 0.95) == 12.706, tolerance(1e-4));
  BOOST_TEST(student_t(2, 0.95) == 4.303, tolerance(2e-4));
  BOOST_TEST(student_t(3, 0.95) == 3.182, tolerance(2e-4));
  BOOST_TEST(student_t(4, 0.95) == 2.776, tolerance(2e-4));
  BOOST_TEST(student_t(5, 0.99) == 4.032, tolerance(2e-4));
  BOOST_TEST(student_t(10, 0.99) == 3.169, tolerance(2e-4));
  BOOST_TEST(student_t(30, 0.95) == 2.042, tolerance(2e-4));
  BOOST_TEST(student_t(120, 0.95) == 1.980, tolerance(3e-4));
  BOOST_CHECK_THROW(student_t(0, 0.95), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(says_what_cannot_be_told_apart) {
  const auto setting = [](double v) { return Setting{{"a", v}}; };
  // Differences from the first: 0.3 +- 0.1 / sqrt(3) in the mean (t = 5.2: not for two comparisons,
  // where 6.2 is needed), and 2 in each run.
  const SearchResult r({{setting(1), {10, 11, 12}, {}},
                        {setting(2), {9.8, 10.7, 11.6}, {}},
                        {setting(3), {8, 9, 10}, {}}},
                       true);
  BOOST_TEST(r.ranking()[0].standard_error() == 1 / std::sqrt(3.0), tolerance(1e-14));
  BOOST_TEST((r.not_distinguishable() == std::vector<std::size_t>{0, 1}));
  BOOST_TEST((r.not_distinguishable(0.8) == std::vector<std::size_t>{0}));
  BOOST_TEST(r.conclusion() ==
             "best: a 1: 11 +- 0.58 (3 runs); not distinguishable from 1 other at 95 % confidence");
  BOOST_TEST(r.table() ==
             "rank     a  score         runs\n"
             "1     =  1  11 +- 0.58    3\n"
             "2     =  2  10.7 +- 0.52  3\n"
             "3        3  9 +- 0.58     3\n"
             "= not distinguishable from the best at 95 % confidence\n");
  const SearchResult clear({{setting(1), {10, 11, 12}, {}}, {setting(3), {8, 9, 10}, {}}}, false);
  BOOST_TEST(clear.conclusion() ==
             "best: a 3: 9 +- 0.58 (3 runs); distinguishable from all others at 95 % confidence");
  const SearchResult single({{setting(1), {10}, {}}, {setting(3), {8}, {}}}, false);
  BOOST_TEST(single.conclusion().ends_with(
      "one run each cannot say more: not distinguishable from any other"));
  const SearchResult only({{setting(1), {10}, {}}}, false);
  BOOST_TEST(only.conclusion() == "best: a 1: 10 (1 run); there is no other");
  const SearchResult left({{setting(1), {1, 2}, {}}, {setting(2), {1, 2}, {"no"}}}, false);
  BOOST_TEST(left.conclusion() == "best: a 1: 1.5 +- 0.5 (2 runs); all others failed");
}

// Where all settings are alike, the sentence says so in at least about 95 of 100 searches.
BOOST_AUTO_TEST_CASE(is_honest_about_chance) {
  SearchSpace s;
  s.choice("a", {1, 2, 3, 4, 5});
  std::size_t claimed = 0;
  for (std::uint64_t i = 0; i < 200; ++i) {
    const auto r = search(grid_settings(s),
                          [&](const Trial& t) {
                            Generator g(1000 * t.seed + t.setting.size("a"));
                            return static_cast<double>(normal<double>({}, 0, 1, g).item());
                          },
                          {.seeds = {5 * i, 5 * i + 1, 5 * i + 2, 5 * i + 3, 5 * i + 4}});
    claimed += r.not_distinguishable().size() == 1;
  }
  BOOST_TEST(claimed <= 10U);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(search_plans)

BOOST_AUTO_TEST_CASE(refine_narrows) {
  const SearchResult r(
      {{Setting{{"rate", 0.05}, {"drop", 0.25}, {"kind", std::string("relu")}}, {1.0, 1.1}, {}},
       {Setting{{"rate", 0.01}, {"drop", 0.25}, {"kind", std::string("tanh")}}, {0.0, 0.1}, {}}},
      true);
  const SearchSpace s = refine(space(), r, 0.5);
  BOOST_TEST(s.axes()[0].low == 0.05 / std::pow(1000, 0.25), tolerance(1e-12));
  BOOST_TEST(s.axes()[0].high == 0.1);
  BOOST_TEST(s.axes()[1].low == 0.125);
  BOOST_TEST(s.axes()[1].high == 0.375);
  BOOST_TEST((s.axes()[2].values == std::vector<OptionValue>{std::string("relu")}));
  BOOST_CHECK_THROW(refine(space(), r, 0), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(the_best_at_the_end_of_a_range) {
  const auto ends = [](double rate, double drop) {
    const SearchResult r(
        {{{{"rate", rate}, {"drop", drop}, {"kind", std::string("relu")}}, {1}, {}}}, true);
    return ranges_left_at_their_end(space(), r);
  };
  BOOST_TEST(ends(1e-2, 0.2).empty());
  BOOST_TEST((ends(0.08, 0.2) == std::vector<std::string>{"rate"}));
  BOOST_TEST((ends(1.3e-4, 0.49) == std::vector<std::string>{"rate", "drop"}));
  BOOST_TEST((ends(2e-4, 0) == std::vector<std::string>{"drop"}));
}

BOOST_AUTO_TEST_CASE(coarse_to_fine_comes_closer) {
  const auto f = [](const Trial& t) { return quality(t, 0); };
  const auto coarse = search(random_settings(space(), 12), f, {.maximize = true});
  const auto fine = coarse_to_fine(space(), f, {.rounds = 4, .settings = 12}, {.maximize = true});
  BOOST_TEST(fine.ranking().size() == 48U);
  BOOST_TEST(fine.best().mean() > coarse.best().mean());
  BOOST_TEST(1 - fine.best().mean() < 5e-3);
}

BOOST_AUTO_TEST_CASE(halving_spends_where_it_pays) {
  double spent = 0;
  std::vector<SearchResult> rounds;
  const auto r = successive_halving(
      random_settings(space(), 27),
      [&](const Trial& t) {
        spent += t.budget;
        return quality(t, 0) - 1 / t.budget;
      },
      {.smallest = 1, .largest = 27, .eta = 3}, {.maximize = true}, &rounds);
  BOOST_TEST(spent == 27 * 1 + 9 * 3 + 3 * 9 + 1 * 27);
  BOOST_TEST(rounds.size() == 4U);
  BOOST_TEST(r.ranking().size() == 1U);
  BOOST_TEST((r.best().setting == rounds[0].best().setting));
  BOOST_TEST(r.best().budget == 27.0);
  BOOST_CHECK_THROW(successive_halving(grid_settings(space()), [](const Trial&) { return 1.0; },
                                       {.smallest = 2, .largest = 1}),
                    std::invalid_argument);
}

BOOST_AUTO_TEST_SUITE_END()
