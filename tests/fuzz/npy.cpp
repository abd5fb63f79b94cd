#include "xgrad/serialization/npy.hpp"

#include "tests/fuzz/fuzz.hpp"

void fuzz(std::span<const std::byte> bytes) {
  try {
    const xgrad::StoredArray a = xgrad::parse_npy(bytes, "fuzz");
    a.check();
    require(a.bytes.size() < bytes.size());
    require(a.to<double>().size() == a.shape.elements());
  } catch (const xgrad::FileError&) {
  }
}
