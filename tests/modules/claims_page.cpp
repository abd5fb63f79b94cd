// docs/claims.md: every test it names exists.

#include <boost/test/unit_test.hpp>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>

namespace {

std::string text_of(const std::string& file) {
  std::ifstream in(XGRAD_SOURCE_DIR "/" + file);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace

BOOST_AUTO_TEST_CASE(claims_page) {
  const std::string page = text_of("docs/claims.md");
  const std::regex name("`(tests/[a-z_/]+\\.cpp): ([a-z0-9_]+)`");
  std::set<std::string> named;
  for (std::sregex_iterator i(page.begin(), page.end(), name), end; i != end; ++i) {
    const std::string file = (*i)[1], test = (*i)[2];
    named.insert(test);
    const bool exists =
        text_of(file).find("BOOST_AUTO_TEST_CASE(" + test + ")") != std::string::npos;
    BOOST_TEST(exists, file << " has no test " << test);
  }
  BOOST_TEST(named.size() > 30U);

  // And every case of the file of claims is on the page.
  const std::string claims = text_of("tests/modules/claims.cpp");
  const std::regex test_case("BOOST_AUTO_TEST_CASE\\(([a-z0-9_]+)\\)");
  for (std::sregex_iterator i(claims.begin(), claims.end(), test_case), end; i != end; ++i) {
    BOOST_TEST(named.contains((*i)[1]), (*i)[1] << " is not on the page");
  }
}
