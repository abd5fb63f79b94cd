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
    each_pack_alone<P>(d, [&](std::size_t k, auto width)
                              XGRAD_INLINE { body(r * d + k, 4 * r * d + k, width, k); });
  }
}

/// A function and its slope at one place.
template <class P>
struct Smooth {
  P value, slope;
};

/// g through a slope; a path through a slope of 0 contributes 0.
template <class P>
[[gnu::always_inline]] inline P through(P g, P slope) {
  return where(g == P(0) || slope == P(0), P(0), g * slope);
}

template <class P>
[[gnu::always_inline]] inline Smooth<P> smooth_sigmoid(P z) {
  const P e = detail::exp_of_negative(detail::negative_size(z)), r = 1 / (1 + e);
  return {where(z < P(0), e, P(1)) * r, e * (r * r)};
}
template <class P>
[[gnu::always_inline]] inline Smooth<P> smooth_tanh(P z) {
  return {tanh(z), 4 * logistic_density(2 * z)};
}

template <class T>
void forward(const T* bias, T* z, const T* c, T* c1, T* h, std::size_t n, std::size_t d) {
  using P = Pack<T, Arch>;
  each_unit<P>(n, d, [&](std::size_t at, std::size_t gate, auto width, std::size_t k) XGRAD_INLINE {
    const auto before = [&](std::size_t q) XGRAD_INLINE {
      P x = load<P>(z + gate + q * d, width);
      if (bias == nullptr) return x;
      x = x + load<P>(bias + k + q * d, width);
      store(x, z + gate + q * d, width);
      return x;
    };
    const P i = sigmoid(before(0)), f = sigmoid(before(1)), g = tanh(before(2)),
            o = sigmoid(before(3));
    const P cell = f * load<P>(c + at, width) + i * g;
    store(cell, c1 + at, width);
    store(o * tanh(cell), h + at, width);
  });
}

template <class T>
void cell_backward(const T* z, const T* c, const T* gc1, T* gz, bool add_z, T* gc, bool add_c,
                   std::size_t n, std::size_t d) {
  using P = Pack<T, Arch>;
  each_unit<P>(n, d, [&](std::size_t at, std::size_t gate, auto width, std::size_t) XGRAD_INLINE {
    const P s = load<P>(gc1 + at, width);
    const Smooth<P> f = smooth_sigmoid(load<P>(z + gate + d, width));
    if (gc != nullptr) put(through(s, f.value), gc + at, width, add_c);
    if (gz == nullptr) return;
    const Smooth<P> i = smooth_sigmoid(load<P>(z + gate, width)),
                    g = smooth_tanh(load<P>(z + gate + 2 * d, width));
    put(through(through(s, g.value), i.slope), gz + gate, width, add_z);
    put(through(through(s, load<P>(c + at, width)), f.slope), gz + gate + d, width, add_z);
    put(through(through(s, i.value), g.slope), gz + gate + 2 * d, width, add_z);
    if (!add_z) store(P(0), gz + gate + 3 * d, width);
  });
}

template <class T>
void output_backward(const T* z, const T* c1, const T* gh, T* gz, bool add_z, T* gc1, bool add_c1,
                     std::size_t n, std::size_t d) {
  using P = Pack<T, Arch>;
  each_unit<P>(n, d, [&](std::size_t at, std::size_t gate, auto width, std::size_t) XGRAD_INLINE {
    const P s = load<P>(gh + at, width);
    const Smooth<P> u = smooth_tanh(load<P>(c1 + at, width)),
                    o = smooth_sigmoid(load<P>(z + gate + 3 * d, width));
    if (gc1 != nullptr) put(through(through(s, o.value), u.slope), gc1 + at, width, add_c1);
    if (gz == nullptr) return;
    put(through(through(s, u.value), o.slope), gz + gate + 3 * d, width, add_z);
    if (add_z) return;
    for (std::size_t q = 0; q < 3; ++q) store(P(0), gz + gate + q * d, width);
  });
}

template <class T>
void step_backward(const T* z, const T* c, const T* c1, const T* gh, T* gc, T* gz, std::size_t n,
                   std::size_t d) {
  using P = Pack<T, Arch>;
  each_unit<P>(n, d, [&](std::size_t at, std::size_t gate, auto width, std::size_t) XGRAD_INLINE {
    const auto before = [&](std::size_t q)
                            XGRAD_INLINE { return load<P>(z + gate + q * d, width); };
    const Smooth<P> i = smooth_sigmoid(before(0)), f = smooth_sigmoid(before(1)),
                    g = smooth_tanh(before(2)), o = smooth_sigmoid(before(3)),
                    u = smooth_tanh(load<P>(c1 + at, width));
    const P s = load<P>(gh + at, width),
            sc = load<P>(gc + at, width) + through(through(s, o.value), u.slope);
    store(through(sc, f.value), gc + at, width);
    store(through(through(sc, g.value), i.slope), gz + gate, width);
    store(through(through(sc, load<P>(c + at, width)), f.slope), gz + gate + d, width);
    store(through(through(sc, i.value), g.slope), gz + gate + 2 * d, width);
    store(through(through(s, u.value), o.slope), gz + gate + 3 * d, width);
  });
}

