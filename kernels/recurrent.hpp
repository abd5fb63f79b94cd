#pragma once

// The elementwise half of a long short-term memory: gates i, f, g, o side by side in rows of 4 d, as
// they are before sigmoid (tanh for g): what is saved of them, since the slopes of a gate that is
// nearly open or shut cannot be told from its rounded value.

#include <cstddef>

#include "xgrad/kernels/isa.hpp"

namespace xgrad::kernels {

template <class T>
struct LstmKernels {
  /// z = z + bias, in place; c1 = f c + i g; h = o tanh(c1). bias may be null.
  void (*forward)(const T* bias, T* z, const T* c, T* c1, T* h, std::size_t n, std::size_t d);
  /// Through c1 = f c + i g: i, f and g of gz, and gc. Each is added to if asked; gz that is not has
  /// 0 for o.
  void (*cell_backward)(const T* z, const T* c, const T* gc1, T* gz, bool add_z, T* gc, bool add_c,
                        std::size_t n, std::size_t d);
  /// Through h = o tanh(c1): o of gz, and gc1; likewise with 0 for i, f and g.
  void (*output_backward)(const T* z, const T* c1, const T* gh, T* gz, bool add_z, T* gc1,
                          bool add_c1, std::size_t n, std::size_t d);
  /// Through a whole step at once: gz from gh; gc, of c1, becomes that of c.
  void (*step_backward)(const T* z, const T* c, const T* c1, const T* gh, T* gc, T* gz,
                        std::size_t n, std::size_t d);
};

/// The elementwise half of a gated recurrent unit. What is saved are rows of 4 d: r, z, n as they
/// are before sigmoid and tanh, and h weight_h^T + bias_h of n.
template <class T>
struct GruKernels {
  /// Of x weight_x^T and h weight_h^T, rows of 3 d: h1 = n + z (h - n).
  void (*forward)(const T* bias, const T* bias_h, const T* zx, const T* zh, const T* h, T* gates,
                  T* h1, std::size_t n, std::size_t d);
  /// Gradients of zx, zh and h by that of h1, which gh may be.
  void (*backward)(const T* gates, const T* h, const T* gh1, T* gzx, T* gzh, T* gh, std::size_t n,
                   std::size_t d);
};

/// Of a recurrent network without gates, z in rows of d.
template <class T>
struct RnnKernels {
  /// z = z + bias, in place; h = tanh(z), or relu(z).
  void (*forward)(const T* bias, T* z, T* h, bool relu, std::size_t n, std::size_t d);
  void (*backward)(const T* z, const T* gh, T* gz, bool relu, std::size_t n, std::size_t d);
};

template <Isa I, class T>
LstmKernels<T> make_lstm_kernels();
template <Isa I, class T>
GruKernels<T> make_gru_kernels();
template <Isa I, class T>
RnnKernels<T> make_rnn_kernels();

// The kernels above, with the rows shared out over the threads. A gradient that is null is
// not wanted.

template <class T>
void lstm_forward(const T* bias, T* z, const T* c, T* c1, T* h, std::size_t n, std::size_t d);
template <class T>
void lstm_cell_backward(const T* z, const T* c, const T* gc1, T* gz, bool add_z, T* gc, bool add_c,
                        std::size_t n, std::size_t d);
template <class T>
void lstm_output_backward(const T* z, const T* c1, const T* gh, T* gz, bool add_z, T* gc1,
                          bool add_c1, std::size_t n, std::size_t d);
template <class T>
void lstm_step_backward(const T* z, const T* c, const T* c1, const T* gh, T* gc, T* gz,
                        std::size_t n, std::size_t d);
template <class T>
void gru_forward(const T* bias, const T* bias_h, const T* zx, const T* zh, const T* h, T* gates,
                 T* h1, std::size_t n, std::size_t d);
template <class T>
void gru_backward(const T* gates, const T* h, const T* gh1, T* gzx, T* gzh, T* gh, std::size_t n,
                  std::size_t d);
template <class T>
void rnn_forward(const T* bias, T* z, T* h, bool relu, std::size_t n, std::size_t d);
template <class T>
void rnn_backward(const T* z, const T* gh, T* gz, bool relu, std::size_t n, std::size_t d);

}  // namespace xgrad::kernels
