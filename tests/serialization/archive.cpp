#include "xgrad/serialization/archive.hpp"

#include "tests/serialization/files.hpp"

using namespace xgrad;
using namespace xgrad_test;

BOOST_AUTO_TEST_SUITE(archive)

BOOST_AUTO_TEST_CASE(keeps_the_order_of_adding) {
  Archive a;
  a.add("b", make_array<float>({2}, {1, 2}));
  a.add("a", make_array<std::int64_t>({}, {3}));
  BOOST_TEST(a.names() == (std::vector<std::string>{"b", "a"}), boost::test_tools::per_element());
  BOOST_TEST(a.size() == 2U);
  BOOST_TEST(a.contains("a"));
  BOOST_TEST(!a.contains("c"));
  BOOST_TEST(elements(a.get<double>("b")) == (std::vector<double>{1, 2}));
  BOOST_TEST(a.get<std::int64_t>("a")() == 3);
}

BOOST_AUTO_TEST_CASE(names_are_taken_once) {
  Archive a;
  a.add("w", make_array<float>({1}, {1}));
  BOOST_TEST(message_of<std::invalid_argument>([&] { a.add("w", make_array<float>({1}, {2})); }) ==
             "Archive: there is an array \"w\" already");
  BOOST_TEST(a.get<float>("w")(0) == 1);
}

BOOST_AUTO_TEST_CASE(missing_names_list_what_there_is) {
  Archive a("npz", "f.npz");
  BOOST_TEST(message_of([&] { a.at("w"); }) == "npz: f.npz: no array \"w\", it is empty");
  for (int i = 0; i < 10; ++i) a.add(std::to_string(i), make_array<float>({}, {0}));
  BOOST_TEST(message_of([&] { a.get<float>("w"); }) ==
             "npz: f.npz: no array \"w\", it holds \"0\", \"1\", \"2\", \"3\", \"4\", \"5\", "
             "\"6\", \"7\" and 2 more");
}

BOOST_AUTO_TEST_CASE(refused_conversions_name_the_array) {
  Archive a;
  a.add("w", make_array<float>({1}, {1}));
  BOOST_TEST(message_of([&] { a.get<std::int64_t>("w"); }) ==
             "archive: in memory: array \"w\": StoredArray: float32 is not an integer type");
}

BOOST_AUTO_TEST_SUITE_END()
