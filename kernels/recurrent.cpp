#include "xgrad/kernels/recurrent.hpp"

#include <algorithm>

#include "xgrad/kernels/dispatch.hpp"
#include "xgrad/kernels/parallel.hpp"

namespace xgrad::kernels {
namespace {

template <class T>
const LstmKernels<T>& lstm_kernels() {
  static const LstmKernels<T> kernels = choose([]<Isa I>() { return make_lstm_kernels<I, T>(); });
  return kernels;
}

template <class T>
const GruKernels<T>& gru_kernels() {
  static const GruKernels<T> kernels = choose([]<Isa I>() { return make_gru_kernels<I, T>(); });
  return kernels;
}

template <class T>
const RnnKernels<T>& rnn_kernels() {
  static const RnnKernels<T> kernels = choose([]<Isa I>() { return make_rnn_kernels<I, T>(); });
  return kernels;
}

// run(first row, rows) in pieces.
template <class Run>
void over_rows(std::size_t n, std::size_t d, const Run& run) {
  const std::size_t pieces = std::min(n, pieces_for(4 * n * d));
  if (n == 0 || d == 0) return;
  parallel_for(pieces, [&](std::size_t k) {
    const std::size_t begin = n * k / pieces;
    run(begin, n * (k + 1) / pieces - begin);
  });
}

template <class T>
T* shifted(T* p, std::size_t by) {
  return p != nullptr ? p + by : nullptr;
}

}  // namespace

template <class T>
void lstm_forward(const T* bias, T* z, const T* c, T* c1, T* h, std::size_t n, std::size_t d) {
  over_rows(n, d, [&](std::size_t r, std::size_t rows) {
    lstm_kernels<T>().forward(bias, z + 4 * r * d, c + r * d, c1 + r * d, h + r * d, rows, d);
  });
}

template <class T>
void lstm_cell_backward(const T* z, const T* c, const T* gc1, T* gz, bool add_z, T* gc, bool add_c,
                        std::size_t n, std::size_t d) {
  over_rows(n, d, [&](std::size_t r, std::size_t rows) {
    lstm_kernels<T>().cell_backward(z + 4 * r * d, c + r * d, gc1 + r * d, shifted(gz, 4 * r * d),
                                    add_z, shifted(gc, r * d), add_c, rows, d);
  });
}

template <class T>
void lstm_output_backward(const T* z, const T* c1, const T* gh, T* gz, bool add_z, T* gc1,
                          bool add_c1, std::size_t n, std::size_t d) {
  over_rows(n, d, [&](std::size_t r, std::size_t rows) {
    lstm_kernels<T>().output_backward(z + 4 * r * d, c1 + r * d, gh + r * d, shifted(gz, 4 * r * d),
                                      add_z, shifted(gc1, r * d), add_c1, rows, d);
  });
}

template <class T>
void lstm_step_backward(const T* z, const T* c, const T* c1, const T* gh, T* gc, T* gz,
                        std::size_t n, std::size_t d) {
  over_rows(n, d, [&](std::size_t r, std::size_t rows) {
    lstm_kernels<T>().step_backward(z + 4 * r * d, c + r * d, c1 + r * d, gh + r * d, gc + r * d,
                                    gz + 4 * r * d, rows, d);
  });
}

template <class T>
void gru_forward(const T* bias, const T* bias_h, const T* zx, const T* zh, const T* h, T* gates,
                 T* h1, std::size_t n, std::size_t d) {
  over_rows(n, d, [&](std::size_t r, std::size_t rows) {
    gru_kernels<T>().forward(bias, bias_h, zx + 3 * r * d, zh + 3 * r * d, h + r * d,
                             gates + 4 * r * d, h1 + r * d, rows, d);
  });
}

template <class T>
void gru_backward(const T* gates, const T* h, const T* gh1, T* gzx, T* gzh, T* gh, std::size_t n,
                  std::size_t d) {
  over_rows(n, d, [&](std::size_t r, std::size_t rows) {
    gru_kernels<T>().backward(gates + 4 * r * d, h + r * d, gh1 + r * d, gzx + 3 * r * d,
                              gzh + 3 * r * d, gh + r * d, rows, d);
  });
}

template <class T>
void rnn_forward(const T* bias, T* z, T* h, bool relu, std::size_t n, std::size_t d) {
  over_rows(n, d, [&](std::size_t r, std::size_t rows) {
    rnn_kernels<T>().forward(bias, z + r * d, h + r * d, relu, rows, d);
  });
}

template <class T>
void rnn_backward(const T* z, const T* gh, T* gz, bool relu, std::size_t n, std::size_t d) {
  over_rows(n, d, [&](std::size_t r, std::size_t rows) {
    rnn_kernels<T>().backward(z + r * d, gh + r * d, gz + r * d, relu, rows, d);
  });
}

#define XGRAD_INSTANTIATE(T)                                                                       \
  template void lstm_forward(const T*, T*, const T*, T*, T*, std::size_t, std::size_t);            \
  template void lstm_cell_backward(const T*, const T*, const T*, T*, bool, T*, bool, std::size_t,  \
                                   std::size_t);                                                   \
  template void lstm_output_backward(const T*, const T*, const T*, T*, bool, T*, bool,             \
                                     std::size_t, std::size_t);                                    \
  template void lstm_step_backward(const T*, const T*, const T*, const T*, T*, T*, std::size_t,    \
                                   std::size_t);                                                   \
  template void gru_forward(const T*, const T*, const T*, const T*, const T*, T*, T*, std::size_t, \
                            std::size_t);                                                          \
  template void gru_backward(const T*, const T*, const T*, T*, T*, T*, std::size_t, std::size_t);  \
  template void rnn_forward(const T*, T*, T*, bool, std::size_t, std::size_t);                     \
  template void rnn_backward(const T*, const T*, T*, bool, std::size_t, std::size_t);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::kernels
