#include "xgrad/kernels/index.hpp"

#include <algorithm>
#include <cstring>

#include "xgrad/kernels/parallel.hpp"
#include "xgrad/kernels/reduce.hpp"
#include "xgrad/kernels/scratch.hpp"

namespace xgrad::kernels {
namespace {

// piece(begin, end) for parts of [0, n), as many as `elements` numbers are worth.
template <class Piece>
void in_pieces(std::size_t n, std::size_t elements, const Piece& piece) {
  const std::size_t pieces = std::min(n, pieces_for(elements));
  if (pieces == 0) return;
  parallel_for(pieces, [&](std::size_t k) { piece(n * k / pieces, n * (k + 1) / pieces); });
}

// The same for the columns of one row: parts that do not share a cache line.
template <class Piece>
void in_columns(std::size_t inner, std::size_t elements, const Piece& piece) {
  const std::size_t pieces = std::min(std::max(inner / 64, std::size_t{1}), pieces_for(elements));
  parallel_for(pieces, [&](std::size_t k) {
    const std::size_t begin = piece_begin(inner, pieces, k);
    piece(begin, piece_begin(inner, pieces, k + 1) - begin);
  });
}

std::size_t at(const std::int64_t* index, std::size_t k) {
  return static_cast<std::size_t>(index[k]);
}

// run(o, k, row) for the rows [begin, end), row = o count + k: without a division for each.
template <class Run>
void each_row(std::size_t begin, std::size_t end, std::size_t count, const Run& run) {
  for (std::size_t row = begin, o = begin / count, k = begin % count; row < end; ++o, k = 0) {
    for (; k < count && row < end; ++k, ++row) run(o, k, row);
  }
}

// Columns [begin, begin + size) of the rows.
template <class T>
void add_row_parts(const T* x, const std::int64_t* index, std::size_t count, T* y,
                   std::size_t inner, std::size_t begin, std::size_t size) {
  const auto axpy = reduce_kernels<T>().axpy;
  for (std::size_t k = 0; k < count; ++k) {
    const T* from = x + k * inner + begin;
    T* to = y + at(index, k) * inner + begin;
    size == 1 ? void(*to += *from) : axpy(to, from, T(1), size);
  }
}

// Rows that are added up one after the other: so many that tables of partial sums cost little.
std::size_t rows_per_table(std::size_t n) { return std::max<std::size_t>(256, 32 * n); }

// add(begin, end, table) for parts of `count` rows, each with a table (n, inner) of zeros of its own,
// whose sum is added to y.
template <class T, class Add>
void add_tables(std::size_t count, T* y, std::size_t n, std::size_t inner, const Add& add) {
  const std::size_t tables = count / rows_per_table(n), size = n * inner;
  Scratch<T> partial(tables * size, T(0)), total(size);
  parallel_for(tables, [&](std::size_t k) {
    add(count * k / tables, count * (k + 1) / tables, partial.data() + k * size);
  });
  reduce(Reduction::sum, partial.data(), total.data(), 1, tables, size);
  reduce_kernels<T>().axpy(y, total.data(), T(1), size);
}

bool are_many(std::size_t count, std::size_t n) { return count >= 2 * rows_per_table(n); }

}  // namespace

template <class T>
void select_rows(const T* x, AxisView view, const std::int64_t* index, std::size_t count, T* y) {
  const std::size_t n = view.n, inner = view.inner;
  in_pieces(view.outer * count, view.outer * count * inner,
            [&](std::size_t begin, std::size_t end) {
              each_row(begin, end, count, [=](std::size_t o, std::size_t k, std::size_t row) {
                const T* from = x + (o * n + at(index, k)) * inner;
                inner == 1 ? void(y[row] = *from)
                           : void(std::memcpy(y + row * inner, from, inner * sizeof(T)));
              });
            });
}

template <class T>
void add_rows(const T* x, const std::int64_t* index, std::size_t count, T* y, AxisView view) {
  const std::size_t n = view.n, inner = view.inner, elements = view.outer * count * inner;
  if (elements == 0) return;
  if (are_many(count, n)) {
    for (std::size_t o = 0; o < view.outer; ++o) {
      const T* const from = x + o * count * inner;
      add_tables(
          count, y + o * n * inner, n, inner, [&](std::size_t begin, std::size_t end, T* table) {
            add_row_parts(from + begin * inner, index + begin, end - begin, table, inner, 0, inner);
          });
    }
    return;
  }
  if (view.outer >= pieces_for(elements)) {
    return in_pieces(view.outer, elements, [&](std::size_t begin, std::size_t end) {
      for (std::size_t o = begin; o < end; ++o) {
        add_row_parts(x + o * count * inner, index, count, y + o * n * inner, inner, 0, inner);
      }
    });
  }
  for (std::size_t o = 0; o < view.outer; ++o) {
    in_columns(inner, elements / view.outer, [&](std::size_t begin, std::size_t size) {
      add_row_parts(x + o * count * inner, index, count, y + o * n * inner, inner, begin, size);
    });
  }
}

template <class T>
void gather_along(const T* x, AxisView view, const std::int64_t* index, std::size_t count, T* y) {
  const std::size_t n = view.n, inner = view.inner;
  in_pieces(view.outer * count, view.outer * count * inner,
            [&](std::size_t begin, std::size_t end) {
              each_row(begin, end, count, [=](std::size_t o, std::size_t, std::size_t row) {
                const T* from = x + o * n * inner;
                const std::size_t first = row * inner;
                for (std::size_t j = 0; j < inner; ++j)
                  y[first + j] = from[at(index, first + j) * inner + j];
              });
            });
}

template <class T>
void scatter_along(const T* x, const std::int64_t* index, std::size_t count, T* y, AxisView view) {
  const std::size_t n = view.n, inner = view.inner;
  const auto add = [&](std::size_t begin, std::size_t end, T* to) {
    for (std::size_t k = begin; k < end; ++k) {
      for (std::size_t j = 0; j < inner; ++j)
        to[at(index, k * inner + j) * inner + j] += x[k * inner + j];
    }
  };
  if (are_many(count, n)) {
    for (std::size_t o = 0; o < view.outer; ++o) {
      add_tables(count, y + o * n * inner, n, inner,
                 [&](std::size_t begin, std::size_t end, T* table) {
                   add(o * count + begin, o * count + end, table);
                 });
    }
    return;
  }
  in_pieces(view.outer, view.outer * count * inner, [&](std::size_t begin, std::size_t end) {
    for (std::size_t o = begin; o < end; ++o) add(o * count, (o + 1) * count, y + o * n * inner);
  });
}

#define XGRAD_INSTANTIATE(T)                                                            \
  template void select_rows(const T*, AxisView, const std::int64_t*, std::size_t, T*);  \
  template void add_rows(const T*, const std::int64_t*, std::size_t, T*, AxisView);     \
  template void gather_along(const T*, AxisView, const std::int64_t*, std::size_t, T*); \
  template void scatter_along(const T*, const std::int64_t*, std::size_t, T*, AxisView);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::kernels
