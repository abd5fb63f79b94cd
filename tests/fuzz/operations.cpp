// Sizes: the bytes choose an operation and its shapes, axes, slices, steps, paddings and positions, among them numbers
// that wrap around. A call may be refused with a std::logic_error or for lack of memory; what it returns is read to the
// end, and its backward pass is run.

#include <array>
#include <cmath>
#include <limits>
#include <new>
#include <numeric>
#include <stdexcept>
#include <string>
#include <string_view>

#include "tests/fuzz/fuzz.hpp"
#include "xgrad/data/loader.hpp"
#include "xgrad/data/split.hpp"
#include "xgrad/ops/activations.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/convolution.hpp"
#include "xgrad/ops/creation.hpp"
#include "xgrad/ops/diagonals.hpp"
#include "xgrad/ops/distances.hpp"
#include "xgrad/ops/einsum.hpp"
#include "xgrad/ops/extrema.hpp"
#include "xgrad/ops/indexing.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/losses.hpp"
#include "xgrad/ops/matrix_products.hpp"
#include "xgrad/ops/normalization.hpp"
#include "xgrad/ops/padding.hpp"
#include "xgrad/ops/pooling.hpp"
#include "xgrad/ops/random.hpp"
#include "xgrad/ops/resizing.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/ops/softmax.hpp"
#include "xgrad/ops/sorting.hpp"

// A block that is too large is an error of the call, not of the program.
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() { return "allocator_may_return_null=1"; }

