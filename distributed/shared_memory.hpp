#pragma once

// Memory that all ranks of a communicator see, where they are on one machine: what one writes the others
// read, without messages. Internal.

#include <mpi.h>

#include <cstddef>
#include <utility>

namespace xgrad::detail {

class SharedMemory {
 public:
  SharedMemory() = default;
  /// Zeros. Collective. Where ranks are on several machines, or the system has not that much, there is
  /// none on any of them. Not collective afterwards: it goes with the last process that has it, however
  /// that ends, and leaves no file behind.
  SharedMemory(MPI_Comm comm, std::size_t bytes);
  ~SharedMemory();
  SharedMemory(SharedMemory&& other) noexcept
      : at_(std::exchange(other.at_, nullptr)), bytes_(other.bytes_) {}
  SharedMemory& operator=(SharedMemory&& other) noexcept {
    std::swap(at_, other.at_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }

  /// Null where there is none.
  std::byte* data() const { return at_; }

 private:
  void map(int file);

  std::byte* at_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace xgrad::detail
