#include <boost/test/unit_test.hpp>

#include "xgrad/doctor/finding.hpp"

using namespace xgrad;

namespace {

Diagnosis example() {
  Diagnosis d;
  d.findings = {
      {.check = "class-balance", .severity = Severity::note, .title = "one class is rare"},
      {.check = "initial-loss",
       .severity = Severity::error,
       .title = "the first loss is too high",
       .measured = "loss 7.1",
       .expected = "2.303 to 2.5",
       .where = "fc2",
       .remedy = "scale the inputs",
       .value = 7.1,
       .low = 2.303,
       .step = 0,
       .samples = {3, 5}}};
  d.passed = {"parameters"};
  d.skipped = {{"duplicates", "there is no validation data"}};
  return d;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(findings)

BOOST_AUTO_TEST_CASE(as_text) {
  BOOST_TEST(example().text() ==
             "error: the first loss is too high [initial-loss]\n"
             "  where     fc2\n"
             "  step      0\n"
             "  samples   3, 5\n"
             "  measured  loss 7.1\n"
             "  expected  2.303 to 2.5\n"
             "  remedy    scale the inputs\n"
             "\n"
             "note: one class is rare [class-balance]\n"
             "\n"
             "errors 1, warnings 0, notes 1\n"
             "passed: parameters\n"
             "not checked: duplicates: there is no validation data\n");
}

BOOST_AUTO_TEST_CASE(as_json_and_back) {
  const Diagnosis d = example();
  BOOST_TEST((Diagnosis::from_json(d.json()) == d));
  Diagnosis other = d;
  other.findings[1].high = 3;
  BOOST_TEST(!(Diagnosis::from_json(other.json()) == d));
  BOOST_TEST(d.json().find("\"high\":null") != std::string::npos);
  BOOST_CHECK_THROW(Diagnosis::from_json("{}"), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(of_programs) {
  Diagnosis d = example();
  BOOST_TEST(d.exit_code() == 1);
  BOOST_TEST(d.of("initial-loss").where == "fc2");
  BOOST_CHECK_THROW(d.of("zero-grad"), std::out_of_range);
  BOOST_TEST(d.has("class-balance"));
  BOOST_TEST(!d.has("class-balance", Severity::warning));
  d.findings[1].severity = Severity::warning;
  BOOST_TEST(d.exit_code() == 0);
  BOOST_TEST(d.exit_code(true) == 1);
  BOOST_TEST(!d.healthy());
  d.findings.pop_back();
  BOOST_TEST(d.healthy());
  BOOST_TEST(d.exit_code(true) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
