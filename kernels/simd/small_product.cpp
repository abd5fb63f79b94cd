#include "xgrad/kernels/small_product.hpp"

#include <algorithm>
#include <utility>

#include "xgrad/kernels/functions/exponentials.hpp"
#include "xgrad/kernels/instantiate.hpp"
#include "xgrad/kernels/lanes.hpp"
#include "xgrad/kernels/rows.hpp"

#define XGRAD_INLINE [[gnu::always_inline]] inline
#define XGRAD_INLINED __attribute__((always_inline))

namespace xgrad::kernels {
namespace {

template <class T>
using P = Pack<T, Arch>;

using xgrad::detail::multiply_add;

// f(0), f(1) ... f(N - 1), one after the other in the code too: only then arrays are registers.
template <std::size_t N, class F>
XGRAD_INLINE void unrolled(const F& f) {
  [&]<std::size_t... I>(std::index_sequence<I...>) XGRAD_INLINED {
    (f(std::integral_constant<std::size_t, I>()), ...);
  }
  (std::make_index_sequence<N>());
}

// Rows of C in registers, V of them in each row: as many as leave room for V columns of B.
template <std::size_t V>
constexpr std::size_t most_rows() {
  if (V == 4) return 2;
  return std::is_base_of_v<xsimd::avx512f, Arch> ? 16 - 4 * V : 10 - 2 * V;
}

// What joins the sums on their way to C.
enum class Joins { nothing, what_is_there, others };

// Registers of C from column j on. `Along`: they go to memory as they are in a register. All of it is copied:
// what is written to C could be a part of the product for all that a compiler knows.
template <class T, bool Along>
class Target {
 public:
  XGRAD_INLINE Target(const SmallProduct<T>& p, std::size_t j)
      : c_(p.c), d_(p.d), beta_(p.beta), width_(p.n - j), joins_(joins(p)) {
    c_.data += j * c_.column;
    if (d_.data != nullptr) d_.data += j * d_.column;
  }

  /// V registers of M rows from row i on.
  template <std::size_t M, std::size_t V>
  XGRAD_INLINE void put(std::size_t i, const P<T> (&sum)[M][V]) const {
    constexpr std::size_t W = P<T>::size;
    if constexpr (Along) {
      if (joins_ != Joins::others || (d_.data != nullptr && d_.row == 0)) {
        if (width_ >= V * W) return put_rows<M, V, true>(i, sum);
        if (kMasks) return put_rows<M, V, false>(i, sum);
      }
    }
    alignas(64) T sums[M * V * W];
    unrolled<M>([&](auto r) XGRAD_INLINED {
      unrolled<V>([&](auto v) XGRAD_INLINED { sum[r][v].store(sums + (r * V + v) * W); });
    });
    put_parts(i, M, V, sums);
  }

 private:
  static constexpr bool kMasks = std::is_base_of_v<xsimd::avx512f, Arch>;

  // Where D is nothing or one row. `Whole`: registers are full.
  template <std::size_t M, std::size_t V, bool Whole>
  XGRAD_INLINE void put_rows(std::size_t i, const P<T> (&sum)[M][V]) const {
    constexpr std::size_t W = P<T>::size;
    const auto load = [&](const T* from, std::size_t v) XGRAD_INLINED {
      return Whole ? P<T>::load(from + v * W)
                   : P<T>::load_first(from + v * W, std::min(width_ - v * W, W));
    };
    const auto each = [&](const auto& joined) XGRAD_INLINED {
      T* c = c_.data + i * c_.row;
      unrolled<M>([&](auto r) XGRAD_INLINED {
        unrolled<V>([&](auto v) XGRAD_INLINED {
          const P<T> all = joined(c, sum[r][v], v);
          Whole ? all.store(c + v * W) : all.store_first(c + v * W, std::min(width_ - v * W, W));
        });
        c += c_.row;
      });
    };
    if (joins_ == Joins::nothing) {
      each([](const T*, P<T> x, std::size_t) XGRAD_INLINED { return x; });
    } else if (joins_ == Joins::what_is_there) {
      each([&](const T* c, P<T> x, std::size_t v) XGRAD_INLINED { return load(c, v) + x; });
    } else {
      P<T> row[V];
      unrolled<V>([&](auto v) XGRAD_INLINED { row[v] = load(d_.data, v); });
      each([&](const T*, P<T> x, std::size_t v) XGRAD_INLINED { return row[v] + x; });
    }
  }
  [[gnu::noinline]] void put_parts(std::size_t i, std::size_t rows, std::size_t registers,
                                   const T* sums) const {
    constexpr std::size_t W = P<T>::size;
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t v = 0; v < registers; ++v, sums += W) put(i + r, v, P<T>::load(sums));
    }
  }
  XGRAD_INLINE void put(std::size_t i, std::size_t v, P<T> sum) const {
    constexpr std::size_t W = P<T>::size;
    const std::size_t width = std::min(width_ - v * W, W);
    T* const c = c_.data + i * c_.row + v * W * c_.column;
    if (joins_ != Joins::nothing) {
      if (joins_ == Joins::what_is_there) {
        sum = read(c, c_.column, width) + sum;
      } else if (d_.data != nullptr) {
        sum = read(d_.data + i * d_.row + v * W * d_.column, d_.column, width) + sum;
      } else {
        sum = multiply_add(P<T>(beta_), read(c, c_.column, width), sum);
      }
    }
    write(c, width, sum);
  }