template <class T>
void gated_forward(const T* bias, const T* bias_h, const T* zx, const T* zh, const T* h, T* gates,
                   T* h1, std::size_t n, std::size_t d) {
  using P = Pack<T, Arch>;
  each_unit<P>(n, d, [&](std::size_t at, std::size_t gate, auto width, std::size_t k) XGRAD_INLINE {
    const std::size_t in = gate - at + k;  // 3 r d + k
    const auto of_x = [&](std::size_t q) XGRAD_INLINE {
      return load<P>(zx + in + q * d, width) + load<P>(bias + k + q * d, width);
    };
    const auto of_h = [&](std::size_t q) XGRAD_INLINE {
      return load<P>(zh + in + q * d, width) + load<P>(bias_h + k + q * d, width);
    };
    const P r = of_x(0) + of_h(0), z = of_x(1) + of_h(1), q = of_h(2), a = of_x(2) + sigmoid(r) * q,
            u = tanh(a);
    store(r, gates + gate, width);
    store(z, gates + gate + d, width);
    store(a, gates + gate + 2 * d, width);
    store(q, gates + gate + 3 * d, width);
    store(u + sigmoid(z) * (load<P>(h + at, width) - u), h1 + at, width);
  });
}

template <class T>
void gated_backward(const T* gates, const T* h, const T* gh1, T* gzx, T* gzh, T* gh, std::size_t n,
                    std::size_t d) {
  using P = Pack<T, Arch>;
  each_unit<P>(n, d, [&](std::size_t at, std::size_t gate, auto width, std::size_t k) XGRAD_INLINE {
    const std::size_t in = gate - at + k;
    const auto before = [&](std::size_t q)
                            XGRAD_INLINE { return load<P>(gates + gate + q * d, width); };
    const Smooth<P> r = smooth_sigmoid(before(0)), z = smooth_sigmoid(before(1)),
                    u = smooth_tanh(before(2));
    const P s = load<P>(gh1 + at, width),
            ga = through(through(s, smooth_sigmoid(-before(1)).value), u.slope),
            gr = through(through(ga, before(3)), r.slope),
            gz = through(through(s, load<P>(h + at, width) - u.value), z.slope);
    store(gr, gzx + in, width);
    store(gz, gzx + in + d, width);
    store(ga, gzx + in + 2 * d, width);
    store(gr, gzh + in, width);
    store(gz, gzh + in + d, width);
    store(through(ga, r.value), gzh + in + 2 * d, width);
    store(through(s, z.value), gh + at, width);
  });
}

template <class T>
void plain_forward(const T* bias, T* z, T* h, bool relu, std::size_t n, std::size_t d) {
  using P = Pack<T, Arch>;
  each_unit<P>(n, d, [&](std::size_t at, std::size_t, auto width, std::size_t k) XGRAD_INLINE {
    const P x = load<P>(z + at, width) + load<P>(bias + k, width);
    store(x, z + at, width);
    store(relu ? where(x < P(0), P(0), x) : tanh(x), h + at, width);
  });
}

template <class T>
void plain_backward(const T* z, const T* gh, T* gz, bool relu, std::size_t n, std::size_t d) {
  using P = Pack<T, Arch>;
  each_unit<P>(n, d, [&](std::size_t at, std::size_t, auto width, std::size_t) XGRAD_INLINE {
    const P s = load<P>(gh + at, width), x = load<P>(z + at, width);
    store(relu ? where(x <= P(0), P(0), s) : through(s, smooth_tanh(x).slope), gz + at, width);
  });
}

}  // namespace

template <Isa I, class T>
LstmKernels<T> make_lstm_kernels() {
  return {&forward<T>, &cell_backward<T>, &output_backward<T>, &step_backward<T>};
}

template <Isa I, class T>
GruKernels<T> make_gru_kernels() {
  return {&gated_forward<T>, &gated_backward<T>};
}

template <Isa I, class T>
RnnKernels<T> make_rnn_kernels() {
  return {&plain_forward<T>, &plain_backward<T>};
}

template LstmKernels<float> make_lstm_kernels<kIsa, float>();
template LstmKernels<double> make_lstm_kernels<kIsa, double>();
template GruKernels<float> make_gru_kernels<kIsa, float>();
template GruKernels<double> make_gru_kernels<kIsa, double>();
template RnnKernels<float> make_rnn_kernels<kIsa, float>();
template RnnKernels<double> make_rnn_kernels<kIsa, double>();

}  // namespace xgrad::kernels
