#include "xgrad/serialization/error.hpp"

#include "tests/serialization/files.hpp"

using namespace xgrad;

BOOST_AUTO_TEST_SUITE(file_error)

BOOST_AUTO_TEST_CASE(message_joins_reader_path_and_fault) {
  BOOST_TEST(FileError("npy", "a/b.npy", "is empty").what() == "npy: a/b.npy: is empty");
}

BOOST_AUTO_TEST_CASE(parts_are_joined) {
  const detail::Origin from{"csv", "t.csv"};
  const auto f = [&] { from.fail("line ", 3, ": ", std::string("x"), std::size_t{7}); };
  BOOST_TEST(xgrad_test::message_of(f) == "csv: t.csv: line 3: x7");
}

BOOST_AUTO_TEST_SUITE_END()
