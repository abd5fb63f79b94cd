#include "xgrad/kernels/windows.hpp"

#include <algorithm>

#include "xgrad/kernels/dispatch.hpp"
#include "xgrad/kernels/parallel.hpp"
#include "xgrad/kernels/scratch.hpp"

namespace xgrad::kernels {
namespace {

template <class T>
const WindowKernels<T>& window_kernels() {
  static const WindowKernels<T> kernels =
      choose([]<Isa I>() { return make_window_kernels<I, T>(); });
  return kernels;
}

template <class T>
AxisMapView<T> view_of(const AxisMap<T>& map) {
  return {map.in, map.out(), map.first.data(), map.at.data(), map.weight.data()};
}

WindowsView view_of(const Windows& w) {
  bool pairs = w.step == 1;
  for (std::size_t i = 0; i < w.out(); ++i) pairs = pairs && w.begin[i] == 2 * i && w.count[i] == 2;
  return {w.in, w.out(), w.begin.data(), w.count.data(), w.step, pairs};
}

// run(first image, last) for pieces of them.
template <class Run>
void over_images(std::size_t images, std::size_t numbers, const Run& run) {
  if (images == 0) return;
  const std::size_t pieces = std::min(images, pieces_for(images * numbers));
  parallel_for(pieces, [&](std::size_t k) { run(images * k / pieces, images * (k + 1) / pieces); });
}

}  // namespace

template <class T>
AxisMap<T> AxisMap<T>::transposed() const {
  AxisMap<T> t;
  t.in = out();
  t.first.assign(in + 1, 0);
  for (const std::size_t a : at) ++t.first[a + 1];
  for (std::size_t i = 0; i < in; ++i) t.first[i + 1] += t.first[i];
  t.at.resize(at.size());
  t.weight.resize(at.size());
  std::vector<std::size_t> next(t.first.begin(), t.first.end() - 1);
  for (std::size_t i = 0; i < out(); ++i) {
    for (std::size_t e = first[i]; e < first[i + 1]; ++e) {
      const std::size_t to = next[at[e]]++;
      t.at[to] = i;
      t.weight[to] = weight[e];
    }
  }
  return t;
}

template <class T>
void map_images(std::size_t images, const ImageMap<T>& map, const T* x, T* y, bool accumulate) {
  const std::size_t in = numbers_in(map), out = numbers_out(map);
  const ImageMapView<T> view = {view_of(map[0]), view_of(map[1]), view_of(map[2])};
  over_images(images, std::max(in, out), [&](std::size_t begin, std::size_t end) {
    Scratch<T> row(3 * map[2].in);
    for (std::size_t i = begin; i < end; ++i)
      window_kernels<T>().map(view, x + i * in, y + i * out, row.data(), accumulate);
  });
}

template <class T>
void largest_of_windows(std::size_t images, const ImageWindows& windows, const T* x, T* y,
                        std::int32_t* at) {
  const std::size_t in = numbers_in(windows), out = numbers_out(windows);
  const ImageWindowsView view = {view_of(windows[0]), view_of(windows[1]), view_of(windows[2])};
  over_images(images, in, [&](std::size_t begin, std::size_t end) {
    Scratch<T> row(windows[2].in);
    Scratch<std::int32_t> row_at(windows[2].in);
    for (std::size_t i = begin; i < end; ++i) {
      window_kernels<T>().largest(view, x + i * in, y + i * out, at + i * out, row.data(),
                                  row_at.data());
    }
  });
}

template <class T>
void take_from_images(std::size_t images, std::size_t size, std::size_t count, const T* x,
                      const std::int32_t* at, T* y, bool accumulate) {
  over_images(images, count, [&](std::size_t begin, std::size_t end) {
    for (std::size_t p = begin; p < end; ++p) {
      for (std::size_t i = p * count; i < (p + 1) * count; ++i) {
        const T v = x[p * size + static_cast<std::size_t>(at[i])];
        y[i] = accumulate ? y[i] + v : v;
      }
    }
  });
}

template <class T>
void put_to_images(std::size_t images, std::size_t size, std::size_t count, const T* x,
                   const std::int32_t* at, T* y, bool accumulate) {
  over_images(images, size, [&](std::size_t begin, std::size_t end) {
    for (std::size_t p = begin; p < end; ++p) {
      if (!accumulate) std::fill_n(y + p * size, size, T(0));
      for (std::size_t i = p * count; i < (p + 1) * count; ++i)
        y[p * size + static_cast<std::size_t>(at[i])] += x[i];
    }
  });
}

#define XGRAD_INSTANTIATE(T)                                                                       \
  template struct AxisMap<T>;                                                                      \
  template void map_images(std::size_t, const ImageMap<T>&, const T*, T*, bool);                   \
  template void largest_of_windows(std::size_t, const ImageWindows&, const T*, T*, std::int32_t*); \
  template void take_from_images(std::size_t, std::size_t, std::size_t, const T*,                  \
                                 const std::int32_t*, T*, bool);                                   \
  template void put_to_images(std::size_t, std::size_t, std::size_t, const T*,                     \
                              const std::int32_t*, T*, bool);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::kernels
