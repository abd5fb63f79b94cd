#include "xgrad/training/checkpoint.hpp"

#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

#include "xgrad/base/text.hpp"
#include "xgrad/serialization/safetensors.hpp"
#include "xgrad/serialization/state.hpp"

namespace xgrad {
namespace {

constexpr std::string_view kReader = "checkpoint";
constexpr const char* kChecksum = "xgrad checksum";
constexpr const char* kFormat = "xgrad checkpoint";
constexpr const char* kVersion = "1";

std::string previous(const std::string& path) { return path + ".previous"; }

class Checksum {
 public:
  void add(const void* data, std::size_t bytes) {
    if (bytes == 0) return;  // zlib takes a null pointer for a new beginning
    value_ = crc32_z(value_, static_cast<const Bytef*>(data), bytes);
  }
  void add(std::string_view text) {
    const std::uint64_t length = text.size();
    add(&length, sizeof length);
    add(text.data(), text.size());
  }
  std::string text() const { return detail::text(value_); }

 private:
  unsigned long value_ = crc32_z(0, nullptr, 0);
};

// Over names, types, shapes, numbers and texts, by name: a file may keep its arrays in
// another order.
std::string checksum(const Archive& archive) {
  Checksum c;
  std::vector<std::string> names = archive.names();
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    const StoredArray& array = archive.at(name);
    c.add(name);
    c.add(to_string(array.dtype));
    c.add(to_string(array.shape));
    c.add(array.bytes.data(), array.bytes.size());
  }
  for (const auto& [key, value] : archive.metadata) {
    if (key == kChecksum) continue;
    c.add(key);
    c.add(value);
  }
  return c.text();
}

Array<double> number(double v) {
  Array<double> a(Array<double>::shape_type{1});
  a.data()[0] = v;
  return a;
}

Indices counters(std::initializer_list<std::uint64_t> values) {
  Indices a(Indices::shape_type{values.size()});
  std::memcpy(a.data(), values.begin(), values.size() * sizeof(std::uint64_t));
  return a;
}

void require_count(std::size_t found, std::size_t wanted, std::string_view name,
                   std::string_view path) {
  if (found == wanted) return;
  throw FileError(kReader, path,
                  std::string(name) + " holds " + detail::text(found) + " numbers, not " +
                      detail::text(wanted));
}

double number(const Archive& archive, const std::string& name, std::string_view path) {
  const Array<double> a = archive.get<double>(name);
  require_count(a.size(), 1, name, path);
  return a.data()[0];
}

std::vector<std::uint64_t> counters(const Archive& archive, std::string_view name,
                                    std::size_t count, std::string_view path) {
  const Indices a = archive.get<std::int64_t>(name);
  require_count(a.size(), count, name, path);
  std::vector<std::uint64_t> values(count);
  std::memcpy(values.data(), a.data(), count * sizeof(std::uint64_t));
  return values;
}

// What follows `prefix` in `name`; none when it begins otherwise.
std::optional<std::string> after(std::string_view prefix, const std::string& name) {
  if (!name.starts_with(prefix)) return std::nullopt;
  return name.substr(prefix.size());
}

template <class T>
Archive pack(const Checkpoint<T>& c) {
  Archive a;
  for (const auto& t : c.model) a.add("model/" + t.name, t.tensor.value());
  for (const auto& t : c.optimizer.tensors) a.add("optimizer/" + t.name, t.tensor.value());
  for (const auto& [name, v] : c.optimizer.numbers) a.add("optimizer number/" + name, number(v));
  for (const auto& [name, v] : c.numbers) a.add("number/" + name, number(v));
  a.add("generator", counters({c.generator.seed, c.generator.draws}));
  a.add("loader", counters({c.loader.seed, c.loader.epoch, c.loader.batch}));
  for (const auto& [key, value] : c.text) a.metadata["text/" + key] = value;
  a.metadata[kFormat] = kVersion;
  a.metadata[kChecksum] = checksum(a);
  return a;
}

std::string no_checkpoint(const Archive& a) {
  const std::string what = "not a checkpoint: a safetensors file of " + detail::text(a.size()) +
                           (a.size() == 1 ? " tensor" : " tensors");
  return what + (a.metadata.contains("xgrad structure") ? " with a model, for load_model" : "");
}

void verify(const Archive& a, std::string_view path) {
  const auto format = a.metadata.find(kFormat);
  if (format == a.metadata.end()) throw FileError(kReader, path, no_checkpoint(a));
  if (format->second != kVersion) {
    throw FileError(kReader, path,
                    "format " + detail::quote(format->second) + " is not known here");
  }
  const auto sum = a.metadata.find(kChecksum);
  if (sum == a.metadata.end() || sum->second != checksum(a)) {
    throw FileError(kReader, path, "damaged: the checksum does not match the content");
  }
}

}  // namespace

