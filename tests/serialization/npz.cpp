#include <algorithm>
#include <functional>

#include "tests/serialization/files.hpp"
#include "xgrad/serialization/npy.hpp"
#include "xgrad/serialization/zip.hpp"

using namespace xgrad;
using namespace xgrad_test;

namespace {

Archive three_arrays() {
  Archive a;
  a.add("w", make_array<float>({2, 3}, {0, .25F, .5F, .75F, 1, 1.25F}));
  a.add("b", make_array<double>({2}, {-1.5, 2.5}));
  a.add("n", make_array<std::int64_t>({}, {7}));
  return a;
}

bool same(const Archive& a, const Archive& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.first == y.first && xgrad_test::same(x.second, y.second);
  });
}

Archive parse(BytesView bytes) { return parse_npz(bytes, "f"); }

std::string fault(const std::string& file) {
  return message_of([&] { parse(as_bytes(file)); });
}

// The archive of one array `x`, with bytes put in place of others: at `at` from the end record, or,
// when `at` is negative, from the directory entry.
constexpr std::size_t kEndSize = 22, kEntrySize = 46 + 5;

std::string with_end(std::string file, std::size_t at, std::string_view bytes) {
  return file.replace(file.size() - kEndSize + at, bytes.size(), bytes);
}
std::string with_entry(std::string file, std::size_t at, std::string_view bytes) {
  return file.replace(file.size() - kEndSize - kEntrySize + at, bytes.size(), bytes);
}

std::string one_array(bool compress = false) {
  const TemporaryDirectory d;
  Archive a;
  a.add("x", make_array<float>({2}, {1, 2}));
  write_npz(d / "f.npz", a, {.compress = compress});
  return slurp(d / "f.npz");
}

constexpr std::string_view kOnes("\xFF\xFF\xFF\xFF", 4);

}  // namespace

BOOST_AUTO_TEST_SUITE(npz_files)

BOOST_AUTO_TEST_CASE(archives_by_numpy) {
  BOOST_CHECK(same(read_npz(reference("stored.npz")), three_arrays()));
  BOOST_CHECK(same(read_npz(reference("deflated.npz")), three_arrays()));
  BOOST_TEST(read_npz(reference("empty.npz")).empty());
}

BOOST_AUTO_TEST_CASE(archives_come_back) {
  const TemporaryDirectory d;
  for (const bool compress : {false, true}) {
    write_npz(d / "f.npz", three_arrays(), {.compress = compress});
    BOOST_CHECK(same(read_npz(d / "f.npz"), three_arrays()));
    write_npz(d / "f.npz", Archive(), {.compress = compress});
    BOOST_TEST(read_npz(d / "f.npz").empty());
  }
}

BOOST_AUTO_TEST_CASE(compressing_compresses) {
  const TemporaryDirectory d;
  Archive a;
  a.add("zeros", make_array<double>({10000}, std::vector<double>(10000)));
  write_npz(d / "f.npz", a, {.compress = true});
  BOOST_TEST(std::filesystem::file_size(d / "f.npz") < 1000U);
  BOOST_CHECK(same(read_npz(d / "f.npz"), a));
}

BOOST_AUTO_TEST_CASE(same_content_same_bytes) { BOOST_CHECK(one_array() == one_array()); }

// Bit 11 of the flags (APPNOTE.TXT 4.4.4), in the local header and in the directory.
BOOST_AUTO_TEST_CASE(names_are_marked_as_utf8) {
  BOOST_TEST(one_array()[7] == 8);
  BOOST_TEST(one_array()[171 + 9] == 8);
}

BOOST_AUTO_TEST_CASE(missing_arrays_are_named) {
  const std::string message = message_of([] { parse(as_bytes(one_array())).get<float>("y"); });
  BOOST_TEST(message == "npz: f: no array \"y\", it holds \"x\"");
}

BOOST_AUTO_TEST_CASE(truncated_anywhere) {
  check_truncations(one_array(), parse);
  check_truncations(slurp(reference("deflated.npz")), parse);
}

// What a bit changes without being noticed does not matter: times, versions, attributes.
BOOST_AUTO_TEST_CASE(flipped_anywhere) {
  for (const std::string& file : {one_array(), one_array(true), slurp(reference("stored.npz"))}) {
    const Archive whole = parse(as_bytes(file));
    check_flips(file, parse, [&](const Archive& a) { return same(a, whole); });
  }
}

BOOST_AUTO_TEST_CASE(no_zip) {
  BOOST_TEST(fault("") == "npz: f: not a zip archive: an empty file");
  BOOST_TEST(fault(std::string(100, 'x')) ==
             "npz: f: not a zip archive: text, 100 bytes, beginning with \"" +
                 std::string(80, 'x') + "...\"");
  BOOST_TEST(fault(slurp(reference("vector.npy")))
                 .starts_with("npz: f: not a zip archive: an npy file, "));
  BOOST_TEST(fault(one_array().substr(0, 100)) == "npz: f: truncated: 100 bytes without an end");
}

BOOST_AUTO_TEST_CASE(comments_are_passed_over) {
  const std::string file = with_end(one_array(), 20, std::string_view("\x05\x00", 2)) + "hello";
  BOOST_TEST(parse(as_bytes(file)).size() == 1U);
}

