#include "xgrad/serialization/name_map.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/message.hpp"

using namespace xgrad;

BOOST_AUTO_TEST_SUITE(name_map)

BOOST_AUTO_TEST_CASE(patterns) {
  const NameMap map{{"module.*.w_*", "*.weight*"},
                    {"layer*.*", "*/*"},
                    {"*.running_var", "*.variance"},
                    {"opt*", ""}};
  BOOST_TEST(map.rename("module.encoder.0.w_1") == "encoder.0.weight1");
  BOOST_TEST(map.rename("layer12.bias") == "12/bias");
  BOOST_TEST(map.rename("a.b.running_var") == "a.b.variance");
  BOOST_TEST(map.rename("optimizer.step") == "");
  BOOST_TEST(map.rename("bias") == "bias");
  BOOST_TEST(NameMap({{"*", "net.*"}}).rename("") == "net.");
}

BOOST_AUTO_TEST_CASE(transposes_and_shares) {
  const NamedTensors<double> in{{"W1", Tensor<double>::from({2, 3}, {1, 2, 3, 4, 5, 6})},
                                {"b1", Tensor<double>::from({3}, {7, 8, 9})},
                                {"step", Tensor<double>::from({}, {1})}};
  const NameMap map{{"W*", "fc*.weight", {.transpose = true}}, {"b*", "fc*.bias"}, {"step", ""}};
  const auto out = map.apply(in);
  BOOST_TEST(out.size() == 2U);
  BOOST_TEST(out[0].name == "fc1.weight");
  BOOST_TEST((out[0].tensor.value() == Array<double>{{1, 4}, {2, 5}, {3, 6}}));
  BOOST_TEST(out[1].name == "fc1.bias");
  BOOST_TEST(out[1].tensor.is_same(in[1].tensor));
}

BOOST_AUTO_TEST_CASE(errors) {
  const auto refused = [](const auto& call, const std::string& message) {
    test::check_failure<std::invalid_argument>(call, message);
  };
  refused([] { NameMap({{"a*", "*b*"}}); }, "NameMap: \"*b*\" has more * than \"a*\"");
  const NamedTensors<float> in{{"a.w", Tensor<float>::filled({3}, 1)},
                               {"b.w", Tensor<float>::filled({3}, 1)}};
  refused(
      [&] {
        NameMap({{"*.w", "w"}}).apply(in);
      },
      "NameMap: \"a.w\" and \"b.w\" both become \"w\"");
  refused(
      [&] {
        NameMap({{"a.w", "w", {.transpose = true}}}).apply(in);
      },
      "NameMap: \"a.w\" cannot be transposed: shape (3)");
}

BOOST_AUTO_TEST_SUITE_END()
