#pragma once

// A matrix that rows are multiplied by time after time, laid out for it once. Each element of the
// products is computed by the same instructions in the same order, however many rows there are and
// whatever the number of threads: a row has the same bits alone and among others, which OpenBLAS does
// not promise.

#include <cstddef>
#include <memory>

namespace xgrad::kernels {

enum class Stored { rows, transposed };

template <class T>
class PackedMatrix {
 public:
  /// B (k, n), row-major, or stored as (n, k). One that is used `once` is left to OpenBLAS, where it
  /// is; it has to stay there as long.
  PackedMatrix(Stored stored, const T* b, std::size_t k, std::size_t n, bool once = false);
  ~PackedMatrix();
  PackedMatrix(const PackedMatrix&) = delete;
  PackedMatrix& operator=(const PackedMatrix&) = delete;

  /// c (m, n) = a (m, k) B, or added to c.
  void multiply(const T* a, std::size_t m, T* c, bool add);

 private:
  struct Laid;
  struct Block;
  void multiply(const T* a, std::size_t rows, std::size_t left, std::size_t columns, T* c,
                std::size_t pitch, bool add);
  void multiply(const Block& block, const T* a, T* c, bool add);

  Stored stored_;
  const T* b_;
  std::size_t k_, n_;
  std::unique_ptr<Laid> laid_;
};

}  // namespace xgrad::kernels
