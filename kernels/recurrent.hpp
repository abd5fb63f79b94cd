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

template <Isa I, class T>
LstmKernels<T> make_lstm_kernels();

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

}  // namespace xgrad::kernels
