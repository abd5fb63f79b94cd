#include "xgrad/data/idx.hpp"

#include <cmath>

#include "tests/serialization/files.hpp"

using namespace xgrad;
using namespace xgrad_test;

namespace {

const std::string kImages = reference("train-images-idx3-ubyte");
const std::string kLabels = reference("train-labels-idx1-ubyte");

// The bytes of the reference images are 0, 11, 22, ... 253.
std::vector<float> steps_of_eleven(float scale) {
  std::vector<float> r;
  for (int i = 0; i < 24; ++i) r.push_back(static_cast<float>(11 * i) / scale);
  return r;
}

std::string fault(const std::string& file) {
  return message_of([&] { parse_idx(as_bytes(file), "f"); });
}

std::string with(std::string file, std::size_t at, std::string_view bytes) {
  return file.replace(at, bytes.size(), bytes);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(idx_files)

BOOST_AUTO_TEST_CASE(images_and_labels) {
  const auto images = read_idx_images(kImages);
  BOOST_CHECK(Shape(images.shape()) == Shape({2, 3, 4}));
  BOOST_TEST(elements(images) == steps_of_eleven(255));
  BOOST_TEST(elements(read_idx_images(kImages, {.raw = true})) == steps_of_eleven(1));
  BOOST_TEST(elements(read_idx_labels(kLabels)) == (std::vector<std::int64_t>{7, 3}));
}

BOOST_AUTO_TEST_CASE(splits_are_found_plain_and_gzipped) {
  for (const Split split : {Split::train, Split::test}) {
    const ImageData data = load_idx(reference(""), split);
    BOOST_TEST(elements(data.images) == steps_of_eleven(255));
    BOOST_TEST(elements(data.labels) == (std::vector<std::int64_t>{7, 3}));
  }
}

BOOST_AUTO_TEST_CASE(gzip_is_seen_by_content) {
  const TemporaryDirectory d;
  spit(d / "plain.gz", slurp(kLabels));
  spit(d / "packed", slurp(reference("t10k-labels-idx1-ubyte.gz")));
  BOOST_TEST(elements(read_idx_labels(d / "plain.gz")) == (std::vector<std::int64_t>{7, 3}));
  BOOST_TEST(elements(read_idx_labels(d / "packed")) == (std::vector<std::int64_t>{7, 3}));
}

BOOST_AUTO_TEST_CASE(gzip_members_follow_one_another) {
  BOOST_TEST(elements(read_idx_images(reference("two_members.gz"))) == steps_of_eleven(255));
}

BOOST_AUTO_TEST_CASE(all_types) {
  const std::vector<double> wanted = {-3, 0, 5, 100, -128, 127};
  for (const std::string type : {"int8", "int16", "int32", "float32", "float64"}) {
    const StoredArray a = read_idx(reference(type + ".idx"));
    BOOST_TEST(to_string(a.dtype) == type);
    BOOST_CHECK(a.shape == Shape({2, 3}));
    BOOST_TEST(elements(a.to<double>()) == wanted);
  }
}

BOOST_AUTO_TEST_CASE(truncated_anywhere) {
  const auto parse = [](auto bytes) { return parse_idx(bytes, "f"); };
  check_truncations(slurp(kImages), parse);
  check_truncations(slurp(reference("t10k-images-idx3-ubyte.gz")), parse);
}

BOOST_AUTO_TEST_CASE(flipped_anywhere) {
  const auto parse = [](auto bytes) { return parse_idx(bytes, "f"); };
  const StoredArray whole = read_idx(kImages);
  check_flips(slurp(kImages), parse, [&](const StoredArray& a) { return a.bytes.size() == 24; });
  // A checksum protects the rest of a gzip file; the header's time, flags and system do not matter.
  check_flips(slurp(reference("t10k-images-idx3-ubyte.gz")), parse,
              [&](const StoredArray& a) { return same(a, whole); });
}

BOOST_AUTO_TEST_CASE(headers_that_lie) {
  const std::string file = slurp(kImages);
  BOOST_TEST(fault("") == "idx: f: not an IDX file: an empty file");
  BOOST_TEST(fault(file.substr(0, 15)) == "idx: f: truncated in the header: no room for the sizes");
  BOOST_TEST(fault(file.substr(0, 39)) ==
             "idx: f: 23 bytes of data, its header says 24, shape (2, 3, 4)");
  BOOST_TEST(fault(file + "x") ==
             "idx: f: more than 24 bytes of data, its header says 24, shape (2, 3, 4)");
  BOOST_TEST(fault(with(file, 4, "\xFF\xFF\xFF\xFF")) ==
             "idx: f: 24 bytes of data, its header says 51539607540, shape (4294967295, 3, 4)");
  BOOST_TEST(fault(with(file, 4, std::string(12, '\xFF'))) ==
             "idx: f: shape (4294967295, 4294967295, 4294967295) is too large");
  BOOST_TEST(fault("hello, world") ==
             "idx: f: not an IDX file: text, 12 bytes, beginning with \"hello, world\"");
  BOOST_TEST(
      fault(with(file, 2, "\x0A")) ==
      "idx: f: not an IDX file: binary data, 40 bytes, beginning with 00 00 0a 03 00 00 00 02");
  BOOST_TEST(fault(slurp(reference("table.csv.gz")))
                 .starts_with("idx: f: not an IDX file: gzipped: text, "));
  BOOST_TEST(fault(with(file, 3, "\x09")) == "idx: f: 9 axes, at most 8 are supported");
}

BOOST_AUTO_TEST_CASE(images_are_no_labels) {
  BOOST_TEST(message_of([] { read_idx_images(kLabels); }) ==
             "idx: " + kLabels + ": magic number 2049 (labels), uint8 (2), wanted 2051 (images)");
  BOOST_TEST(message_of([] { read_idx_labels(kImages); }) ==
             "idx: " + kImages +
                 ": magic number 2051 (images), uint8 (2, 3, 4), wanted 2049 (labels)");
  BOOST_TEST(message_of([] { read_idx_images(reference("int8.idx")); }) ==
             "idx: " + reference("int8.idx") +
                 ": magic number 2306, int8 (2, 3), wanted 2051 (images)");
}

// As QMNIST has them: class, series, writer and more, of which the first is the class.
BOOST_AUTO_TEST_CASE(labels_in_tables_of_eight) {
  const TemporaryDirectory d;
  const auto table = [](std::size_t columns) {
    StoredArray r{DType::int32, {3, columns}, {}};
    for (std::int32_t i = 0; i < 3 * static_cast<std::int32_t>(columns); ++i) {
      detail::append_little(r.bytes, i);
    }
    return r;
  };
  write_idx(d / "qmnist-test-labels-idx2-int.gz", table(8));
  BOOST_TEST(elements(read_idx_labels(d / "qmnist-test-labels-idx2-int.gz")) ==
             (std::vector<std::int64_t>{0, 8, 16}));
  write_idx_images(d / "qmnist-test-images-idx3-ubyte", Array<float>::from_shape({3, 2, 2}) * 0);
  const ImageData test = load_idx(d.path(), Split::test, {.prefix = "qmnist-"});
  BOOST_TEST(elements(test.labels) == (std::vector<std::int64_t>{0, 8, 16}));
  write_idx(d / "seven", table(7));
  BOOST_TEST(message_of([&] { read_idx_labels(d / "seven"); }) ==
             "idx: " + d / "seven" + ": magic number 3074, int32 (3, 7), wanted 2049 (labels)");
}

BOOST_AUTO_TEST_CASE(as_many_labels_as_images) {
  const TemporaryDirectory d;
  spit(d / "train-images-idx3-ubyte", slurp(kImages));
  write_idx_labels(d / "train-labels-idx1-ubyte", make_array<std::int64_t>({3}, {1, 2, 3}));
  BOOST_TEST(message_of([&] { load_idx(d.path(), Split::train); }) ==
             "idx: " + d / "train-labels-idx1-ubyte" + ": 3 labels for the 2 images in " +
                 d / "train-images-idx3-ubyte");
}

BOOST_AUTO_TEST_CASE(missing_files_are_named) {
  const TemporaryDirectory d;
  BOOST_TEST(message_of([&] { load_idx(d.path(), Split::test); }) ==
             "idx: " + d.path() +
                 ": holds neither t10k-images-idx3-ubyte nor t10k-images-idx3-ubyte.gz");
}

// A file of 50 KB that would inflate to 50 MB: reading stops at what the header says.
BOOST_AUTO_TEST_CASE(a_bomb_is_refused_after_what_its_header_says) {
  const TemporaryDirectory d;
  write_idx(d / "f.gz", {DType::uint8, {50000000}, Bytes(50000000)});
  BOOST_TEST(std::filesystem::file_size(d / "f.gz") < 60000U);
  BOOST_TEST(read_idx(d / "f.gz").shape[0] == 50000000U);
}

BOOST_AUTO_TEST_CASE(arrays_come_back) {
  const TemporaryDirectory d;
  const auto images = make_array<float>({1, 2, 2}, {0, 1, 51.0F / 255, 254.0F / 255});
  const auto labels = make_array<std::int64_t>({3}, {0, 255, 9});
  for (const std::string name : {"f", "f.gz"}) {
    write_idx_images(d / name, images);
    BOOST_TEST(elements(read_idx_images(d / name)) == elements(images));
    write_idx_labels(d / name, labels);
    BOOST_TEST(elements(read_idx_labels(d / name)) == elements(labels));
  }
  BOOST_TEST(slurp(d / "f").size() == 11U);
  BOOST_TEST(slurp(d / "f.gz").substr(0, 2) == "\x1F\x8B");
}

BOOST_AUTO_TEST_CASE(written_bytes_are_the_format_s) {
  const TemporaryDirectory d;
  write_idx_images(d / "f", read_idx_images(kImages));
  BOOST_TEST((slurp(d / "f") == slurp(kImages)));
  for (const std::string type : {"int8", "int16", "int32", "float32", "float64"}) {
    write_idx(d / "f", read_idx(reference(type + ".idx")));
    BOOST_TEST((slurp(d / "f") == slurp(reference(type + ".idx"))), type);
  }
}

BOOST_AUTO_TEST_CASE(pixels_are_rounded_to_the_nearest_level) {
  const TemporaryDirectory d;
  write_idx_images(d / "f", make_array<float>({1, 1, 3}, {0.4F / 255, 0.6F / 255, 99.7F / 255}));
  BOOST_TEST(elements(read_idx_images(d / "f", {.raw = true})) == (std::vector<float>{0, 1, 100}));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_written) {
  const TemporaryDirectory d;
  const auto refusal = [](const auto& f) { return message_of<std::invalid_argument>(f); };
  BOOST_TEST(refusal([&] {
               write_idx_images(d / "f", make_array<float>({1, 1, 2}, {0, 1.5F}));
             }) == "write_idx_images: element 1 is not in [0, 1]: 1.5");
  BOOST_TEST(refusal([&] {
               write_idx_images(d / "f", make_array<float>({1, 1, 1}, {NAN}));
             }) == "write_idx_images: element 0 is not in [0, 1]: nan");
  BOOST_TEST(refusal([&] {
               write_idx_images(d / "f", make_array<float>({2}, {0, 1}));
             }) == "write_idx_images: 3 axes are wanted: shape (2)");
  BOOST_TEST(refusal([&] { write_idx_labels(d / "f", make_array<std::int64_t>({1}, {256})); }) ==
             "write_idx_labels: element 0 is not in [0, 255]: 256");
  BOOST_TEST(refusal([&] { write_idx_labels(d / "f", make_array<std::int64_t>({1}, {-1})); }) ==
             "write_idx_labels: element 0 is not in [0, 255]: -1");
  BOOST_TEST(refusal([&] {
               write_idx(d / "f", {DType::uint64, {1}, Bytes(8)});
             }) == "write_idx: IDX has no element type uint64");
  BOOST_TEST(refusal([&] {
               write_idx(d / "f", {DType::uint8, {3}, Bytes(8)});
             }) == "StoredArray: 8 bytes for uint8 of shape (3)");
  BOOST_TEST(d.files() == 0U);
}

// Means over all pixels / 255, standard deviations and counts as published with the data sets.
BOOST_AUTO_TEST_CASE(mnist) {
  const auto path = real_data("mnist");
  if (!path) return;
  const ImageData train = load_idx(*path, Split::train), test = load_idx(*path, Split::test);
  BOOST_CHECK(Shape(train.images.shape()) == Shape({60000, 28, 28}));
  BOOST_CHECK(Shape(test.images.shape()) == Shape({10000, 28, 28}));
  double sum = 0, squares = 0;
  for (const double x : elements(train.images)) {
    sum += x;
    squares += x * x;
  }
  const double n = 47040000, mean = sum / n;
  BOOST_TEST(std::abs(mean - 0.130660) < 1e-6);
  BOOST_TEST(std::abs(std::sqrt(squares / n - mean * mean) - 0.308108) < 1e-6);
  std::vector<int> counts(10);
  for (const std::int64_t label : elements(test.labels))
    ++counts.at(static_cast<std::size_t>(label));
  BOOST_TEST(counts == (std::vector<int>{980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
