#include "xgrad/serialization/atomic_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <utility>

namespace xgrad::detail {
namespace {

constexpr mode_t kPermissions = 0666;  // less the process's mask

std::string temporary_name(const std::string& path) {
  static std::atomic<unsigned> count{0};
  return path + ".tmp-" + std::to_string(::getpid()) + "-" + std::to_string(count++);
}

// A name is taken when a process of the same number died while writing.
int open_new(const std::string& path, std::string& temporary) {
  int file = -1;
  do {
    temporary = temporary_name(path);
    file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kPermissions);
  } while (file < 0 && errno == EEXIST);
  return file;
}

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

AtomicFile::AtomicFile(std::string_view writer, std::string path)
    : writer_(writer), path_(std::move(path)) {
  struct stat old {};
  const bool exists = ::stat(path_.c_str(), &old) == 0;
  const Origin to{writer_, path_};
  if (exists && !S_ISREG(old.st_mode)) to.fail("cannot be replaced: it is not a regular file");
  file_ = open_new(path_, temporary_);
  if (file_ < 0) fail("cannot be created: ");
  if (exists) static_cast<void>(::fchmod(file_, old.st_mode & 07777));
}

AtomicFile::~AtomicFile() {
  if (file_ >= 0) ::close(file_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::fail(const char* what) const {
  const Origin to{writer_, path_};
  to.fail(what, std::strerror(errno));
}

void AtomicFile::write(BytesView bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(file_, bytes.data(), bytes.size());
    if (n < 0 && errno != EINTR) fail("cannot be written: ");
    if (n > 0) bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
}

void AtomicFile::close() {
  if (::close(std::exchange(file_, -1)) != 0) fail("cannot be written: ");
}

// Some file systems cannot sync a directory; the file itself is safe by then.
void AtomicFile::sync_directory() const {
  const int directory = ::open(directory_of(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return;
  ::fsync(directory);
  ::close(directory);
}

void AtomicFile::commit() {
  if (::fsync(file_) != 0) fail("cannot be written: ");
  close();
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0) fail("cannot be replaced: ");
  temporary_.clear();
  sync_directory();
}

void write_file(std::string_view writer, const std::string& path, BytesView bytes) {
  AtomicFile file(writer, path);
  file.write(bytes);
  file.commit();
}

}  // namespace xgrad::detail
