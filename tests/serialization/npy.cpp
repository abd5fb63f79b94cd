#include "xgrad/serialization/npy.hpp"

#include <cmath>

#include "tests/serialization/files.hpp"

using namespace xgrad;
using namespace xgrad_test;

namespace {

// 0, 1, ... as tests/references/data_files.py fills its arrays.
std::vector<double> counted(std::size_t n, double factor, double shift = 0) {
  std::vector<double> r;
  for (std::size_t i = 0; i < n; ++i) r.push_back(factor * static_cast<double>(i) + shift);
  return r;
}

std::vector<double> read(const std::string& name) {
  return elements(read_npy(reference(name)).to<double>());
}

// An npy file of version 1 with this header and so many bytes of data.
std::string npy(const std::string& header, std::size_t data) {
  std::string r("\x93NUMPY\x01\x00", 8);
  r += static_cast<char>(header.size() & 255U);
  r += static_cast<char>(header.size() >> 8U);
  return r + header + std::string(data, '\x01');
}

std::string fault(const std::string& file) {
  return message_of([&] { parse_npy(as_bytes(file), "f"); });
}

std::string header_fault(const std::string& header, std::size_t data = 0) {
  return fault(npy(header, data));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(npy_files)

BOOST_AUTO_TEST_CASE(types_by_numpy) {
  for (const std::string type : {"uint8", "int8", "uint16", "int16", "float16", "uint32", "int32",
                                 "float32", "uint64", "int64", "float64"}) {
    const StoredArray a = read_npy(reference(type + ".npy"));
    BOOST_TEST(to_string(a.dtype) == type);
    BOOST_CHECK(a.shape == Shape({2, 3, 4}));
    BOOST_TEST(elements(a.to<double>()) == counted(24, 5));
  }
}

BOOST_AUTO_TEST_CASE(truth_and_signs_by_numpy) {
  std::vector<double> fifths(24, 0.0);
  for (std::size_t i = 0; i < 24; i += 5) fifths[i] = 1;
  BOOST_TEST(read("bool.npy") == fifths);
  BOOST_TEST(read("signs.npy") == (std::vector<double>{-128, -1, 0, 1, 127}));
}

BOOST_AUTO_TEST_CASE(byte_and_axis_orders_by_numpy) {
  BOOST_TEST(read("big_endian_float64.npy") == counted(24, 0.125));
  BOOST_TEST(read("big_endian_int16.npy") == counted(24, 1, -12));
  BOOST_TEST(read("fortran.npy") == counted(24, 1));
  BOOST_TEST(read("fortran_big_endian.npy") == counted(24, 1));
  BOOST_CHECK(read_npy(reference("fortran.npy")).shape == Shape({2, 3, 4}));
}

BOOST_AUTO_TEST_CASE(header_versions_by_numpy) {
  BOOST_TEST(read("version_2.npy") == counted(24, 1));
  BOOST_TEST(read("version_3.npy") == counted(24, 1));
}

BOOST_AUTO_TEST_CASE(shapes_by_numpy) {
  BOOST_CHECK(read_npy(reference("scalar.npy")).shape == Shape{});
  BOOST_TEST(read("scalar.npy") == std::vector<double>{2.5});
  BOOST_CHECK(read_npy(reference("empty.npy")).shape == Shape({0, 3}));
  BOOST_CHECK(read_npy(reference("vector.npy")).shape == Shape({3}));
}

BOOST_AUTO_TEST_CASE(half_precision_by_numpy) {
  const auto halves = read_npy(reference("halves.npy")).to<float>();
  const auto wanted = read_npy(reference("halves_as_float32.npy")).to<float>();
  BOOST_REQUIRE_EQUAL(halves.size(), 676U);
  for (std::size_t i = 0; i < halves.size(); ++i) {
    const float a = halves.data()[i], b = wanted.data()[i];
    BOOST_TEST((std::isnan(a) ? std::isnan(b) : a == b), i << ": " << a << " " << b);
  }
}

BOOST_AUTO_TEST_CASE(written_bytes_are_those_of_numpy) {
  const TemporaryDirectory d;
  for (const std::string name :
       {"scalar", "vector", "empty", "float64", "int64", "float32", "bool", "float16"}) {
    write_npy(d / "f.npy", read_npy(reference(name + ".npy")));
    BOOST_TEST((slurp(d / "f.npy") == slurp(reference(name + ".npy"))), name);
  }
}

BOOST_AUTO_TEST_CASE(arrays_are_written_directly) {
  const TemporaryDirectory d;
  write_npy(d / "f.npy", make_array<double>({3}, {1, -2, 3}));
  BOOST_TEST((slurp(d / "f.npy") == slurp(reference("vector.npy"))));
}

BOOST_AUTO_TEST_CASE(unsupported_types_by_numpy) {
  const auto refusal = [](const std::string& name) {
    return message_of([&] { parse_npy(as_bytes(slurp(reference(name))), "f"); });
  };
  BOOST_TEST(refusal("complex.npy") == "npy: f: element type \"<c16\" is not supported");
  BOOST_TEST(refusal("text.npy") == "npy: f: element type \"<U3\" is not supported");
  BOOST_TEST(refusal("object.npy") == "npy: f: element type \"|O\" is not supported");
  BOOST_TEST(refusal("structured.npy") == "npy: f: structured arrays are not supported");
}

BOOST_AUTO_TEST_CASE(truncated_anywhere) {
  check_truncations(slurp(reference("int8.npy")), [](auto bytes) { return parse_npy(bytes, "f"); });
  check_truncations(slurp(reference("version_2.npy")),
                    [](auto bytes) { return parse_npy(bytes, "f"); });
}

BOOST_AUTO_TEST_CASE(flipped_anywhere) {
  const auto any = [](const StoredArray& a) { return a.to<double>().size() == a.shape.elements(); };
  check_flips(
      slurp(reference("fortran_big_endian.npy")), [](auto bytes) { return parse_npy(bytes, "f"); },
      any);
}

BOOST_AUTO_TEST_CASE(not_npy) {
  BOOST_TEST(fault("") == "npy: f: not an npy file: an empty file");
  BOOST_TEST(
      fault("PK\x03\x04 and so on") ==
      "npy: f: not an npy file: a zip archive (as npz, xlsx and the files of PyTorch are), 14 "
      "bytes");
  BOOST_TEST(fault("\x93NUMPY\x01") == "npy: f: truncated in the header");
  BOOST_TEST(fault(std::string("\x93NUMPY\x04\x00\x00\x00", 10)) ==
             "npy: f: version 4 of the format, wanted 1 to 3");
  BOOST_TEST(fault(std::string("\x93NUMPY\x01\x00\xFF\x00{", 11)) ==
             "npy: f: truncated in the header: 255 bytes of it, the file has 1");
}

BOOST_AUTO_TEST_CASE(sizes_that_lie) {
  const std::string head = "{'descr': '<f8', 'fortran_order': False, 'shape': ";
  BOOST_TEST(header_fault(head + "(3,), }", 23) ==
             "npy: f: 23 bytes of data, its header says 24, float64 of shape (3)");
  BOOST_TEST(header_fault(head + "(3,), }", 25) ==
             "npy: f: 25 bytes of data, its header says 24, float64 of shape (3)");
  BOOST_TEST(header_fault(head + "(1000000000000, 1000), }", 8) ==
             "npy: f: 8 bytes of data, its header says 8000000000000000, float64 of shape "
             "(1000000000000, 1000)");
  BOOST_TEST(header_fault(head + "(4294967296, 4294967296), }", 0) ==
             "npy: f: 0 bytes of data, its header says too many, float64 of shape (4294967296, "
             "4294967296)");
  BOOST_TEST(header_fault(head + "(0, 4294967296, 4294967296), }", 0) ==
             "npy: f: 0 bytes of data, its header says too many, float64 of shape (0, 4294967296, "
             "4294967296)");
  BOOST_TEST(header_fault(head + "(1, 1, 1, 1, 1, 1, 1, 1, 1), }", 8) ==
             "npy: f: more than 8 axes");
  BOOST_TEST(header_fault(head + "(99999999999999999999,), }", 8) ==
             "npy: f: header: not a size: \"99999999999999999999,), }\"");
  BOOST_TEST(header_fault(head + "(-1,), }", 8) == "npy: f: header: not a size: \"-1,), }\"");
}

BOOST_AUTO_TEST_CASE(headers_as_others_write_them) {
  const auto rank = [](const std::string& header, std::size_t data) {
    return parse_npy(as_bytes(npy(header, data)), "f").shape.rank();
  };
  BOOST_TEST(rank("{\"shape\":(2,1),\"descr\":\"|u1\",\"fortran_order\":False}", 2) == 2U);
  BOOST_TEST(rank("{'descr': '<i4', 'fortran_order': True, 'shape': (2L, 2L, )}  \n", 16) == 2U);
  BOOST_TEST(rank("{'descr': '=f4', 'fortran_order': False, 'shape': ()}", 4) == 0U);
}

BOOST_AUTO_TEST_CASE(headers_that_are_wrong) {
  BOOST_TEST(header_fault("[]") == "npy: f: header: wanted { at \"[]\"");
  BOOST_TEST(header_fault("{}") == "npy: f: header: wants descr, fortran_order and shape");
  BOOST_TEST(header_fault("{'descr': '<f4', 'descr': '<f8'}") ==
             "npy: f: header: unknown or repeated key \"descr\"");
  BOOST_TEST(header_fault("{'colour': 1}") == "npy: f: header: unknown or repeated key \"colour\"");
  BOOST_TEST(header_fault("{'descr") == "npy: f: header: text without an end: \"descr\"");
  BOOST_TEST(header_fault("{'descr': 7}") == "npy: f: header: wanted ' at \"7}\"");
  BOOST_TEST(header_fault("{'descr': ''}") ==
             "npy: f: header: wants descr, fortran_order and shape");
  BOOST_TEST(header_fault("{'descr': '', 'fortran_order': False, 'shape': ()}") ==
             "npy: f: element type \"\" is not supported");
  BOOST_TEST(header_fault("{'fortran_order': Maybe}") ==
             "npy: f: header: wanted False at \"Maybe}\"");
  BOOST_TEST(header_fault("{'shape': (1 2)}") == "npy: f: header: wanted ) at \"2)}\"");
  BOOST_TEST(header_fault("{} {}") == "npy: f: header: unexpected \"{}\"");
}

BOOST_AUTO_TEST_CASE(bfloat16_cannot_be_written) {
  const TemporaryDirectory d;
  const StoredArray a{DType::bfloat16, {1}, Bytes(2)};
  BOOST_TEST(message_of<std::invalid_argument>([&] { write_npy(d / "f.npy", a); }) ==
             "npy: NumPy has no element type bfloat16");
  BOOST_TEST(d.files() == 0U);
}

BOOST_AUTO_TEST_CASE(parts_that_disagree_cannot_be_written) {
  const TemporaryDirectory d;
  const StoredArray a{DType::float32, {3}, Bytes(8)};
  BOOST_TEST(message_of<std::invalid_argument>([&] { write_npy(d / "f.npy", a); }) ==
             "StoredArray: 8 bytes for float32 of shape (3)");
  BOOST_TEST(d.files() == 0U);
}

BOOST_AUTO_TEST_CASE(missing_file) {
  BOOST_TEST(message_of([] { read_npy("no/such.npy"); }) ==
             "npy: no/such.npy: cannot be opened: No such file or directory");
}

BOOST_AUTO_TEST_SUITE_END()
