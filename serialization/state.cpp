#include "xgrad/serialization/state.hpp"

#include "xgrad/serialization/npy.hpp"
#include "xgrad/serialization/safetensors.hpp"

namespace xgrad {

template <class T>
Archive to_archive(const NamedTensors<T>& state) {
  Archive archive;
  for (const NamedTensor<T>& t : state) archive.add(t.name, t.tensor.value());
  return archive;
}

template <class T>
NamedTensors<T> from_archive(const Archive& archive) {
  NamedTensors<T> state;
  for (const auto& [name, array] : archive) {
    if (is_floating(array.dtype) || array.shape.empty()) {
      state.push_back({name, Tensor<T>(archive.get<T>(name))});
    }
  }
  return state;
}

template <class T>
void save_state(const std::string& path, const NamedTensors<T>& state) {
  write_safetensors(path, to_archive(state));
}

template <class T>
NamedTensors<T> load_state(const std::string& path) {
  return from_archive<T>(path.ends_with(".npz") ? read_npz(path) : read_safetensors(path));
}

#define XGRAD_INSTANTIATE(T)                                            \
  template Archive to_archive(const NamedTensors<T>&);                  \
  template NamedTensors<T> from_archive(const Archive&);                \
  template void save_state(const std::string&, const NamedTensors<T>&); \
  template NamedTensors<T> load_state(const std::string&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
