#include "xgrad/data/table.hpp"

#include <cmath>

#include "tests/serialization/files.hpp"
#include "xgrad/data/csv.hpp"
#include "xgrad/data/decomposition.hpp"
#include "xgrad/data/pipeline.hpp"
#include "xgrad/data/scaling.hpp"
#include "xgrad/serialization/safetensors.hpp"

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
             "Table: no column \"weight\" among \"n\", \"colour\", \"price\"");
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
             }) == "Table: two columns are named \"n\"");
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

BOOST_AUTO_TEST_CASE(numbers_too_large_for_float) {
  const Table t({{"a\nb", {1, 1e300}}});
  BOOST_TEST(t.array<double>()(1, 0) == 1e300);
  BOOST_TEST(refusal<std::invalid_argument>([&] { t.array<float>(); }) ==
             "array: column \"a\\nb\", row 1 is too large for float: 1e+300");
}

BOOST_AUTO_TEST_CASE(codes_are_those_of_categories) {
  for (const double code : {2.0, -1.0, 0.5}) {
    BOOST_TEST(refusal<std::invalid_argument>([&] {
                 Table({{"c", {0, code}, {"x", "y"}}});
               }).starts_with("Table: column \"c\", row 1: code "));
  }
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
             "labels: column \"price\", row 0 is not a whole number: 0.5");
  BOOST_TEST(refusal<std::invalid_argument>([] { shop().labels("colour"); }) ==
             "labels: column \"colour\", row 1 is not a whole number: nan");
  BOOST_TEST(refusal<std::invalid_argument>([] {
               Table({{"x", {1e300}}}).labels("x");
             }) == "labels: column \"x\", row 0 is not a whole number: 1e+300");
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
             }) == "Table: lengths differ: \"a\" 2, \"b\" 1");
  BOOST_TEST(refusal<std::invalid_argument>([] {
               Table({{"a", {1}}, {"a", {1}}});
             }) == "Table: two columns are named \"a\"");
}

