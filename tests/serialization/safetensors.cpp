#include "xgrad/serialization/safetensors.hpp"

#include <cmath>

#include "tests/serialization/files.hpp"

using namespace xgrad;
using namespace xgrad_test;

namespace {

std::string file_of(const std::string& header, const std::string& data = "") {
  Bytes length;
  detail::append_little(length, std::uint64_t{header.size()});
  return std::string(detail::as_text(length)) + header + data;
}

Archive parse(BytesView bytes) { return parse_safetensors(bytes, "f"); }

std::string raw_fault(const std::string& file) {
  const std::string message = message_of([&] { parse(as_bytes(file)); });
  const std::string head = "safetensors: f: ";
  return message.starts_with(head) ? message.substr(head.size()) : message;
}

std::string fault(const std::string& header, const std::string& data = "") {
  return raw_fault(file_of(header, data));
}

std::string tensor(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
}

// Faults of the one tensor "a" over 8 bytes of data.
std::string tensor_fault(const std::string& dtype, const std::string& shape,
                         const std::string& offsets) {
  return fault(R"({"a":)" + tensor(dtype, shape, offsets) + "}", std::string(8, '\1'));
}

Archive small() {
  Archive a;
  a.add("größe", make_array<float>({2}, {1.5F, -2.5F}));
  a.add("scalar", make_array<std::int64_t>({}, {-9}));
  a.add("none", make_array<double>({0, 4}, {}));
  a.metadata = {{"format", "pt"}, {"note", "tab\there"}};
  return a;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(safetensors_files)

BOOST_AUTO_TEST_CASE(all_types) {
  const Archive a = read_safetensors(reference("all_types.safetensors"));
  BOOST_TEST(a.size() == 13U);
  const std::vector<double> wanted = {0, 1, 2, 3, 4, 100}, truth = {0, 1, 1, 1, 1, 1},
                            quarters = {0, .25, .5, .75, 1, 25};
  for (const auto& [name, array] : a) {
    BOOST_CHECK(array.shape == Shape({2, 3}));
    const auto& values = name == "BOOL" ? truth : name == "BF16" ? quarters : wanted;
    BOOST_TEST(elements(array.to<double>()) == values);
  }
}

BOOST_AUTO_TEST_CASE(names_metadata_scalars_and_empty_tensors) {
  const Archive a = read_safetensors(reference("small.safetensors")), wanted = small();
  BOOST_TEST(a.names() == wanted.names(), boost::test_tools::per_element());
  for (const auto& [name, array] : wanted) BOOST_CHECK(same(a.at(name), array));
  BOOST_CHECK(a.metadata == wanted.metadata);
}

BOOST_AUTO_TEST_CASE(archives_come_back) {
  const TemporaryDirectory d;
  for (const Archive& a :
       {small(), Archive(), read_safetensors(reference("all_types.safetensors"))}) {
    write_safetensors(d / "f", a);
    const Archive b = read_safetensors(d / "f");
    BOOST_TEST(b.size() == a.size());
    for (const auto& [name, array] : a) BOOST_CHECK(same(b.at(name), array));
    BOOST_CHECK(b.metadata == a.metadata);
  }
}

BOOST_AUTO_TEST_CASE(written_bytes) {
  const TemporaryDirectory d;
  Archive a;
  a.add("byte", StoredArray{DType::uint8, {1}, Bytes(1, std::byte{'x'})});
  a.add("q\"", make_array<float>({1}, {1}));
  a.metadata["k"] = "v";
  write_safetensors(d / "f", a);
  const std::string header =
      R"({"__metadata__":{"k":"v"},"q\"":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
      R"("byte":{"dtype":"U8","shape":[1],"data_offsets":[4,5]}})";
  const std::string blanks((8 - header.size() % 8) % 8, ' ');
  BOOST_TEST((slurp(d / "f") == file_of(header + blanks, std::string("\0\0\x80\x3Fx", 5))));
}

BOOST_AUTO_TEST_CASE(tensors_are_aligned) {
  const TemporaryDirectory d;
  write_safetensors(d / "f", read_safetensors(reference("all_types.safetensors")));
  const std::string file = slurp(d / "f");
  const auto header = detail::load_little<std::uint64_t>(as_bytes(file).data());
  BOOST_TEST(header % 8 == 0U);
  std::size_t at = 0;
  for (const auto& [name, array] : read_safetensors(d / "f")) {
    BOOST_TEST(at % item_size(array.dtype) == 0U, name);
    at += array.bytes.size();
  }
}

BOOST_AUTO_TEST_CASE(names_that_cannot_be_written) {
  const TemporaryDirectory d;
  const auto refusal = [&](const std::string& name) {
    Archive a;
    a.add(name, make_array<float>({1}, {1}));
    return message_of<std::invalid_argument>([&] { write_safetensors(d / "f", a); });
  };
  BOOST_TEST(refusal("__metadata__") == "write_safetensors: reserved name __metadata__");
  BOOST_TEST(refusal("a\xFFz") == "write_safetensors: not UTF-8: \"a\\xffz\"");
  BOOST_TEST(d.files() == 0U);
}

BOOST_AUTO_TEST_CASE(parts_that_disagree_cannot_be_written) {
  const TemporaryDirectory d;
  Archive a;
  a.add("w", StoredArray{DType::float32, {3}, Bytes(8)});
  BOOST_TEST(message_of<std::invalid_argument>([&] { write_safetensors(d / "f", a); }) ==
             "StoredArray: 8 bytes for float32 of shape (3)");
  BOOST_TEST(d.files() == 0U);
}

BOOST_AUTO_TEST_CASE(truncated_anywhere) {
  check_truncations(slurp(reference("small.safetensors")), parse);
}

BOOST_AUTO_TEST_CASE(flipped_anywhere) {
  const auto whole = [](const Archive& a) {
    return std::all_of(a.begin(), a.end(),
                       [](const auto& e) { return e.second.template to<double>().size() < 9; });
  };
  check_flips(slurp(reference("small.safetensors")), parse, whole);
}

BOOST_AUTO_TEST_CASE(lengths_that_lie) {
  BOOST_TEST(raw_fault("") == "not a safetensors file: an empty file");
  BOOST_TEST(raw_fault(std::string("\x10\0\0\0\0\0\0\0{}", 10)) ==
             "truncated: header of 16 bytes, the file has 2");
  BOOST_TEST(
      raw_fault(std::string(16, '\xFF')) ==
      "not a safetensors file: binary data, 16 bytes, beginning with ff ff ff ff ff ff ff ff");
  BOOST_TEST(raw_fault(std::string("\0\0\0\x40\0\0\0\0{}", 10)) ==
             "header of 1073741824 bytes, at most 100000000 are read");
  BOOST_TEST(raw_fault("name,age\nAnn,31\n") ==
             R"(not a safetensors file: text, 16 bytes, beginning with "name,age\nAnn,31\n")");
  BOOST_TEST(raw_fault("{\"name\":{\"dtype\":\"F32\"}}")
                 .starts_with("not a safetensors file: text, 24 bytes"));
  BOOST_TEST(raw_fault("<!DOCTYPE html><p>404")
                 .starts_with("not a safetensors file: an HTML page, 21 bytes"));
  BOOST_TEST(fault("{}", "x") == "1 bytes of data, its header says 0");
  BOOST_TEST(tensor_fault("F32", "[3]", "[0,12]") ==
             "truncated: 8 bytes of data, its header says 12");
}

BOOST_AUTO_TEST_CASE(data_that_overlap_or_leave_holes) {
  const auto two = [](const std::string& a, const std::string& b) {
    return fault(R"({"a":)" + tensor("U8", "[4]", a) + R"(,"b":)" + tensor("U8", "[4]", b) + "}",
                 "12345678");
  };
  BOOST_TEST(two("[0,4]", "[4,8]") == "nothing was thrown");
  BOOST_TEST(two("[4,8]", "[0,4]") == "nothing was thrown");
  BOOST_TEST(two("[0,4]", "[3,7]") ==
             R"(tensor "b": data_offsets [3, 7], the data before it end at 4)");
  BOOST_TEST(two("[0,4]", "[0,4]") ==
             R"(tensor "b": data_offsets [0, 4], the data before it end at 4)");
  BOOST_TEST(two("[0,3]", "[4,8]") ==
             R"(tensor "b": data_offsets [4, 8], the data before it end at 3)");
  BOOST_TEST(two("[1,4]", "[4,8]") ==
             R"(tensor "a": data_offsets [1, 4], the data before it end at 0)");
  BOOST_TEST(two("[0,4]", "[4,2]") ==
             R"(tensor "b": data_offsets [4, 2], the data before it end at 4)");
}

BOOST_AUTO_TEST_CASE(shapes_that_lie) {
  BOOST_TEST(tensor_fault("F32", "[3]", "[0,8]") ==
             R"(tensor "a": 8 bytes of data for F32 of shape (3))");
  BOOST_TEST(tensor_fault("F32", "[4294967296,4294967296]", "[0,8]") ==
             R"(tensor "a": 8 bytes of data for F32 of shape (4294967296, 4294967296))");
  BOOST_TEST(tensor_fault("F8_E4M3", "[8]", "[0,8]") ==
             R"(tensor "a": dtype "F8_E4M3" is not supported)");
  BOOST_TEST(tensor_fault("U8", "[1,1,1,1,1,1,1,1,8]", "[0,8]") ==
             R"(tensor "a": more than 8 axes)");
  BOOST_TEST(tensor_fault("U8", "[-8]", "[0,8]") == R"(tensor "a": unexpected -8)");
  BOOST_TEST(tensor_fault("U8", "[8.0]", "[0,8]") == R"(tensor "a": unexpected 8.0)");
  BOOST_TEST(tensor_fault("U8", "[99999999999999999999]", "[0,8]") ==
             R"(tensor "a": unexpected 99999999999999999999)");
  BOOST_TEST(tensor_fault("U8", "8", "[0,8]") == R"(tensor "a": unexpected 8)");
  BOOST_TEST(tensor_fault("U8", "[8]", "[8]") == R"(tensor "a": unexpected the end of the list)");
  BOOST_TEST(tensor_fault("U8", "[8]", "[0,8,8]") == R"(tensor "a": unexpected 8)");
}

BOOST_AUTO_TEST_CASE(headers_of_another_form) {
  BOOST_TEST(fault("").starts_with("not a safetensors file: binary data, "));
  BOOST_TEST(fault(" {}").starts_with("not a safetensors file: binary data, "));
  BOOST_TEST(fault("[]").starts_with("not a safetensors file: binary data, "));
  BOOST_TEST(fault("{") == "header: not JSON at byte 2");
  BOOST_TEST(fault("{}   ") == "nothing was thrown");
  BOOST_TEST(fault("{}}") == "header: not JSON at byte 3");
  BOOST_TEST(fault(R"({"a":1})") == R"(tensor "a": unexpected 1)");
  BOOST_TEST(fault(R"({"a":{}})") == R"(tensor "a": wants dtype, shape and data_offsets)");
  BOOST_TEST(fault(R"({"a":{"dtype":null}})") == R"(tensor "a": unexpected null)");
  BOOST_TEST(fault(R"({"a":{"dtype":true}})") == R"(tensor "a": unexpected true)");
  BOOST_TEST(fault(R"({"a":{"dtype":{}}})") == R"(tensor "a": unexpected an object)");
  BOOST_TEST(fault(R"({"a":{"size":1}})") == R"(tensor "a": unexpected "size")");
  BOOST_TEST(fault(R"({"a":{"shape":[[1]]}})") == R"(tensor "a": unexpected a list)");
  BOOST_TEST(fault(R"({"__metadata__":7})") == "header: metadata: unexpected 7");
  BOOST_TEST(fault(R"({"__metadata__":{"epoch":7}})") == "header: metadata: unexpected 7");
  BOOST_TEST(fault("{\"a\xFF\":{}}") == "header: not JSON at byte 4");
}

BOOST_AUTO_TEST_CASE(names_that_occur_twice) {
  const std::string t = tensor("U8", "[0]", "[0,0]");
  BOOST_TEST(fault(R"({"a":)" + t + R"(,"a":)" + t + "}") == R"(tensor "a": named twice)");
  BOOST_TEST(fault(R"({"a":)" + t + R"(,"\u0061":)" + t + "}") == R"(tensor "a": named twice)");
  BOOST_TEST(fault(R"({"a":{"dtype":"U8","dtype":"U8"}})") ==
             R"(tensor "a": dtype is given twice)");
  BOOST_TEST(fault(R"({"__metadata__":{"k":"1","k":"2"}})") ==
             R"(header: metadata: key "k" occurs twice)");
  BOOST_TEST(fault(R"({"__metadata__":{},"__metadata__":{}})") ==
             R"(tensor "__metadata__": named twice)");
}

BOOST_AUTO_TEST_CASE(a_nested_header_is_refused_at_its_first_level) {
  BOOST_TEST(fault("{\"a\":" + std::string(1000000, '[')) == R"(tensor "a": unexpected a list)");
}

// Sums as NumPy computes them in float64 from the files.
BOOST_AUTO_TEST_CASE(pretrained_networks) {
  const auto path = real_data("pretrained-mnist/");
  if (!path) return;
  const Archive sigmoid = read_safetensors(*path + "mlp_784_50_100_10_sigmoid.safetensors");
  const Archive relu = read_safetensors(*path + "mlp_784_512_128_32_10_relu.safetensors");
  BOOST_TEST(sigmoid.size() == 6U);
  BOOST_CHECK(sigmoid.at("W1").shape == Shape({784, 50}));
  BOOST_TEST(relu.size() == 8U);
  BOOST_CHECK(relu.at("0.0.weight").shape == Shape({512, 784}));
  const auto sum = [](const Array<double>& a) {
    double r = 0;
    for (const double v : elements(a)) r += v;
    return r;
  };
  BOOST_TEST(sum(sigmoid.get<double>("W1")) == 24.710748511527072,
             boost::test_tools::tolerance(1e-12));
  BOOST_TEST(sum(relu.get<double>("3.bias")) == -5.1521753668785095,
             boost::test_tools::tolerance(1e-12));
}

BOOST_AUTO_TEST_SUITE_END()
