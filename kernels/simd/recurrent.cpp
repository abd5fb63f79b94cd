#include "xgrad/kernels/recurrent.hpp"

#include "xgrad/kernels/instantiate.hpp"
#include "xgrad/kernels/rows.hpp"

#define XGRAD_INLINE __attribute__((always_inline))

namespace xgrad::kernels {
namespace {

// body(offset in c, offset in gates, width, offset in the row).
template <class P, class Body>
[[gnu::always_inline]] inline void each_unit(std::size_t n, std::size_t d, const Body& body) {
  for (std::size_t r = 0; r < n; ++r) {
    each_pack<P>(d, [&](std::size_t k, auto width, auto)
                        XGRAD_INLINE { body(r * d + k, 4 * r * d + k, width, k); });
  }
}

template <class T>
void forward(const T* bias, T* gates, const T* c, T* c1, T* h, std::size_t n, std::size_t d) {
  using P = Pack<T, Arch>;
  each_unit<P>(n, d, [&](std::size_t at, std::size_t gate, auto width, std::size_t k) XGRAD_INLINE {
    const auto before = [&](std::size_t q) XGRAD_INLINE {
      const P z = load<P>(gates + gate + q * d, width);
      return bias != nullptr ? z + load<P>(bias + k + q * d, width) : z;
    };
    const P i = sigmoid(before(0)), f = sigmoid(before(1)), g = tanh(before(2)),
            o = sigmoid(before(3));
    const P cell = f * load<P>(c + at, width) + i * g;
    store(i, gates + gate, width);
    store(f, gates + gate + d, width);
    store(g, gates + gate + 2 * d, width);
    store(o, gates + gate + 3 * d, width);
    store(cell, c1 + at, width);
    store(o * tanh(cell), h + at, width);
  });
}

template <class T>
void gates_backward(const T* gates, const T* ggates, T* gz, std::size_t n, std::size_t d) {
  using P = Pack<T, Arch>;
  each_unit<P>(n, d, [&](std::size_t, std::size_t gate, auto width, std::size_t) XGRAD_INLINE {
    const auto through = [&](std::size_t q) XGRAD_INLINE {
      const std::size_t k = gate + q * d;
      const P y = load<P>(gates + k, width), slope = (1 - y) * (q == 2 ? 1 + y : y);
      store(load<P>(ggates + k, width) * slope, gz + k, width);
    };
    through(0);
    through(1);
    through(2);
    through(3);
  });
}

template <class T>
void cell_backward(const T* gates, const T* c, const T* gc1, T* ggates, bool add_gates, T* gc,
                   bool add_c, std::size_t n, std::size_t d) {
  using P = Pack<T, Arch>;
  each_unit<P>(n, d, [&](std::size_t at, std::size_t gate, auto width, std::size_t) XGRAD_INLINE {
    const P s = load<P>(gc1 + at, width);
    if (gc != nullptr) put(s * load<P>(gates + gate + d, width), gc + at, width, add_c);
    if (ggates == nullptr) return;
    put(s * load<P>(gates + gate + 2 * d, width), ggates + gate, width, add_gates);
    put(s * load<P>(c + at, width), ggates + gate + d, width, add_gates);
    put(s * load<P>(gates + gate, width), ggates + gate + 2 * d, width, add_gates);
    if (!add_gates) store(P(0), ggates + gate + 3 * d, width);
  });
}

template <class T>
void output_backward(const T* gates, const T* c1, const T* gh, T* ggates, bool add_gates, T* gc1,
                     bool add_c1, std::size_t n, std::size_t d) {
  using P = Pack<T, Arch>;
  each_unit<P>(n, d, [&](std::size_t at, std::size_t gate, auto width, std::size_t) XGRAD_INLINE {
    const P s = load<P>(gh + at, width), u = tanh(load<P>(c1 + at, width));
    if (gc1 != nullptr)
      put(s * load<P>(gates + gate + 3 * d, width) * ((1 - u) * (1 + u)), gc1 + at, width, add_c1);
    if (ggates == nullptr) return;
    put(s * u, ggates + gate + 3 * d, width, add_gates);
    if (add_gates) return;
    for (std::size_t q = 0; q < 3; ++q) store(P(0), ggates + gate + q * d, width);
  });
}

template <class T>
void step_backward(const T* gates, const T* c, const T* c1, const T* gh, T* gc, T* gz,
                   std::size_t n, std::size_t d) {
  using P = Pack<T, Arch>;
  each_unit<P>(n, d, [&](std::size_t at, std::size_t gate, auto width, std::size_t) XGRAD_INLINE {
    const auto activated = [&](std::size_t q)
                               XGRAD_INLINE { return load<P>(gates + gate + q * d, width); };
    const P i = activated(0), f = activated(1), g = activated(2), o = activated(3);
    const P s = load<P>(gh + at, width), u = tanh(load<P>(c1 + at, width));
    const P sc = load<P>(gc + at, width) + s * o * ((1 - u) * (1 + u));
    store(sc * f, gc + at, width);
    store(sc * g * ((1 - i) * i), gz + gate, width);
    store(sc * load<P>(c + at, width) * ((1 - f) * f), gz + gate + d, width);
    store(sc * i * ((1 - g) * (1 + g)), gz + gate + 2 * d, width);
    store(s * u * ((1 - o) * o), gz + gate + 3 * d, width);
  });
}

}  // namespace

template <Isa I, class T>
LstmKernels<T> make_lstm_kernels() {
  return {&forward<T>, &gates_backward<T>, &cell_backward<T>, &output_backward<T>,
          &step_backward<T>};
}

template LstmKernels<float> make_lstm_kernels<kIsa, float>();
template LstmKernels<double> make_lstm_kernels<kIsa, double>();

}  // namespace xgrad::kernels
