// Pooling, and images of other sizes.

#include <algorithm>
#include <cmath>

#include "row.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/pooling.hpp"
#include "xgrad/ops/resizing.hpp"

namespace proof {
namespace {

/// A window along an axis: [begin, begin + kernel) of the image, of which `counted` numbers count.
struct Window {
  std::ptrdiff_t begin, end, counted;
};
/// Of window i of an axis of n numbers, and how many there are.
struct WindowsOf {
  std::function<Window(std::ptrdiff_t i, std::ptrdiff_t n)> at;
  std::function<std::ptrdiff_t(std::ptrdiff_t n)> count;
};

// With counted numbers as of count_include_pad.
WindowsOf windows(std::ptrdiff_t kernel, std::ptrdiff_t stride, std::ptrdiff_t padding,
                  bool ceil_mode = false) {
  return {[=](std::ptrdiff_t i, std::ptrdiff_t n) {
            const std::ptrdiff_t begin = i * stride - padding;
            return Window{begin, begin + kernel, std::min(begin + kernel, n + padding) - begin};
          },
          [=](std::ptrdiff_t n) {
            const std::ptrdiff_t span = n + 2 * padding - kernel;
            std::ptrdiff_t count = (span + (ceil_mode ? stride - 1 : 0)) / stride + 1;
            if (ceil_mode && (count - 1) * stride >= n + padding) --count;
            return count;
          }};
}
WindowsOf adaptive(std::ptrdiff_t m) {
  return {[=](std::ptrdiff_t i, std::ptrdiff_t n) {
            const std::ptrdiff_t begin = i * n / m, end = ((i + 1) * n + m - 1) / m;
            return Window{begin, end, end - begin};
          },
          [=](std::ptrdiff_t) { return m; }};
}

// f(the numbers inside, how many count) of each window of all axes after the first `others`: batch and
// channels, or channels alone.
Formula pooled(WindowsOf w, std::function<Number(const std::vector<Number>&, Number)> f,
               std::size_t others = 2) {
  return [=](const References& in) {
    const Shape& s = in[0].shape;
    Shape shape = s;
    const auto whole = [](std::size_t n) { return static_cast<std::ptrdiff_t>(n); };
    for (std::size_t a = others; a < s.rank(); ++a)
      shape[a] = static_cast<std::size_t>(w.count(whole(s[a])));
    return generate(shape, [&](const Index& t) {
      std::vector<Number> inside;
      Number counted = 1;
      for (std::size_t a = others; a < s.rank(); ++a)
        counted *= static_cast<Number>(w.at(whole(t[a]), whole(s[a])).counted);
      Shape image = s;
      for (std::size_t a = 0; a < others; ++a) image[a] = 1;
      for_each_index(image, [&](const Index& i) {
        Index at = i;
        for (std::size_t a = 0; a < others; ++a) at[a] = t[a];
        bool within = true;
        for (std::size_t a = others; a < s.rank(); ++a) {
          const Window v = w.at(whole(t[a]), whole(s[a]));
          within = within && whole(i[a]) >= v.begin && whole(i[a]) < v.end;
        }
        if (within) inside.push_back(in[0].at(at));
      });
      return f(inside, counted);
    });
  };
}

Number largest(const std::vector<Number>& v, Number) {
  Number best = v[0];
  for (const Number x : v) best = x > best || std::isnan(x) ? x : best;
  for (const Number x : v) {
    if (std::isnan(x)) return x;
  }
  return best;
}
Number average_of(const std::vector<Number>& v, Number counted) { return add_up(v) / counted; }

// y (n, c, m) = sum over j of weight(i, j, n) x (n, c, n).
Formula along_image(std::function<std::size_t(std::size_t)> size,
                    std::function<Number(std::size_t, std::size_t, std::size_t)> weight) {
  return [=](const References& in) {
    const Shape& s = in[0].shape;
    Shape shape = s;
    for (std::size_t a = 2; a < s.rank(); ++a) shape[a] = size(s[a]);
    return generate(shape, [&](const Index& t) {
      Number sum = 0;
      Shape image = s;
      image[0] = image[1] = 1;
      for_each_index(image, [&](const Index& i) {
        Index at = i;
        at[0] = t[0];
        at[1] = t[1];
        Number w = 1;
        for (std::size_t a = 2; a < s.rank(); ++a) w *= weight(t[a], i[a], s[a]);
        if (w != 0) sum += w * in[0].at(at);
      });
      return sum;
    });
  };
}

// The hat function around the place of result i, kept inside.
Number between(Number place, std::size_t j, std::size_t n) {
  place = std::min(std::max(place, Number(0)), static_cast<Number>(n - 1));
  return std::max(Number(0), 1 - std::fabs(place - static_cast<Number>(j)));
}

// Window k = (c, a, b) of place l of a 2 x 2 kernel with a margin of 1.
bool unfolded(const Shape& image, std::size_t k, std::size_t l, Index& at) {
  const std::size_t width = image[3] + 1, row = l / width + k % 4 / 2 - 1,
                    column = l % width + k % 2 - 1;
  at = {0, k / 4, row, column};
  return row < image[2] && column < image[3];
}

Row images(const Shape& x, std::vector<std::vector<Shape>> shapes, const Shape& large) {
  return {.arguments = {{x}}, .shapes = std::move(shapes), .large = {large}};
}

}  // namespace

std::vector<Row> image_rows() {
  using xgrad::UpsampleMode;
  const std::vector<std::vector<Shape>> lines = {{{1, 1, 2}}, {{0, 2, 5}}, {{2, 1, 8}}};
  const std::vector<std::vector<Shape>> planes = {{{1, 1, 2, 2}}, {{0, 2, 5, 5}}, {{1, 1, 4, 9}}};
  const std::vector<std::vector<Shape>> volumes = {
      {{1, 1, 2, 2, 2}}, {{0, 2, 3, 2, 5}}, {{1, 1, 4, 2, 9}}, {{1, 1, 3, 7, 2}}};
  return {
      prove(
          "max_pool1d", [](const auto& x) { return max_pool1d(x, 2); },
          pooled(windows(2, 2, 0), largest), images({2, 2, 5}, lines, {32, 16, 300})),
      prove(
          "max_pool2d", [](const auto& x) { return max_pool2d(x, 2); },
          pooled(windows(2, 2, 0), largest), images({2, 2, 4, 5}, planes, {32, 16, 20, 22})),
      prove(
          "max_pool2d: margin, ceil_mode",
          [](const auto& x) {
            return max_pool2d(x, 3, {.stride = 2, .padding = 1, .ceil_mode = true});
          },
          pooled(windows(3, 2, 1, true), largest),
          images({1, 2, 4, 5}, {{{1, 1, 6, 1}}, {{1, 1, 1, 2}}}, {32, 16, 20, 22})),
      prove(
          "max_pool3d", [](const auto& x) { return max_pool3d(x, 2); },
          pooled(windows(2, 2, 0), largest), images({2, 2, 2, 3, 4}, volumes, {8, 16, 6, 8, 21})),
      prove(
          "max_pool3d: margin, ceil_mode",
          [](const auto& x) {
            return max_pool3d(x, 3, {.stride = 2, .padding = 1, .ceil_mode = true});
          },
          pooled(windows(3, 2, 1, true), largest),
          images({1, 2, 3, 4, 2}, {{{1, 1, 6, 1, 3}}, {{1, 1, 1, 1, 2}}}, {8, 16, 6, 7, 20})),
      prove(
          "max_pool: one sample",
          [](const auto& x) {
            return x.rank() == 2   ? max_pool1d(x, 2)
                   : x.rank() == 3 ? max_pool2d(x, 2)
                                   : max_pool3d(x, 2);
          },
          pooled(windows(2, 2, 0), largest, 1),
          images({2, 4, 3}, {{{1, 2}}, {{3, 7}}, {{2, 2, 4, 3}}}, {300, 40, 22})),
      prove(
          "avg_pool1d", [](const auto& x) { return avg_pool1d(x, 2); },
          pooled(windows(2, 2, 0), average_of), images({2, 2, 5}, lines, {32, 16, 300})),
      prove(
          "avg_pool2d", [](const auto& x) { return avg_pool2d(x, 2); },
          pooled(windows(2, 2, 0), average_of), images({2, 2, 4, 5}, planes, {32, 16, 20, 22})),
      prove(
          "avg_pool2d: margin, ceil_mode",
          [](const auto& x) {
            return avg_pool2d(x, 3, {.stride = 2, .padding = 1, .ceil_mode = true});
          },
          pooled(windows(3, 2, 1, true), average_of),
          images({1, 2, 4, 5}, {{{1, 1, 6, 1}}}, {32, 16, 20, 22})),
      prove(
          "avg_pool3d", [](const auto& x) { return avg_pool3d(x, 2); },
          pooled(windows(2, 2, 0), average_of),
          images({2, 2, 2, 3, 4}, volumes, {8, 16, 6, 8, 21})),
      prove(
          "avg_pool3d: margin, ceil_mode",
          [](const auto& x) {
            return avg_pool3d(x, 3, {.stride = 2, .padding = 1, .ceil_mode = true});
          },
          pooled(windows(3, 2, 1, true), average_of),
          images({1, 2, 3, 4, 2}, {{{1, 1, 6, 1, 3}}}, {8, 16, 6, 7, 20})),
      prove(
          "avg_pool: one sample",
          [](const auto& x) {
            return x.rank() == 2   ? avg_pool1d(x, 2)
                   : x.rank() == 3 ? avg_pool2d(x, 2)
                                   : avg_pool3d(x, 2);
          },
          pooled(windows(2, 2, 0), average_of, 1),
          images({2, 4, 3}, {{{1, 2}}, {{3, 7}}, {{2, 2, 4, 3}}}, {300, 40, 22})),
      prove(
          "avg_pool2d: without the margin",
          [](const auto& x) {
            return avg_pool2d(x, 3, {.stride = 2, .padding = 1, .count_include_pad = false});
          },
          pooled(windows(3, 2, 1), [](const std::vector<Number>& v, Number) { return average(v); }),
          images({1, 2, 4, 5}, {}, {32, 16, 20, 22})),
      prove(
          "adaptive_avg_pool1d", [](const auto& x) { return adaptive_avg_pool1d(x, 3); },
          pooled(adaptive(3), average_of),
          images({2, 2, 7}, {{{1, 1, 1}}, {{0, 2, 5}}}, {32, 16, 300})),
      prove(
          "adaptive_avg_pool2d", [](const auto& x) { return adaptive_avg_pool2d(x, 3); },
          pooled(adaptive(3), average_of),
          images({1, 2, 5, 4}, {{{1, 1, 1, 1}}, {{0, 2, 5, 4}}}, {32, 16, 20, 22})),
      prove(
          "adaptive_avg_pool3d", [](const auto& x) { return adaptive_avg_pool3d(x, 3); },
          pooled(adaptive(3), average_of),
          images({1, 2, 4, 2, 3}, {{{1, 1, 1, 1, 1}}, {{0, 2, 5, 4, 1}}}, {8, 16, 6, 8, 21})),
      prove(
          "adaptive_max_pool1d", [](const auto& x) { return adaptive_max_pool1d(x, 3); },
          pooled(adaptive(3), largest),
          images({2, 2, 7}, {{{1, 1, 1}}, {{0, 2, 5}}}, {32, 16, 300})),
      prove(
          "adaptive_max_pool2d", [](const auto& x) { return adaptive_max_pool2d(x, 3); },
          pooled(adaptive(3), largest),
          images({1, 2, 5, 4}, {{{1, 1, 1, 1}}, {{0, 2, 5, 4}}}, {32, 16, 20, 22})),
      prove(
          "adaptive_max_pool3d", [](const auto& x) { return adaptive_max_pool3d(x, 3); },
          pooled(adaptive(3), largest),
          images({1, 2, 4, 2, 3}, {{{1, 1, 1, 1, 1}}, {{0, 2, 5, 4, 1}}}, {8, 16, 6, 8, 21})),
      prove(
          "adaptive pools: one sample",
          [](const auto& x) {
            const auto average = x.rank() == 2   ? adaptive_avg_pool1d(x, 3)
                                 : x.rank() == 3 ? adaptive_avg_pool2d(x, 3)
                                                 : adaptive_avg_pool3d(x, 3);
            return average + (x.rank() == 2   ? adaptive_max_pool1d(x, 3)
                              : x.rank() == 3 ? adaptive_max_pool2d(x, 3)
                                              : adaptive_max_pool3d(x, 3));
          },
          pooled(
              adaptive(3),
              [](const std::vector<Number>& v, Number counted) {
                return largest(v, counted) + average_of(v, counted);
              },
              1),
          images({2, 5, 4}, {{{1, 1}}, {{2, 7}}, {{2, 3, 2, 4}}}, {300, 20, 22})),
      prove(
          "global_avg_pool", [](const auto& x) { return global_avg_pool(x); },
          reduce(average, {2, 3}),
          images({2, 3, 2, 3}, {{{1, 1, 1, 1}}, {{0, 2, 5, 4}}}, {32, 16, 20, 22})),
      prove(
          "global_max_pool", [](const auto& x) { return global_max_pool(x); },
          reduce([](const std::vector<Number>& v) { return largest(v, 0); }, {2, 3}),
          images({2, 3, 2, 3}, {{{1, 1, 1, 1}}, {{0, 2, 5, 4}}}, {32, 16, 20, 22})),
      prove(
          "upsample", [](const auto& x) { return upsample(x, {.scale_factor = {2}}); },
          along_image([](std::size_t n) { return 2 * n; },
                      [](std::size_t i, std::size_t j, std::size_t) {
                        return i / 2 == j ? Number(1) : Number(0);
                      }),
          images({1, 2, 2, 3}, {{{1, 1, 1, 1}}, {{0, 1, 2, 2}}, {{1, 2, 3}}, {{1, 2, 2, 3, 2}}},
                 {32, 16, 20, 22})),
      prove(
          "upsample: linear",
          [](const auto& x) {
            return upsample(x, {.scale_factor = {2}, .mode = UpsampleMode::linear});
          },
          along_image([](std::size_t n) { return 2 * n; },
                      [](std::size_t i, std::size_t j, std::size_t n) {
                        return between((static_cast<Number>(i) + 0.5L) / 2 - 0.5L, j, n);
                      }),
          images({1, 2, 2, 3}, {{{1, 1, 1, 1}}, {{1, 2, 3}}, {{1, 2, 2, 3, 2}}}, {32, 16, 20, 22})),
      prove(
          "upsample: linear, corners",
          [](const auto& x) {
            return upsample(x, {.size = 5, .mode = UpsampleMode::linear, .align_corners = true});
          },
          along_image([](std::size_t) { return std::size_t{5}; },
                      [](std::size_t i, std::size_t j, std::size_t n) {
                        return between(static_cast<Number>(i * (n - 1)) / 4, j, n);
                      }),
          images({1, 2, 2, 7}, {{{1, 1, 1, 1}}}, {32, 16, 20, 22})),
      prove(
          "pixel_shuffle", [](const auto& x) { return pixel_shuffle(x, 2); },
          [](const References& in) {
            const Shape& s = in[0].shape;
            return generate({s[0], s[1] / 4, 2 * s[2], 2 * s[3]}, [&](const Index& i) {
              return in[0].at({i[0], 4 * i[1] + 2 * (i[2] % 2) + i[3] % 2, i[2] / 2, i[3] / 2});
            });
          },
          images({1, 8, 2, 3}, {{{1, 4, 1, 1}}, {{0, 4, 2, 2}}}, {32, 16, 20, 22})),
      prove(
          "pixel_unshuffle", [](const auto& x) { return pixel_unshuffle(x, 2); },
          [](const References& in) {
            const Shape& s = in[0].shape;
            return generate({s[0], 4 * s[1], s[2] / 2, s[3] / 2}, [&](const Index& i) {
              return in[0].at({i[0], i[1] / 4, 2 * i[2] + i[1] % 4 / 2, 2 * i[3] + i[1] % 2});
            });
          },
          images({1, 2, 2, 4}, {{{1, 1, 2, 2}}, {{0, 4, 2, 2}}}, {32, 16, 20, 22})),
      prove(
          "unfold", [](const auto& x) { return unfold(x, 2, {.padding = 1}); },
          [](const References& in) {
            const Shape& s = in[0].shape;
            return generate({s[0], 4 * s[1], (s[2] + 1) * (s[3] + 1)}, [&](const Index& i) {
              Index at;
              const bool inside = unfolded(s, i[1], i[2], at);
              at[0] = i[0];
              return inside ? in[0].at(at) : 0;
            });
          },
          images({1, 2, 2, 3}, {{{1, 1, 1, 1}}, {{0, 4, 2, 2}}}, {32, 16, 20, 22})),
      prove(
          "fold",
          [](const auto& x) {
            return fold(x, {2, 3}, 2, {.padding = 1});
          },
          [](const References& in) {
            const Shape& s = in[0].shape;
            const Shape image = {s[0], s[1] / 4, 2, 3};
            return generate(image, [&](const Index& t) {
              Number sum = 0;
              for_each_index({1, s[1], s[2]}, [&](const Index& i) {
                Index at;
                if (!unfolded(image, i[1], i[2], at)) return;
                at[0] = t[0];
                if (at == t) sum += in[0].at({t[0], i[1], i[2]});
              });
              return sum;
            });
          },
          images({1, 8, 12}, {{{1, 4, 12}}, {{0, 4, 12}}}, {64, 128, 12})),
  };
}

}  // namespace proof
