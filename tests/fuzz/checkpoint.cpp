// Both what load_checkpoint does and, because a changed file hardly ever gets past the checksum,
// what comes after that.

#include "xgrad/training/checkpoint.hpp"

#include "tests/fuzz/fuzz.hpp"
#include "xgrad/serialization/safetensors.hpp"

void fuzz(std::span<const std::byte> bytes) {
  using namespace xgrad;
  try {
    const Archive archive = parse_safetensors(bytes, "fuzz");
    const auto c = detail::unpack_checkpoint<float>(archive, "fuzz");
    const std::size_t held =
        c.model.size() + c.optimizer.tensors.size() + c.optimizer.numbers.size() + c.numbers.size();
    require(held + 2 <= archive.size());
  } catch (const FileError&) {
  }
  try {
    parse_checkpoint<double>(bytes, "fuzz");
  } catch (const FileError&) {
  }
}
