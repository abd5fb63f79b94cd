// Columns of CSV: names, missing values, categories; and published tables.

#include "tests/data/csv.hpp"

using namespace xgrad;
using namespace xgrad_test;

BOOST_AUTO_TEST_SUITE(csv)

// The first line of a file is often none of the table.
BOOST_AUTO_TEST_CASE(hints_about_the_first_line) {
  BOOST_TEST(fault("150,4,setosa\n5.1,3.5,1.4\n") ==
             "csv: f: line 2, column 2: number \"1.4\" among text such as \"setosa\"" +
                 first_line_hint("1"));
  BOOST_TEST(fault("id,2019\n1,2\n") ==
             "csv: f: line 2, column 0: number \"1\" among text such as \"id\"" +
                 first_line_hint("1"));
  BOOST_TEST(fault("150,4\n5.1,3.5,1.4\n1,2,3\n") ==
             "csv: f: line 2: 3 fields, wanted 2; if line 1 is no part of the table, "
             "CsvOptions::skip = 1");
  BOOST_TEST(fault("\n# made by hand\na,b\n1,2\n") ==
             "csv: f: line 3: 2 fields, wanted 1; if line 2 is no part of the table, "
             "CsvOptions::skip = 2");
  BOOST_TEST(fault("a,b\n1,2\n\n1,2,3\n") == "csv: f: line 4: 3 fields, wanted 2");
}

BOOST_AUTO_TEST_CASE(missing_values) {
  const std::string text = "a,b\n1,NA\n?,2\n,nan\nNaN,null\nN/A,-nan\n";
  BOOST_TEST(with_minus_nine_for_nan(numbers(text)) ==
             (Numbers{1, -9, -9, 2, -9, -9, -9, -9, -9, -9}));
  BOOST_TEST(fault(text, {.missing = Missing::error}) ==
             "csv: f: line 2, column 1 \"b\": missing value \"NA\"");
  BOOST_TEST(fault("1,2\n3,\n", {.missing = Missing::error}) ==
             "csv: f: line 2, column 1: missing value \"\"");
  BOOST_TEST(with_minus_nine_for_nan(numbers("5\n-999\n", {.missing_values = {"-999"}})) ==
             (Numbers{5, -9}));
  BOOST_TEST(fault("a\n1\nNA\n", {.missing_values = {}}) ==
             "csv: f: line 3, column 0 \"a\": \"NA\" is not a number" + kHint);
}

