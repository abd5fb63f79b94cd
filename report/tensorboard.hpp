#pragma once

// Event files that TensorBoard shows: scalars, histograms, images and the graph of a run.
//
//   TensorBoardWriter board("runs/first");
//   board.scalar("loss/train", loss.item(), step);
//   board.histogram("weights/fc1", net.at("fc1.weight"), step);
//   board.image("filters", tile(filter_pictures(net.at("fc1.weight"))), step);
//   board.graph(tape_graph(loss, net.parameters()));
//
// then `tensorboard --logdir runs`. A tag with a slash belongs to the group before the slash.
// **Source** tensorboard's event.proto, summary.proto and graph.proto, and the record format of
// TensorFlow's record_writer.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "xgrad/autograd/tensor.hpp"
#include "xgrad/report/panels.hpp"
#include "xgrad/report/picture.hpp"
#include "xgrad/training/history.hpp"

namespace xgrad {

struct TensorBoardOptions {
  std::string suffix = {};             ///< behind the file's name
  std::function<double()> clock = {};  ///< seconds since 1970; empty: the system's
};

class TensorBoardWriter {
 public:
  /// A new file `events.out.tfevents.<seconds>.<process>.<number>` in the folder, which is made when it is not there.
  /// Throws FileError.
  explicit TensorBoardWriter(const std::string& folder, TensorBoardOptions options = {});
  ~TensorBoardWriter();
  TensorBoardWriter(TensorBoardWriter&&) noexcept;
  TensorBoardWriter& operator=(TensorBoardWriter&&) noexcept;

  const std::string& path() const;  ///< of the file that is written

  // Each is in the file when it returns. Throws FileError when it cannot be written,
  // std::invalid_argument for an empty tag.
  void scalar(std::string_view tag, double value, std::int64_t step);
  /// What is not finite is left out.
  template <class T>
  void histogram(std::string_view tag, const Tensor<T>& numbers, std::int64_t step);
  /// Throws std::logic_error where the library was built without libpng.
  void image(std::string_view tag, const Picture& picture, std::int64_t step);
  /// Throws std::invalid_argument for an edge of an entry that there is not.
  void graph(const TapeGraph& graph);
  /// Every figure of every row, the row's number as the step; "train loss" as "loss/train", so that it
  /// lies beside "validation loss".
  void history(const History& history);

 private:
  struct File;
  std::unique_ptr<File> file_;
};

namespace detail {

/// CRC-32C (Castagnoli) of RFC 3720, section 12.1.
std::uint32_t crc32c(std::string_view bytes);
/// A record of TensorFlow's: length, masked checksum of the length, bytes, masked checksum.
std::string framed_record(std::string_view bytes);

}  // namespace detail
}  // namespace xgrad
