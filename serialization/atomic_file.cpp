#include "xgrad/serialization/atomic_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "xgrad/base/text.hpp"

namespace xgrad::detail {
namespace {

constexpr mode_t kPermissions = 0666;  // less the process's mask

constexpr std::string_view kTemporary = ".tmp-";

std::string temporary_name(const std::string& path) {
  static std::atomic<unsigned> count{0};
  return path + std::string(kTemporary) + detail::text(::getpid()) + "-" + detail::text(count++);
}

// Whether temporary_name(path) may have been that name, both without their directory.
bool is_temporary_name(std::string_view name, std::string_view path) {
  if (!name.starts_with(path)) return false;
  name.remove_prefix(path.size());
  if (!name.starts_with(kTemporary)) return false;
  name.remove_prefix(kTemporary.size());
  return !name.empty() && name.find_first_not_of("0123456789-") == std::string_view::npos;
}

bool lock(int file) { return ::flock(file, LOCK_EX | LOCK_NB) == 0; }

bool is_at(int file, const std::string& path) {
  struct stat open {};
  struct stat named {};
  return ::fstat(file, &open) == 0 && ::lstat(path.c_str(), &named) == 0 &&
         open.st_dev == named.st_dev && open.st_ino == named.st_ino;
}

// While the lock is held nobody else removes the file, nor is its name free for another.
void remove_unless_locked(const std::string& path) {
  constexpr int kFlags = O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  int file = ::open(path.c_str(), O_RDWR | kFlags);  // where locks want it writable
  if (file < 0) file = ::open(path.c_str(), O_RDONLY | kFlags);
  if (file < 0) return;
  if (lock(file) && is_at(file, path)) ::unlink(path.c_str());
  ::close(file);
}

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// Temporary files for `path` whose writers are dead.
void remove_stale(const std::string& path) {
  const std::string name = path.substr(path.rfind('/') + 1);
  std::error_code failed;
  std::filesystem::directory_iterator at(directory_of(path), failed);
  for (; !failed && at != std::filesystem::directory_iterator(); at.increment(failed)) {
    const std::string file = at->path().filename().string();
    if (is_temporary_name(file, name)) remove_unless_locked(at->path().string());
  }
}

// Locked, where the file system has locks. remove_stale of another process may be faster.
bool claim(int file, const std::string& path) {
  return (lock(file) || errno != EWOULDBLOCK) && is_at(file, path);
}

// A name is taken when a process of the same number died while writing.
int open_new(const std::string& path, std::string& temporary) {
  for (;;) {
    temporary = temporary_name(path);
    const int file =
        ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kPermissions);
    if (file < 0 && errno == EEXIST) continue;
    if (file < 0 || claim(file, temporary)) return file;
    ::close(file);
  }
}

}  // namespace

AtomicFile::AtomicFile(std::string_view writer, std::string path)
    : writer_(writer), path_(std::move(path)) {
  struct stat old {};
  const bool exists = ::stat(path_.c_str(), &old) == 0;
  const Origin to{writer_, path_};
  if (exists && !S_ISREG(old.st_mode)) to.fail("cannot be replaced: it is not a regular file");
  remove_stale(path_);
  file_ = open_new(path_, temporary_);
  if (file_ < 0) fail("cannot be created: ");
  if (exists) static_cast<void>(::fchmod(file_, old.st_mode & 07777));
}

AtomicFile::~AtomicFile() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
  if (file_ >= 0) ::close(file_);
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

// Puts a second name in place. It may look stale to another process, which then removes it.
void AtomicFile::keep(const std::string& previous) const {
  remove_stale(previous);
  for (;;) {
    const std::string link = temporary_name(previous);
    if (::link(path_.c_str(), link.c_str()) != 0) {
      if (errno == ENOENT) return;
      if (errno == EEXIST) continue;
      return write_file(writer_, previous, read_file(writer_, path_));  // there are no links
    }
    const bool kept = std::rename(link.c_str(), previous.c_str()) == 0;
    const int error = errno;
    ::unlink(link.c_str());  // still there when both are one file
    errno = error;
    if (kept) return;
    if (error != ENOENT) fail("cannot be kept: ");
  }
}

// Some file systems cannot sync a directory; the file itself is safe by then.
void AtomicFile::sync_directory() const {
  const int directory = ::open(directory_of(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return;
  ::fsync(directory);
  ::close(directory);
}

void AtomicFile::commit(const std::string& previous) {
  if (::fsync(file_) != 0) fail("cannot be written: ");
  if (!previous.empty()) keep(previous);
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0) fail("cannot be replaced: ");
  temporary_.clear();
  ::close(std::exchange(file_, -1));
  sync_directory();
}

void write_file(std::string_view writer, const std::string& path, BytesView bytes) {
  AtomicFile file(writer, path);
  file.write(bytes);
  file.commit();
}

}  // namespace xgrad::detail
