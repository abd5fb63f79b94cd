#include "xgrad/serialization/bytes.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <limits>

namespace xgrad::detail {
namespace {

constexpr std::size_t kPiece = std::size_t{1} << 20;

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int value() const { return value_; }

 private:
  int value_;
};

// The size of a regular file, 0 for a pipe.
std::size_t announced_size(const Origin& from, int file) {
  struct stat status {};
  if (::fstat(file, &status) != 0) from.fail("cannot be examined: ", std::strerror(errno));
  if (S_ISDIR(status.st_mode)) from.fail("is a directory");
  if (S_ISREG(status.st_mode)) return static_cast<std::size_t>(status.st_size);
  if (!S_ISFIFO(status.st_mode)) from.fail("is neither a file nor a pipe");
  return 0;
}

std::size_t read_some(const Origin& from, int file, std::span<std::byte> to) {
  for (;;) {
    const ssize_t n = ::read(file, to.data(), to.size());
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno != EINTR) from.fail("cannot be read: ", std::strerror(errno));
  }
}

}  // namespace

void swap_bytes(std::span<std::byte> bytes, std::size_t item) {
  if (item < 2) return;
  for (std::size_t i = 0; i + item <= bytes.size(); i += item) {
    std::reverse(bytes.begin() + static_cast<std::ptrdiff_t>(i),
                 bytes.begin() + static_cast<std::ptrdiff_t>(i + item));
  }
}

std::optional<std::size_t> product(std::size_t first, std::span<const std::size_t> sizes) {
  constexpr auto kMost = static_cast<std::size_t>(std::numeric_limits<std::ptrdiff_t>::max());
  std::size_t n = first;
  bool none = false;
  for (const std::size_t size : sizes) {
    none = none || size == 0;
    if (size > 1 && n > kMost / size) return std::nullopt;
    n *= size > 1 ? size : 1;
  }
  return none ? 0 : n;
}

Bytes read_file(std::string_view reader, const std::string& path) {
  const Origin from{reader, path};
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.value() < 0) from.fail("cannot be opened: ", std::strerror(errno));
  Bytes bytes(announced_size(from, file.value()) + 1);  // one more byte finds the end at once
  std::size_t n = 0;
  while (const std::size_t more = read_some(from, file.value(), std::span(bytes).subspan(n))) {
    n += more;
    if (n == bytes.size()) bytes.resize(n + std::max(n, kPiece));
  }
  bytes.resize(n);
  return bytes;
}

}  // namespace xgrad::detail