BOOST_AUTO_TEST_CASE(empty_table) {
  BOOST_TEST(Table().rows() == 0U);
  BOOST_CHECK(Shape(Table().array<double>().shape()) == Shape({0, 0}));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(pipeline)

namespace {

using Values = std::vector<double>;

Table csv(const std::string& text, const CsvOptions& options = {}) {
  return parse_csv(text, "f", options);
}

// Means: rooms 3, price 20; deviations: rooms 1.
Table houses() { return csv("price,town,rooms\n10,Rome,2\n30,Oslo,4\n20,Bonn,\n"); }

Pipeline<double> fitted(const PipelineOptions& options = {}) {
  Pipeline<double> p(options);
  p.add(Impute<double>(), {"rooms"}).add(Center<double>(), {"price", "rooms"});
  p.fit(houses());
  return p;
}

Values of(const Pipeline<double>& p, const std::string& text, const CsvOptions& options = {}) {
  return elements(p.transform(csv(text, options)));
}

std::string refused(const Pipeline<double>& p, const std::string& text) {
  return refusal<std::invalid_argument>([&] { of(p, text); });
}

Pipeline<double> reloaded(const Pipeline<double>& p) {
  Archive a;
  p.save(a, "in");
  return load_pipeline<double>(a, "in");
}

}  // namespace

BOOST_AUTO_TEST_CASE(steps_on_chosen_columns) {
  const Pipeline<double> p = fitted({.columns = {"rooms", "town", "price"}});
  const Names names{"rooms", "town=Bonn", "town=Oslo", "town=Rome", "price"};
  const Values wanted{-1, 0, 0, 1, -10, 1, 0, 1, 0, 10, 0, 1, 0, 0, 0};
  BOOST_TEST(p.names() == names, boost::test_tools::per_element());
  BOOST_TEST(elements(p.transform(houses())) == wanted);
  const Pipeline<double> again = reloaded(p);
  BOOST_TEST(again.names() == names, boost::test_tools::per_element());
  BOOST_TEST(elements(again.transform(houses())) == wanted);
  BOOST_TEST(again[1].type_name() == "Center");
  BOOST_CHECK(again.categories() == p.categories());
}

// Alone this table would have Oslo as 0 and two columns of towns.
BOOST_AUTO_TEST_CASE(another_order_and_fewer_categories) {
  const Pipeline<double> p = reloaded(fitted());
  BOOST_TEST(of(p, "rooms,id,town,price\n3,1,Rome,20\n5,2,Oslo,21\n") ==
             (Values{0, 0, 0, 1, 0, 1, 0, 1, 0, 2}));
  BOOST_TEST(of(p, "rooms,town,price\n3,?,20\n") == (Values{0, 0, 0, 0, 0}));
  const Pipeline<double> codes = reloaded(fitted({.encoding = Encoding::codes}));
  BOOST_TEST(of(codes, "rooms,town,price\n3,Rome,20\n") == (Values{0, 2, 0}));
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_named) {
  const Pipeline<double> p = fitted();
  BOOST_TEST(refused(p, "price,town\n10,Rome\n") ==
             "Pipeline: the table has no column \"rooms\" among \"price\", \"town\"");
  BOOST_TEST(refused(p, "price,town,rooms\n10,Rome,2\n10,Paris,2\n") ==
             "Pipeline: column \"town\", row 1: category \"Paris\" was not fitted, these were: "
             "\"Bonn\", \"Oslo\", \"Rome\"; Unknown::missing lets it pass");
  BOOST_TEST(refused(p, "price,town,rooms\n10,7,2\n") ==
             "Pipeline: column \"town\" holds numbers, fitted were categories: \"Bonn\", \"Oslo\", "
             "\"Rome\"; CsvOptions::categorical names such columns");
  BOOST_TEST(refused(p, "price,town,rooms\ncheap,Rome,2\n") ==
             "Pipeline: column \"price\" holds categories, fitted were numbers: \"cheap\"");
  BOOST_TEST(refused(p, "price,town,rooms\n1,Rome,2\n?,Rome,2\n") ==
             "Pipeline: column \"price\", row 1: nan; Impute fills in what is missing");
  const Pipeline<double> open = reloaded(fitted({.unknown = Unknown::missing}));
  BOOST_TEST(of(open, "price,town,rooms\n20,Paris,3\n") == (Values{0, 0, 0, 0, 0}));
}

BOOST_AUTO_TEST_CASE(steps_that_do_not_fit) {
  Pipeline<double> p;
  BOOST_CHECK_THROW(p.transform(houses()), std::logic_error);
  p.add(Center<double>(), {"size"});
  BOOST_TEST(refusal<std::invalid_argument>([&] { p.fit(houses()); }) ==
             "Pipeline: there is no column \"size\" for a step among \"price\", \"town=Bonn\", "
             "\"town=Oslo\", \"town=Rome\", \"rooms\"");
  BOOST_TEST(!p.is_fitted());
  Pipeline<double> q = fitted();
  BOOST_CHECK_THROW(q.add(Center<double>()), std::logic_error);
  BOOST_CHECK_THROW(q.transform(Array<double>::from_shape({1, 5})), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(components_take_the_place_of_the_first) {
  Pipeline<double> p;
  p.add(Pca<double>({.components = 1}), {"x", "z"}).add(Center<double>());
  p.fit(csv("y,x,k,z\n1,1,a,3\n2,2,b,1\n4,3,a,2\n"));
  BOOST_TEST(p.names() == (Names{"y", "Pca 0", "k=a", "k=b"}), boost::test_tools::per_element());
  BOOST_TEST(reloaded(p).names() == p.names(), boost::test_tools::per_element());
  const Values one = of(p, "x,y,z,k\n2,3,2,b\n");
  BOOST_TEST(std::abs(one[0] - 2.0 / 3) < 1e-14);
  BOOST_TEST(std::abs(one[1]) < 1e-14);  // the middle of x and z
}

BOOST_AUTO_TEST_CASE(arrays_and_names_that_are_no_utf8) {
  Pipeline<float> p;
  p.add(MinMax<float>(), {"1"});
  p.fit(make_array<float>({2, 2}, {5, 1, 7, 3}));
  BOOST_TEST(elements(p.transform(make_array<float>({1, 2}, {6, 2}))) ==
             (std::vector<float>{6, .5F}));
  BOOST_CHECK_THROW(p.transform(make_array<float>({1, 3}, {6, 2, 1})), std::invalid_argument);
  const Table latin =
      csv("gr\xF6\xDF"
          "e\ngro\xDF\nklein\n");
  Pipeline<double> q;
  q.fit(latin);
  BOOST_TEST(elements(reloaded(q).transform(latin)) == (Values{1, 0, 0, 1}));
}

BOOST_AUTO_TEST_CASE(damaged_layouts) {
  Archive a;
  fitted().save(a, "in");
  BOOST_CHECK_THROW(load_pipeline<double>(a, "out"), FileError);
  const std::string text(detail::as_text(a.at("in/layout").bytes));
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string changed = text;
    changed.replace(changed.find(from), from.size(), to);
    Archive all;
    for (const auto& [name, array] : a) {
      if (name != "in/layout") all.add(name, array);
    }
    const auto bytes = as_bytes(changed);
    all.add("in/layout", {DType::uint8, {changed.size()}, {bytes.begin(), bytes.end()}});
    return message_of([&] { load_pipeline<double>(all, "in"); });
  };
  BOOST_TEST(with("\"version\":1", "\"version\":1") == "nothing was thrown");
  BOOST_TEST(with("\"version\":1", "\"version\":2") ==
             "pipeline: in: Pipeline: the layout is of another version");
  BOOST_TEST(with("\"Oslo\"", "\"Bonn\"") ==
             "pipeline: in: Pipeline: category \"Bonn\" occurs twice");
  BOOST_TEST(with("[0,4]", "[0,9]") == "pipeline: in: Pipeline: step 1 takes column 9 of 5");
  BOOST_TEST(with("[0,4]", "[0,0]") != "nothing was thrown");
  BOOST_TEST(with("[0,4]", "[0]") != "nothing was thrown");
  BOOST_TEST(with("[0,4]", "[]") != "nothing was thrown");
  BOOST_TEST(with("[0,4]", "[-1]") != "nothing was thrown");
  BOOST_TEST(with("\"rooms\"", "\"price\"") != "nothing was thrown");
  BOOST_TEST(with("\"rooms\"", "[1,2") != "nothing was thrown");
}

BOOST_AUTO_TEST_SUITE_END()
