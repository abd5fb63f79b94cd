// Event files, byte for byte those of tests/references/tensorboard.py.

#include "xgrad/report/tensorboard.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "tests/serialization/files.hpp"
#include "xgrad/serialization/error.hpp"

using namespace xgrad;

BOOST_AUTO_TEST_SUITE(tensorboard)

// RFC 3720, appendix B.4; the last is the check value of the catalogue of CRC algorithms.
BOOST_AUTO_TEST_CASE(checksums) {
  std::string rising;
  for (char c = 0; c < 32; ++c) rising += c;
  BOOST_TEST(detail::crc32c(std::string(32, '\0')) == 0x8A9136AAU);
  BOOST_TEST(detail::crc32c(std::string(32, '\xFF')) == 0x62A8AB43U);
  BOOST_TEST(detail::crc32c(rising) == 0x46DD794EU);
  BOOST_TEST(detail::crc32c(std::string(rising.rbegin(), rising.rend())) == 0x113FDB5CU);
  BOOST_TEST(detail::crc32c("123456789") == 0xE3069283U);
}

BOOST_AUTO_TEST_CASE(as_protocol_buffers) {
  const xgrad_test::TemporaryDirectory folder;
  TensorBoardWriter board(folder / "runs/first", {.suffix = ".test", .clock = [] { return 1.5; }});
  board.scalar("loss/train", 0.1, 300);
  const double nan = std::nan("");
  board.histogram("weights", Tensor<double>(xt::xarray<double>{1, 1, 4, nan}), 7);
  board.graph(
      {.entries = {{"sum", "()", true}, {"multiply", "(2, 30)", true}, {"fc.w!", "(2, 30)", false}},
       .edges = {{1, 0}, {2, 1}, {2, 1}}});
  BOOST_TEST(board.path().starts_with(folder / "runs/first/events.out.tfevents.1."));
  BOOST_TEST(board.path().ends_with(".test"));
  BOOST_TEST(
      xgrad_test::slurp(board.path()) ==
      xgrad_test::slurp(std::string(XGRAD_SOURCE_DIR) + "/tests/references/tensorboard.tfevents"));
}

BOOST_AUTO_TEST_CASE(curves_and_pictures) {
  const xgrad_test::TemporaryDirectory folder;
  TensorBoardWriter board(folder / "run");
  History h;
  h.add({{"train loss", 2}, {"validation loss", 3}, {"learning rate", 0.1}});
  board.history(h);
  if (writes_png()) {
    board.image("filters", Picture(3, 2), 1);
  } else {
    BOOST_CHECK_THROW(board.image("filters", Picture(3, 2), 1), std::logic_error);
  }
  const std::string bytes = xgrad_test::slurp(board.path());
  for (const char* tag : {"loss/train", "loss/validation", "learning rate"})
    BOOST_TEST(bytes.find(tag) != std::string::npos, tag);
  // Image: height 2, width 3, colorspace 3.
  if (writes_png())
    BOOST_TEST(bytes.find(std::string("\x08\2\x10\3\x18\3\"")) != std::string::npos);
  TensorBoardWriter second(folder / "run");
  BOOST_TEST(second.path() != board.path());
}

BOOST_AUTO_TEST_CASE(errors) {
  const xgrad_test::TemporaryDirectory folder;
  xgrad_test::spit(folder / "file", "");
  BOOST_CHECK_THROW(TensorBoardWriter(folder / "file"), FileError);
  TensorBoardWriter board(folder / "run");
  const std::string before = xgrad_test::slurp(board.path());
  BOOST_CHECK_THROW(board.scalar("", 1, 1), std::invalid_argument);
  BOOST_CHECK_THROW(board.graph({.entries = {{"a", "()", true}}, .edges = {{1, 0}}}),
                    std::invalid_argument);
  BOOST_TEST(xgrad_test::slurp(board.path()) == before);
}

BOOST_AUTO_TEST_SUITE_END()
