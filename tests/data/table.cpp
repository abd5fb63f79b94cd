#include "xgrad/data/table.hpp"

#include <cmath>

#include "tests/serialization/files.hpp"

using namespace xgrad;
using namespace xgrad_test;

namespace {

using Names = std::vector<std::string>;

Table shop() {
  return Table(
      {{"n", {1, 2, 3}}, {"colour", {1, NAN, 0}, {"blue", "red"}}, {"price", {.5, 1.5, NAN}}});
}

template <class E, class F>
std::string refusal(const F& f) {
  return message_of<E>(f);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(table)

BOOST_AUTO_TEST_CASE(columns_by_name_and_index) {
  const Table t = shop();
  BOOST_TEST(t.rows() == 3U);
  BOOST_TEST(t.columns() == 3U);
  BOOST_TEST(t.column("price").name == "price");
  BOOST_TEST(t.column(0).name == "n");
  BOOST_TEST(t.column(-1).name == "price");
  BOOST_TEST(t.column(std::string("n")).values == (std::vector<double>{1, 2, 3}));
}

BOOST_AUTO_TEST_CASE(columns_that_are_not_there) {
  BOOST_TEST(refusal<std::out_of_range>([] { shop().column("weight"); }) ==
             "Table: no column weight among n, colour, price");
  BOOST_TEST(refusal<std::out_of_range>([] { shop().column(3); }) ==
             "Table: column 3 is out of range for 3 columns");
  BOOST_TEST(refusal<std::out_of_range>([] { shop().drop({-4}); }) ==
             "Table: column -4 is out of range for 3 columns");
}

BOOST_AUTO_TEST_CASE(selection_and_its_complement) {
  BOOST_TEST(shop().select({"price", 0}).names() == (Names{"price", "n"}),
             boost::test_tools::per_element());
  BOOST_TEST(shop().drop({"n", -1}).names() == Names{"colour"}, boost::test_tools::per_element());
  BOOST_TEST(refusal<std::invalid_argument>([] {
               shop().select({"n", 0});
             }) == "Table: two columns are named n");
}

BOOST_AUTO_TEST_CASE(arrays_are_row_major) {
  const auto a = shop().array<float>({0, "colour"});
  BOOST_CHECK(Shape(a.shape()) == Shape({3, 2}));
  BOOST_TEST(a(0, 0) == 1);
  BOOST_TEST(a(0, 1) == 1);
  BOOST_TEST(a(2, 0) == 3);
  BOOST_TEST(a(2, 1) == 0);
  BOOST_TEST(std::isnan(a(1, 1)));
}

BOOST_AUTO_TEST_CASE(one_hot_columns_stand_where_the_category_stood) {
  const Table t = shop().one_hot();
  BOOST_TEST(t.names() == (Names{"n", "colour=blue", "colour=red", "price"}),
             boost::test_tools::per_element());
  BOOST_TEST(t.column("colour=blue").values == (std::vector<double>{0, 0, 1}));
  BOOST_TEST(t.column("colour=red").values == (std::vector<double>{1, 0, 0}));
}

BOOST_AUTO_TEST_CASE(labels_are_whole_numbers) {
  BOOST_TEST(elements(shop().labels("n")) == (std::vector<std::int64_t>{1, 2, 3}));
  BOOST_TEST(refusal<std::invalid_argument>([] { shop().labels("price"); }) ==
             "labels: column price, row 0 is not a whole number: 0.500000");
  BOOST_TEST(refusal<std::invalid_argument>([] { shop().labels("colour"); }) ==
             "labels: column colour, row 1 is not a whole number: nan");
  BOOST_TEST(refusal<std::invalid_argument>([] {
               Table({{"x", {1e300}}}).labels("x");
             }).starts_with("labels: column x, row 0 is not a whole number: 1"));
}

BOOST_AUTO_TEST_CASE(categories_by_name) {
  const std::map<std::string, Names> wanted = {{"colour", {"blue", "red"}}};
  BOOST_CHECK(shop().categories() == wanted);
  Names of_a_temporary;
  for (const auto& name : shop().categories().at("colour")) of_a_temporary.push_back(name);
  for (const double v : shop().column("n").values) BOOST_TEST(v > 0);
  BOOST_TEST(of_a_temporary == (Names{"blue", "red"}), boost::test_tools::per_element());
  BOOST_TEST(refusal<std::out_of_range>([] { shop().categories().at("n"); }) ==
             "Categories: there is no categorical column \"n\"");
}

BOOST_AUTO_TEST_CASE(columns_must_fit) {
  BOOST_TEST(refusal<std::invalid_argument>([] {
               Table({{"a", {1, 2}}, {"b", {1}}});
             }) == "Table: lengths differ: a 2, b 1");
  BOOST_TEST(refusal<std::invalid_argument>([] {
               Table({{"a", {1}}, {"a", {1}}});
             }) == "Table: two columns are named a");
}

BOOST_AUTO_TEST_CASE(empty_table) {
  BOOST_TEST(Table().rows() == 0U);
  BOOST_CHECK(Shape(Table().array<double>().shape()) == Shape({0, 0}));
}

BOOST_AUTO_TEST_SUITE_END()
