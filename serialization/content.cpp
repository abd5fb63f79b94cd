#include "xgrad/serialization/content.hpp"

#include "xgrad/serialization/deflate.hpp"

namespace xgrad::detail {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t kLooked = 512;

struct Signature {
  std::string_view begin;
  std::string_view what;
};
// The first that fits counts.
constexpr Signature kSignatures[] = {
    {"\x93NUMPY"sv, "an npy file"},
    {"PK\x03\x04"sv, "a zip archive (as npz, xlsx and the files of PyTorch are)"},
    {"PK\x05\x06"sv, "an empty zip archive"},
    {"\x89HDF\r\n"sv, "an HDF5 file"},
    {"\x89PNG\r\n"sv, "a PNG image"},
    {"\xFF\xD8\xFF"sv, "a JPEG image"},
    {"%PDF-"sv, "a PDF document"},
    {"PAR1"sv, "a Parquet file"},
    {"ARROW1"sv, "an Arrow file"},
    {"GGUF"sv, "a GGUF file"},
    {"BZh"sv, "a bzip2 file"},
    {"\xFD"
     "7zXZ"sv,
     "an xz file"},
    {"\x28\xB5\x2F\xFD"sv, "a zstd file"},
    {"\xD0\xCF\x11\xE0"sv, "a document of an old Office"},
    {"\x80\x02"sv, "a Python pickle"},
    {"\x80\x03"sv, "a Python pickle"},
    {"\x80\x04"sv, "a Python pickle"},
    {"\x80\x05"sv, "a Python pickle"},
    {"\xFF\xFE"sv, "text in UTF-16"},
    {"\xFE\xFF"sv, "text in UTF-16"},
    {"version https://git-lfs"sv, "a pointer of Git LFS and not the file itself"},
    {"<!DOCTYPE html"sv, "an HTML page"},
    {"<!doctype html"sv, "an HTML page"},
    {"<html"sv, "an HTML page"},
};

bool is_idx(BytesView file) {
  const std::string_view types("\x08\x09\x0B\x0C\x0D\x0E");
  const std::string_view head = as_text(file.first(std::min<std::size_t>(4, file.size())));
  return head.size() == 4 && head.starts_with("\0\0"sv) && head[3] >= 1 && head[3] <= 8 &&
         types.find(head[2]) != std::string_view::npos;
}

bool is_safetensors(BytesView file) {
  return file.size() > 8 && file[8] == std::byte{'{'} &&
         load_little<std::uint64_t>(file.data()) < (std::uint64_t{1} << 32U);
}

// No control characters but those of lines, and mostly ASCII or UTF-8 throughout.
bool is_text(BytesView file) {
  const auto code = [](std::byte b) { return std::to_integer<unsigned>(b); };
  const bool printable = std::all_of(file.begin(), file.end(), [&](std::byte b) {
    return (code(b) >= 0x20 && code(b) != 0x7F) || (code(b) >= 0x09 && code(b) <= 0x0D);
  });
  const auto ascii =
      std::count_if(file.begin(), file.end(), [&](std::byte b) { return code(b) < 0x80; });
  const bool utf8 = quote(as_text(file)).find("\\x") == std::string::npos;
  return printable && (utf8 || 2 * static_cast<std::size_t>(ascii) >= file.size());
}

std::string_view signature(BytesView head) {
  for (const Signature& s : kSignatures) {
    if (as_text(head).starts_with(s.begin)) return s.what;
  }
  if (is_idx(head)) return "an IDX file";
  if (is_safetensors(head)) return "a safetensors file";
  return {};
}

std::string hex(BytesView bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string r;
  for (const std::byte b : bytes) {
    const auto code = std::to_integer<unsigned>(b);
    r += {r.empty() ? '\0' : ' ', kDigits[code >> 4U], kDigits[code & 15U]};
  }
  return r.substr(r.empty() ? 0 : 1);
}

std::string named(BytesView head, const std::string& size) {
  if (const std::string_view what = signature(head); !what.empty()) return std::string(what) + size;
  const bool plain = is_text(head);
  const BytesView few = head.first(std::min<std::size_t>(8, head.size()));
  return (plain ? "text" : "binary data") + size + ", beginning with " +
         (plain ? quote(as_text(head)) : hex(few));
}

}  // namespace

std::string describe_content(BytesView file) {
  if (file.empty()) return "an empty file";
  const std::string size = ", " + text(file.size()) + (file.size() == 1 ? " byte" : " bytes");
  const BytesView head = file.first(std::min(kLooked, file.size()));
  if (!is_gzip(file)) return named(head, size);
  try {
    const Bytes inside = Content({"gzip", "content"}, file).read(kLooked);
    if (inside.empty()) return "gzipped nothing" + size;
    return "gzipped: " + named(inside, size);
  } catch (const FileError&) {
    return "a damaged gzip file" + size;
  }
}

}  // namespace xgrad::detail