template <class T>
Checkpoint<T> Checkpoint<T>::of(const Module<T>& module, const Optimizer<T>& optimizer,
                                const LoaderState& loader) {
  Checkpoint c;
  for (const auto& t : module.state_dict()) c.model.push_back({t.name, t.tensor.clone()});
  c.optimizer = optimizer.state_dict();
  c.generator = default_generator().state();
  c.loader = loader;
  return c;
}

template <class T>
void save_checkpoint(const std::string& path, const Checkpoint<T>& checkpoint) {
  write_safetensors(path, pack(checkpoint), previous(path));
}

template <class T>
std::vector<std::byte> format_checkpoint(const Checkpoint<T>& checkpoint) {
  return format_safetensors(pack(checkpoint));
}

template <class T>
Checkpoint<T> detail::unpack_checkpoint(const Archive& a, std::string_view path) {
  Checkpoint<T> c;
  for (const auto& [name, array] : a) {
    if (const auto rest = after("model/", name))
      c.model.push_back({*rest, Tensor<T>(a.get<T>(name))});
    if (const auto rest = after("optimizer/", name)) {
      c.optimizer.tensors.push_back({*rest, Tensor<T>(a.get<T>(name))});
    }
    if (const auto rest = after("optimizer number/", name))
      c.optimizer.numbers[*rest] = number(a, name, path);
    if (const auto rest = after("number/", name)) c.numbers[*rest] = number(a, name, path);
  }
  const auto generator = counters(a, "generator", 2, path), loader = counters(a, "loader", 3, path);
  c.generator = {generator[0], generator[1]};
  c.loader = {loader[0], loader[1], loader[2]};
  for (const auto& [key, value] : a.metadata) {
    if (const auto rest = after("text/", key)) c.text[*rest] = value;
  }
  return c;
}

template <class T>
Checkpoint<T> load_checkpoint(const std::string& path) {
  const Archive archive = read_safetensors(path);
  verify(archive, path);
  return detail::unpack_checkpoint<T>(archive, path);
}

template <class T>
Checkpoint<T> parse_checkpoint(std::span<const std::byte> bytes, std::string_view name) {
  const Archive archive = parse_safetensors(bytes, name);
  verify(archive, name);
  return detail::unpack_checkpoint<T>(archive, name);
}

template <class T>
Checkpoint<T> load_latest_checkpoint(const std::string& path, std::string* problem) {
  try {
    return load_checkpoint<T>(path);
  } catch (const FileError& e) {
    if (problem != nullptr) *problem = e.what();
    std::error_code ignored;
    if (!std::filesystem::exists(previous(path), ignored)) throw;
    try {
      return load_checkpoint<T>(previous(path));
    } catch (const FileError&) {  // reported about `path`, below
    }
    throw;
  }
}

bool checkpoint_exists(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored) || std::filesystem::exists(previous(path), ignored);
}

template <class T>
void restore(const Checkpoint<T>& checkpoint, Module<T>& module, Optimizer<T>& optimizer) {
  NamedTensors<T> before;
  for (const auto& t : module.state_dict()) before.push_back({t.name, t.tensor.clone()});
  module.load_state_dict(checkpoint.model);
  try {
    optimizer.load_state_dict(checkpoint.optimizer);
  } catch (...) {
    module.load_state_dict(before);
    throw;
  }
  default_generator().set_state(checkpoint.generator);
}

#define XGRAD_INSTANTIATE(T)                                                             \
  template struct Checkpoint<T>;                                                         \
  template void save_checkpoint(const std::string&, const Checkpoint<T>&);               \
  template std::vector<std::byte> format_checkpoint(const Checkpoint<T>&);               \
  template Checkpoint<T> load_checkpoint(const std::string&);                            \
  template Checkpoint<T> parse_checkpoint(std::span<const std::byte>, std::string_view); \
  template Checkpoint<T> detail::unpack_checkpoint(const Archive&, std::string_view);    \
  template Checkpoint<T> load_latest_checkpoint(const std::string&, std::string*);       \
  template void restore(const Checkpoint<T>&, Module<T>&, Optimizer<T>&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
