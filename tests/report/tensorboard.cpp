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
  // Behind the event's time: its step 1 (field 2), a summary (5) with one value (1): tag (1), number (2).
  BOOST_TEST(bytes.find(std::string("\x10\1*\x13\n\x11\n\nloss/train\x15\0\0\0@", 23)) !=
             std::string::npos);
  // A value with tag and image (4), which has height 2, width 3, colorspace 3 and, as field 4, the file.
  if (writes_png()) {
    const std::string file = png(Picture(3, 2));
    BOOST_REQUIRE(file.size() + 8 < 128U);
    const std::string image =
        std::string("\x08\2\x10\3\x18\3\"") + static_cast<char>(file.size()) + file;
    BOOST_TEST(bytes.find("\n\7filters\"" + std::string(1, static_cast<char>(image.size())) +
                          image) != std::string::npos);
  }
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
