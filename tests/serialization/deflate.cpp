#include "xgrad/serialization/deflate.hpp"

#include "tests/serialization/files.hpp"

using namespace xgrad::detail;
using namespace xgrad_test;

namespace {

const Origin kFrom{"test", "memory"};

// Compresses badly and to more than one block.
std::string noise(std::size_t size) {
  std::string r;
  std::uint32_t state = 1;
  while (r.size() < size) r += static_cast<char>((state = state * 1664525U + 1013904223U) >> 24U);
  return r;
}

std::string text(const Bytes& bytes) { return std::string(as_text(bytes)); }
std::string gzip(std::string_view content) {
  return text(deflate(as_bytes(content), Packing::gzip));
}

std::string inflated(std::string_view packed, std::size_t most) {
  return text(Content(kFrom, as_bytes(packed)).read(most));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(deflate_streams)

BOOST_AUTO_TEST_CASE(content_comes_back) {
  for (const std::string& s :
       {std::string(), std::string("a"), std::string(1000000, 'z'), noise(300000)}) {
    BOOST_CHECK(inflated(gzip(s), 2000000) == s);
    const Bytes raw = deflate(as_bytes(s), Packing::raw);
    BOOST_CHECK(text(Inflater(kFrom, raw, Packing::raw).read(2000000)) == s);
  }
}

BOOST_AUTO_TEST_CASE(pieces_join) {
  const std::string s = noise(200000), packed = gzip(s);
  Content content(kFrom, as_bytes(packed));
  std::string joined;
  for (const std::size_t n : {1U, 0U, 70000U, 3U, 65536U, 1000000U, 5U})
    joined += text(content.read(n));
  BOOST_CHECK(joined == s);
}

BOOST_AUTO_TEST_CASE(plain_content_is_passed_through) {
  Content content(kFrom, as_bytes("plain text"));
  BOOST_TEST(text(content.read(6)) == "plain ");
  BOOST_TEST(text(content.read(100)) == "text");
  BOOST_TEST(text(content.read(100)).empty());
}

BOOST_AUTO_TEST_CASE(members_follow_one_another) {
  BOOST_TEST(inflated(gzip("one ") + gzip("") + gzip("two"), 100) == "one two");
}

BOOST_AUTO_TEST_CASE(a_bomb_is_read_as_far_as_asked) {
  const std::string bomb = gzip(std::string(50000000, '\0'));
  BOOST_TEST(bomb.size() < 60000U);
  BOOST_TEST(inflated(bomb, 1000).size() == 1000U);
}

BOOST_AUTO_TEST_CASE(damage_is_named) {
  const std::string packed = gzip("some content");
  const auto fault = [](const std::string& s) { return message_of([&] { inflated(s, 1000); }); };
  BOOST_TEST(fault(packed.substr(0, packed.size() - 1)) ==
             "test: memory: truncated: the compressed data have no end");
  BOOST_TEST(fault(packed + "xyz") ==
             "test: memory: 3 bytes behind the end of the compressed data");
  std::string wrong = packed;
  wrong[packed.size() - 8] ^= 1;
  BOOST_TEST(fault(wrong) == "test: memory: damaged compressed data: incorrect data check");
  wrong = packed;
  wrong[2] = 9;
  BOOST_TEST(fault(wrong) == "test: memory: damaged compressed data: unknown compression method");
}

BOOST_AUTO_TEST_CASE(truncated_anywhere) {
  const std::string packed = gzip(noise(300));
  for (std::size_t n = 2; n < packed.size(); ++n) {
    BOOST_CHECK_THROW(inflated(packed.substr(0, n), 1000), xgrad::FileError);
  }
}

// The check value of CRC-32 in Ross Williams, "A painless guide to CRC error detection
// algorithms" (1993).
BOOST_AUTO_TEST_CASE(checksum) {
  BOOST_TEST(crc32_of(as_bytes("123456789")) == 0xCBF43926U);
  BOOST_TEST(crc32_of({}) == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