  static Joins joins(const SmallProduct<T>& p) {
    if (p.d.data != nullptr) return Joins::others;
    return p.beta == T(0) ? Joins::nothing : p.beta == T(1) ? Joins::what_is_there : Joins::others;
  }
  XGRAD_INLINE static P<T> read(const T* from, std::size_t step, std::size_t width) {
    if constexpr (Along) {
      return width == P<T>::size ? P<T>::load(from) : P<T>::load_first(from, width);
    }
    if (step == 0) return P<T>(*from);
    alignas(64) T lane[P<T>::size] = {};
    for (std::size_t e = 0; e < width; ++e) lane[e] = from[e * step];
    return P<T>::load(lane);
  }
  XGRAD_INLINE void write(T* c, std::size_t width, P<T> sum) const {
    if constexpr (Along) return width == P<T>::size ? sum.store(c) : sum.store_first(c, width);
    alignas(64) T lane[P<T>::size];
    sum.store(lane);
    for (std::size_t e = 0; e < width; ++e) c[e * c_.column] = lane[e];
  }

  StridedMatrix<T> c_;
  StridedMatrix<const T> d_;
  T beta_;
  std::size_t width_;
  Joins joins_;
};

// Columns of B: V registers, `apart` from each other, in each of rows that are `pitch` apart.
template <class T>
struct Columns {
  const T* data;
  std::size_t pitch, apart;
};

// The same column of M rows of A. An address reaches three rows: more pointers than that would not stay in
// registers.
template <std::size_t M, class T>
class RowsOfA {
 public:
  XGRAD_INLINE RowsOfA(StridedMatrix<const T> a, std::size_t first)
      : step_(a.column), row_(a.row), two_rows_(2 * a.row) {
    at_[0] = a.data + first * a.row;
    unrolled<kAddresses - 1>([&](auto i) XGRAD_INLINED { at_[i + 1] = at_[i] + row_ + two_rows_; });
  }
  template <std::size_t R>
  XGRAD_INLINE P<T> row() const {
    const T* const at = at_[R / 3];
    return P<T>(R % 3 == 0 ? *at : R % 3 == 1 ? at[row_] : at[two_rows_]);
  }
  XGRAD_INLINE void next() {
    unrolled<kAddresses>([&](auto i) XGRAD_INLINED { at_[i] += step_; });
  }

 private:
  static constexpr std::size_t kAddresses = (M + 2) / 3;
  std::size_t step_, row_, two_rows_;
  const T* at_[kAddresses];
};

// What a column of A and a row of B add to V registers of M rows of C.
template <std::size_t M, std::size_t V, class T>
XGRAD_INLINE void add_term(const RowsOfA<M, T>& a, const Columns<T>& b, P<T> (&sum)[M][V]) {
  P<T> column[V];
  unrolled<V>([&](auto v) XGRAD_INLINED { column[v] = P<T>::load(b.data + v * b.apart); });
  unrolled<M>([&](auto r) XGRAD_INLINED {
    const P<T> f = a.template row<r>();
    unrolled<V>([&](auto v) XGRAD_INLINED { sum[r][v] = multiply_add(f, column[v], sum[r][v]); });
  });
}

// M rows of C, V registers of each.
template <std::size_t M, std::size_t V, class T, bool Along>
[[gnu::noinline]] void rows_of_c(const SmallProduct<T>& p, Columns<T> b, std::size_t i,
                                 const Target<T, Along>& target) {
  RowsOfA<M, T> a(p.a, i);
  P<T> sum[M][V];
  unrolled<M>([&](auto r) XGRAD_INLINED {
    unrolled<V>([&](auto v) XGRAD_INLINED { sum[r][v] = P<T>(0); });
  });
  for (std::size_t l = p.k; l-- > 0; a.next(), b.data += b.pitch) add_term<M, V, T>(a, b, sum);
  target.template put<M, V>(i, sum);
}

// Rows from i on, M at a time, then the rest.
template <std::size_t M, std::size_t V, class T, bool Along>
void rows_from(const SmallProduct<T>& p, const Columns<T>& b, std::size_t i,
               const Target<T, Along>& target) {
  for (; p.m - i >= M; i += M) rows_of_c<M, V>(p, b, i, target);
  constexpr std::size_t kNext = M > 8 ? 8 : M > 4 ? 4 : M / 2;
  if constexpr (kNext != 0) rows_from<kNext, V>(p, b, i, target);
}

template <std::size_t V, class T>
void columns_of_c(const SmallProduct<T>& p, const Columns<T>& b, std::size_t j) {
  constexpr std::size_t kMost = most_rows<V>();
  if (p.c.column == 1 && (p.d.data == nullptr || p.d.column == 1)) {
    rows_from<kMost, V>(p, b, 0, Target<T, true>(p, j));
  } else {
    rows_from<kMost, V>(p, b, 0, Target<T, false>(p, j));
  }
}

