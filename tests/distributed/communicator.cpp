#include <boost/test/results_reporter.hpp>
#include <boost/test/unit_test.hpp>
#include <memory>
#include <stdexcept>
#include <string>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/random.hpp>

#include "tests/distributed/groups.hpp"
#include "tests/message.hpp"

using namespace xgrad;
using test::check_failure;
using test::for_groups;

namespace {

std::unique_ptr<Communicator> all_ranks;

struct Mpi {
  Mpi() {
    auto& suite = boost::unit_test::framework::master_test_suite();
    session = std::make_unique<MpiSession>(suite.argc, suite.argv);
    all_ranks = std::make_unique<Communicator>();
    if (all_ranks->rank() > 0)  // its failures are in the log and in the exit status
      boost::unit_test::results_reporter::set_level(boost::unit_test::NO_REPORT);
  }
  ~Mpi() {
    all_ranks.reset();
    session.reset();
  }
  std::unique_ptr<MpiSession> session;
};

Tensor<double> numbers(std::size_t rank) { return Tensor<double>::filled({3}, 1.0 + double(rank)); }

}  // namespace

const Communicator& test::world() { return *all_ranks; }

BOOST_TEST_GLOBAL_FIXTURE(Mpi);

BOOST_AUTO_TEST_SUITE(communicator)

BOOST_AUTO_TEST_CASE(what_ranks_tell_each_other) {
  for_groups([](const Communicator& c) {
    const std::size_t last = c.size() - 1;
    Tensor<double> x = numbers(c.rank());
    c.broadcast(x, last);
    BOOST_TEST(x.value()(1) == 1.0 + double(last));

    std::string text = c.rank() == 0 ? "of rank 0" : "other";
    c.broadcast(text);
    BOOST_TEST(text == "of rank 0");
    const auto texts = c.all_gather(std::string(c.rank(), 'x'));
    BOOST_TEST(texts.size() == c.size());
    BOOST_TEST(texts.back() == std::string(last, 'x'));

    Tensor<double> part = Tensor<double>::filled({c.rank(), 2}, double(c.rank()));
    const auto parts = c.all_gather(part);
    for (std::size_t r = 0; r < c.size(); ++r) {
      BOOST_TEST(parts[r].shape() == (Shape{r, 2}));
      for (std::size_t i = 0; i < parts[r].size(); ++i) BOOST_TEST(parts[r].data()[i] == double(r));
    }
    BOOST_TEST(c.gather(part, last).size() == (c.rank() == last ? c.size() : 0));
    BOOST_TEST(c.any(c.rank() == last));
    BOOST_TEST(c.all(c.rank() == 0) == (c.size() == 1));
    BOOST_TEST(!c.any(false));
  });
}

BOOST_AUTO_TEST_CASE(sums) {
  for_groups([](const Communicator& c) {
    const auto n = static_cast<double>(c.size());
    for (const std::size_t count : {0UL, 1UL, 2UL, 1000UL, 33000UL}) {
      Tensor<double> x = Tensor<double>::filled({count}, double(c.rank() + 1)), mean = x.clone();
      c.all_reduce(x);
      c.all_reduce(mean, CommunicatorReduction::mean);
      for (std::size_t i = 0; i < count; ++i) {
        BOOST_REQUIRE(x.data()[i] == n * (n + 1) / 2);
        BOOST_REQUIRE(mean.data()[i] == (n + 1) / 2);
      }
    }
  });
}

// The parts are added as ((0 + 1) + (2 + 3)), wherever in the message they are; a NaN stays one on
// all ranks.
BOOST_AUTO_TEST_CASE(sums_have_one_order) {
  for_groups([](const Communicator& c) {
    std::vector<Tensor<float>> parts;
    for (std::size_t r = 0; r < c.size(); ++r) {
      Generator generator(r);
      parts.push_back(normal<float>({4099}, 0, 1, generator));
    }
    Tensor<float> x = parts[c.rank()].clone(), expected;
    if (c.size() == 1) expected = parts[0];
    if (c.size() == 2) expected = parts[0] + parts[1];
    if (c.size() == 3) expected = (parts[0] + parts[1]) + parts[2];
    if (c.size() == 4) expected = (parts[0] + parts[1]) + (parts[2] + parts[3]);
    c.all_reduce(x);
    BOOST_TEST(test::same_bits(x, expected));

    Tensor<float> y = Tensor<float>::filled({5}, c.rank() == 0 ? NAN : 1.0F);
    c.all_reduce(y);
    BOOST_TEST(test::same_everywhere(c, y));
    BOOST_TEST(std::isnan(y.data()[4]));
  });
}

BOOST_AUTO_TEST_CASE(what_differs_is_refused_everywhere) {
  for_groups([](const Communicator& c) {
    if (c.size() < 2) return;
    Tensor<double> x = Tensor<double>::filled({c.rank() == 1 ? 3UL : 2UL}, 7);
    check_failure<std::invalid_argument>([&] { c.broadcast(x); },
                                         "broadcast: ranks differ: rank 0 has (2), rank 1 has (3)");
    check_failure<std::invalid_argument>(
        [&] { c.all_reduce(x); }, "all_reduce: ranks differ: rank 0 has (2), rank 1 has (3)");
    BOOST_TEST(x.data()[0] == 7);
    const NamedTensors<double> named{{"same", Tensor<double>::filled({2}, double(c.rank()))},
                                     {"other", x}};
    check_failure<std::invalid_argument>(
        [&] { c.broadcast(named); },
        "broadcast: ranks differ: rank 0 has other (2), rank 1 has other (3)");
    BOOST_TEST(named[0].tensor.data()[0] == double(c.rank()));
    check_failure<std::out_of_range>(
        [&] { c.broadcast(x, 9); },
        "Communicator: root 9 of " + std::to_string(c.size()) + " ranks");
  });
}

BOOST_AUTO_TEST_CASE(sessions) {
  auto& suite = boost::unit_test::framework::master_test_suite();
  check_failure<std::logic_error>([&] { MpiSession(suite.argc, suite.argv); },
                                  "MpiSession: there is one already");
}

BOOST_AUTO_TEST_SUITE_END()
