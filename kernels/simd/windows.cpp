#include "xgrad/kernels/windows.hpp"

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <utility>

#include "xgrad/kernels/instantiate.hpp"

namespace xgrad::kernels {
namespace {

template <class T>
void add_row(const T* x, T weight, T* row, std::size_t n, bool begins) {
  if (begins) {
    for (std::size_t i = 0; i < n; ++i) row[i] = weight * x[i];
  } else {
    for (std::size_t i = 0; i < n; ++i) row[i] += weight * x[i];
  }
}

// Terms that are added up one after the other: longer sums are cut into such parts.
constexpr std::size_t kTerms = 128;

// Of the terms [begin, end).
template <class T>
T sum_terms(const AxisMapView<T>& map, std::size_t begin, std::size_t end, const T* x) {
  if (end - begin > kTerms) {
    const std::size_t middle = begin + (end - begin) / 2;
    return sum_terms(map, begin, middle, x) + sum_terms(map, middle, end, x);
  }
  T sum = 0;
  for (std::size_t e = begin; e < end; ++e) sum += map.weight[e] * x[map.at[e]];
  return sum;
}

template <class T>
void map_row(const AxisMapView<T>& columns, const T* row, T* y, bool accumulate) {
  for (std::size_t i = 0; i < columns.out; ++i)
    y[i] = (accumulate ? y[i] : T(0)) +
           sum_terms(columns, columns.first[i], columns.first[i + 1], row);
}

// row += part, what was rounded away before being in `rest` (Kahan 1965).
template <class T>
void add_part(const T* part, T* row, T* rest, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    const T more = part[i] - rest[i], sum = row[i] + more, lost = (sum - row[i]) - more;
    rest[i] = lost == lost ? lost : T(0);
    row[i] = sum;
  }
}

// The rows of x, with their weights, that result `slice` of slices and `row` of rows have to add.
template <class T>
struct RowTerms {
  const ImageMapView<T>& map;
  std::size_t slice, row;

  std::size_t slices() const { return map.slices.first[slice + 1] - map.slices.first[slice]; }
  std::size_t rows() const { return map.rows.first[row + 1] - map.rows.first[row]; }
  std::size_t count() const { return slices() * rows(); }

  // The sum of the terms [e, last).
  void add(std::size_t e, std::size_t last, const T* x, T* to) const {
    for (const std::size_t first = e; e < last; ++e) {
      const std::size_t s = map.slices.first[slice] + e / rows(),
                        r = map.rows.first[row] + e % rows(), n = map.columns.in,
                        place = map.slices.at[s] * map.rows.in + map.rows.at[r];
      add_row(x + place * n, map.slices.weight[s] * map.rows.weight[r], to, n, e == first);
    }
  }
};

// row = the sum of the terms, of which there is one at least. There is room for three rows.
template <class T>
void sum_rows(const RowTerms<T>& terms, const T* x, T* row) {
  const std::size_t count = terms.count(), n = terms.map.columns.in;
  if (count <= kTerms) return terms.add(0, count, x, row);
  T *const part = row + n, *const rest = row + 2 * n;
  std::fill_n(row, n, T(0));
  std::fill_n(rest, n, T(0));
  for (std::size_t e = 0; e < count; e += kTerms) {
    terms.add(e, std::min(count, e + kTerms), x, part);
    add_part(part, row, rest, n);
  }
}

template <class T>
void map(const ImageMapView<T>& image, const T* x, T* y, T* row, bool accumulate) {
  const std::size_t columns = image.columns.out, rows = image.slices.out * image.rows.out;
  for (std::size_t i = 0; i < rows; ++i, y += columns) {
    const RowTerms<T> terms = {image, i / image.rows.out, i % image.rows.out};
    if (terms.count() == 0) {
      for (std::size_t c = 0; c < columns && !accumulate; ++c) y[c] = T(0);
      continue;
    }
    sum_rows(terms, x, row);
    map_row(image.columns, row, y, accumulate);
  }
}

// Whether (b, at_b) comes before (a, at_a): larger, or NaN where the other is none, or as large and
// first. Without branches.
template <class T>
[[gnu::always_inline]] inline bool comes_before(T b, std::int32_t at_b, T a, std::int32_t at_a) {
  return (b > a) | ((b == a) & (at_b < at_a)) | ((b != b) & (a == a));
}

// The larger of the numbers of two rows, column by column.
template <class T>
void larger_of_rows(std::size_t n, const T* __restrict x, std::int32_t place, T* __restrict row,
                    std::int32_t* __restrict at) {
  for (std::size_t c = 0; c < n; ++c) {
    const T v = x[c], best = row[c];
    const bool better = (v > best) | ((v != v) & (best == best));
    row[c] = better ? v : best;
    at[c] = better ? place + static_cast<std::int32_t>(c) : at[c];
  }
}

// The largest of the rows of one window of slices and one of rows, column by column.
template <class T>
void largest_row(const ImageWindowsView& w, std::size_t slice, std::size_t window, const T* x,
                 T* __restrict row, std::int32_t* __restrict at) {
  const std::size_t n = w.columns.in;
  for (std::size_t s = 0; s < w.slices.count[slice]; ++s) {
    const std::size_t place = w.slices.begin[slice] + s * w.slices.step,
                      first = (place * w.rows.in + w.rows.begin[window]) * n;
    if (s == 0) {
      for (std::size_t c = 0; c < n; ++c) row[c] = x[first + c];
      for (std::size_t c = 0; c < n; ++c) at[c] = static_cast<std::int32_t>(first + c);
    }
    for (std::size_t k = s == 0 ? 1 : 0; k < w.rows.count[window]; ++k) {
      const std::size_t begin = first + k * w.rows.step * n;
      larger_of_rows(n, x + begin, static_cast<std::int32_t>(begin), row, at);
    }
  }
}

// Windows of two rows and two columns, side by side: the numbers of registers as vectors.
template <class T>
struct Vectors {
  static constexpr std::size_t size = Pack<T, Arch>::size;
  using Place = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
  typedef T Numbers __attribute__((vector_size(size * sizeof(T))));
  typedef Place Places __attribute__((vector_size(size * sizeof(T))));
  typedef std::int32_t Stored __attribute__((vector_size(size * sizeof(std::int32_t))));

