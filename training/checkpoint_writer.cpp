#include "xgrad/training/checkpoint_writer.hpp"

#include <zlib.h>

#include <algorithm>
#include <initializer_list>
#include <map>
#include <optional>
#include <set>
#include <type_traits>
#include <utility>

#include "xgrad/base/errors.hpp"
#include "xgrad/serialization/safetensors_writer.hpp"

namespace xgrad::detail {
namespace {

// An array of the file, and the checksum of its bytes where it is known without them.
struct Entry {
  ArraySource source;
  std::optional<std::uint32_t> checksum = {};
};

BytesView bytes_of(const void* data, std::size_t size) {
  return {static_cast<const std::byte*>(data), size};
}

template <class T>
constexpr DType kDType = std::is_same_v<T, float> ? DType::float32 : DType::float64;

template <class T>
Entry tensor(std::string name, const Tensor<T>& t) {
  const auto write = [t](const ByteSink& sink) { sink(bytes_of(t.data(), t.size() * sizeof(T))); };
  return {{std::move(name), kDType<T>, t.shape(), write}};
}

Entry number(std::string name, double v) {
  const auto write = [v](const ByteSink& sink) { sink(bytes_of(&v, sizeof v)); };
  return {{std::move(name), DType::float64, {1}, write}};
}

Entry counters(std::string name, const std::vector<std::uint64_t>& values) {
  const auto write = [values](const ByteSink& sink) {
    sink(bytes_of(values.data(), values.size() * sizeof(std::uint64_t)));
  };
  return {{std::move(name), DType::int64, {values.size()}, write}};
}

template <class T>
Entry spread_array(const SpreadPart<T>& spread, std::size_t i) {
  const SpreadArray& a = spread.arrays[i];
  const auto write = [&spread, i](const ByteSink& sink) {
    spread.read(i, [&](std::span<const T> piece) {
      sink(bytes_of(piece.data(), piece.size() * sizeof(T)));
    });
  };
  return {{"optimizer/" + a.name, kDType<T>, a.shape, write}, a.checksum};
}

std::uint32_t checksum_of(const ArraySource& source) {
  Checksum c;
  source.bytes([&](BytesView bytes) { c.add(bytes.data(), bytes.size()); });
  return c.value();
}

std::string checksum(const std::vector<Entry>& entries,
                     const std::map<std::string, std::string>& metadata) {
  std::map<std::string, const Entry*> by_name;
  for (const Entry& e : entries) {
    require(by_name.emplace(e.source.name, &e).second, "checkpoint", "there are two arrays ",
            quote(e.source.name));
  }
  Checksum c;
  for (const auto& [name, e] : by_name) {
    c.add(name);
    c.add(to_string(e->source.dtype));
    c.add(to_string(e->source.shape));
    c.add(e->checksum ? *e->checksum : checksum_of(e->source), e->source.size());
  }
  for (const auto& [key, value] : metadata) {
    c.add(key);
    c.add(value);
  }
  return c.text();
}

template <class T>
std::vector<Entry> entries_of(const Checkpoint<T>& c, const SpreadPart<T>& spread) {
  std::vector<Entry> r;
  for (const auto& t : c.model) r.push_back(tensor("model/" + t.name, t.tensor));
  for (std::size_t i = 0; i < spread.arrays.size(); ++i) r.push_back(spread_array(spread, i));
  for (const auto& t : c.optimizer.tensors) r.push_back(tensor("optimizer/" + t.name, t.tensor));
  for (const auto& [name, v] : c.optimizer.numbers)
    r.push_back(number("optimizer number/" + name, v));
  for (const auto& [name, v] : c.numbers) r.push_back(number("number/" + name, v));
  r.push_back(counters("generator", {c.generator.seed, c.generator.draws}));
  r.push_back(counters("loader", {c.loader.seed, c.loader.epoch, c.loader.batch}));
  return r;
}

struct Content {
  std::vector<ArraySource> arrays;
  std::map<std::string, std::string> metadata;
};

template <class T>
Content content_of(const Checkpoint<T>& c, const SpreadPart<T>& spread) {
  Content r;
  for (const auto& [key, value] : c.text) r.metadata["text/" + key] = value;
  r.metadata[kCheckpointFormat] = kCheckpointVersion;
  std::vector<Entry> entries = entries_of(c, spread);
  const std::string sum = checksum(entries, r.metadata);
  r.metadata[kCheckpointChecksum] = sum;
  for (Entry& e : entries) r.arrays.push_back(std::move(e.source));
  return r;
}

}  // namespace

void Checksum::add(const void* data, std::size_t bytes) {
  if (bytes == 0) return;  // zlib takes a null pointer for a new beginning
  value_ = crc32_z(value_, static_cast<const Bytef*>(data), bytes);
}

void Checksum::add(std::string_view text) {
  const std::uint64_t length = text.size();
  add(&length, sizeof length);
  add(text.data(), text.size());
}

void Checksum::add(std::uint32_t checksum, std::size_t bytes) {
  value_ = crc32_combine(value_, checksum, static_cast<z_off_t>(bytes));
}

std::string Checksum::text() const { return detail::text(value_); }

template <class T>
void write_checkpoint(const std::string& path, const Checkpoint<T>& checkpoint,
                      const SpreadPart<T>& spread) {
  const Content c = content_of(checkpoint, spread);
  write_safetensors(path, c.arrays, c.metadata, path + ".previous");
}

template <class T>
Bytes checkpoint_bytes(const Checkpoint<T>& checkpoint) {
  const Content c = content_of(checkpoint, SpreadPart<T>{});
  return format_safetensors(c.arrays, c.metadata);
}

template <class T>
SpreadTensors<T>::SpreadTensors(OptimizerState<T>& state, const SpreadState<T>& spread) {
  StateShapes shapes;
  for (const auto& t : state.tensors) shapes.emplace(t.name, t.tensor.shape());
  spread.check_spread(state.numbers, shapes);
  NamedTensors<T> others;
  for (auto& t : state.tensors) {
    if (t.name.starts_with(spread.spread_name() + "/")) {
      tensors_.emplace(t.name, std::move(t.tensor));
    } else {
      others.push_back(std::move(t));
    }
  }
  state.tensors = std::move(others);
}

template <class T>
typename SpreadState<T>::ReadPart SpreadTensors<T>::reader() const {
  return [this](const std::string& name, std::size_t first, std::span<T> to) {
    std::copy_n(tensors_.at(name).data() + first, to.size(), to.data());
  };
}

template class SpreadTensors<float>;
template class SpreadTensors<double>;

#define XGRAD_INSTANTIATE(T)                                                                      \
  template void write_checkpoint(const std::string&, const Checkpoint<T>&, const SpreadPart<T>&); \
  template Bytes checkpoint_bytes(const Checkpoint<T>&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::detail
