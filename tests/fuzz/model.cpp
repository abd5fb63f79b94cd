// A structure alone, as JSON text, or a whole file. Whatever is accepted is packed and
// unpacked again.

#include "tests/fuzz/fuzz.hpp"
#include "xgrad/modules/registry.hpp"
#include "xgrad/serialization/bytes.hpp"
#include "xgrad/serialization/safetensors.hpp"
#include "xgrad/serialization/state.hpp"
#include "xgrad/training/ensemble.hpp"
#include "xgrad/training/model_file.hpp"

namespace {

using namespace xgrad;

constexpr double kMostNumbers = 100000;

template <class T>
double size_of_state(const Module<T>& module) {
  double n = 0;
  for (const auto& t : module.state_dict()) n += static_cast<double>(t.tensor.size());
  return n;
}

template <class T>
void pack_and_unpack(const Module<T>& module) {
  const Archive archive = pack_model(module);
  const auto again = unpack_model<T>(archive, "fuzz");
  require(describe(*again) == describe(module));
  for (const auto& [name, array] : to_archive(again->state_dict())) {
    require(array.shape == archive.at(name).shape && array.bytes == archive.at(name).bytes);
  }
}

template <class T>
void fuzz_file(std::span<const std::byte> bytes) {
  std::unique_ptr<Module<T>> module;
  try {
    module = unpack_model<T>(parse_safetensors(bytes, "fuzz"), "fuzz");
  } catch (const FileError&) {
    return;
  }
  pack_and_unpack(*module);
}

void fuzz_structure(const std::string& text) {
  detail::register_ensemble<float>();
  std::unique_ptr<Module<float>> module;
  try {
    const ModuleDescription d = description_from_json(text);
    require(description_from_json(to_json(d)) == d);
    const double numbers = detail::numbers_of(d);
    if (numbers > kMostNumbers) return;
    module = make_module<float>(d);
    const double held = size_of_state(*module);
    require(numbers <= held && held <= 2 * numbers);  // WeightNorm holds a length for each row
  } catch (const std::logic_error&) {
    return;
  }
  pack_and_unpack(*module);
}

}  // namespace

void fuzz(std::span<const std::byte> bytes) {
  const auto text = detail::as_text(bytes);
  if (text.starts_with('{')) {
    fuzz_structure(std::string(text));
  } else {
    fuzz_file<float>(bytes);
    fuzz_file<double>(bytes);
  }
}
