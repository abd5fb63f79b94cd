#include "xgrad/serialization/error.hpp"

#include "tests/serialization/files.hpp"

using namespace xgrad;
using detail::quote;

BOOST_AUTO_TEST_SUITE(file_error)

BOOST_AUTO_TEST_CASE(message_joins_reader_path_and_fault) {
  BOOST_TEST(FileError("npy", "a/b.npy", "is empty").what() == "npy: a/b.npy: is empty");
}

BOOST_AUTO_TEST_CASE(parts_are_text_and_integers) {
  const detail::Origin from{"csv", "t.csv"};
  const auto f = [&] { from.fail("line ", 3, ": ", std::string("x"), std::size_t{7}); };
  BOOST_TEST(xgrad_test::message_of(f) == "csv: t.csv: line 3: x7");
}

BOOST_AUTO_TEST_CASE(quoted_text_stays_on_one_line) {
  BOOST_TEST(quote("a\nb\t\x7F") == R"("a\x0ab\x09\x7f")");
  BOOST_TEST(quote("") == R"("")");
}

BOOST_AUTO_TEST_CASE(quoted_text_is_cut_after_forty_characters) {
  BOOST_TEST(quote(std::string(40, 'x')) == "\"" + std::string(40, 'x') + "\"");
  BOOST_TEST(quote(std::string(41, 'x')) == "\"" + std::string(40, 'x') + "...\"");
}

BOOST_AUTO_TEST_CASE(cut_spares_utf8_sequences) {
  const std::string umlauts = std::string(39, 'x') + "\xC3\xB6\xC3\xB6";
  BOOST_TEST(quote(umlauts) == "\"" + std::string(39, 'x') + "...\"");
}

BOOST_AUTO_TEST_CASE(cut_text_of_continuation_bytes_alone) {
  BOOST_TEST(quote(std::string(50, '\x80')) == "\"...\"");
}

BOOST_AUTO_TEST_SUITE_END()
