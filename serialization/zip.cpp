#include "xgrad/serialization/zip.hpp"

#include <limits>

#include "xgrad/serialization/content.hpp"
#include "xgrad/serialization/deflate.hpp"

namespace xgrad::detail {
namespace {

constexpr std::uint32_t kLocal = 0x04034B50, kCentral = 0x02014B50, kEnd = 0x06054B50,
                        kLocator64 = 0x07064B50;
constexpr std::size_t kLocalSize = 30, kCentralSize = 46, kEndSize = 22, kLocator64Size = 20;
// These values themselves announce zip64.
constexpr std::size_t kMost16 = 0xFFFF, kMost32 = 0xFFFFFFFF;
// Version 2.0; names are UTF-8; 1980-01-01.
constexpr std::uint16_t kVersion = 20, kUtf8 = 1U << 11U, kFirstDay = (1U << 5U) | 1U;
constexpr std::size_t kStored = 0, kDeflated = 8, kEncrypted = 1;
constexpr std::string_view kNoZip64 = "zip64 archives are not supported";

// A fixed part of the format: little-endian numbers at known places.
struct Record {
  const std::byte* at;
  std::size_t u16(std::size_t i) const { return load_little<std::uint16_t>(at + i); }
  std::size_t u32(std::size_t i) const { return load_little<std::uint32_t>(at + i); }
};

bool has(BytesView file, std::size_t at, std::size_t size) {
  return at <= file.size() && size <= file.size() - at;
}

bool starts(BytesView file, std::size_t at, std::size_t size, std::uint32_t signature) {
  return has(file, at, size) && Record{&file[at]}.u32(0) == signature;
}

// The end record stands before a comment of at most 65535 bytes that fills the rest of the file.
std::size_t find_end(const Origin& from, BytesView file) {
  for (std::size_t comment = 0; comment <= kMost16 && kEndSize + comment <= file.size();
       ++comment) {
    const std::size_t at = file.size() - kEndSize - comment;
    if (starts(file, at, kEndSize, kEnd) && Record{&file[at]}.u16(20) == comment) return at;
  }
  if (starts(file, 0, 4, kLocal)) from.fail("truncated: ", file.size(), " bytes without an end");
  from.fail("not a zip archive: ", describe_content(file));
}

struct Directory {
  std::size_t begin, end, entries;
};

Directory find_directory(const Origin& from, BytesView file) {
  const std::size_t at = find_end(from, file);
  const Record end{&file[at]};
  const std::size_t disk = end.u16(4), entries = end.u16(10), size = end.u32(12),
                    begin = end.u32(16);
  const bool locator =
      at >= kLocator64Size && starts(file, at - kLocator64Size, kLocator64Size, kLocator64);
  if (locator || entries == kMost16 || size == kMost32 || begin == kMost32) {
    from.fail(kNoZip64);
  }
  if (disk != 0 || end.u16(6) != 0 || end.u16(8) != entries)
    from.fail("archives of several parts are not supported");
  if (begin > at || size != at - begin) {
    from.fail("damaged: directory of ", size, " bytes at ", begin, ", its end record at ", at);
  }
  return {begin, at, entries};
}

// Reads one entry of the directory and moves `at` behind it.
ZipEntry read_central(const Origin& from, BytesView file, const Directory& directory,
                      std::size_t& at) {
  const BytesView records = file.first(directory.end);
  if (!starts(records, at, kCentralSize, kCentral))
    from.fail("damaged: no directory entry at ", at);
  const Record r{&file[at]};
  const std::size_t name = r.u16(28), size = kCentralSize + name + r.u16(30) + r.u16(32);
  if (!has(records, at, size)) from.fail("damaged: the directory entry at ", at, " is truncated");
  ZipEntry e{std::string(as_text(file.subspan(at + kCentralSize, name))), r.u16(8), r.u16(10)};
  e.checksum = static_cast<std::uint32_t>(r.u32(16));
  e.packed_size = r.u32(20);
  e.size = r.u32(24);
  e.begin = r.u32(42);
  at += size;
  return e;
}

void check_supported(const Origin& from, const ZipEntry& e) {
  const std::string name = quote(e.name);
  if ((e.flags & kEncrypted) != 0) from.fail(name, ": encrypted entries are not supported");
  if (e.method != kStored && e.method != kDeflated) {
    from.fail(name, ": compression method ", e.method, " is not supported, only 0 and 8 are");
  }
  if (e.packed_size == kMost32 || e.size == kMost32 || e.begin == kMost32) from.fail(kNoZip64);
  if (e.method == kStored && e.packed_size != e.size) {
    from.fail(name, ": stored in ", e.packed_size, " bytes, its size is ", e.size);
  }
}

// The bytes behind the local header. The directory has the sizes; the local header may leave
// them open.
BytesView locate(const Origin& from, BytesView file, const Directory& directory,
                 const ZipEntry& e) {
  const BytesView data = file.first(directory.begin);
  if (!starts(data, e.begin, kLocalSize, kLocal))
    from.fail(quote(e.name), ": damaged: no entry at ", e.begin);
  const Record local{&file[e.begin]};
  const std::size_t name = local.u16(26), head = kLocalSize + name + local.u16(28);
  if (!has(data, e.begin, head) || !has(data, e.begin + head, e.packed_size)) {
    from.fail(quote(e.name), ": damaged: ", e.packed_size, " bytes do not fit behind ", e.begin);
  }
  if (as_text(file.subspan(e.begin + kLocalSize, name)) != e.name) {
    from.fail(quote(e.name), ": damaged: another name at ", e.begin);
  }
  return file.subspan(e.begin + head, e.packed_size);
}

// Entries that share bytes would multiply what a small file inflates to.
void check_apart(const Origin& from, BytesView file, const std::vector<ZipEntry>& entries) {
  std::vector<const ZipEntry*> sorted;
  for (const ZipEntry& e : entries) sorted.push_back(&e);
  std::sort(sorted.begin(), sorted.end(), [](auto* a, auto* b) { return a->begin < b->begin; });
  for (std::size_t i = 1; i < sorted.size(); ++i) {
    const ZipEntry& before = *sorted[i - 1];
    if (before.packed.data() + before.packed.size() > file.data() + sorted[i]->begin) {
      from.fail("damaged: entries ", quote(before.name), " and ", quote(sorted[i]->name),
                " overlap");
    }
  }
}

// What a local header and a directory entry share, from the version to the length of the name.
void append_common(Bytes& r, std::string_view name, const ZipEntry& e) {
  for (const std::uint16_t field :
       {kVersion, kUtf8, static_cast<std::uint16_t>(e.method), std::uint16_t{0}, kFirstDay}) {
    append_little(r, field);
  }
  append_little(r, e.checksum);
  append_little(r, static_cast<std::uint32_t>(e.packed.size()));
  append_little(r, static_cast<std::uint32_t>(e.size));
  append_little(r, static_cast<std::uint16_t>(name.size()));
  append_little(r, std::uint16_t{0});  // no extra field
}

Bytes local_record(std::string_view name, const ZipEntry& e) {
  Bytes r;
  append_little(r, kLocal);
  append_common(r, name, e);
  append(r, as_bytes(name));
  return r;
}

void append_central(Bytes& r, std::string_view name, const ZipEntry& e) {
  append_little(r, kCentral);
  append_little(r, kVersion);
  append_common(r, name, e);
  r.resize(r.size() + 10);  // no comment, first part, no attributes
  append_little(r, static_cast<std::uint32_t>(e.begin));
  append(r, as_bytes(name));
}

}  // namespace

std::vector<ZipEntry> list_zip(const Origin& from, BytesView file) {
  const Directory directory = find_directory(from, file);
  std::vector<ZipEntry> entries;
  std::size_t at = directory.begin;
  for (std::size_t i = 0; i < directory.entries; ++i) {
    ZipEntry e = read_central(from, file, directory, at);
    check_supported(from, e);
    e.packed = locate(from, file, directory, e);
    entries.push_back(std::move(e));
  }
  if (at != directory.end)
    from.fail("damaged: ", directory.end - at, " bytes behind the directory");
  check_apart(from, file, entries);
  return entries;
}

Bytes read_zip_entry(const Origin& from, const ZipEntry& entry) {
  Bytes bytes(entry.packed.begin(), entry.packed.end());
  if (entry.method == kDeflated)
    bytes = Inflater(from, entry.packed, Packing::raw).read(entry.size + 1);
  if (bytes.size() != entry.size) {
    const bool more = bytes.size() > entry.size;
    from.fail("inflates to ", more ? "more than " : "", more ? entry.size : bytes.size(),
              " bytes, its size is ", entry.size);
  }
  const std::uint32_t checksum = crc32_of(bytes);
  if (checksum != entry.checksum) {
    from.fail("damaged: checksum ", checksum, ", the directory says ", entry.checksum);
  }
  return bytes;
}

void ZipWriter::write(BytesView bytes) {
  file_.write(bytes);
  position_ += bytes.size();
}

void ZipWriter::add(std::string_view name, BytesView content, bool compress) {
  const Bytes packed = compress ? deflate(content, Packing::raw) : Bytes();
  ZipEntry e{{}, kUtf8, compress ? kDeflated : kStored, crc32_of(content)};
  e.packed = compress ? BytesView(packed) : content;
  e.size = content.size();
  e.begin = position_;
  const bool fits = position_ < kMost32 && e.size < kMost32 && e.packed.size() < kMost32;
  if (!fits || ++entries_ >= kMost16 || name.size() > kMost16) {
    to_.fail("a zip archive holds 4 GiB and 65534 arrays with names of 65535 bytes: ", quote(name),
             " is too much");
  }
  write(local_record(name, e));
  write(e.packed);
  append_central(directory_, name, e);
}

void ZipWriter::finish() {
  const std::size_t begin = position_;
  if (begin >= kMost32 || directory_.size() >= kMost32)
    to_.fail("a zip archive holds 4 GiB: ", begin, " bytes");
  Bytes end;
  append_little(end, kEnd);
  append_little(end, std::uint32_t{0});  // one part
  append_little(end, static_cast<std::uint16_t>(entries_));
  append_little(end, static_cast<std::uint16_t>(entries_));
  append_little(end, static_cast<std::uint32_t>(directory_.size()));
  append_little(end, static_cast<std::uint32_t>(begin));
  append_little(end, std::uint16_t{0});  // no comment
  write(directory_);
  write(end);
}

}  // namespace xgrad::detail
