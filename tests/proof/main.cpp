// The operation proof table: one case for each property of each row, named property/operation, such
// as gradient/tanh. Run some of them with --run_test=gradient/tanh, or --run_test='*/tanh'.

#include <boost/test/unit_test.hpp>
#include <map>
#include <stdexcept>

#include "properties.hpp"

namespace {

using boost::unit_test::test_suite;

// "sum over an axis" as one word, which Boost.Test can select.
std::string case_name(std::string name) {
  for (char& c : name) {
    if (c == ' ' || c == '/' || c == ',' || c == ':') c = '_';
  }
  return name;
}

void add_cases(const proof::Property& property, std::map<std::string, int>& seen) {
  test_suite* suite = BOOST_TEST_SUITE(property.name);
  for (const proof::Row& row : proof::table()) {
    if (!property.applies(row)) continue;
    const std::string name = case_name(row.name);
    if (++seen[std::string(property.name) + "/" + name] > 1)
      throw std::logic_error("proof table: two rows named " + name);
    suite->add(
        boost::unit_test::make_test_case([&] { property.check(row); }, name, __FILE__, __LINE__));
  }
  boost::unit_test::framework::master_test_suite().add(suite);
}

bool add_table() {
  std::map<std::string, int> seen;
  for (const proof::Property& p : proof::properties()) add_cases(p, seen);
  return true;
}

}  // namespace

int main(int argc, char** argv) { return boost::unit_test::unit_test_main(&add_table, argc, argv); }
