#include "xgrad/kernels/optimizer.hpp"

#include <cmath>

#include "xgrad/kernels/parallel.hpp"

namespace xgrad::kernels {
namespace {

template <class T>
UpdateArguments<T> part(const UpdateArguments<T>& a, std::size_t begin, std::size_t end) {
  UpdateArguments<T> r = a;
  r.w += begin;
  r.g += begin;
  for (T*& s : r.state) s = s != nullptr ? s + begin : nullptr;
  r.n = end - begin;
  return r;
}

template <class T>
const VectorKernels<T>& vector_kernels() {
  static const auto kernels = choose([]<Isa I>() { return make_vector_kernels<I, T>(); });
  return kernels;
}

// results[i] = piece(begin, length) for the pieces of n; returns their number.
constexpr std::size_t kPieces = 8;
template <class Result, class Piece>
std::size_t each_piece(std::size_t n, Result (&results)[kPieces], const Piece& piece) {
  const std::size_t pieces = pieces_for(n, kPieces);
  parallel_for(pieces, [&](std::size_t i) {
    const std::size_t begin = piece_begin(n, pieces, i);
    results[i] = piece(begin, piece_begin(n, pieces, i + 1) - begin);
  });
  return pieces;
}

}  // namespace

namespace detail {

template <class T>
void run_update(UpdateKernel<T> kernel, const void* rule, const UpdateArguments<T>& a) {
  const std::size_t pieces = pieces_for(a.n);
  if (pieces == 1) return kernel(rule, a);
  parallel_for(pieces, [&](std::size_t i) {
    kernel(rule, part(a, piece_begin(a.n, pieces, i), piece_begin(a.n, pieces, i + 1)));
  });
}

template void run_update(UpdateKernel<float>, const void*, const UpdateArguments<float>&);
template void run_update(UpdateKernel<double>, const void*, const UpdateArguments<double>&);

}  // namespace detail

template <class T>
double dot(const T* x, const T* y, std::size_t n) {
  double part[kPieces], sum = 0;
  const auto kernel = vector_kernels<T>().dot;
  const std::size_t pieces = each_piece(n, part, [&](std::size_t begin, std::size_t length) {
    return kernel(x + begin, y + begin, length);
  });
  for (std::size_t i = 0; i < pieces; ++i) sum += part[i];
  return sum;
}

template <class T>
T largest_magnitude(const T* x, std::size_t n) {
  T part[kPieces], largest = T(0);
  const auto kernel = vector_kernels<T>().largest_magnitude;
  const std::size_t pieces = each_piece(
      n, part, [&](std::size_t begin, std::size_t length) { return kernel(x + begin, length); });
  for (std::size_t i = 0; i < pieces; ++i) {
    if (part[i] > largest || std::isnan(part[i])) largest = part[i];
    if (std::isnan(largest)) break;
  }
  return largest;
}

template <class T>
bool all_finite(const T* x, std::size_t n) {
  return std::isfinite(largest_magnitude(x, n));
}

#define XGRAD_INSTANTIATE(T)                            \
  template double dot(const T*, const T*, std::size_t); \
  template T largest_magnitude(const T*, std::size_t);  \
  template bool all_finite(const T*, std::size_t);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::kernels
