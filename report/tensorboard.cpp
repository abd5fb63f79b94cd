#include "xgrad/report/tensorboard.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <set>

#include "xgrad/base/errors.hpp"
#include "xgrad/report/markup.hpp"
#include "xgrad/report/protobuf.hpp"
#include "xgrad/serialization/error.hpp"

namespace xgrad {
namespace {

using detail::Message;

constexpr const char* kWriter = "TensorBoardWriter";

double now() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration<double>(since).count();
}

std::array<std::uint32_t, 256> checksum_table() {
  std::array<std::uint32_t, 256> r{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t c = i;
    for (int bit = 0; bit < 8; ++bit) c = (c & 1U) != 0 ? c >> 1U ^ 0x82F63B78U : c >> 1U;
    r[i] = c;
  }
  return r;
}

std::string little(std::uint64_t v, unsigned count) {
  std::string r;
  for (unsigned i = 0; i < count; ++i) r += static_cast<char>(v >> (8 * i));
  return r;
}

std::uint32_t masked(std::uint32_t crc) { return (crc >> 15U | crc << 17U) + 0xA282EAD8U; }

// summary.proto: Summary with one Value.
Message summary(std::string_view tag, const std::function<void(Message& value)>& fill) {
  detail::require(!tag.empty(), kWriter, "the tag is empty");
  Message value;
  value.bytes(1, detail::valid_utf8(tag));
  fill(value);
  return Message().message(1, value);
}

// graph.proto: an AttrValue of one shape, for "_output_shapes".
Message shape_attribute(const std::string& shape) {
  Message sizes;
  for (std::size_t i = 0; i < shape.size();) {
    std::size_t end = i;
    while (end < shape.size() && shape[end] >= '0' && shape[end] <= '9') ++end;
    if (end > i) sizes.message(2, Message().whole(1, std::stoll(shape.substr(i, end - i))));
    i = std::max(end, i + 1);
  }
  return Message().message(1, Message().message(7, sizes));
}

// What names of nodes are made of in TensorBoard: letters, digits and . _ - with / between groups.
std::string node_name(const std::string& name) {
  std::string r;
  for (const char c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '_' || c == '-';
    r += plain ? c : c == '.' ? '/' : '_';
  }
  return r.empty() || r[0] == '/' || r[0] == '-' ? "_" + r : r;
}

std::vector<std::string> node_names(const TapeGraph& graph) {
  std::vector<std::string> r;
  std::set<std::string> taken;
  for (const auto& e : graph.entries) {
    const std::string name = node_name(e.name);
    std::string candidate = name;
    for (std::size_t i = 1; !taken.insert(candidate).second; ++i)
      candidate = name + "_" + detail::text(i);
    r.push_back(candidate);
  }
  return r;
}

// "train loss" -> "loss/train".
std::string tag_of(const std::string& figure) {
  for (const std::string part : {"train", "validation", "test"}) {
    if (figure.starts_with(part + " ")) return figure.substr(part.size() + 1) + "/" + part;
  }
  return figure;
}

}  // namespace

namespace detail {

std::uint32_t crc32c(std::string_view bytes) {
  static const std::array<std::uint32_t, 256> table = checksum_table();
  std::uint32_t c = 0xFFFFFFFFU;
  for (const char b : bytes) c = c >> 8U ^ table[(c ^ static_cast<unsigned char>(b)) & 0xFFU];
  return ~c;
}

std::string framed_record(std::string_view bytes) {
  const std::string length = little(bytes.size(), 8);
  return length + little(masked(crc32c(length)), 4) + std::string(bytes) +
         little(masked(crc32c(bytes)), 4);
}

}  // namespace detail

struct TensorBoardWriter::File {
  std::string path;
  std::function<double()> clock;
  int descriptor = -1;

