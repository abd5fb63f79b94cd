#include "xgrad/serialization/npy.hpp"
#include "xgrad/serialization/npy_format.hpp"
#include "xgrad/serialization/zip.hpp"

namespace xgrad {
namespace {

constexpr std::string_view kReader = "npz", kSuffix = ".npy";

// The array's name: that of its entry, without the suffix.
std::string array_name(const detail::Origin& from, const std::string& entry) {
  if (entry.ends_with("data.pkl"))
    from.fail("a file of PyTorch and not npz; save it there as safetensors");
  if (!entry.ends_with(kSuffix)) {
    from.fail("a zip archive and not npz: entry ", detail::quote(entry), " is not an npy file");
  }
  return entry.substr(0, entry.size() - kSuffix.size());
}

}  // namespace

Archive parse_npz(std::span<const std::byte> bytes, std::string_view name) {
  const detail::Origin from{kReader, name};
  Archive archive(kReader, name);
  for (const detail::ZipEntry& entry : detail::list_zip(from, bytes)) {
    const std::string array = array_name(from, entry.name);
    if (archive.contains(array)) from.fail("two arrays are named ", detail::quote(array));
    const std::string place = std::string(name) + ": " + detail::quote(array);
    const detail::Origin inside{kReader, place};
    archive.add(array, detail::decode_npy(inside, detail::read_zip_entry(inside, entry)));
  }
  return archive;
}

Archive read_npz(const std::string& path) {
  return parse_npz(detail::read_file(kReader, path), path);
}

void write_npz(const std::string& path, const Archive& archive, const NpzOptions& options) {
  detail::AtomicFile file(kReader, path);
  detail::ZipWriter zip({kReader, path}, file);
  for (const auto& [name, array] : archive) {
    zip.add(name + std::string(kSuffix), detail::encode_npy(array), options.compress);
  }
  zip.finish();
  file.commit();
}

}  // namespace xgrad
