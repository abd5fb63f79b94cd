// Checkpoints that tests/fuzz/checkpoints.py wrote.

#include "tests/serialization/files.hpp"
#include "xgrad/training/checkpoint.hpp"

using namespace xgrad;
using namespace xgrad_test;

namespace {

std::string corpus(const std::string& name) {
  return std::string(XGRAD_SOURCE_DIR) + "/tests/fuzz/corpus/checkpoint/" + name;
}

std::string refusal(const std::string& name) {
  const std::string text = slurp(corpus(name));
  return message_of<FileError>([&] { parse_checkpoint<float>(as_bytes(text), name); });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(checkpoint_files)

BOOST_AUTO_TEST_CASE(from_the_script) {
  const auto c = load_checkpoint<float>(corpus("adam"));
  BOOST_TEST(c.model.at(0).name == "0.weight");
  BOOST_TEST(c.model[0].tensor.value()(0, 1) == -2);
  BOOST_TEST(c.optimizer.tensors.at(0).tensor.value()(1, 1) == 3);
  BOOST_TEST(c.optimizer.numbers.at("Adam/0/learning_rate") == 1e-3);
  BOOST_TEST(c.numbers.at("best loss") == 0.25);
  BOOST_TEST(c.text.at("settings") == "--epochs 3");
  BOOST_CHECK(c.generator == (Generator::State{7, 3}));
  BOOST_CHECK(c.loader == (LoaderState{1, 2, 5}));
}

BOOST_AUTO_TEST_CASE(with_too_little_in_them) {
  BOOST_TEST(refusal("no_number") ==
             "checkpoint: no_number: number/best loss holds 0 numbers, not 1");
  BOOST_TEST(refusal("short_loader") == "checkpoint: short_loader: loader holds 1 numbers, not 3");
  BOOST_TEST(!refusal("no_position").empty());
}

BOOST_AUTO_TEST_SUITE_END()
