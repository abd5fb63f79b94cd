#include "xgrad/serialization/safetensors.hpp"

#include "tests/fuzz/fuzz.hpp"

void fuzz(std::span<const std::byte> bytes) {
  try {
    const xgrad::Archive archive = xgrad::parse_safetensors(bytes, "fuzz");
    std::size_t data = 0;
    for (const auto& [name, array] : archive) {
      array.check();
      require(&archive.at(name) == &array);
      data += array.bytes.size();
    }
    require(data < bytes.size());
  } catch (const xgrad::FileError&) {
  }
}
