#include "xgrad/training/checkpoint.hpp"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

#include "xgrad/base/text.hpp"
#include "xgrad/serialization/safetensors.hpp"
#include "xgrad/serialization/state.hpp"
#include "xgrad/training/checkpoint_writer.hpp"

namespace xgrad {
namespace {

constexpr std::string_view kReader = "checkpoint";

std::string previous(const std::string& path) { return path + ".previous"; }

std::string checksum(const Archive& archive) {
  detail::Checksum c;
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
    if (key == detail::kCheckpointChecksum) continue;
    c.add(key);
    c.add(value);
  }
  return c.text();
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

std::string no_checkpoint(const Archive& a) {
  const std::string what = "not a checkpoint: a safetensors file of " + detail::text(a.size()) +
                           (a.size() == 1 ? " tensor" : " tensors");
  return what + (a.metadata.contains("xgrad structure") ? " with a model, for load_model" : "");
}

void verify(const Archive& a, std::string_view path) {
  const auto format = a.metadata.find(detail::kCheckpointFormat);
  if (format == a.metadata.end()) throw FileError(kReader, path, no_checkpoint(a));
  if (format->second != detail::kCheckpointVersion) {
    throw FileError(kReader, path,
                    "format " + detail::quote(format->second) + " is not known here");
  }
  const auto sum = a.metadata.find(detail::kCheckpointChecksum);
  if (sum == a.metadata.end() || sum->second != checksum(a)) {
    throw FileError(kReader, path, "damaged: the checksum does not match the content");
  }
}

}  // namespace

template <class T>
Checkpoint<T> Checkpoint<T>::of(const Module<T>& module, const Optimizer<T>& optimizer,
                                const LoaderState& loader) {
  return detail::checkpoint_of(module, optimizer.state_dict(), loader);
}

template <class T>
Checkpoint<T> detail::checkpoint_of(const Module<T>& module, OptimizerState<T> optimizer,
                                    const LoaderState& loader) {
  Checkpoint<T> c;
  for (const auto& t : module.state_dict()) c.model.push_back({t.name, t.tensor.clone()});
  c.optimizer = std::move(optimizer);
  c.generator = default_generator().state();
  c.loader = loader;
  return c;
}

template <class T>
void save_checkpoint(const std::string& path, const Checkpoint<T>& checkpoint) {
  detail::write_checkpoint<T>(path, checkpoint, {});
}

template <class T>
std::vector<std::byte> format_checkpoint(const Checkpoint<T>& checkpoint) {
  return detail::checkpoint_bytes(checkpoint);
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
  template Checkpoint<T> detail::checkpoint_of(const Module<T>&, OptimizerState<T>,      \
                                               const LoaderState&);                      \
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
