#pragma once

// What tests of readers and writers share: reference files, a directory that goes away,
// messages, damage.

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/message.hpp"
#include "xgrad/autograd/tensor.hpp"
#include "xgrad/serialization/bytes.hpp"
#include "xgrad/serialization/stored_array.hpp"

namespace xgrad_test {

using xgrad::detail::as_bytes;
using xgrad::detail::Bytes;
using xgrad::detail::BytesView;

/// Path of a file that tests/references/data_files.py wrote.
inline std::string reference(const std::string& name) {
  return std::string(XGRAD_SOURCE_DIR) + "/tests/references/data_files/" + name;
}

/// Path below the directory of real data sets; none, with a message, when XGRAD_DATA is not set.
inline std::optional<std::string> real_data(const std::string& path) {
  const char* root = std::getenv("XGRAD_DATA");
  if (root != nullptr) return std::string(root) + "/" + path;
  BOOST_TEST_MESSAGE("skipped: XGRAD_DATA is not set, so there is no " << path);
  return std::nullopt;
}

inline std::string slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void spit(const std::string& path, std::string_view content) {
  std::ofstream(path, std::ios::binary) << content;
}

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "xgrad-test-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }
  std::size_t files() const {
    const std::filesystem::directory_iterator all(path_);
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
  }

 private:
  std::string path_;
};

/// The message of the E that f throws.
template <class E = xgrad::FileError, class F>
std::string message_of(const F& f) {
  return xgrad::test::message_of<E>(f);
}

/// Array of the elements, in order, of any shape.
template <class T>
std::vector<T> elements(const xgrad::Array<T>& a) {
  return {a.data(), a.data() + a.size()};
}

template <class T>
xgrad::Array<T> make_array(const xgrad::Shape& shape, const std::vector<T>& values) {
  auto r = xgrad::Array<T>::from_shape(shape);
  BOOST_REQUIRE_EQUAL(r.size(), values.size());
  std::copy(values.begin(), values.end(), r.data());
  return r;
}

inline bool same(const xgrad::StoredArray& a, const xgrad::StoredArray& b) {
  return a.dtype == b.dtype && a.shape == b.shape && a.bytes == b.bytes;
}

/// To the last bit.
template <class T>
bool same(const xgrad::Tensor<T>& a, const xgrad::Tensor<T>& b) {
  return a.shape() == b.shape() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

/// Every beginning of `file` but the whole must be refused with FileError. Each is parsed from
/// memory of its very size, for the sanitizers.
template <class Parse>
void check_truncations(std::string_view file, const Parse& parse) {
  for (std::size_t n = 0; n < file.size(); ++n) {
    const Bytes part(as_bytes(file).begin(),
                     as_bytes(file).begin() + static_cast<std::ptrdiff_t>(n));
    BOOST_TEST_CONTEXT("first " << n << " of " << file.size() << " bytes") {
      BOOST_CHECK_THROW(parse(BytesView(part)), xgrad::FileError);
    }
  }
}

/// With any one bit turned over, `file` must be refused with FileError or pass `accept`.
template <class Parse, class Accept>
void check_flips(std::string_view file, const Parse& parse, const Accept& accept) {
  for (std::size_t bit = 0; bit < 8 * file.size(); ++bit) {
    Bytes damaged(as_bytes(file).begin(), as_bytes(file).end());
    damaged[bit / 8] ^= std::byte{1} << (bit % 8);
    BOOST_TEST_CONTEXT("bit " << bit % 8 << " of byte " << bit / 8) {
      try {
        BOOST_CHECK(accept(parse(BytesView(damaged))));
      } catch (const xgrad::FileError&) {
      }
    }
  }
}

}  // namespace xgrad_test
