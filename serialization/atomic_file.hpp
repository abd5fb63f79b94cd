#pragma once

// Writing a file so that a reader finds the old content or the new, never a part, whatever happens
// meanwhile. Used by the writers; not an interface for users.

#include <string>
#include <string_view>

#include "xgrad/serialization/bytes.hpp"

namespace xgrad::detail {

/// Writes beside `path`; `commit()` makes it durable (fsync) and puts it in place (rename, then
/// fsync of the directory). Without a commit the old file stays and nothing is left behind. The new
/// file takes over the old one's permissions; a symbolic link is replaced, not followed.
///
/// A process that is killed meanwhile leaves "path.tmp-..."; the next writer of `path` removes it.
/// The temporary file is locked (flock) until it is in place, and the lock goes with the process:
/// what can be locked has no writer any more.
class AtomicFile {
 public:
  /// Throws FileError when nothing can be written there, `writer` at its head.
  AtomicFile(std::string_view writer, std::string path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(BytesView bytes);
  void write(std::string_view text) { write(as_bytes(text)); }
  /// With `previous` the file that was at `path` is kept under that name, until the very last
  /// moment under both.
  void commit(const std::string& previous = {});

 private:
  [[noreturn]] void fail(const char* what) const;
  void keep(const std::string& previous) const;
  void sync_directory() const;

  std::string writer_, path_, temporary_;
  int file_ = -1;
};

/// The one-piece case.
void write_file(std::string_view writer, const std::string& path, BytesView bytes);

}  // namespace xgrad::detail