  // Numbers with the places they come from.
  struct Found {
    Numbers x;
    Places at;
  };

  // `left` numbers of the image are behind `from`: lanes that are not theirs are 0.
  [[gnu::always_inline]] static Numbers load(const T* from, std::size_t left) {
    Numbers x;
    if (left >= size) {
      std::memcpy(&x, from, sizeof(x));
    } else {
      const auto first = Pack<T, Arch>::load_first(from, left);
      std::memcpy(&x, &first, sizeof(x));
    }
    return x;
  }
  [[gnu::always_inline]] static Found larger(const Found& a, const Found& b) {
    const auto better =
        (b.x > a.x) | ((b.x == a.x) & (b.at < a.at)) | ((b.x != b.x) & (a.x == a.x));
    return {better ? b.x : a.x, better ? b.at : a.at};
  }
  // Every other number of a and b.
  template <class V, std::size_t... I>
  [[gnu::always_inline]] static V every_other(V a, V b, int first, std::index_sequence<I...>) {
    return first == 0 ? __builtin_shufflevector(a, b, static_cast<int>(2 * I)...)
                      : __builtin_shufflevector(a, b, static_cast<int>(2 * I + 1)...);
  }
  [[gnu::always_inline]] static Found every_other(const Found& a, const Found& b, int first) {
    constexpr auto lanes = std::make_index_sequence<size>();
    return {every_other(a.x, b.x, first, lanes), every_other(a.at, b.at, first, lanes)};
  }
  // As many as there is room for.
  [[gnu::always_inline]] static void store(const Found& f, T* y, std::int32_t* at,
                                           std::size_t room) {
    const Stored places = __builtin_convertvector(f.at, Stored);
    if (room >= size) {
      std::memcpy(y, &f.x, sizeof(f.x));
      std::memcpy(at, &places, sizeof(places));
    } else {
      std::memcpy(y, &f.x, room * sizeof(T));
      std::memcpy(at, &places, room * sizeof(std::int32_t));
    }
  }
};

// Lanes behind the end of a row are written as well and overwritten by the next one.
template <class T>
void largest_of_squares(std::size_t rows_in, std::size_t rows, std::size_t columns_in,
                        std::size_t columns, const T* x, T* y, std::int32_t* at) {
  using V = Vectors<T>;
  using Place = typename V::Place;
  constexpr std::size_t size = V::size;
  typename V::Places lane;
  for (std::size_t i = 0; i < size; ++i) lane[i] = static_cast<Place>(i);
  const std::size_t numbers = rows_in * columns_in, results = rows * columns;
  const auto row = static_cast<Place>(columns_in);
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t c = 0; c < columns; c += size) {
      typename V::Found half[2];
#pragma GCC unroll 2
      for (std::size_t h = 0; h < 2; ++h) {
        const std::size_t place = 2 * i * columns_in + 2 * c + h * size;
        const std::size_t left = place < numbers ? numbers - place : 0,
                          below = left > columns_in ? left - columns_in : 0;
        const auto first = lane + static_cast<Place>(place);
        half[h] =
            V::larger({V::load(x + (left != 0 ? place : 0), left), first},
                      {V::load(x + (below != 0 ? place + columns_in : 0), below), first + row});
      }
      const std::size_t to = i * columns + c;
      V::store(V::larger(V::every_other(half[0], half[1], 0), V::every_other(half[0], half[1], 1)),
               y + to, at + to, results - to);
    }
  }
}

template <class T>
void largest_of_columns(const WindowsView& columns, const T* row, const std::int32_t* row_at, T* y,
                        std::int32_t* at) {
  for (std::size_t i = 0; i < columns.out; ++i) {
    std::size_t best = columns.begin[i];
    for (std::size_t k = 1; k < columns.count[i]; ++k) {
      const std::size_t c = columns.begin[i] + k * columns.step;
      if (comes_before(row[c], row_at[c], row[best], row_at[best])) best = c;
    }
    y[i] = row[best];
    at[i] = row_at[best];
  }
}

template <class T>
void largest(const ImageWindowsView& w, const T* x, T* y, std::int32_t* at, T* row,
             std::int32_t* row_at) {
  const WindowsView &rows = w.rows, &columns = w.columns;
  if (w.slices.in == 1 && rows.pairs && columns.pairs)
    return largest_of_squares(rows.in, rows.out, columns.in, columns.out, x, y, at);
  for (std::size_t i = 0; i < w.slices.out * rows.out; ++i, y += columns.out, at += columns.out) {
    largest_row(w, i / rows.out, i % rows.out, x, row, row_at);
    largest_of_columns(columns, row, row_at, y, at);
  }
}

}  // namespace

template <Isa I, class T>
WindowKernels<T> make_window_kernels() {
  return {&map<T>, &largest<T>};
}

template WindowKernels<float> make_window_kernels<kIsa, float>();
template WindowKernels<double> make_window_kernels<kIsa, double>();

}  // namespace xgrad::kernels
