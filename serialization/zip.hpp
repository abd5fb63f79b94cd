#pragma once

// Zip archives, as much of them as npz files need (APPNOTE.TXT 6.3: local headers, central
// directory, stored and deflated entries). Used by npz; not an interface for users.

#include "xgrad/serialization/atomic_file.hpp"
#include "xgrad/serialization/bytes.hpp"

namespace xgrad::detail {

/// An entry as the central directory has it, with its bytes in the file.
struct ZipEntry {
  std::string name;
  std::size_t flags = 0, method = 0;
  std::uint32_t checksum = 0;
  std::size_t packed_size = 0;
  std::size_t size = 0;   ///< inflated; a claim until the entry has been read
  std::size_t begin = 0;  ///< of the local header
  BytesView packed = {};
};

/// The entries, in the directory's order. Throws FileError for what is no zip archive, damaged,
/// encrypted or zip64, and for entries that overlap.
std::vector<ZipEntry> list_zip(const Origin& from, BytesView file);

/// The content of one entry, checked against its size and checksum.
Bytes read_zip_entry(const Origin& from, const ZipEntry& entry);

/// Writes entries one after the other, then the directory. Entries carry no time.
class ZipWriter {
 public:
  ZipWriter(const Origin& to, AtomicFile& file) : to_(to), file_(file) {}
  void add(std::string_view name, BytesView content, bool compress);
  void finish();

 private:
  void write(BytesView bytes);

  Origin to_;
  AtomicFile& file_;
  Bytes directory_;
  std::size_t position_ = 0, entries_ = 0;
};

}  // namespace xgrad::detail