// Rows of a matrix, a register's lanes of each, transposed; rows and columns that it has not are 0.
template <class T>
XGRAD_INLINE void transpose(const T* from, std::size_t pitch, std::size_t rows, std::size_t columns,
                            T* to) {
  constexpr std::size_t W = P<T>::size;
  Tile<P<T>> tile;
  alignas(64) T row[W];
  for (std::size_t r = 0; r < W; ++r) {
    if (r < rows && columns >= W) {
      tile.load(r, from + r * pitch);
      continue;
    }
    (r < rows ? P<T>::load_first(from + r * pitch, columns) : P<T>(0)).store(row);
    tile.load(r, row);
  }
  tile.template spread<W>();
  for (std::size_t r = 0; r < std::min(columns, W); ++r) tile.store(r, to + r * W);
}

// The lanes of B's columns from j on, one register for each of its rows.
template <class T>
XGRAD_INLINE void lay_out(const SmallProduct<T>& p, std::size_t j, T* panel) {
  constexpr std::size_t W = P<T>::size;
  const std::size_t width = std::min(p.n - j, W);
  const T* from = p.b.data + j * p.b.column;
  if (p.b.column == 1) {
    for (std::size_t l = 0; l < p.k; ++l)
      P<T>::load_first(from + l * p.b.row, width).store(panel + l * W);
  } else if (p.b.row == 1) {
    for (std::size_t l = 0; l < p.k; l += W)
      transpose(from + l, p.b.column, width, p.k - l, panel + l * W);
  } else {
    for (std::size_t l = 0; l < p.k; ++l) {
      for (std::size_t e = 0; e < W; ++e)
        panel[l * W + e] = e < width ? from[l * p.b.row + e * p.b.column] : T(0);
    }
  }
}

// V registers of columns from j on, B as it is or laid out anew.
template <std::size_t V, class T>
void columns_from(const SmallProduct<T>& p, std::size_t j) {
  constexpr std::size_t W = P<T>::size;
  if (p.b.column == 1 && p.n - j >= V * W)
    return columns_of_c<V>(p, Columns<T>{p.b.data + j, p.b.row, W}, j);
  alignas(64) T panel[V * kSmallProductSide * W];
  for (std::size_t v = 0; v < V; ++v) lay_out(p, j + v * W, panel + v * p.k * W);
  columns_of_c<V>(p, Columns<T>{panel, W, p.k * W}, j);
}

// A column times a row, added to C or in its place: what gradients of weights are for one sample.
template <class T, bool Adds>
void outer_product(const SmallProduct<T>& p) {
  for (std::size_t i = 0; i < p.m; ++i) {
    const P<T> f(p.a.data[i * p.a.row]);
    T* const c = p.c.data + i * p.c.row;
    each_pack_alone<P<T>>(p.n, [&](std::size_t j, auto width) XGRAD_INLINED {
      const P<T> one = multiply_add(f, load<P<T>>(p.b.data + j, width), P<T>(0));
      store(Adds ? load<P<T>>(c + j, width) + one : one, c + j, width);
    });
  }
}

template <class T>
bool is_outer_product(const SmallProduct<T>& p) {
  return p.k == 1 && p.c.column == 1 && p.b.column == 1 && p.d.data == nullptr &&
         (p.beta == T(0) || p.beta == T(1));
}

// One or two rows are of four registers each, as sums wait for each other's terms.
template <class T>
void multiply(const SmallProduct<T>& p) {
  if (is_outer_product(p))
    return p.beta == T(0) ? outer_product<T, false>(p) : outer_product<T, true>(p);
  constexpr std::size_t W = P<T>::size;
  const bool wide = p.m <= 2;
  for (std::size_t j = 0; j < p.n;) {
    const std::size_t packs = (p.n - j + W - 1) / W;
    if (wide && packs >= 4) {
      columns_from<4>(p, j);
      j += 4 * W;
    } else if (packs >= 2) {
      columns_from<2>(p, j);
      j += 2 * W;
    } else {
      columns_from<1>(p, j);
      j += W;
    }
  }
}

template <class T>
SmallProduct<T> transposed(const SmallProduct<T>& p) {
  return {p.n,
          p.m,
          p.k,
          p.b.transposed(),
          p.a.transposed(),
          p.beta,
          p.c.transposed(),
          p.d.transposed()};
}

// Few columns leave most of a register empty: then those of A, where they are along memory.
template <class T>
void product_kernel(const SmallProduct<T>& p) {
  const bool turn = p.n <= P<T>::size / 4 && p.m > p.n && p.a.row == 1;
  multiply(turn ? transposed(p) : p);
}

}  // namespace

template <Isa I, class T>
SmallProductKernel<T> make_small_product_kernel() {
  return &product_kernel<T>;
}
template SmallProductKernel<float> make_small_product_kernel<kIsa, float>();
template SmallProductKernel<double> make_small_product_kernel<kIsa, double>();

}  // namespace xgrad::kernels