  ~File() {
    if (descriptor >= 0) ::close(descriptor);
  }
  [[noreturn]] void fail(const char* what) const {
    throw FileError(kWriter, path, std::string(what) + ": " + std::strerror(errno));
  }
  void open(const std::string& folder, const std::string& suffix) {
    static std::atomic<unsigned> files = 0;
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    path = folder + "/events.out.tfevents." + detail::text(static_cast<long long>(clock())) + "." +
           detail::text(::getpid()) + "." + detail::text(files++) + suffix;
    descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor < 0) fail("cannot be made");
  }
  void write(const Message& event) const {
    const std::string record = detail::framed_record(event.text());
    for (std::size_t done = 0; done < record.size();) {
      const ssize_t n = ::write(descriptor, record.data() + done, record.size() - done);
      if (n < 0 && errno != EINTR) fail("cannot be written");
      if (n > 0) done += static_cast<std::size_t>(n);
    }
  }
  // event.proto: an Event with a Summary.
  void write(std::int64_t step, const Message& summary) const {
    write(Message().real(1, clock()).whole(2, step).message(5, summary));
  }
};

TensorBoardWriter::TensorBoardWriter(const std::string& folder, TensorBoardOptions options)
    : file_(std::make_unique<File>()) {
  file_->clock = options.clock ? std::move(options.clock) : now;
  file_->open(folder, options.suffix);
  file_->write(Message().real(1, file_->clock()).bytes(3, "brain.Event:2"));
}

TensorBoardWriter::~TensorBoardWriter() = default;
TensorBoardWriter::TensorBoardWriter(TensorBoardWriter&&) noexcept = default;
TensorBoardWriter& TensorBoardWriter::operator=(TensorBoardWriter&&) noexcept = default;

const std::string& TensorBoardWriter::path() const { return file_->path; }

void TensorBoardWriter::scalar(std::string_view tag, double value, std::int64_t step) {
  file_->write(step, summary(tag, [&](Message& m) { m.single(2, static_cast<float>(value)); }));
}

template <class T>
void TensorBoardWriter::histogram(std::string_view tag, const Tensor<T>& numbers,
                                  std::int64_t step) {
  const Histogram h = xgrad::histogram({}, numbers, 30);
  double sum = 0, squares = 0, count = 0;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const auto v = static_cast<double>(numbers.data()[i]);
    if (!std::isfinite(v)) continue;
    sum += v, squares += v * v, ++count;
  }
  std::vector<double> limits, counts(h.counts.begin(), h.counts.end());
  const auto bins = static_cast<double>(h.counts.size());
  for (std::size_t i = 1; i <= h.counts.size(); ++i) {
    const double part = static_cast<double>(i) / bins;
    limits.push_back(h.high > h.low ? h.low * (1 - part) + h.high * part : h.low + part);
  }
  Message m;
  m.real(1, h.low).real(2, h.high).real(3, count).real(4, sum).real(5, squares);
  m.packed(6, limits).packed(7, counts);
  file_->write(step, summary(tag, [&](Message& value) { value.message(5, m); }));
}

void TensorBoardWriter::image(std::string_view tag, const Picture& picture, std::int64_t step) {
  Message m;
  m.whole(1, static_cast<std::int64_t>(picture.height()))
      .whole(2, static_cast<std::int64_t>(picture.width()))
      .whole(3, 3)
      .bytes(4, png(picture));
  file_->write(step, summary(tag, [&](Message& value) { value.message(4, m); }));
}

void TensorBoardWriter::graph(const TapeGraph& graph) {
  const std::vector<std::string> names = node_names(graph);
  Message all;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto& entry = graph.entries[i];
    Message node;
    node.bytes(1, names[i]).bytes(2, entry.is_operation ? node_name(entry.name) : "Parameter");
    for (const auto& [from, to] : graph.edges) {
      detail::require(from < names.size() && to < names.size(), kWriter, "an edge from ", from,
                      " to ", to, " of ", names.size(), " entries");
      if (to == i) node.bytes(3, names[from]);
    }
    node.message(5, Message().bytes(1, "_output_shapes").message(2, shape_attribute(entry.shape)));
    all.message(1, node);
  }
  all.message(4, Message().whole(1, 22));
  file_->write(Message().real(1, file_->clock()).bytes(4, all.text()));
}

void TensorBoardWriter::history(const History& history) {
  for (std::size_t i = 0; i < history.size(); ++i) {
    for (const auto& [name, value] : history.row(i))
      scalar(tag_of(name), value, static_cast<std::int64_t>(i + 1));
  }
}

template void TensorBoardWriter::histogram(std::string_view, const Tensor<float>&, std::int64_t);
template void TensorBoardWriter::histogram(std::string_view, const Tensor<double>&, std::int64_t);

}  // namespace xgrad
