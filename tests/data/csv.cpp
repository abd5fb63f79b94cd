// Text, lines, numbers and quotes of CSV; what columns are made of: csv_columns.cpp.

#include "xgrad/data/csv.hpp"

#include <clocale>

#include "tests/data/csv.hpp"
#include "xgrad/serialization/deflate.hpp"

using namespace xgrad;
using namespace xgrad_test;

BOOST_AUTO_TEST_SUITE(csv)

BOOST_AUTO_TEST_CASE(numbers_with_and_without_header) {
  const Table t = parse("a,b\n1,2.5\n-3,4e2\n");
  BOOST_TEST(t.names() == (Names{"a", "b"}), boost::test_tools::per_element());
  BOOST_TEST(numbers(t) == (Numbers{1, 2.5, -3, 400}));
  const Table u = parse("1,2\n3,4");
  BOOST_TEST(u.names() == (Names{"0", "1"}), boost::test_tools::per_element());
  BOOST_TEST(numbers(u) == (Numbers{1, 2, 3, 4}));
}

BOOST_AUTO_TEST_CASE(header_options) {
  BOOST_TEST(parse("1,2\n3,4\n", {.header = Header::yes}).names() == (Names{"1", "2"}),
             boost::test_tools::per_element());
  BOOST_TEST(parse("a,b\nc,d\n", {.header = Header::no}).rows() == 2U);
  BOOST_TEST(parse("a,b\nc,d\n").rows() == 1U);
  BOOST_TEST(parse("NA,NA\n1,2\n").rows() == 2U);
  BOOST_TEST(parse("a,NA\n1,2\n").rows() == 1U);
  BOOST_TEST(parse("a,b\n").rows() == 0U);
  BOOST_TEST(parse("a,\n1,2\n").names() == (Names{"a", "1"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(skipped_lines) {
  BOOST_TEST(numbers("150,4,setosa\na,b\n1,2\n", {.skip = 1}) == (Numbers{1, 2}));
  BOOST_TEST(fault("a\n1\n", {.skip = 5}) == "csv: f: holds no rows");
}

BOOST_AUTO_TEST_CASE(separators) {
  BOOST_TEST(numbers("1\t2\n3\t4\n", {.separator = '\t'}) == (Numbers{1, 2, 3, 4}));
  BOOST_TEST(numbers("1;2\n", {.separator = ';'}) == (Numbers{1, 2}));
  BOOST_TEST(numbers("  1 \t 2  \n3  4\t\n", {.separator = ' '}) == (Numbers{1, 2, 3, 4}));
  BOOST_TEST(numbers(" 1 ,\t2 \n", {}) == (Numbers{1, 2}));
  BOOST_TEST(with_minus_nine_for_nan(numbers("1\t\t3\n", {.separator = '\t'})) ==
             (Numbers{1, -9, 3}));
  BOOST_TEST(message_of<std::invalid_argument>([] { parse("1", {.separator = '"'}); }) ==
             "CsvOptions: separator cannot be \"\\\"\"");
}

BOOST_AUTO_TEST_CASE(line_ends) {
  BOOST_TEST(numbers("a,b\r\n1,2\r\n3,4\r\n") == (Numbers{1, 2, 3, 4}));
  BOOST_TEST(numbers("1,2\r\n3,4\r") == (Numbers{1, 2, 3, 4}));
  BOOST_TEST(numbers("\n\n1\n  \n\r\n2\n\n") == (Numbers{1, 2}));
  BOOST_TEST(numbers("\xEF\xBB\xBF"
                     "1,2\n") == (Numbers{1, 2}));
  BOOST_TEST(parse("x,y\n\"\",\n").rows() == 1U);
}

BOOST_AUTO_TEST_CASE(line_ends_of_old_and_of_careless_programs) {
  for (const std::string end : {"\r\r\n", "\r\r\r\n", "\r"}) {
    const Table t = parse("a,b" + end + "1,2" + end + "\"3\",\"4\"" + end + end + "5,6" + end);
    BOOST_TEST(t.names() == (Names{"a", "b"}), boost::test_tools::per_element());
    BOOST_TEST(numbers(t) == (Numbers{1, 2, 3, 4, 5, 6}));
    BOOST_TEST(numbers("#" + end + "a" + end + "1", {.skip = 1}) == Numbers{1});
    BOOST_TEST(fault("a" + end + "1" + end + "1,2" + end).starts_with("csv: f: line 3: 2 fields"));
  }
}

// What such tables became: one column, of codes.
BOOST_AUTO_TEST_CASE(another_separator_than_said) {
  const auto seen = [](const std::string& text, const CsvOptions& options = {}) {
    const std::string m = fault(text, options);
    const std::size_t at = m.find("; ");
    return m.substr(at + 2, m.find(" cuts") - at - 2);
  };
  BOOST_TEST(fault("a;b;quality\n1.5;2;5\n") ==
             "csv: f: separator \",\" leaves one column of text; \";\" cuts the lines alike: "
             "CsvOptions::separator, or kDetectSeparator; if it is right, name the columns in "
             "CsvOptions::categorical");
  BOOST_TEST(seen("a;b;quality\n1,5;2;5\n") == "\";\"");
  BOOST_TEST(seen("1,5;2,5\n2,5;4,5\n") == "\";\"");
  BOOST_TEST(seen("a b\n1 2\n3 4\n") == "blanks");
  BOOST_TEST(seen("# a b\n1 2\n3 4\n") == "blanks");
  BOOST_TEST(seen("1,5 2,5\n2,5 4,5\n") == "blanks");
  BOOST_TEST(seen("name\tage\nAnn Lee\t5\n") == "a tab");
  BOOST_TEST(seen("x|y\na|b\n") == "\"|\"");
  BOOST_TEST(seen("a,b\n1,2\n", {.separator = ';'}) == "\",\"");
  BOOST_TEST(seen("a, b, c\n1, 2, 3\n", {.separator = ' '}) == "\",\"");
}

BOOST_AUTO_TEST_CASE(columns_of_text_that_are_right) {
  BOOST_TEST(parse("a;b\nx;y\n", {.categorical = {0}}).columns() == 1U);
  BOOST_TEST(parse("name\nAnn Lee\nBo Li\n").columns() == 1U);
  BOOST_TEST(parse("kind\nType 1\nType 2\n").columns() == 1U);
  BOOST_TEST(parse("when\n2020-01-01 12:30\n2020-01-02 12:30\n").columns() == 1U);
  BOOST_TEST(parse("n,tags\n1,red;blue\n2,red;green\n").columns() == 2U);
  BOOST_TEST(parse("1,red;blue\n2,red;green\n").columns() == 2U);
  BOOST_TEST(parse("town,n\nNew York,1\nSan Juan,2\n").columns() == 2U);
  BOOST_TEST(parse("address\n192.168.0.1\n10.0.0.1\n").columns() == 1U);
  BOOST_TEST(parse("day\n01.02.2020\n2020-03-04\n").columns() == 1U);
}

BOOST_AUTO_TEST_CASE(separators_that_are_detected) {
  const auto detect = [](const std::string& text, CsvOptions options = {}) {
    options.separator = kDetectSeparator;
    return numbers(text, options);
  };
  for (const std::string s : {",", ";", "\t", "|", " ", " \t "}) {
    BOOST_TEST(detect("a" + s + "b\n1" + s + "2\n") == (Numbers{1, 2}));
    BOOST_TEST(detect("1.5" + s + "2\n3" + s + "\"4\"") == (Numbers{1.5, 2, 3, 4}));
  }
  BOOST_TEST(detect("a;b\n1,5;2\n", {.decimal = ','}) == (Numbers{1.5, 2}));
  BOOST_TEST(detect("1,5;2,5;3,5\n1,5;2,5;3,5\n", {.decimal = ','}).size() == 6U);
  BOOST_TEST(detect("made; by\n\na\tb\n1\t2\n", {.skip = 1}) == (Numbers{1, 2}));
  BOOST_TEST(detect("a\n1\n2\n") == (Numbers{1, 2}));
  BOOST_TEST(detect("town\nNew York\nRome\n") == (Numbers{0, 1}));
  BOOST_TEST(fault("a;b\n1;2;3\n4\n", {.separator = kDetectSeparator}) ==
             "csv: f: none of , ; | tab and blanks cuts the first rows into the same number of "
             "fields; CsvOptions::skip leaves out lines in front of the table");
}

BOOST_AUTO_TEST_CASE(decimal_commas) {
  const CsvOptions german{.separator = ';', .decimal = ','};
  BOOST_TEST(numbers("a;b\n1,5;-2\n,25;1e-3\n", german) == (Numbers{1.5, -2, .25, .001}));
  BOOST_TEST(message_of<std::invalid_argument>([] { parse("1", {.decimal = ','}); }) ==
             "CsvOptions: decimal and separator are the same: \",\"");
  BOOST_TEST(message_of<std::invalid_argument>([] { parse("1", {.decimal = '\''}); }) ==
             "CsvOptions: decimal is neither . nor ,: \"'\"");
}

// Otherwise they would be categories.
BOOST_AUTO_TEST_CASE(numbers_written_another_way) {
  const std::string hint =
      "; CsvOptions::decimal reads decimal commas, other marks in numbers are not read";
  BOOST_TEST(fault("a;b\n1,5;2\n2,5;3\n", {.separator = ';'}) ==
             "csv: f: line 2, column 0 \"a\": text such as \"1,5\"" + hint + kCategories);
  BOOST_TEST(fault("a;b\n1;2\n2,5;3\n", {.separator = ';'}) ==
             "csv: f: line 3, column 0 \"a\": \"2,5\" is not a number" + hint);
  BOOST_TEST(fault("a;b\n1,5;2\n2;3\n", {.separator = ';'}) ==
             "csv: f: line 3, column 0 \"a\": number \"2\" among text such as \"1,5\"" + hint);
  for (const std::string text :
       {"1.234,5", "1.234.567", "12 345", "12'345", "7 %", "$1,234.50", "-1,5", ",5", "1,5e3",
        "\xE2\x88\x92"
        "3",
        "3 \xE2\x82\xAC",
        "1\xC2\xA0"
        "234"}) {
    BOOST_TEST_CONTEXT(text) {
      BOOST_TEST(fault("a;b\n" + text + ";2\n", {.separator = ';'}).ends_with(hint + kCategories));
      BOOST_TEST(fault("a;b\n" + text + ";2\n", {.separator = ';', .categorical = {"a"}}) ==
                 "nothing was thrown");
    }
  }
  BOOST_TEST(
      fault("a;b\n1.5;2\n", {.separator = ';', .decimal = ','}).ends_with(hint + kCategories));
  for (const std::string text : {"1-5", "1.2.3", "12:30", "x1", "1,", "e5", "$", "5 kg", "1,,5"}) {
    BOOST_TEST_CONTEXT(text) {
      BOOST_TEST(fault("a;b\n" + text + ";2\n", {.separator = ';'}) == "nothing was thrown");
    }
  }
}

BOOST_AUTO_TEST_CASE(quotes) {
  const Table t = parse("\"a,b\",\"say \"\"hi\"\"\"\n\"1\", \"two\nlines\" \n2,\"\"\"\"\n");
  BOOST_TEST(t.names() == (Names{"a,b", "say \"hi\""}), boost::test_tools::per_element());
  BOOST_TEST(t.column(0).values == (Numbers{1, 2}));
  BOOST_TEST(t.column(1).categories == (Names{"\"", "two\nlines"}),
             boost::test_tools::per_element());
  BOOST_TEST(parse("x\na\"b\n").column(0).categories[0] == "a\"b");
  BOOST_TEST(numbers("\"1\" \"2\"\n", {.separator = ' '}) == (Numbers{1, 2}));
}

BOOST_AUTO_TEST_CASE(faults_of_quotes) {
  BOOST_TEST(fault("a\n\"bc\nd") == "csv: f: line 2: quotes without an end: \"bc\\nd\"");
  BOOST_TEST(fault("a\n\"b\nc\"d\n") == "csv: f: line 3: text behind the quotes of \"b\\nc\"");
  BOOST_TEST(fault("\"a\"\"b\"", {.separator = ' '}) == "nothing was thrown");
  BOOST_TEST(fault("\"a\"b", {.separator = ' '}) ==
             "csv: f: line 1: text behind the quotes of \"a\"");
}

BOOST_AUTO_TEST_CASE(lines_count_through_quotes) {
  BOOST_TEST(fault("a,b\n\"x\ny\",1\n\"z\",q\n") ==
             "csv: f: line 4, column 1 \"b\": \"q\" is not a number" + kHint);
}

BOOST_AUTO_TEST_CASE(number_forms) {
  BOOST_TEST(numbers("+1\n-.5\n5.\n1E-3\n-0\n") == (Numbers{1, -.5, 5, .001, 0}));
  BOOST_TEST(numbers("0.1\n123456789.123456789\n") == (Numbers{0.1, 123456789.123456789}));
  BOOST_TEST(std::isinf(numbers("inf\n1\n")[0]));
}

BOOST_AUTO_TEST_CASE(numbers_do_not_depend_on_the_locale) {
  const char* before = std::setlocale(LC_NUMERIC, nullptr);
  const std::string saved = before;
  for (const char* name : {"de_DE.UTF-8", "fr_FR.UTF-8", "C.UTF-8"}) {
    if (std::setlocale(LC_NUMERIC, name) == nullptr) continue;
    BOOST_TEST(numbers("1.5\n") == Numbers{1.5});
  }
  std::setlocale(LC_NUMERIC, saved.c_str());
}

BOOST_AUTO_TEST_CASE(text_among_numbers) {
  BOOST_TEST(fault("a,b\n1,2\n3,x\n") ==
             "csv: f: line 3, column 1 \"b\": \"x\" is not a number" + kHint);
  BOOST_TEST(fault("1,2\n3,1e999\n") ==
             "csv: f: line 2, column 1: \"1e999\" is beyond the range of double");
  BOOST_TEST(fault("1\n1\n0x10\n") == "csv: f: line 3, column 0: \"0x10\" is not a number" + kHint);
  BOOST_TEST(fault("1\n1\n+-2\n") == "csv: f: line 3, column 0: \"+-2\" is not a number" + kHint);
  BOOST_TEST(fault("a\nx\n7\n") ==
             "csv: f: line 3, column 0 \"a\": number \"7\" among text such as \"x\"" + kHint);
  BOOST_TEST(fault("a\nmore than a marker\n7\n").ends_with("\"more than a marker\"" + kCategories));
}

BOOST_AUTO_TEST_CASE(numbers_too_small_for_double_are_zero) {
  for (const std::string& text :
       Names{"1e-400", "0.00001e-320", "1E-99999999999999999999",
             "0." + std::string(400, '0') + "1", "12345678901234567890e-400"}) {
    BOOST_TEST(numbers("1\n" + text + "\n") == (Numbers{1, 0}));
    BOOST_TEST(std::signbit(numbers("1\n-" + text + "\n")[1]));
  }
  for (const std::string& text : Names{"1e400", "0.001e320", "1e+99999999999999999999", "0.1e310",
                                       "1" + std::string(400, '0'), "100000e305"}) {
    BOOST_TEST(fault("1\n" + text + "\n").ends_with("is beyond the range of double"));
  }
  BOOST_TEST(numbers("5e-324\n") == Numbers{5e-324});
}

BOOST_AUTO_TEST_CASE(gzipped_files) {
  const Table t = read_csv(reference("table.csv.gz"));
  BOOST_TEST(t.names() == (Names{"name", "price"}), boost::test_tools::per_element());
  BOOST_TEST(t.column("price").values == (Numbers{1.5, 2}));
  BOOST_TEST(t.column("name").values == (Numbers{1, 0}));
}

BOOST_AUTO_TEST_CASE(gzipped_text_has_a_limit) {
  const std::string text = "1\n2\n3\n";
  const Bytes packed = detail::deflate(as_bytes(text), detail::Packing::gzip);
  const std::string file(detail::as_text(packed));
  BOOST_TEST(numbers(file, {.most_bytes = 6}) == (Numbers{1, 2, 3}));
  BOOST_TEST(fault(file, {.most_bytes = 5}) ==
             "csv: f: more than 5 bytes of text, the limit is CsvOptions::most_bytes");
  BOOST_TEST(numbers(file, {.most_bytes = std::numeric_limits<std::size_t>::max()}) ==
             (Numbers{1, 2, 3}));
}

BOOST_AUTO_TEST_CASE(truncated_gzip_anywhere) {
  const std::string file = slurp(reference("table.csv.gz"));
  for (std::size_t n = 2; n < file.size(); ++n)
    BOOST_TEST(fault(file.substr(0, n)) != "nothing was thrown");
}

BOOST_AUTO_TEST_CASE(missing_file) {
  BOOST_TEST(message_of([] { read_csv("no/such.csv"); }) ==
             "csv: no/such.csv: cannot be opened: No such file or directory");
}

BOOST_AUTO_TEST_SUITE_END()
