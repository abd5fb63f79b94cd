#pragma once

// The elementwise half of a long short-term memory: gates i, f, g, o side by side in rows of 4 d.

#include <cstddef>

#include "xgrad/kernels/isa.hpp"

namespace xgrad::kernels {

template <class T>
struct LstmKernels {
  /// gates = sigmoid(gates + bias), tanh for g, in place; c1 = f c + i g; h = o tanh(c1). bias may
  /// be null.
  void (*forward)(const T* bias, T* gates, const T* c, T* c1, T* h, std::size_t n, std::size_t d);
  /// Of the gates from that of what they are before sigmoid and tanh: gz may be ggates.
  void (*gates_backward)(const T* gates, const T* ggates, T* gz, std::size_t n, std::size_t d);
  /// Through c1 = f c + i g: i, f and g of ggates, and gc. Each is added to if asked; ggates that
  /// is not has 0 for o.
  void (*cell_backward)(const T* gates, const T* c, const T* gc1, T* ggates, bool add_gates, T* gc,
                        bool add_c, std::size_t n, std::size_t d);
  /// Through h = o tanh(c1): o of ggates, and gc1; likewise with 0 for i, f and g.
  void (*output_backward)(const T* gates, const T* c1, const T* gh, T* ggates, bool add_gates,
                          T* gc1, bool add_c1, std::size_t n, std::size_t d);
  /// Through a whole step at once: gz from gh; gc, of c1, becomes that of c.
  void (*step_backward)(const T* gates, const T* c, const T* c1, const T* gh, T* gc, T* gz,
                        std::size_t n, std::size_t d);
};

template <Isa I, class T>
LstmKernels<T> make_lstm_kernels();

// The kernels above, with the rows shared out over the threads. A gradient that is null is
// not wanted.

template <class T>
void lstm_forward(const T* bias, T* gates, const T* c, T* c1, T* h, std::size_t n, std::size_t d);
template <class T>
void lstm_gates_backward(const T* gates, const T* ggates, T* gz, std::size_t n, std::size_t d);
template <class T>
void lstm_cell_backward(const T* gates, const T* c, const T* gc1, T* ggates, bool add_gates, T* gc,
                        bool add_c, std::size_t n, std::size_t d);
template <class T>
void lstm_output_backward(const T* gates, const T* c1, const T* gh, T* ggates, bool add_gates,
                          T* gc1, bool add_c1, std::size_t n, std::size_t d);
template <class T>
void lstm_step_backward(const T* gates, const T* c, const T* c1, const T* gh, T* gc, T* gz,
                        std::size_t n, std::size_t d);

}  // namespace xgrad::kernels
