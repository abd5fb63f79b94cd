#include "xgrad/data/idx.hpp"

#include "tests/fuzz/fuzz.hpp"
#include "xgrad/serialization/error.hpp"

void fuzz(std::span<const std::byte> bytes) {
  try {
    const xgrad::StoredArray a = xgrad::parse_idx(bytes, "fuzz");
    require(a.to<double>().size() == a.shape.elements());
  } catch (const xgrad::FileError&) {
  }
}
