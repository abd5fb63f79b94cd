// Right gradients of random programs: the check must not call one of them wrong.
//
// The environment variable XGRAD_RANDOM_PROGRAMS sets how many of each kind; 150 without it (a
// fifth of that with a sanitizer), 5000 in the long run.

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <initializer_list>
#include <map>

#include "random_program.hpp"
#include "tests/rounds.hpp"
#include "xgrad/gradient_check/check.hpp"

using namespace xgrad;
using test::Kinks;
using test::RandomProgram;
using test::Scales;

namespace {

std::uint64_t how_many() {
  const char* text = std::getenv("XGRAD_RANDOM_PROGRAMS");
  return text == nullptr ? test::rounds(150) : std::strtoull(text, nullptr, 10);
}

struct Tally {
  std::map<Verdict, std::size_t> verdicts;
  std::size_t elements = 0;

  double share(Verdict v) {
    return elements == 0 ? 0 : static_cast<double>(verdicts[v]) / static_cast<double>(elements);
  }
};

Tally run(std::uint64_t first_seed, Kinks kinks, int order, Scales scales = Scales::near_one) {
  Tally tally;
  for (std::uint64_t seed = first_seed; seed < first_seed + how_many(); ++seed) {
    const RandomProgram program(seed, kinks, scales);
    const auto r = check_gradients(TensorFunction<double>(program), program.inputs(),
                                   {.seed = seed, .samples = 6, .order = order});
    const auto count = [&](const std::vector<GradientElement>& elements) {
      for (const GradientElement& e : elements) ++tally.verdicts[e.verdict];
      tally.elements += elements.size();
    };
    count(r.elements);
    count(r.second_order);
    BOOST_TEST(r.count(Verdict::fail) == 0, "seed " << seed << ": " << program.text() << "\n"
                                                    << r.table(4));
    if (order > 1 && scales == Scales::near_one)
      BOOST_TEST(std::max(r.adjoint_gap, r.symmetry_gap) <= 1e-12,
                 "seed " << seed << ": " << program.text());
    if (r.count(Verdict::inconclusive) > 0)
      BOOST_TEST_MESSAGE("seed " << seed << ": " << program.text() << "\n" << r.table(3));
  }
  for (const auto& [verdict, n] : tally.verdicts)
    BOOST_TEST_MESSAGE(to_string(verdict) << ": " << n);
  return tally;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(random_programs)

BOOST_AUTO_TEST_CASE(smooth) {
  Tally t = run(0, Kinks::none, 1);
  BOOST_TEST(t.share(Verdict::inconclusive) < 0.01);
  BOOST_TEST(t.verdicts[Verdict::kink] == 0);
  BOOST_TEST(t.verdicts[Verdict::kink_not_a_subgradient] == 0);
}

BOOST_AUTO_TEST_CASE(with_kinks) {
  Tally t = run(1'000'000, Kinks::between, 1);
  BOOST_TEST(t.share(Verdict::inconclusive) < 0.02);
}

BOOST_AUTO_TEST_CASE(at_kinks) {
  Tally t = run(3'000'000, Kinks::at, 1);
  BOOST_TEST(t.verdicts[Verdict::kink] > 0);
}

BOOST_AUTO_TEST_CASE(smooth_to_second_order) {
  Tally t = run(2'000'000, Kinks::none, 2);
  BOOST_TEST(t.share(Verdict::inconclusive) < 0.01);
}

BOOST_AUTO_TEST_CASE(of_wide_scales) {
  Tally t = run(4'000'000, Kinks::none, 1, Scales::wide);
  BOOST_TEST(t.share(Verdict::inconclusive) < 0.1);
}

// What was called wrong before: stairs, waves below the rounding, gradients that are rounding.
BOOST_AUTO_TEST_CASE(once_called_wrong) {
  for (const std::uint64_t seed :
       std::initializer_list<std::uint64_t>{4000525, 4001608, 4002159, 4002495, 4002942, 4004431,
                                            4007167, 5007382, 5008494, 5008512}) {
    const RandomProgram program(seed, seed < 5'000'000 ? Kinks::none : Kinks::between,
                                Scales::wide);
    const auto r = check_gradients(TensorFunction<double>(program), program.inputs(),
                                   {.seed = seed, .samples = 6});
    BOOST_TEST(r.count(Verdict::fail) == 0, program.text() << "\n" << r.table(4));
  }
}

// Kinks that the function runs straight through: min(max(x, y), x).
BOOST_AUTO_TEST_CASE(once_called_wrong_at_kinks) {
  for (const std::uint64_t seed :
       std::initializer_list<std::uint64_t>{3000869, 3002081, 3002639, 3002735}) {
    const RandomProgram program(seed, Kinks::at);
    const auto r = check_gradients(TensorFunction<double>(program), program.inputs(),
                                   {.seed = seed, .samples = 6});
    BOOST_TEST(r.count(Verdict::fail) == 0, program.text() << "\n" << r.table(4));
  }
}

BOOST_AUTO_TEST_CASE(of_wide_scales_with_kinks) {
  Tally t = run(5'000'000, Kinks::between, 1, Scales::wide);
  BOOST_TEST(t.share(Verdict::inconclusive) < 0.1);
}

BOOST_AUTO_TEST_SUITE_END()