namespace {

using namespace xgrad;
using T = float;
using X = Tensor<T>;

constexpr std::size_t kMost = std::numeric_limits<std::size_t>::max();

// What the bytes say, then zeros.
class Choices {
 public:
  explicit Choices(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::size_t below(std::size_t n) {
    if (at_ == bytes_.size()) return 0;
    return std::to_integer<std::size_t>(bytes_[at_++]) % n;
  }
  bool flag() { return below(2) == 1; }
  bool done() const { return at_ == bytes_.size(); }

  // Small, or so large that a product or a sum of it wraps. None in between: the memory would be taken.
  std::size_t size() {
    static constexpr std::array<std::size_t, 9> kLarge = {
        kMost,         kMost / 2,     kMost / 2 + 1,        kMost / 3 + 1,
        kMost / 4 + 1, kMost / 5 + 1, std::size_t{3} << 60, std::size_t{1} << 61,
        kMost - 1};
    const std::size_t choice = below(32);
    if (choice < 16) return choice % 6;
    return kLarge[choice % kLarge.size()] - (choice < 24 ? 0 : below(8));
  }
  std::ptrdiff_t integer() {
    const std::size_t choice = below(32);
    if (choice < 24) return static_cast<std::ptrdiff_t>(choice) - 12;
    if (choice == 24) return std::ptrdiff_t{1} << 32;
    return static_cast<std::ptrdiff_t>(size());
  }
  std::ptrdiff_t axis() { return static_cast<std::ptrdiff_t>(below(11)) - 5; }

  Shape shape(std::size_t most_rank = 4) {
    Shape r;
    for (std::size_t rank = below(most_rank + 1); r.rank() < rank;) r.push_back(below(5));
    return r;
  }
  // Of shapes asked for, such as that of a constant.
  Shape any_shape() {
    Shape r;
    for (std::size_t rank = below(5); r.rank() < rank;) r.push_back(size());
    return r;
  }
  X tensor(const Shape& shape) {
    X x = X::uninitialized(shape);
    std::iota(x.mutable_data(), x.mutable_data() + x.size(), T(1));
    return x.requires_grad_(flag());
  }
  X tensor() { return tensor(shape()); }
  Indices positions(const Shape& shape) {
    Indices r(Indices::shape_type(shape.begin(), shape.end()));
    for (std::int64_t& i : r) i = integer();
    return r;
  }
  Axes axes() {
    std::vector<std::ptrdiff_t> r(below(4));
    for (std::ptrdiff_t& a : r) a = axis();
    return r;
  }
  template <class F>
  auto list(std::size_t most, const F& f) {
    std::vector<decltype(f())> r;
    for (std::size_t n = below(most + 1); r.size() < n;) r.push_back(f());
    return r;
  }
  std::vector<std::size_t> sizes() {
    return list(4, [&] { return size(); });
  }
  Slice slice() {
    Slice s;
    if (flag()) s.start = integer();
    if (flag()) s.stop = integer();
    if (flag()) s.step = integer();
    return s;
  }

 private:
  std::span<const std::byte> bytes_;
  std::size_t at_ = 0;
};

volatile double sink;

void read(const X& y) {
  std::size_t elements = 1, spanned = 1;  // spanned: as if no size were 0
  for (const std::size_t n : y.shape()) {
    elements *= n;
    require(n == 0 || !__builtin_mul_overflow(spanned, n, &spanned));
  }
  require(elements == y.size());
  double total = 0;
  for (std::size_t i = 0; i < y.size(); ++i) total += static_cast<double>(y.data()[i]);
  sink = total;
  if (y.requires_grad()) sum(y).backward();
}
void read(const std::vector<X>& ys) {
  for (const X& y : ys) read(y);
}
void read(const Indices& y) {
  for (const std::int64_t i : y) sink = static_cast<double>(i);
}

void reshaped(Choices& c) {
  const X x = c.tensor();
  switch (c.below(8)) {
    case 0: {
      const auto sizes = c.list(4, [&] { return c.integer(); });
      return read(reshape(x, sizes));
    }
    case 1:
      return read(flatten(x, c.axis(), c.axis()));
    case 2:
      return read(squeeze(x, c.axes()));
    case 3:
      return read(unsqueeze(x, c.axis()));
    case 4:
      return read(permute(x, c.axes()));
    case 5:
      return read(transpose(x, c.axis(), c.axis()));
    case 6:
      return read(broadcast_to(x, c.any_shape()));
    default:
      return read(repeat(x, c.sizes()));
  }
}

void cut(Choices& c) {
  const X x = c.tensor();
  switch (c.below(7)) {
    case 0: {
      const std::ptrdiff_t axis = c.axis();
      return read(slice(x, axis, c.slice()));
    }
    case 1:
      return read(slice(x, c.list(5, [&] { return c.slice(); })));
    case 2: {
      const std::ptrdiff_t axis = c.axis();
      return read(select(x, axis, c.integer()));
    }
    case 3: {
      const std::ptrdiff_t axis = c.axis();
      const std::size_t parts = c.size();
      return x.size() == 0 && parts > 100 ? void() : read(split(x, parts, axis));
    }
    case 4: {
      const std::ptrdiff_t axis = c.axis();
      return read(split(x, c.sizes(), axis));
    }
    case 5:
      return read(flip(x, c.axes()));
    default: {
      std::vector<Padding> paddings;
      for (std::size_t n = x.rank() + (c.below(8) == 7); paddings.size() < n;)
        paddings.push_back({c.size(), c.size()});
      return read(pad(x, paddings, T(1)));
    }
  }
}

void joined(Choices& c) {
  const Shape shape = c.shape();
  const auto parts = c.list(4, [&] { return c.below(4) == 3 ? c.tensor() : c.tensor(shape); });
  const std::ptrdiff_t axis = c.axis();
  read(c.flag() ? concat(parts, axis) : stack(parts, axis));
}

void indexed(Choices& c) {
  const X x = c.tensor();
  const std::ptrdiff_t axis = c.axis();
  const Indices at = c.positions(c.shape(3));
  switch (c.below(5)) {
    case 0:
      return read(index_select(x, axis, at));
    case 1:
      return read(index_add(x, axis, at, c.tensor()));
    case 2:
      return read(gather(x, axis, at));
    case 3:
      return read(scatter_add(x, axis, at, c.tensor(Shape(at.shape()))));
    default:
      return read(one_hot<T>(at, c.size()));
  }
}

void made(Choices& c) {
  switch (c.below(9)) {
    case 0:
      return read(zeros<T>(c.any_shape()));
    case 1: {
      const auto start = static_cast<double>(c.integer());
      const auto stop = static_cast<double>(c.integer());
      const auto step = static_cast<double>(c.integer()) / 2;
      return std::abs(stop - start) < 100 || std::abs(stop - start) > 1e18 * std::abs(step)
                 ? read(arange<T>(start, stop, step))
                 : void();
    }
    case 2:
      return read(linspace<T>(0, 1, c.size()));
    case 3: {
      const std::size_t n = c.size();
      return read(eye<T>(n, c.size()));
    }
    case 4:
      return read(uniform<T>(c.any_shape()));
    case 5:
      return read(random_integers(c.any_shape(), -3, 3));
    case 6:
      return read(random_permutation(c.size()));
    case 7:
      return read(X::from(c.any_shape(), std::vector<T>(c.below(5))));
    default:
      return read(indices(c.any_shape(), std::vector<std::int64_t>(c.below(5))));
  }
}

void reduced(Choices& c) {
  const X x = c.tensor();
  const Axes axes = c.axes();
  const ReduceOptions options{.keep_dims = c.flag()};
  const std::ptrdiff_t axis = c.axis();
  switch (c.below(12)) {
    case 0:
      return read(sum(x, axes, options));
    case 1:
      return read(mean(x, axes, options));
    case 2:
      return read(prod(x, axes, options));
    case 3:
      return read(var(x, axes));
    case 4:
      return read(norm(x, 2, axes, options));
    case 5:
      return read(logsumexp(x, axes, options));
    case 6:
      return read(max(x, axes, options));
    case 7:
      return read(argmin(x, axis, options));
    case 8:
      return read(cumsum(x, axis));
    case 9:
      return read(softmax(x, axis));
    case 10:
      return read(log_softmax(x, axis));
    default:
      return read(maxout(x, c.size()));
  }
}

void multiplied(Choices& c) {
  const X a = c.tensor(), b = c.tensor();
  switch (c.below(8)) {
    case 0:
      return read(matmul(a, b, {.transpose_a = c.flag(), .transpose_b = c.flag()}));
    case 1:
      return read(outer(a, b));
    case 2:
      return read(linear(a, b, c.flag() ? c.tensor() : X()));
    case 3:
      return read(a * b);
    case 4:
      return read(where(a, b, c.tensor()));
    case 5:
      return read(layer_norm(a, c.any_shape()));
    case 6:
      return read(group_norm(a, c.size()));
    default:
      return read(cosine_similarity(a, b, {.axis = c.axis()}));
  }
}

std::string subscripts(Choices& c) {
  static constexpr std::string_view kParts[] = {"i", "j",  "k", "A",  "i", "j", "...", ",",
                                                ",", "->", " ", "..", "1", "-", ">",   "ij"};
  std::string r;
  for (std::size_t n = c.below(16); n > 0; --n) r += kParts[c.below(std::size(kParts))];
  return r;
}

void contracted(Choices& c) {
  const X a = c.tensor(), b = c.tensor();
  switch (c.below(9)) {
    case 0:
    case 1: {
      const std::string text = subscripts(c);
      return read(einsum(text, c.list(4, [&] { return c.tensor(); })));
    }
    case 2:
      return read(tensordot(a, b, c.size()));
    case 3: {
      const Axes axes = c.axes();
      return read(tensordot(a, b, axes, c.axes()));
    }
    case 4:
      return read(kron(a, b));
    case 5:
      return read(cross(a, b, c.axis()));
    case 6:
      return read(cdist(a, b, {.squared = c.flag()}));
    case 7:
      return read(matrix_power(a, static_cast<std::ptrdiff_t>(c.below(9)) - 3));
    default:
      return read(einsum("...ij,...jk", a, b));
  }
}

void diagonals(Choices& c) {
  const X x = c.tensor();
  const std::ptrdiff_t k = c.integer(), axis = c.axis();
  switch (c.below(6)) {
    case 0:
      return read(diagonal(x, k, axis, c.axis()));
    case 1:
      return read(trace(x, k, axis, c.axis()));
    case 2:
      return read(diag_embed(x, k));
    case 3:
      return read(diag(x, k));
    case 4:
      return read(tril(x, k));
    default:
      return read(triu(x, k));
  }
}

// One size, or several.
ImageSizes image_sizes(Choices& c) {
  const auto size = [&] { return c.below(16) == 15 ? (std::size_t{1} << 31) - 1 : c.size(); };
  return c.below(4) == 3 ? ImageSizes(c.list(3, size)) : ImageSizes(size());
}
// Without those that memory would be taken for.
ImageSizes small_image_sizes(Choices& c) {
  const auto size = [&] { return c.size(); };
  return c.below(4) == 3 ? ImageSizes(c.list(3, size)) : ImageSizes(size());
}
PaddingMode padding_mode(Choices& c) { return static_cast<PaddingMode>(c.below(4)); }

Shape image(Choices& c, std::size_t axes) {
  Shape r;
  const std::size_t other = c.below(16);
  const std::size_t rank = axes + (other == 15 ? 3 : other < 3 ? 1 : 2);  // too many, or one sample
  while (r.rank() < rank) r.push_back(c.below(8) == 7 ? 0 : 1 + c.below(5));
  return r;
}

void convolved(Choices& c) {
  const std::size_t axes = 1 + c.below(3), groups = c.below(8) == 7 ? c.size() : 1 + c.below(3);
  const X x = c.tensor(image(c, axes));
  Shape kernel = image(c, axes);
  const bool transposed = c.flag();
  if (c.below(4) != 3 && groups > 0 && groups < 8) {  // as it should be
    const std::size_t channels = x.shape()[x.rank() == axes + 1 ? 0 : 1];
    kernel[0] = transposed ? channels : groups * (1 + c.below(2));
    kernel[1] = transposed ? 1 + c.below(2) : channels / groups;
  }
  const X w = c.tensor(kernel), b = c.below(4) == 3 ? c.tensor() : X();
  if (transposed) {
    const ConvTransposeOptions o{small_image_sizes(c), small_image_sizes(c), small_image_sizes(c),
                                 groups, small_image_sizes(c)};
    if (axes == 1) return read(conv_transpose1d(x, w, b, o));
    return read(axes == 2 ? conv_transpose2d(x, w, b, o) : conv_transpose3d(x, w, b, o));
  }
  ConvOptions o{image_sizes(c), small_image_sizes(c), small_image_sizes(c), groups,
                padding_mode(c)};
  if (c.below(8) == 7) o.padding = "same";
  if (axes == 1) return read(conv1d(x, w, b, o));
  return read(axes == 2 ? conv2d(x, w, b, o) : conv3d(x, w, b, o));
}

void pooled(Choices& c) {
  const std::size_t axes = 1 + c.below(3);
  const X x = c.tensor(image(c, axes));
  const ImageSizes kernel = small_image_sizes(c), stride = image_sizes(c),
                   padding = small_image_sizes(c), dilation = small_image_sizes(c);
  const bool ceil_mode = c.flag();
  switch (c.below(9)) {
    case 0: {
      const MaxPoolOptions o{stride, padding, dilation, ceil_mode};
      if (axes == 1) return read(max_pool1d(x, kernel, o));
      return read(axes == 2 ? max_pool2d(x, kernel, o) : max_pool3d(x, kernel, o));
    }
    case 1: {
      const AvgPoolOptions o{stride, padding, ceil_mode, c.flag(), c.size()};
      if (axes == 1) return read(avg_pool1d(x, kernel, o));
      return read(axes == 2 ? avg_pool2d(x, kernel, o) : avg_pool3d(x, kernel, o));
    }
    case 2:
      if (axes == 1) return read(adaptive_avg_pool1d(x, kernel));
      return read(axes == 2 ? adaptive_avg_pool2d(x, kernel) : adaptive_avg_pool3d(x, kernel));
    case 3:
      if (axes == 1) return read(adaptive_max_pool1d(x, kernel));
      return read(axes == 2 ? adaptive_max_pool2d(x, kernel) : adaptive_max_pool3d(x, kernel));
    case 4:
      return read(c.flag() ? pixel_shuffle(x, c.size()) : pixel_unshuffle(x, c.size()));
    case 5:
      return read(unfold(x, kernel, {dilation, padding, stride}));
    case 6:
      return read(fold(x, small_image_sizes(c), kernel, {dilation, padding, stride}));
    case 7: {
      UpsampleOptions o{.size = small_image_sizes(c), .align_corners = c.flag()};
      o.mode = c.flag() ? UpsampleMode::nearest : UpsampleMode::linear;
      if (c.flag())
        o.scale_factor = c.list(3, [&] { return 0.25 * static_cast<double>(c.integer()); });
      if (!o.scale_factor.empty() && c.flag()) o.size = 0;
      for (const double f : o.scale_factor)
        if (f > 1e4 && f < 1e12) return;  // memory would be taken for it
      return read(upsample(x, o));
    }
    default: {
      std::vector<Padding> paddings;
      while (paddings.size() < x.rank()) paddings.push_back({c.size(), c.size()});
      return read(pad(x, paddings, padding_mode(c)));
    }
  }
}

void ordered(Choices& c) {
  const X x = c.tensor();
  const std::ptrdiff_t axis = c.axis();
  const bool flag = c.flag();
  switch (c.below(8)) {
    case 0:
      return read(sort(x, axis, {.descending = flag}).values);
    case 1:
      return read(topk(x, c.size(), axis, {.largest = flag}).values);
    case 2:
      return read((flag ? cummax(x, axis) : cummin(x, axis)).values);
    case 3:
      return read(quantile(x, 0.25 * static_cast<double>(c.below(6)), axis, {.keep_dims = flag}));
    case 4:
      return read(
          bucketize(x, c.list(4, [&] { return static_cast<T>(c.integer()); }), {.right = flag}));
    case 5: {
      const auto shifts = c.list(3, [&] { return c.integer(); });
      return read(roll(x, shifts, c.axes()));
    }
    case 6:
      return read(meshgrid(c.list(4, [&] { return flag ? c.tensor() : c.tensor({c.below(4)}); })));
    default:
      return read(sum(c.list(4, [&] { return c.tensor(); })));
  }
}

void loaded(Choices& c) {
  const std::size_t n = 1 + c.below(6);
  const Array<T> x = zeros<T>({n, c.below(3)}).value();
  const LabeledDataset<T> data(x, Indices(Indices::shape_type{n}, 0));
  DataLoader loader(
      data,
      {.batch_size = c.size(), .shuffle = c.flag(), .drop_last = c.flag(), .prefetch = c.below(2)});
  std::size_t batches = 0, samples = 0;
  for (const auto& batch : loader) {
    ++batches;
    samples += batch.labels.size();
  }
  require(batches == loader.size() && samples <= n);
  const std::size_t folds = c.size();
  if (folds < 100) {
    for (const Fold& f : k_fold(n, folds)) require(f.train.size() + f.validation.size() == n);
  }
}

}  // namespace

void fuzz(std::span<const std::byte> bytes) {
  constexpr std::array kKinds = {&reshaped,  &cut,        &joined, &indexed,    &made,
                                 &reduced,   &multiplied, &loaded, &contracted, &diagonals,
                                 &convolved, &pooled,     &ordered};
  Choices c(bytes);
  for (int calls = 0; calls < 8 && !c.done(); ++calls) {
    try {
      kKinds[c.below(kKinds.size())](c);
    } catch (const std::logic_error&) {
    } catch (const std::bad_alloc&) {
    }
  }
}