BOOST_AUTO_TEST_CASE(missing_values_of_other_programs) {
  for (const std::string text : {"NULL", "None", "<NA>", "Null", "n/a", "#N/A", "NaT", "none"}) {
    BOOST_TEST(with_minus_nine_for_nan(numbers("1\n" + text + "\n")) == (Numbers{1, -9}));
    const Column c = parse("k\nx\n" + text + "\n").column("k");
    BOOST_TEST(c.categories == Names{"x"}, boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(every_spelling_of_nan_is_missing) {
  for (const std::string nan : {"-nan", "NAN", "+NaN"}) {
    BOOST_TEST(fault("1\n" + nan + "\n", {.missing = Missing::error}) ==
               "csv: f: line 2, column 0: missing value \"" + nan + "\"");
  }
}

BOOST_AUTO_TEST_CASE(text_becomes_categories) {
  const Table t = parse("size,n\nS,1\nXL,2\nM,3\nS,4\n?,5\n");
  const Column& size = t.column("size");
  BOOST_TEST(size.categories == (Names{"M", "S", "XL"}), boost::test_tools::per_element());
  BOOST_TEST(with_minus_nine_for_nan(size.values) == (Numbers{1, 2, 0, 1, -9}));
  BOOST_TEST(!t.column("n").is_categorical());
}

BOOST_AUTO_TEST_CASE(numbers_can_be_categories) {
  const CsvOptions by_name{.categorical = {"zip"}}, by_index{.categorical = {-2}};
  for (const CsvOptions& options : {by_name, by_index}) {
    const Column c = parse("zip,x\n10,1\n9,2\n10,3\n", options).column("zip");
    BOOST_TEST(c.categories == (Names{"9", "10"}), boost::test_tools::per_element());
    BOOST_TEST(c.values == (Numbers{1, 0, 1}));
  }
  const Column mixed = parse("zip\n10\nB\n9\n", by_name).column("zip");
  BOOST_TEST(mixed.categories == (Names{"10", "9", "B"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(categories_can_be_given) {
  const CsvOptions options{.categories = {{"size", {"S", "M", "L"}}, {"absent", {"x"}}}};
  const Column c = parse("size\nL\nS\n", options).column("size");
  BOOST_TEST(c.categories == (Names{"S", "M", "L"}), boost::test_tools::per_element());
  BOOST_TEST(c.values == (Numbers{2, 0}));
  BOOST_TEST(fault("size\nL\nXXL\n", options) ==
             "csv: f: line 3, column 0 \"size\": \"XXL\" is none of the categories given");
  BOOST_TEST(message_of<std::invalid_argument>([] {
               parse("a\n1\n", {.categories = {{"a", {"x", "x"}}}});
             }) == "CsvOptions: category \"x\" given twice");
}

BOOST_AUTO_TEST_CASE(categories_given_stay_when_the_column_is_named_categorical) {
  const CsvOptions options{.categorical = {"size"}, .categories = {{"size", {"9", "10"}}}};
  BOOST_TEST(parse("size\n10\n", options).column("size").values == Numbers{1});
  BOOST_TEST(fault("size\n11\n", options) ==
             "csv: f: line 2, column 0 \"size\": \"11\" is none of the categories given");
}

BOOST_AUTO_TEST_CASE(one_file_s_categories_fit_another) {
  const Table train = parse("size\nS\nM\nL\n");
  const Column test = parse("size\nS\n", {.categories = train.categories()}).column("size");
  BOOST_TEST(test.values == (Numbers{train.column("size").values[0]}));
}

BOOST_AUTO_TEST_CASE(faults_of_columns) {
  BOOST_TEST(fault("a,b\n1,2\n1,2,3\n") == "csv: f: line 3: 3 fields, wanted 2");
  BOOST_TEST(fault("a\n\"b\rc\",\"b\rc\"\n", {.header = Header::yes, .skip = 1}) ==
             "csv: f: line 2: two columns are named \"b\\x0dc\"");
  BOOST_TEST(fault("a,b\n1,2\n1\n") == "csv: f: line 3: 1 fields, wanted 2");
  BOOST_TEST(fault("a,b,a\n1,2,3\n") == "csv: f: line 1: two columns are named \"a\"");
  BOOST_TEST(fault("1,\n3,4\n", {.header = Header::yes}) ==
             "csv: f: line 1: two columns are named \"1\"");
  BOOST_TEST(fault("") == "csv: f: holds no rows");
  BOOST_TEST(fault(std::string("1,\0", 3)) ==
             "csv: f: not text in columns: binary data, 3 bytes, beginning with 31 2c 00");
  BOOST_TEST(fault("PK\x03\x04" + std::string(30, '\0')) ==
             "csv: f: not text in columns: a zip archive (as npz, xlsx and the files of PyTorch "
             "are), 34 bytes");
  BOOST_TEST(fault(std::string("\xFF\xFE"
                               "1\0,\0",
                               6)) == "csv: f: not text in columns: text in UTF-16, 6 bytes");
  BOOST_TEST(fault("<!DOCTYPE html>\n<p>not found</p>\n") ==
             "csv: f: not text in columns: an HTML page, 33 bytes");
  BOOST_TEST(fault(std::string(1048576, ',')) ==
             "csv: f: line 1: 1048577 columns, at most 1048576 are read");
  BOOST_TEST(message_of<std::out_of_range>([] { parse("a\n1\n", {.categorical = {"b"}}); }) ==
             "CsvOptions: categorical: there is no column \"b\"");
  BOOST_TEST(message_of<std::out_of_range>([] { parse("a\n1\n", {.categorical = {1}}); }) ==
             "CsvOptions: categorical: there is no column 1");
}

BOOST_AUTO_TEST_SUITE_END()

// Figures as published with the data sets.
BOOST_AUTO_TEST_SUITE(real_tables)

BOOST_AUTO_TEST_CASE(california_housing) {
  const auto path = real_data("house-prices/california_housing.csv");
  if (!path) return;
  const Table t = read_csv(*path);
  BOOST_TEST(t.rows() == 20640U);
  BOOST_TEST(t.columns() == 10U);
  std::size_t missing = 0;
  for (const double v : t.column("total_bedrooms").values) missing += std::isnan(v) ? 1 : 0;
  BOOST_TEST(missing == 207U);
  BOOST_TEST(
      t.column(-1).categories == (Names{"<1H OCEAN", "INLAND", "ISLAND", "NEAR BAY", "NEAR OCEAN"}),
      boost::test_tools::per_element());
  BOOST_TEST(t.drop({"median_house_value"}).one_hot().columns() == 13U);
  double sum = 0;
  for (const double v : t.column("median_house_value").values) sum += v;
  BOOST_TEST(std::abs(sum / 20640 - 206855.8) < 0.05);
}

BOOST_AUTO_TEST_CASE(boston_in_two_layouts) {
  const auto commas = real_data("house-prices/boston_house_prices.csv");
  const auto blanks = real_data("uci-regression/boston.txt");
  if (!commas) return;
  const Table a = read_csv(*commas, {.skip = 1}), b = read_csv(*blanks, {.separator = ' '});
  BOOST_TEST(a.names()[13] == "MEDV");
  BOOST_TEST(a.rows() == 506U);
  BOOST_TEST(numbers(a) == numbers(b));
}

BOOST_AUTO_TEST_CASE(iris_and_digits) {
  const auto iris = real_data("toy-tables/iris.csv");
  if (!iris) return;
  const Table t = read_csv(*iris, {.header = Header::no, .skip = 1});
  BOOST_TEST(t.rows() == 150U);
  BOOST_TEST(t.labels(-1).data()[149] == 2);
  const Table digits = read_csv(*real_data("toy-tables/digits.csv.gz"));
  BOOST_TEST(digits.rows() == 1797U);
  BOOST_TEST(digits.columns() == 65U);
}

BOOST_AUTO_TEST_SUITE_END()
