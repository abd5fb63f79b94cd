#include "xgrad/base/text.hpp"

#include <bit>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <random>
#include <set>
#include <vector>

#include "xgrad/autograd/shape.hpp"
#include "xgrad/kernels/isa.hpp"

using namespace xgrad::detail;

BOOST_AUTO_TEST_SUITE(text_of_values)

BOOST_AUTO_TEST_CASE(numbers) {
  using Limits = std::numeric_limits<double>;
  BOOST_TEST(text(0.1) == "0.1");
  BOOST_TEST(text(0.1F) == "0.1");
  BOOST_TEST(text(-1e-9) == "-1e-09");
  BOOST_TEST(text(1.0000001) == "1.0000001");
  BOOST_TEST(text(-0.0) == "-0");
  BOOST_TEST(text(3.0) == "3");
  BOOST_TEST(text(Limits::infinity()) == "inf");
  BOOST_TEST(text(-Limits::infinity()) == "-inf");
  BOOST_TEST(text(std::copysign(Limits::quiet_NaN(), -1.0)) == "nan");
  BOOST_TEST(text(Limits::denorm_min()) == "5e-324");
  BOOST_TEST(text(1000000) == "1000000");
  BOOST_TEST(text(std::int8_t{-5}) == "-5");
  BOOST_TEST(text(std::uint8_t{200}) == "200");
  BOOST_TEST(text(std::numeric_limits<std::uint64_t>::max()) == "18446744073709551615");
  BOOST_TEST(text(std::numeric_limits<std::int64_t>::min()) == "-9223372036854775808");
  BOOST_TEST(text(true) == "true");
}

BOOST_AUTO_TEST_CASE(read_back) {
  std::mt19937_64 bits(7);
  for (int i = 0; i < 2000; ++i) {
    const double d = std::bit_cast<double>(bits());
    const float f = std::bit_cast<float>(static_cast<std::uint32_t>(bits()));
    if (std::isfinite(d)) BOOST_TEST(std::strtod(text(d).c_str(), nullptr) == d);
    if (std::isfinite(f)) BOOST_TEST(std::strtof(text(f).c_str(), nullptr) == f);
  }
}

BOOST_AUTO_TEST_CASE(ranges_and_names) {
  BOOST_TEST(text(xgrad::Shape{2, 3}) == "(2, 3)");
  BOOST_TEST(text(xgrad::Shape{5}) == "(5)");
  BOOST_TEST(text(xgrad::Shape{}) == "()");
  BOOST_TEST(text(std::vector<double>{0.5, 1e-9}) == "(0.5, 1e-09)");
  BOOST_TEST(text(std::vector<std::vector<int>>{{1, 2}, {3}}) == "((1, 2), (3))");
  BOOST_TEST(text(xgrad::Isa::baseline) == "baseline");
  BOOST_TEST(text("name") == "name");
  BOOST_TEST(text(std::string("name")) == "name");
  BOOST_TEST(join(std::set<std::string>{"b", "a"}) == "a, b");
  BOOST_TEST(join(std::vector<int>{28, 28}, " ") == "28 28");
  BOOST_TEST(join(std::vector<int>{}) == "");
}

BOOST_AUTO_TEST_CASE(few_digits) {
  BOOST_TEST(rounded(2.0 / 3, 4) == "0.6667");
  BOOST_TEST(rounded(123456789.0) == "1.23457e+08");
  BOOST_TEST(rounded(0.25) == "0.25");
  BOOST_TEST(fixed(2.0 / 3, 1) == "0.7");
  BOOST_TEST(fixed(1, 4) == "1.0000");
  BOOST_TEST(fixed(-std::numeric_limits<double>::max(), 3).size() == 314U);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(quotes)

BOOST_AUTO_TEST_CASE(one_line) {
  BOOST_TEST(quote("a\nb\t\x7F") == R"("a\nb\x09\x7f")");
  BOOST_TEST(quote(R"(say "a\b")") == R"("say \"a\\b\"")");
  BOOST_TEST(quote("") == R"("")");
  BOOST_TEST(quote(std::string_view("a\0b", 3)) == R"("a\x00b")");
}

BOOST_AUTO_TEST_CASE(cut_between_characters) {
  BOOST_TEST(quote(std::string(80, 'x')) == "\"" + std::string(80, 'x') + "\"");
  BOOST_TEST(quote(std::string(81, 'x')) == "\"" + std::string(80, 'x') + "...\"");
  BOOST_TEST(quote(std::string(79, 'x') + "\xC3\xA4") == "\"" + std::string(79, 'x') + "...\"");
  BOOST_TEST(quote("abcdef", 3) == R"("abc...")");
}

// RFC 3629: two, three and four bytes; a stray byte, an overlong form, a surrogate, beyond
// U+10FFFF, an end too early.
BOOST_AUTO_TEST_CASE(utf_8) {
  for (const char* good : {"\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\xF4\x8F\xBF\xBF"}) {
    BOOST_TEST(quote(good) == "\"" + std::string(good) + "\"");
  }
  BOOST_TEST(quote("\x80") == R"("\x80")");
  BOOST_TEST(quote("\xC0\xAF") == R"("\xc0\xaf")");
  BOOST_TEST(quote("\xED\xA0\x80") == R"("\xed\xa0\x80")");
  BOOST_TEST(quote("\xF4\x90\x80\x80") == R"("\xf4\x90\x80\x80")");
  BOOST_TEST(quote("\xE2\x82") == R"("\xe2\x82")");
  BOOST_TEST(quote("\xFF\xFE") == R"("\xff\xfe")");
}

BOOST_AUTO_TEST_SUITE_END()