BOOST_AUTO_TEST_CASE(zip64_is_refused) {
  const std::string refusal = "npz: f: zip64 archives are not supported";
  BOOST_TEST(fault(with_end(one_array(), 10, kOnes.substr(2))) == refusal);
  BOOST_TEST(fault(with_end(one_array(), 12, kOnes)) == refusal);
  BOOST_TEST(fault(with_end(one_array(), 16, kOnes)) == refusal);
  BOOST_TEST(fault(with_entry(one_array(), 20, kOnes)) == refusal);
  BOOST_TEST(fault(with_entry(one_array(), 24, kOnes)) == refusal);
  BOOST_TEST(fault(with_entry(one_array(), 42, kOnes)) == refusal);
  std::string file = one_array();
  file.insert(file.size() - kEndSize, "PK\x06\x07" + std::string(16, '\0'));
  BOOST_TEST(fault(file) == refusal);
}

BOOST_AUTO_TEST_CASE(other_features_are_refused) {
  BOOST_TEST(fault(with_entry(one_array(), 8, "\x01")) ==
             "npz: f: \"x.npy\": encrypted entries are not supported");
  BOOST_TEST(fault(with_entry(one_array(), 10, "\x0C")) ==
             "npz: f: \"x.npy\": compression method 12 is not supported, only 0 and 8 are");
  BOOST_TEST(fault(with_end(one_array(), 4, "\x01")) ==
             "npz: f: archives of several parts are not supported");
}

BOOST_AUTO_TEST_CASE(directories_that_lie) {
  BOOST_TEST(fault(with_end(one_array(), 8, std::string_view("\x02\x00\x02", 3))) ==
             "npz: f: damaged: no directory entry at 222");
  BOOST_TEST(fault(with_end(one_array(), 8, std::string_view("\x00\x00\x00", 3))) ==
             "npz: f: damaged: 51 bytes behind the directory");
  BOOST_TEST(fault(with_end(one_array(), 12, "\x34")) ==
             "npz: f: damaged: directory of 52 bytes at 171, its end record at 222");
  BOOST_TEST(fault(with_entry(one_array(), 28, "\xFF")) ==
             "npz: f: damaged: the directory entry at 171 is truncated");
  BOOST_TEST(fault(with_entry(one_array(), 42, "\x01")) ==
             "npz: f: \"x.npy\": damaged: no entry at 1");
  BOOST_TEST(fault(with_entry(one_array(), 46, "y")) ==
             "npz: f: \"y.npy\": damaged: another name at 0");
  BOOST_TEST(fault(with_entry(one_array(), 20, "\xFF")) ==
             "npz: f: \"x.npy\": stored in 255 bytes, its size is 136");
  BOOST_TEST(fault(with_entry(one_array(true), 20, std::string_view("\xFF\x7F", 2))) ==
             "npz: f: \"x.npy\": damaged: 32767 bytes do not fit behind 0");
}

BOOST_AUTO_TEST_CASE(contents_that_lie) {
  std::string file = one_array();
  file[170] ^= 1;
  BOOST_TEST(fault(file).starts_with("npz: f: \"x\": damaged: checksum "));
  BOOST_TEST(fault(with_entry(one_array(true), 24, "\x87")) ==
             "npz: f: \"x\": inflates to more than 135 bytes, its size is 135");
  BOOST_TEST(fault(with_entry(one_array(true), 24, "\x89")) ==
             "npz: f: \"x\": inflates to 136 bytes, its size is 137");
}

// Two directory entries for the same bytes: what multiplies in a zip bomb.
BOOST_AUTO_TEST_CASE(overlapping_entries_are_refused) {
  std::string file = one_array();
  const std::string entry = file.substr(file.size() - kEndSize - kEntrySize, kEntrySize);
  file.insert(file.size() - kEndSize, entry);
  file = with_end(file, 8, std::string_view("\x02\x00\x02\x00\x66", 5));
  BOOST_TEST(fault(file) == "npz: f: damaged: entries \"x.npy\" and \"x.npy\" overlap");
}

BOOST_AUTO_TEST_CASE(entries_must_be_arrays_of_different_names) {
  const TemporaryDirectory d;
  const auto zip = [&](const std::vector<std::string>& names) {
    detail::AtomicFile file("test", d / "f");
    detail::ZipWriter writer({"test", "f"}, file);
    for (const std::string& n : names)
      writer.add(n, as_bytes(slurp(reference("vector.npy"))), false);
    writer.finish();
    file.commit();
    return fault(slurp(d / "f"));
  };
  BOOST_TEST(zip({"a.npy", "a.npy"}) == "npz: f: two arrays are named \"a\"");
  BOOST_TEST(zip({"a.npy", "read.me"}) ==
             "npz: f: a zip archive and not npz: entry \"read.me\" is not an npy file");
  BOOST_TEST(zip({"archive/data.pkl"}) ==
             "npz: f: a file of PyTorch and not npz; save it there as safetensors");
  BOOST_TEST(zip({"a.npy", "b.npy"}) == "nothing was thrown");
}

BOOST_AUTO_TEST_CASE(faults_of_an_entry_name_it) {
  const TemporaryDirectory d;
  detail::AtomicFile file("test", d / "f");
  detail::ZipWriter writer({"test", "f"}, file);
  writer.add("bad.npy", as_bytes("no array"), true);
  writer.finish();
  file.commit();
  BOOST_TEST(fault(slurp(d / "f")) ==
             "npz: f: \"bad\": not an npy file: text, 8 bytes, beginning with \"no array\"");
}

BOOST_AUTO_TEST_SUITE_END()
