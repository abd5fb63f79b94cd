#include "xgrad/kernels/packed_matrix.hpp"

#include <algorithm>

#include "xgrad/kernels/attention_blocks.hpp"
#include "xgrad/kernels/gemm.hpp"

namespace xgrad::kernels {
namespace {

constexpr std::size_t kBand = 96;  // rows, whole rows of registers
constexpr std::size_t kTerms =
    128;  // of a sum before it joins what is in memory; panels stay in L1

/// A block is worth a thread from this many multiplications on.
constexpr std::size_t kBlockWork = 2'000'000;

}  // namespace

template <class T>
struct PackedMatrix<T>::Laid {
  attention::Packed<T> b;
  std::size_t wide = attention::attention_kernels<T>().columns;  // of a panel
};

// Rows [top, top + rows) of c, and panels [first, last) of its columns.
template <class T>
struct PackedMatrix<T>::Block {
  std::size_t top, rows, first, last;
};

template <class T>
PackedMatrix<T>::PackedMatrix(Stored stored, const T* b, std::size_t k, std::size_t n, bool once)
    : stored_(stored), b_(b), k_(k), n_(n) {
  using attention::Layout, attention::Packed;
  if (once || k == 0 || n == 0) return;
  laid_.reset(stored == Stored::rows ? new Laid{Packed<T>(Layout::rows, b, k, n)}
                                     : new Laid{Packed<T>(Layout::transposed, b, n, k)});
}

template <class T>
PackedMatrix<T>::~PackedMatrix() = default;

// Columns [left, left + columns) of rows that are `pitch` apart.
template <class T>
void PackedMatrix<T>::multiply(const T* a, std::size_t rows, std::size_t left, std::size_t columns,
                               T* c, std::size_t pitch, bool add) {
  for (std::size_t l = 0; l < k_; l += kTerms) {
    Panels<T> b = laid_->b.from_row(l);
    b.data += left / laid_->wide * b.stride;
    attention::attention_kernels<T>().multiply(rows, columns, std::min(kTerms, k_ - l),
                                               {a + l, k_, 1}, b, c, pitch, add || l > 0);
  }
}

// A panel that is not full by way of one that is: registers are written as a whole.
template <class T>
void PackedMatrix<T>::multiply(const Block& block, const T* a, T* c, bool add) {
  const std::size_t wide = laid_->wide, left = block.first * wide, right = block.last * wide,
                    full = right <= n_ ? right : n_ / wide * wide,
                    rest = std::min(right, n_) - full;
  a += block.top * k_;
  c += block.top * n_;
  if (left < full) multiply(a, block.rows, left, full - left, c + left, n_, add);
  if (rest == 0) return;
  Scratch<T> tile(block.rows * wide);
  for (std::size_t r = 0; add && r < block.rows; ++r)
    std::copy_n(c + r * n_ + full, rest, &tile[r * wide]);
  multiply(a, block.rows, full, rest, tile.data(), wide, add);
  for (std::size_t r = 0; r < block.rows; ++r)
    std::copy_n(&tile[r * wide], rest, c + r * n_ + full);
}

template <class T>
void PackedMatrix<T>::multiply(const T* a, std::size_t m, T* c, bool add) {
  if (laid_ == nullptr)
    return gemm(false, stored_ == Stored::transposed, m, n_, k_, a, b_, T(add), c);
  if (m == 0) return;
  const std::size_t panels = (n_ + laid_->wide - 1) / laid_->wide, bands = (m + kBand - 1) / kBand;
  const std::size_t shares =
      std::clamp<std::size_t>(std::min(m, kBand) * n_ * k_ / kBlockWork, 1, panels);
  parallel_for(bands * shares, [&](std::size_t i) {
    const std::size_t top = i / shares * kBand, share = i % shares;
    multiply(Block{top, std::min(kBand, m - top), panels * share / shares,
                   panels * (share + 1) / shares},
             a, c, add);
  });
}

template class PackedMatrix<float>;
template class PackedMatrix<double>;

}  // namespace xgrad::kernels
